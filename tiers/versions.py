"""Publishing ladders. A published version never changes; an edit makes a draft."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from django.db import connection, transaction

from loyalty.base.clock import local_date, write_instant
from loyalty.outbox import facts
from tiers.errors import Backdated, NotReady, Unchanged
from tiers.faults import faults
from tiers.ladder import definition_of
from tiers.models import LadderVersion, Standing, TierSet

__all__ = ["faults", "in_force", "latest", "locked", "publish"]

Rollout = Literal["now", "review", "date"]
PUBLISHED: Final = "ladder.published"

# All that a version says, in one number, in the fact of its publication.
SIGNED: Final = """encode(sha256(convert_to(concat_ws(chr(31), version.definition, version.rollout, version.protect,
    extract(epoch FROM version.effective_from)), 'UTF8')), 'hex')"""


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
    if (since < at and _was_evaluated(tier_set, since)) or (before and since < before.effective_from):
        raise Backdated
    version = LadderVersion.objects.create(
        tier_set=tier_set,
        program_id=tier_set.program_id,
        number=before.number + 1 if before else 1,
        definition=definition,
        effective_from=since,
        rollout=rollout,
        protect=protect,
        published_at=at,
        published_by=by,
        note=note,
    )
    _record(version, at)
    return version


def latest(tier_set: TierSet) -> LadderVersion | None:
    """The version published last, whether in force already or not."""
    return LadderVersion.objects.filter(tier_set=tier_set).order_by("-number").first()


def in_force(tier_set: TierSet, at: datetime) -> LadderVersion | None:
    """The newest version that had taken effect at an instant."""
    own = LadderVersion.objects.filter(tier_set=tier_set, effective_from__lte=at)
    return own.order_by("-number").first()


def locked(tier_set: TierSet) -> TierSet:
    """The ladder as it is in the database now, with its row locked to the end of the transaction."""
    TierSet.objects.select_for_update(no_key=True).get(pk=tier_set.pk)
    return TierSet.objects.select_related("program", "point_type").get(pk=tier_set.pk)


def _was_evaluated(tier_set: TierSet, since: datetime) -> bool:
    through = local_date(since, tier_set.program.zone)
    return Standing.objects.filter(tier_set=tier_set, computed_through__gte=through).exists()


def _record(version: LadderVersion, at: datetime) -> None:
    facts.record(
        version.program_id,
        None,
        PUBLISHED,
        {
            "tier_set": version.tier_set.code,
            "version": version.number,
            "effective_from": write_instant(version.effective_from),
            "rollout": version.rollout,
            "by": version.published_by,
            "signed": _signed(version),
        },
        occurred_at=at,
        recorded_at=at,
    )


def _signed(version: LadderVersion) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {SIGNED} FROM tiers_ladderversion version WHERE id = %s", [version.pk])
        return str(cursor.fetchone()[0])
