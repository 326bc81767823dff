"""The only writer of standings. `Standings` holds those of some locked members, moves them in memory as things are
done, and writes them in bulk: rows, changes, facts, and the tier in the member's own row.

A program without a published ladder costs nothing: no query, no object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from loyalty.base.clock import local_date
from loyalty.base.prepared import without_waiting
from loyalty.members import members
from loyalty.outbox import facts
from loyalty.outbox.facts import FactRow
from tiers import announcing, benefits, deeds, evaluation, rows
from tiers.alike import Alike
from tiers.benefits import NOTHING, Benefits
from tiers.course import Seed, Source, State, beginning, course_of
from tiers.deeds import Wanted
from tiers.lines import Cause, Line, Overlay, Person, midnight_of
from tiers.models import Measure, Placement
from tiers.published import Published, Version
from tiers.reach import Reach, reach
from tiers.rows import ChangeRow, PlacementRow, StandingRow
from tiers.windows import DAY, Number

Ladders = Mapping[int, Sequence[Published]]
Act = Callable[[Line, Cause | None], None]
SLICE = 250  # lines that are written while the next are walked
NO_MONEY: Final = Decimal(0)
NO_SEEDS: Final[tuple[Seed, ...]] = ()
NO_OVERLAYS: Final[tuple[Overlay, ...]] = ()


class Held(NamedTuple):
    """A tier as campaigns see it; an empty code when the member has none."""

    code: str
    name: str
    benefits: Benefits


NO_TIER: Final = Held("", "", NOTHING)


class Standings:
    """The standings of some members, whose rows are locked by the caller; `ladders` by program id. `alike`: what a run
    through many members knows of those before; nothing is added to any of them."""

    def __init__(self, ladders: Ladders, *, at: datetime, alike: Alike | None = None) -> None:
        self.ladders = {
            program_id: [Ground.of(one, at) for one in sets if one.at(at) is not None]
            for program_id, sets in ladders.items()
            if sets
        }
        self.at, self.alike = at, alike
        self.announced = announcing.Announcing()
        self.lines: dict[UUID, list[Line]] = {}

    def load(
        self, people: Iterable[Person], since: Mapping[UUID, date] | None = None, *, anew: bool = False
    ) -> None:
        """Read what is known of these members. `since`: the earliest day on which something will be added, where it
        may lie before the day up to which a standing is computed; `anew`: all will be counted from the beginning."""
        wanted = sorted((one for one in people if one.program_id in self.ladders), key=lambda one: one.id.int)
        if not wanted:
            return
        ids = [person.id for person in wanted]
        stored = {(row.member_id, row.tier_set_id): row for row in rows.standings(ids)}
        placed = _by_member(rows.placements(ids))
        for person in wanted:
            own = placed.get(person.id, ())
            self.lines[person.id] = [
                self._line(ground, person, stored.get((person.id, ground.tier_set.set_id)), own)
                for ground in self.ladders[person.program_id]
            ]
        self._load_days({person.id: date.min for person in wanted} if anew else since or {})

    def tier_at(self, member_id: UUID, at: datetime) -> Held | None:
        """The tier of the program's main ladder as it was at an instant. None without such a ladder."""
        line = next((one for one in self.lines.get(member_id, ()) if one.tier_set.is_main), None)
        if line is None:
            return None
        code = line.tier_at(at)
        if not code:
            return NO_TIER
        given = benefits.of_set(line.tier_set, at).get(code, NOTHING)
        return Held(code, line.tier_set.name_of(code, at), given)

    def add(self, member_id: UUID, day: date, done: Mapping[Source, Number], cause: Cause) -> None:
        """Count what a member did on a local day; returns come with minus signs, on the day of their order."""
        for line in self.lines.get(member_id, ()):
            line.add(day, done, cause)

    def write(self, cause: Cause | None = None, *, first: Act | None = None) -> int:
        """Write whatever has changed, in the caller's transaction; how many standings that were. `first` is done to
        each line before: the server writes some lines while the next are walked."""
        lines, told, written = self._all(), list[FactRow](), 0
        with without_waiting():
            for start in range(0, len(lines), SLICE):
                some = lines[start : start + SLICE]
                if first is not None:
                    for line in some:
                        first(line, cause)
                written += self._write([line for line in some if line.touched or line.is_new], cause, told)
        if told:
            facts.record_many(told)
        return written

    def _write(self, lines: Sequence[Line], cause: Cause | None, told: list[FactRow]) -> int:
        standings: list[StandingRow] = []
        for line in lines:
            line.advance(line.today, cause)
            over = line.overlay(self.at)
            _lay_over(line, over, cause)
            told += self.announced.changes(line)
            standings.append(self._row(line, over, told))
        rows.insert_standings([row for row, line in zip(standings, lines, strict=True) if line.is_new])
        rows.update_standings([row for row, line in zip(standings, lines, strict=True) if not line.is_new])
        rows.append_changes([change for line in lines for change in line.changes])
        members.set_standings(shown(line) for line in lines if line.tier_set.is_main)
        for line in lines:
            line.changes, line.touched, line.is_new = [], False, False
        return len(lines)

    def _all(self) -> list[Line]:
        return [line for lines in self.lines.values() for line in lines]

    def _load_days(self, since: Mapping[UUID, date]) -> None:
        """One query for each ladder and what it counts."""
        by_set: dict[int, list[Line]] = {}
        for line in self._all():
            by_set.setdefault(line.tier_set.set_id, []).append(line)
        for lines in by_set.values():
            reaches = [self._reach(line, since) for line in lines]
            wanted = [
                Wanted(line.person.id, one.first, one.opened, line.state.through)
                if one.opened
                else Wanted(line.person.id, one.first)
                for line, one in zip(lines, reaches, strict=True)
            ]
            sources = frozenset[Source]().union(*{one.sources for one in reaches})
            whole = any(one.since_ever for one in reaches)
            found = deeds.load(lines[0].tier_set, sources, wanted, at=self.at, whole=whole)
            for line, own, one in zip(lines, found, reaches, strict=True):
                line.days, line.known_from = own, date.max if one.opened else one.first

    def _reach(self, line: Line, since: Mapping[UUID, date]) -> Reach:
        """What to read of a member. Single days where something may be added; sums will do in a run through many."""
        state = line.state
        if (since and since.get(line.person.id, date.max) < state.through) or _is_behind(line):
            return reach(line.course, beginning(line.course))._replace(opened=None)
        if self.alike is None:
            return reach(line.course, state)._replace(opened=None)
        return self.alike.reach(line.course, state)

    def _line(
        self, ground: Ground, person: Person, row: StandingRow | None, placed: Sequence[PlacementRow]
    ) -> Line:
        tier_set, seeds, overlays = ground.tier_set, NO_SEEDS, NO_OVERLAYS
        if placed:
            own = [one for one in placed if one.tier_set_id == tier_set.set_id]
            seeds = tuple(
                _seed(one) for one in own if one.kind == Placement.Kind.IMPORT and one.ended_at is None
            )
            overlays = tuple(_overlay(one, tier_set) for one in own if one.kind == Placement.Kind.MANUAL)
        course = course_of(ground.versions, local_date(person.enrolled_at, tier_set.zone), seeds)
        line = Line(
            tier_set, person, course, beginning(course) if row is None else ground.state(row), self.at, ground.today,
            counts_balance=ground.counts_balance, alike=self.alike, overlays=overlays, is_new=row is None,
        )  # fmt: skip
        if row is not None:
            line.since_at, line.over_id, line.warned_for = row.since_at, row.placement_id, row.warned_for
        return line

    def _row(self, line: Line, over: Overlay | None, told: list[FactRow]) -> StandingRow:
        state, versions = line.state, line.course.versions
        turn = line.next_turn()
        review_on = _review_on(line, turn, told)
        newest = max(state.seen, 1)
        return StandingRow(
            line.tier_set.program_id, line.tier_set.set_id, line.person.id,
            versions[max(state.version, 1) - 1].id, versions[newest - 1].id,
            versions[state.held - 1].id if state.held else None, state.held_tier,
            state.tier, state.since, line.since_at, state.valid_until, state.grace_from, state.grace_until,
            state.carried, state.carried_before, over.id if over else None, state.through, review_on,
            line.warned_for, self.at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ground:
    """What all members of a ladder have in common at an instant."""

    tier_set: Published
    versions: tuple[Version, ...]
    numbers: Mapping[int, int]
    today: date
    counts_balance: bool

    @classmethod
    def of(cls, tier_set: Published, at: datetime) -> Ground:
        versions = tuple(one for one in tier_set.versions if one.effective_from <= at)
        return cls(
            tier_set,
            versions,
            {version.id: version.number for version in versions},
            local_date(at, tier_set.zone),
            any(version.ladder.measure == Measure.BALANCE for version in versions),
        )

    def state(self, row: StandingRow) -> State:
        """The computation's state as it was stored."""
        numbers = self.numbers
        return State(
            numbers[row.version_id], numbers[row.seen_version_id], row.tier_code, row.since, row.valid_until,
            row.grace_from, row.grace_until, row.carried, row.carried_before,
            numbers[row.held_version_id] if row.held_version_id else 0, row.held_tier_code, row.computed_through,
        )  # fmt: skip


def done(
    *,
    orders: int = 0,
    spend: Decimal = NO_MONEY,
    visits: int = 0,
    points: Mapping[int, int] | None = None,
) -> dict[Source, Number]:
    """What was done, as ladders count it; points by id of their type. A balance is not something done: the night reads
    it from the ledger."""
    found: dict[Source, Number] = {
        (Measure.SPEND.value, None): spend,
        (Measure.ORDERS.value, None): orders,
        (Measure.VISITS.value, None): visits,
    }
    return found | {(Measure.POINTS.value, type_id): amount for type_id, amount in (points or {}).items()}


def review(line: Line, cause: Cause | None) -> None:
    """Bring a standing up to the present day."""
    line.advance(line.today, cause)
    if line.counts_balance:
        line.recount(cause)
    line.touched = True


def recount(line: Line, cause: Cause | None) -> None:
    """Compute a standing from the beginning; what was stored otherwise is corrected."""
    line.advance(line.today, cause)
    line.recount(cause)


def _is_behind(line: Line) -> bool:
    return line.is_new or evaluation.is_behind(line.course, line.state)


def _seed(row: PlacementRow) -> Seed:
    return Seed(
        row.starts_on, row.tier_code, row.since or row.starts_on, row.ends_on + DAY if row.ends_on else None
    )


def _overlay(row: PlacementRow, tier_set: Published) -> Overlay:
    """From the day it starts on, or from when it was set on that day; to the end of its last day, or when it was
    removed."""
    ends_at = midnight_of(row.ends_on + DAY, tier_set.zone) if row.ends_on else None
    if row.ended_at is not None:
        ends_at = min(row.ended_at, ends_at) if ends_at else row.ended_at
    starts_at = max(midnight_of(row.starts_on, tier_set.zone), row.created_at)
    return Overlay(
        row.id, row.tier_code, starts_at, ends_at, row.created_by, row.note or row.reason_code, row.ended_by
    )


def _by_member(placed: Iterable[PlacementRow]) -> dict[UUID, list[PlacementRow]]:
    found: dict[UUID, list[PlacementRow]] = {}
    for one in placed:
        found.setdefault(one.member_id, []).append(one)
    return found


def _lay_over(line: Line, over: Overlay | None, cause: Cause | None) -> None:
    """Note when a manual tier begins to lie over the computed one, or has ended."""
    if (over.id if over else None) == line.over_id:
        return
    before = next((one for one in line.overlays if one.id == line.over_id), None)
    if over is not None:
        row = _manual(line, over, cause)._replace(
            from_code=before.tier if before else line.state.tier,
            valid_until=local_date(over.ends_at, line.tier_set.zone) if over.ends_at else None,
        )
        line.changes.append(row)
    elif before is not None:
        row = _manual(line, before, cause)._replace(
            kind="manual_ended", from_code=before.tier, to_code=line.state.tier, at=before.ends_at or line.at,
            valid_until=line.state.valid_until, actor=before.ended_by,
        )  # fmt: skip
        line.changes.append(row)
    line.over_id = over.id if over else None


def _manual(line: Line, over: Overlay, cause: Cause | None) -> ChangeRow:
    version = line.course.versions[max(line.state.version, 1) - 1]
    return ChangeRow(
        line.tier_set.program_id, line.tier_set.set_id, line.person.id, "manual", "", over.tier, over.starts_at,
        line.at, None, {}, version.id, over.id, False, None, cause.job_id if cause else None, over.actor, over.reason,
    )  # fmt: skip


def _review_on(line: Line, turn: date | None, told: list[FactRow]) -> date | None:
    """The next day on which the night has to look: the tier is judged, a drop announced, a period opens with an
    upgrade, a manual tier begins or ends."""
    today = line.today
    days = [turn, _notice(line, turn, told), line.next_rise()]
    for over in line.overlays:
        days += [
            local_date(at, line.tier_set.zone) for at in (over.starts_at, over.ends_at) if at and at > line.at
        ]
    if line.counts_balance:
        days.append(today + DAY)  # a balance changes without anything being done here
    return min((day for day in days if day is not None and day > today), default=None)


def _notice(line: Line, turn: date | None, told: list[FactRow]) -> date | None:
    """Announce a coming drop, once, when its time has come; before that, the day to look again."""
    if turn is None or line.state.grace_until is not None or line.warned_for == turn:
        return None
    warn_days = line.course.ladder(line.state.version).warn_days
    first = turn - timedelta(days=warn_days)
    if not warn_days or first > line.today:
        return first if warn_days else None
    coming = line.would_drop(turn)
    if coming is not None:
        line.warned_for = turn
        if line.overlay(line.at) is None:
            told.append(announcing.will_downgrade(line, coming))
    return None


def shown(line: Line) -> members.Standing:
    """The tier as the member's own row shows it: the manual one, or the computed one."""
    over, zone = line.overlay(line.at), line.tier_set.zone
    if over is not None:
        return (
            line.person.id,
            over.tier,
            line.tier_set.name_of(over.tier, line.at),
            over.starts_at,
            over.ends_at,
        )
    state = line.state
    if not state.tier:
        return line.person.id, "", "", None, None
    name = line.course.ladder(state.version).name_of(state.tier)
    ends_on = state.grace_until or state.valid_until
    return line.person.id, state.tier, name, _since(line), midnight_of(ends_on, zone) if ends_on else None


def _since(line: Line) -> datetime | None:
    """The instant since which the tier is held: that of the change, where it was on that day."""
    since, zone = line.state.since, line.tier_set.zone
    if since is None:
        return None
    at = line.since_at
    return at if at and local_date(at, zone) == since else midnight_of(since, zone)
