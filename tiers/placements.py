"""Tiers that are not computed: set by hand for some time, or brought along by an import.

A manual tier lies over the computed one, which goes on beneath it and is never overwritten; when it ends or is
removed, the member is where the computation stands. An imported tier is where the computation begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from loyalty.base.clock import local_date
from loyalty.base.errors import Invalid
from loyalty.base.locking import retrying
from loyalty.members.models import Member
from tiers import published
from tiers.errors import NoLadder, NotPlaced, TierUnknown
from tiers.ladder import Ladder
from tiers.lines import Cause
from tiers.models import Placement, TierSet
from tiers.published import Published
from tiers.review import look_at

Kind = Placement.Kind


class Brought(NamedTuple):
    """An imported tier of one member: held since a day, kept until the end of another (None: as the ladder says)."""

    member_id: UUID
    tier: str
    since: date
    until: date | None = None


@retrying
@transaction.atomic
def set_tier(
    member: Member,
    tier: str,
    *,
    until: date | None,
    reason_code: str,
    note: str = "",
    by: str,
    at: datetime,
    starts_on: date | None = None,
    tier_set: TierSet | None = None,
) -> Placement:
    """Give a member a tier by hand, to the end of the local day `until` (None: until it is removed). A manual tier
    that the member has is replaced. `tier_set` None: the main one.

    Raises NoLadder, TierUnknown, Invalid `reason_required` and `dates_invalid`.
    """
    ladder_set = _published(member, tier_set)
    today = local_date(at, ladder_set.zone)
    first = starts_on or today
    _check(_ladder(ladder_set, at), tier, reason_code)
    if first < today or (until is not None and until < first):
        raise Invalid.field(
            "until", "dates_invalid", "A manual tier begins today or later, and ends after that."
        )
    _lock(member)
    _end_present(member, ladder_set, by=by, at=at)
    made = Placement.objects.create(
        program_id=member.program_id, tier_set_id=ladder_set.set_id, member=member, kind=Kind.MANUAL, tier_code=tier,
        starts_on=first, ends_on=until, reason_code=reason_code, note=note, created_at=at, created_by=by,
    )  # fmt: skip
    look_at(member, at=at, cause=Cause(actor=by, reason=note or reason_code))
    return made


@retrying
@transaction.atomic
def remove(
    member: Member, *, by: str, at: datetime, reason: str = "", tier_set: TierSet | None = None
) -> Placement:
    """Take a manual tier away: the member is where the computation stands. Raises NoLadder, NotPlaced."""
    ladder_set = _published(member, tier_set)
    _lock(member)
    ended = _end_present(member, ladder_set, by=by, at=at)
    if ended is None:
        raise NotPlaced
    look_at(member, at=at, cause=Cause(actor=by, reason=reason))
    return ended


def current(member: Member, at: datetime, *, tier_set: TierSet | None = None) -> Placement | None:
    """The manual tier that lies over the computed one, or is about to."""
    open_ones = Placement.objects.filter(member=member, kind=Kind.MANUAL, ended_at=None)
    wanted = open_ones.filter(tier_set=tier_set) if tier_set else open_ones.filter(tier_set__is_main=True)
    found = wanted.first()
    ends_on = found.ends_on if found else None
    return None if ends_on and ends_on < local_date(at, member.program.zone) else found


def bring(
    tier_set: TierSet, rows: Iterable[Brought], *, batch: UUID, by: str, at: datetime
) -> list[Placement]:
    """Put down imported tiers of an import, from the present day on. The rows of their standings follow with
    `review.look_at_many(anew=True)`. Within the caller's transaction, which has locked the members."""
    today = local_date(at, tier_set.program.zone)
    made = [
        Placement(
            program_id=tier_set.program_id, tier_set=tier_set, member_id=row.member_id, kind=Kind.IMPORT,
            tier_code=row.tier, starts_on=today, ends_on=row.until, since=row.since, batch=batch, created_at=at,
            created_by=by,
        )
        for row in rows
    ]  # fmt: skip
    return Placement.objects.bulk_create(made, batch_size=2_000)


def withdraw(batch: UUID, *, by: str, at: datetime) -> list[UUID]:
    """Undo the tiers of an import; whose they were. Their standings follow with `review.look_at_many(anew=True)`."""
    own = Placement.objects.filter(batch=batch, kind=Kind.IMPORT, ended_at=None)
    member_ids = sorted(own.values_list("member_id", flat=True))
    own.update(ended_at=at, ended_by=by)
    return member_ids


def _published(member: Member, tier_set: TierSet | None) -> Published:
    known = published.of_program(member.program_id)
    found = next((one for one in known if (one.set_id == tier_set.pk if tier_set else one.is_main)), None)
    if found is None:
        raise NoLadder
    return found


def _ladder(ladder_set: Published, at: datetime) -> Ladder:
    version = ladder_set.at(at)
    if version is None:
        raise NoLadder
    return version.ladder


def _check(ladder: Ladder, tier: str, reason_code: str) -> None:
    if tier not in ladder.by_code:
        raise TierUnknown
    if not reason_code.strip():
        raise Invalid.field("reason_code", "reason_required", "Say why.")


def _lock(member: Member) -> None:
    Member.objects.select_for_update(no_key=True, of=["self"]).get(pk=member.pk)


def _end_present(member: Member, ladder_set: Published, *, by: str, at: datetime) -> Placement | None:
    """End the open manual tier; one whose last day has passed had ended then, and only makes room."""
    found = Placement.objects.filter(
        member=member, tier_set=ladder_set.set_id, kind=Kind.MANUAL, ended_at=None
    ).first()
    if found is None:
        return None
    found.ended_at, found.ended_by = at, by
    found.save(update_fields=["ended_at", "ended_by"])
    is_over = found.ends_on is not None and found.ends_on < local_date(at, ladder_set.zone)
    return None if is_over else found
