"""The published ladders of a program, read once per process and read again only when there is a new version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection

from loyalty.base.clock import local_date
from loyalty.base.prepared import prepared
from loyalty.programs.models import Program
from tiers.ladder import Ladder
from tiers.models import LadderVersion, TierSet

JUST_BEFORE: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A published ladder on the program's calendar. It counts from `first_day` on; `last_day_before` is the last day
    on which the one before it still counts: the same day when it took effect in the middle of one.

    `number` is its place among those that count, from 1: withdrawn ones have none. `published_as` is the number it has
    for people, and keeps."""

    id: int
    number: int
    published_as: int
    ladder: Ladder
    effective_from: datetime
    first_day: date
    last_day_before: date
    rollout: str
    protect: bool

    @property
    def waits_for_review(self) -> bool:
        return self.rollout == LadderVersion.Rollout.REVIEW


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """One tier set through time: its versions by number, first to last, without those that were withdrawn."""

    set_id: int
    code: str
    is_main: bool
    program_id: int
    default_type_id: int | None
    zone: ZoneInfo
    versions: tuple[Version, ...]

    def at(self, at: datetime) -> Version | None:
        """The version in force at an instant."""
        return next((one for one in reversed(self.versions) if one.effective_from <= at), None)

    def name_of(self, code: str, at: datetime) -> str:
        """What a tier is called, by the newest version that has it."""
        for version in reversed(self.versions):
            if version.effective_from <= at and code in version.ladder.by_code:
                return version.ladder.by_code[code].name
        return code

    def on(self, day: date) -> Version | None:
        """The newest version that counts on a local day."""
        return next((one for one in reversed(self.versions) if one.first_day <= day), None)


Known = tuple[str, tuple[Published, ...]]
_read: dict[tuple[str, int], Known] = {}


def of_program(program_id: int) -> tuple[Published, ...]:
    """The published tier sets of a program, the main one first; one cheap query when nothing is new."""
    key = str(connection.settings_dict["NAME"]), program_id
    with prepared() as cursor:
        row = cursor.execute(f"SELECT {STAMP}", {"program": program_id}, prepare=True).fetchone()
    assert row is not None
    stamp = str(row[0])
    known = _read.get(key)
    if known is None or known[0] != stamp:
        known = _read[key] = stamp, load(program_id)
    return known[1]


# Any new version gives another text, and so do a withdrawn one and the program's zone. For others who keep what they
# read.
STAMP: Final = """(SELECT concat(count(*), ':', max(v.id), ':', (SELECT timezone FROM programs_program
    WHERE id = %(program)s)) FROM tiers_ladderversion v
    WHERE v.program_id = %(program)s AND v.withdrawn_at IS NULL)"""


def load(program_id: int) -> tuple[Published, ...]:
    """The published tier sets of a program, read afresh."""
    rows = LadderVersion.objects.filter(program_id=program_id, withdrawn_at=None)
    by_set: dict[int, list[LadderVersion]] = {}
    for row in rows.order_by("tier_set_id", "number"):
        by_set.setdefault(row.tier_set_id, []).append(row)
    if not by_set:
        return ()
    program = Program.objects.get(pk=program_id)
    zone = program.zone
    default = program.point_types.filter(is_default=True).values_list("pk", flat=True).first()
    sets = TierSet.objects.filter(pk__in=by_set).order_by("-is_main", "code")
    return tuple(
        Published(one.pk, one.code, one.is_main, program_id, default, zone, _versions(by_set[one.pk], zone))
        for one in sets
    )


def main_of(program_id: int) -> Published | None:
    """The published main set of a program, None when there is none yet."""
    return main(of_program(program_id))


def main(tier_sets: Iterable[Published]) -> Published | None:
    """The main one among a program's."""
    return next((one for one in tier_sets if one.is_main), None)


def read_version(row: LadderVersion, number: int, zone: ZoneInfo) -> Version:
    """A version row on the calendar of a zone, at its place among those that count."""
    return Version(
        id=row.pk,
        number=number,
        published_as=row.number,
        ladder=Ladder.parse(row.definition),
        effective_from=row.effective_from,
        first_day=local_date(row.effective_from, zone),
        last_day_before=local_date(row.effective_from - JUST_BEFORE, zone),
        rollout=row.rollout,
        protect=row.protect,
    )


def _versions(rows: Sequence[LadderVersion], zone: ZoneInfo) -> tuple[Version, ...]:
    return tuple(read_version(row, number, zone) for number, row in enumerate(rows, 1))
