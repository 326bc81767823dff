"""How far a member is: the tier now, until when, what the next one takes, what it takes to keep this one, and whether
it is about to be lost. Reads a handful of rows, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from loyalty.base.clock import local_date
from loyalty.members.models import Member
from tiers import evaluation, published, windows
from tiers.counting import JUDGED_AFTERWARDS
from tiers.ladder import Benefits, Ladder, Rung, counts_points
from tiers.lines import Cause, Line
from tiers.models import Upgrade, Validity
from tiers.standings import Standings, done, shown
from tiers.windows import DAY, Number


@dataclass(frozen=True, slots=True)
class Step:
    """A tier, what it takes and what is missing, as people write it."""

    code: str
    name: str
    needed: str
    missing: str


@dataclass(frozen=True, slots=True)
class Keep:
    """What it takes to keep the tier: so much of the measure in the window that is judged, done by the end of a day.
    `can` is false where nothing that is done before the end can keep it."""

    needed: str
    counted: str
    missing: str
    starts: date | None
    by: date
    can: bool


@dataclass(frozen=True, slots=True)
class Risk:
    """A drop that comes if nothing more is done: on which day, and to which tier (empty: none)."""

    on: date
    to: str
    to_name: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a member stands on one ladder. Days are local; `until` is the last day on which the tier is safe.
    `computed` is the tier beneath a manual one, else the same. `waiting` is a tier that comes with the next period."""

    tier_set: str
    name: str
    is_main: bool
    tier: str
    tier_name: str
    since: datetime | None
    until: date | None
    manual: bool
    computed: str
    computed_name: str
    measure: str
    point_type: str
    value: str
    window_starts: date | None
    next: Step | None
    waiting: str
    keep: Keep | None
    risk: Risk | None
    in_grace: bool
    benefits: Benefits


def of_member(member: Member, *, at: datetime) -> list[Progress]:
    """The member's progress on every ladder of the program, the main one first; empty without a ladder."""
    standings = Standings({member.program_id: published.of_program(member.program_id)}, at=at)
    standings.load([member])
    lines = standings.lines.get(member.pk, [])
    for line in lines:
        line.advance(line.today)
    return [_progress(line) for line in lines if line.state.version]


def code_of(member: Member, *, at: datetime) -> str:
    """The code of the tier that counts at an instant, as `of_member` has it; empty for none. It is in the member's own
    row; only when that has ended and no night has looked since, the standing is read."""
    if member.tier_until is None or at < member.tier_until:
        return member.tier_code
    standings = Standings({member.program_id: published.of_program(member.program_id)}, at=at)
    standings.load([member])
    held = standings.tier_at(member.pk, at)
    return held.code if held else ""


class Turn(NamedTuple):
    """The member's tier before and after something; `step` is above zero for a rise, below for a drop. `measure`: what
    the ladder counts, and whether that was among it."""

    before: str
    after: str
    step: int
    measure: str
    was_counted: bool


def with_points(member: Member, points: int, *, at: datetime) -> Turn | None:
    """What would become of the tier of the main ladder if so many default points more were counted today, as giving
    them by hand does: everything is counted anew. None without a ladder."""
    standings = Standings({member.program_id: published.of_program(member.program_id)}, at=at)
    standings.load([member], anew=True)
    line = next((one for one in standings.lines.get(member.pk, []) if one.tier_set.is_main), None)
    if line is None:
        return None
    cause = Cause(at=at)
    line.advance(line.today, cause)
    line.add(line.today, done(points={line.tier_set.default_type_id or 0: points}), cause)
    line.recount(cause)
    _, code, name, _, _ = shown(line)
    ladder = line.course.ladder(line.state.version)
    step = ladder.rank(code) - ladder.rank(member.tier_code)
    counted = counts_points(ladder.measure) and ladder.source[1] == line.tier_set.default_type_id
    return Turn(member.tier_name, name, step, ladder.measure, counted)


