"""What can go wrong with campaigns, beyond the errors that all share."""

from __future__ import annotations

from loyalty.base.errors import Conflict, Invalid, PreconditionFailed


class NotReady(Invalid):
    """The draft has faults; `errors` lists them all, each with the field it is about."""

    code = "campaign_not_ready"
    title = "The campaign cannot be published yet"


class Backdated(Conflict):
    """Events of that time were already rated; a version never changes what they earned."""

    code = "version_backdated"
    title = "Events were already processed under the rules of that time"


class Unchanged(Conflict):
    code = "nothing_to_publish"
    title = "The draft is the same as the newest version"


class Ended(Conflict):
    code = "campaign_ended"
    title = "The campaign has ended"


class NotRunning(Conflict):
    code = "campaign_not_running"
    title = "The campaign is not running"


class NotPaused(Conflict):
    code = "campaign_not_paused"
    title = "The campaign is not paused"


class StaleDraft(PreconditionFailed):
    """Someone saved the draft in the meantime; `extra` has `by`, `at` and the `changes` field by field."""

    code = "stale_draft"
    title = "Someone else changed this draft in the meantime"
