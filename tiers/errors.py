"""What can go wrong with tiers, beyond the errors that all share."""

from __future__ import annotations

from loyalty.base.errors import Conflict, Invalid, NotFound, PreconditionFailed


class NotReady(Invalid):
    """The draft has faults; `errors` lists them all, each with the field it is about."""

    code = "ladder_not_ready"
    title = "The ladder cannot be published yet"


class Unchanged(Conflict):
    code = "nothing_to_publish"
    title = "The draft is the same as the newest version"


class Backdated(Conflict):
    code = "version_backdated"
    title = "A ladder takes effect after the versions before it, and not where members were placed already"


class TookEffect(Conflict):
    code = "version_took_effect"
    title = "Only a version that has not taken effect yet can be withdrawn"


class AlreadyWithdrawn(Conflict):
    code = "version_withdrawn"
    title = "The version was withdrawn already"


class StaleDraft(PreconditionFailed):
    """Someone saved the draft in the meantime; `extra` has `by`, `at` and the `changes` field by field."""

    code = "stale_draft"
    title = "Someone else changed this draft in the meantime"


class TierUnknown(NotFound):
    code = "tier_unknown"
    title = "The ladder has no such tier"


class NoLadder(Conflict):
    code = "no_ladder"
    title = "No ladder has been published yet"


class NotPlaced(Conflict):
    code = "no_manual_tier"
    title = "The member has no manual tier"