def _progress(line: Line) -> Progress:
    state, tier_set = line.state, line.tier_set
    walk = evaluation.Walk(line.course, state, line.tallies)
    ladder, today = walk.ladder, state.through
    value = walk.value(today, today)
    over = line.overlay(line.at)
    _, code, name, since, until = shown(line)
    held = over.tier if over else state.tier
    rung = next(
        (v.ladder.by_code[held] for v in reversed(line.course.versions) if held in v.ladder.by_code), None
    )
    reached = ladder.fit(value)
    waits = ladder.upgrade == Upgrade.NEXT_PERIOD and reached > ladder.rank(state.tier)
    return Progress(
        tier_set=tier_set.code,
        name=ladder.name,
        is_main=tier_set.is_main,
        tier=code,
        tier_name=name,
        since=since,
        until=local_date(until, tier_set.zone) - DAY if until else None,
        manual=over is not None,
        computed=state.tier,
        computed_name=ladder.name_of(state.tier),
        measure=ladder.measure,
        point_type=ladder.point_type,
        value=ladder.shown(value),
        window_starts=windows.start(ladder, today, line.course.enrolled),
        next=_next(ladder, max(ladder.rank(state.tier), reached), value),
        waiting=ladder.at_rank(reached) if waits else "",
        keep=_keep(line, walk),
        risk=_risk(line),
        in_grace=state.grace_until is not None,
        benefits=rung.benefits if rung else Benefits(),
    )


def _next(ladder: Ladder, rank: int, value: Number) -> Step | None:
    if rank >= len(ladder.rungs):
        return None
    rung: Rung = ladder.rungs[rank]
    return Step(rung.code, rung.name, ladder.shown(rung.bar), ladder.shown(_missing(rung.bar, value)))


def _keep(line: Line, walk: evaluation.Walk) -> Keep | None:
    """What is judged at the coming turn, and how much of it is there."""
    state, ladder = line.state, walk.ladder
    turn, bar = line.next_turn(), ladder.bar(state.tier)
    if turn is None or bar <= 0:
        return None
    today, last = state.through, turn - DAY
    can = True
    if state.grace_until is not None:
        counted = walk.in_grace(today, today)
        if walk.guard():
            ladder, counted = walk.nearest(today, today)
        starts, bar = windows.start(ladder, today, line.course.enrolled), ladder.bar(state.tier)
    elif ladder.upgrade == Upgrade.NEXT_PERIOD or ladder.validity in JUDGED_AFTERWARDS:
        starts = windows.start(ladder, last, line.course.enrolled)
        counted = _so_far(line, walk, starts, today)
    elif ladder.validity == Validity.WHILE_QUALIFIED and state.valid_until is None:
        ladder, counted = walk.nearest(turn, today)
        starts, bar = windows.start(ladder, turn, line.course.enrolled), ladder.bar(state.tier)
        can = not ladder.is_periodic
    else:  # judged in the new period: only what exceeds the threshold by as much again is rolled over into it
        starts, counted = windows.start(ladder, last, line.course.enrolled), walk.value(today, today)
        bar, can = bar * 2, ladder.rollover
    missing = _missing(bar, counted)
    return Keep(ladder.shown(bar), ladder.shown(counted), ladder.shown(missing), starts, last, can)


def _missing(needed: Number, counted: Number) -> Number:
    return needed - counted if counted < needed else 0


def _so_far(line: Line, walk: evaluation.Walk, starts: date | None, today: date) -> Number:
    """What is already there of a window that ends later; what was rolled over counts in the present period only."""
    ladder = walk.ladder
    counted = line.tallies.get(ladder.source, windows.NOTHING).between(starts, today)
    present = windows.start(ladder, today, line.course.enrolled) == starts
    return counted + line.state.carried if ladder.rollover and present else counted


def _risk(line: Line) -> Risk | None:
    turn = line.next_turn()
    if turn is None:
        return None
    walk = evaluation.foresee(line.course, line.state, line.tallies, turn)
    if walk.state.grace_until is not None:
        turn = walk.state.grace_until
        walk = evaluation.foresee(line.course, line.state, line.tallies, turn)
    ladder = walk.ladder
    if ladder.rank(walk.state.tier) >= ladder.rank(line.state.tier):
        return None
    return Risk(turn, walk.state.tier, ladder.name_of(walk.state.tier))
