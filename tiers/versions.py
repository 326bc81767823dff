"""Publishing ladders. A published version never changes; an edit makes a draft. What was published for a day to come
can be withdrawn until then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.db import connection, transaction
from django.db.models import QuerySet

from loyalty.base.clock import local_date, write_instant
from loyalty.outbox import facts
from tiers.errors import AlreadyWithdrawn, Backdated, NotReady, TookEffect, Unchanged
from tiers.faults import faults
from tiers.ladder import definition_of
from tiers.models import LadderVersion, Standing, TierSet

__all__ = [
    "can_be_withdrawn", "faults", "in_force", "latest", "locked", "next_number", "planned", "publish", "withdraw",
]  # fmt: skip

Rollout = Literal["now", "review", "date"]
PUBLISHED: Final = "ladder.published"
WITHDRAWN: Final = "ladder.withdrawn"

# All that a version says, in one number, in the fact of its publication.
SIGNED: Final = """encode(sha256(convert_to(concat_ws(chr(31), version.definition, version.rollout, version.protect,
    extract(epoch FROM version.effective_from)), 'UTF8')), 'hex')"""
LEAD: Final = timedelta(minutes=1)
"""So long before it takes effect a version can be withdrawn: whoever is at work then has read one answer, not two."""


@transaction.atomic
def publish(
    tier_set: TierSet,
    *,
    rollout: Rollout = "now",
    protect: bool = True,
    by: str,
    at: datetime,
    effective_from: datetime | None = None,
    note: str = "",
) -> LadderVersion:
    """Freeze the draft as the next version.

    It takes effect at `effective_from` (at `at` when None), which may lie in the past while nobody was evaluated since
    then. With `protect` nobody drops before their tier ends anyway. Whoever reads a standing from then on sees it by
    the new version; `review.place` brings the rows of all members up to it. Raises NotReady with all faults,
    Unchanged, Backdated.
    """
    tier_set = locked(tier_set)
    if found := faults(tier_set):
        raise NotReady(errors=found)
    since = effective_from or at
    definition, before = definition_of(tier_set), latest(tier_set)
    if before is not None and before.definition == definition:
        raise Unchanged
    _check_order(tier_set, before, since, at)
    version = LadderVersion.objects.create(
        tier_set=tier_set,
        program_id=tier_set.program_id,
        number=next_number(tier_set),
        definition=definition,
        effective_from=since,
        rollout=rollout,
        protect=protect,
        published_at=at,
        published_by=by,
        note=note,
    )
    told = {"effective_from": write_instant(since), "rollout": rollout, "by": by, "signed": _signed(version)}
    _record(version, PUBLISHED, told, at)
    return version


@transaction.atomic
def withdraw(version: LadderVersion, *, by: str, at: datetime) -> LadderVersion:
    """Take back a version before it takes effect. It keeps its number and its words, and never counts; the draft stays
    as it is, and members stand where they stood: nobody was placed or warned by it.

    Raises AlreadyWithdrawn, TookEffect.
    """
    tier_set = locked(version.tier_set)
    version = LadderVersion.objects.get(pk=version.pk, tier_set=tier_set)
    if version.withdrawn_at is not None:
        raise AlreadyWithdrawn
    if not can_be_withdrawn(version, at):
        raise TookEffect(_took_effect(version))
    version.withdrawn_at, version.withdrawn_by = at, by
    version.save(update_fields=["withdrawn_at", "withdrawn_by"])
    _record(version, WITHDRAWN, {"by": by}, at)
    return version


def can_be_withdrawn(version: LadderVersion, at: datetime) -> bool:
    """Whether it is still to take effect: not within the minute, and no member was placed by it."""
    placed = Standing.objects.filter(tier_set_id=version.tier_set_id, seen_version=version)
    return version.withdrawn_at is None and at + LEAD <= version.effective_from and not placed.exists()


def latest(tier_set: TierSet) -> LadderVersion | None:
    """The version published last, whether in force already or not."""
    return _counting(tier_set).order_by("-number").first()


def in_force(tier_set: TierSet, at: datetime) -> LadderVersion | None:
    """The newest version that had taken effect at an instant."""
    return _counting(tier_set).filter(effective_from__lte=at).order_by("-number").first()


def planned(tier_set: TierSet, at: datetime) -> list[LadderVersion]:
    """The versions that take effect after an instant, first to last."""
    return list(_counting(tier_set).filter(effective_from__gt=at).order_by("number"))


def next_number(tier_set: TierSet) -> int:
    """The number that the next version gets. A withdrawn one keeps its own."""
    newest = LadderVersion.objects.filter(tier_set=tier_set).order_by("-number").first()
    return newest.number + 1 if newest else 1


def locked(tier_set: TierSet) -> TierSet:
    """The ladder as it is in the database now, with its row locked to the end of the transaction."""
    TierSet.objects.select_for_update(no_key=True).get(pk=tier_set.pk)
    return TierSet.objects.select_related("program", "point_type").get(pk=tier_set.pk)


def _counting(tier_set: TierSet) -> QuerySet[LadderVersion]:
    return LadderVersion.objects.filter(tier_set=tier_set, withdrawn_at=None)


def _check_order(tier_set: TierSet, before: LadderVersion | None, since: datetime, at: datetime) -> None:
    """Versions take effect one after the other, and not where members were placed already."""
    if before is not None and (since < before.effective_from or at < since == before.effective_from):
        raise Backdated(_too_early(before, at))
    if since < at and _was_evaluated(tier_set, since):
        raise Backdated


def _too_early(before: LadderVersion, at: datetime) -> str:
    day = local_date(before.effective_from, before.tier_set.program.zone)
    if before.effective_from <= at:
        return f"Version {before.number} took effect on {day}: a ladder takes effect after it"
    return (
        f"Version {before.number} is planned for {day}: a ladder takes effect after it, "
        "unless that version is withdrawn first"
    )


def _took_effect(version: LadderVersion) -> str:
    day = local_date(version.effective_from, version.tier_set.program.zone)
    return f"Version {version.number} takes effect on {day}: it could be withdrawn until a minute before"


def _was_evaluated(tier_set: TierSet, since: datetime) -> bool:
    through = local_date(since, tier_set.program.zone)
    return Standing.objects.filter(tier_set=tier_set, computed_through__gte=through).exists()


def _record(version: LadderVersion, kind: str, more: dict[str, Any], at: datetime) -> None:
    data = {"tier_set": version.tier_set.code, "version": version.number, **more}
    facts.record(version.program_id, None, kind, data, occurred_at=at, recorded_at=at)


def _signed(version: LadderVersion) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {SIGNED} FROM tiers_ladderversion version WHERE id = %s", [version.pk])
        return str(cursor.fetchone()[0])
