"""Random histories through every kind of ladder: the walk agrees with the plain oracle, and walking on from what was
stored agrees with walking from the beginning, whatever the order in which things arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.tiers.oracle import Life
from tiers import evaluation
from tiers.course import Course, Seed, State, beginning
from tiers.ladder import Benefits, Ladder, Rung, Span
from tiers.published import Version
from tiers.windows import Tally

FIRST = date(2023, 11, 20)
SPEND = ("spend", None)
ORDERS = ("orders", None)
days = st.integers(0, 1000).map(lambda offset: FIRST + timedelta(days=offset))
Deed = tuple[date, int]


@st.composite
def rungs(draw: st.DrawFn) -> tuple[Rung, ...]:
    codes = draw(st.sampled_from(["a", "ab", "abc", "bc", "ac"]))
    return rungs_of(
        codes,
        sorted(draw(st.lists(st.integers(0, 30), min_size=len(codes), max_size=len(codes), unique=True))),
    )


def rungs_of(codes: str, bars: Sequence[int]) -> tuple[Rung, ...]:
    return tuple(
        Rung(rank, code, code.upper(), Decimal(bar), Decimal(bar), Benefits())
        for rank, (code, bar) in enumerate(zip(codes, bars, strict=True), 1)
    )


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    window = draw(st.sampled_from(["lifetime", "rolling", "calendar_year", "anniversary"]))
    periodic = window in ("calendar_year", "anniversary")
    upgrade = draw(st.sampled_from(["at_once", "next_period"] if periodic else ["at_once"]))
    lasting = (
        ["duration"] + ["while_qualified"] * (upgrade == "at_once") + ["period", "next_period"] * periodic
    )
    span = st.one_of(
        st.builds(Span, st.integers(1, 400), st.just("days")),
        st.builds(Span, st.integers(1, 14), st.just("months")),
    )
    return Ladder(
        code="club",
        name="Club",
        measure=draw(st.sampled_from(["spend", "spend", "orders"])),
        point_type_id=None,
        point_type="",
        decimals=0,
        currency="EUR",
        window=window,
        span=draw(span) if window == "rolling" else None,
        upgrade=upgrade,
        validity=(validity := draw(st.sampled_from(lasting))),
        lasts=draw(span) if validity == "duration" else None,
        downgrade=draw(st.sampled_from(["never", "fit", "one_step"])),
        grace_days=draw(st.sampled_from([0, 0, 1, 20, 90, 500])),
        rollover=periodic and draw(st.booleans()),
        warn_days=30,
        rungs=draw(rungs()),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """One to three versions, each at a midnight or in the middle of a day, often on the same one. Often only the
    thresholds change."""
    firsts = sorted(draw(st.lists(st.one_of(days, st.just(draw(days))), min_size=1, max_size=3)))
    versions: list[Version] = []
    for number, first in enumerate(firsts, 1):
        at_midnight = draw(st.booleans()) and first not in firsts[: number - 1]
        changed = draw(st.booleans()) and bool(versions)
        ladder = replace(versions[-1].ladder, rungs=draw(rungs())) if changed else draw(ladders())
        versions.append(
            Version(
                id=number,
                number=number,
                published_as=number,
                ladder=ladder,
                effective_from=datetime.combine(first, time(0 if at_midnight else 11 + number), UTC),
                first_day=first,
                last_day_before=first - timedelta(days=1) if at_midnight else first,
                rollout=draw(st.sampled_from(["now", "review"])),
                protect=draw(st.booleans()),
            )
        )
    return versions


deeds = st.lists(
    st.tuples(days, st.integers(-6, 30), st.integers(0, 40)), max_size=14
)  # a day, a value, and how many days later it arrives
seeds = st.lists(
    st.builds(Seed, days, st.sampled_from(["a", "b", "c"]), days, st.one_of(st.none(), days)), max_size=1
)
Arrival = tuple[date, int, int]
MUCH = settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MUCH
@given(histories(), days, deeds, seeds, days)
def test_the_walk_agrees_with_living_through_every_day(
    versions: list[Version], enrolled: date, done: list[Arrival], seeds: list[Seed], until: date
) -> None:
    course = Course(versions, enrolled, seeds)
    counted = [(day, value) for day, value, _ in done]
    state, changes = evaluation.replay(course, tallies(counted), until)
    life = Life(versions, enrolled, {source: summed(counted, source) for source in (SPEND, ORDERS)}, seeds)
    life.live(until)
    note(repr((versions, enrolled, done, seeds, until, state, changes)))
    assert seen(state) == (
        life.v.number if life.v else 0, life.tier, life.since, life.ends, life.warned_on, life.drops, life.extra,
    )  # fmt: skip
    tier = ""
    for change in changes:
        assert change.from_code == tier
        tier = change.to_code
    assert tier == state.tier


@MUCH
@given(histories(), days, deeds, days)
def test_walking_on_from_what_was_stored_agrees_with_counting_anew(
    versions: list[Version], enrolled: date, done: list[Arrival], last: date
) -> None:
    """Things arrive late, in their order of arrival; whoever looks at the member sees all versions published so far."""
    stored: State | None = None
    counted: list[Deed] = []
    for day, value, late in sorted(done, key=lambda one: one[0] + timedelta(days=one[2])):
        today = day + timedelta(days=late)
        counted.append((day, value))
        course = Course(published_by(versions, today), enrolled)
        stored = step(course, counted, stored, day, less=value < 0, today=today)
    course = Course(versions, enrolled)
    until = max([last, *(day + timedelta(days=late) for day, _, late in done)])
    if stored is None or evaluation.is_behind(course, stored):
        stored = beginning(course)
    stored, _ = evaluation.advance(course, stored, tallies(counted), until)
    anew, _ = evaluation.replay(course, tallies(counted), until)
    assert astuple(stored) == astuple(anew)


@st.composite
def protected_histories(draw: st.DrawFn) -> list[Version]:
    """Versions that change thresholds alone, of tiers that last while the member qualifies, all of them protected."""
    lasting = replace(
        draw(ladders()), measure="spend", window="rolling", span=Span(200, "days"), upgrade="at_once",
        validity="while_qualified", lasts=None, downgrade="fit", grace_days=0, rollover=False,
    )  # fmt: skip
    bars = st.lists(st.integers(1, 30), min_size=3, max_size=3, unique=True).map(sorted)
    return [
        replace(
            version, rollout="now", protect=True, ladder=replace(lasting, rungs=rungs_of("abc", draw(bars)))
        )
        for version in draw(histories())
    ]


more = st.lists(st.tuples(days, st.integers(1, 30)), max_size=8)


@MUCH
@given(protected_histories(), more, more, days)
def test_who_does_more_never_stands_lower_while_everything_published_protects(
    versions: list[Version], done: list[Deed], more: list[Deed], until: date
) -> None:
    course = Course(versions, FIRST)
    less, _ = evaluation.replay(course, tallies(done), until)
    state, _ = evaluation.replay(course, tallies(done + more), until)
    assert state.tier >= less.tier


def step(
    course: Course, counted: Sequence[Deed], stored: State | None, day: date, *, less: bool, today: date
) -> State | None:
    """What the writer does when activity comes in."""
    if not course.versions or today < course.enrolled:
        return None
    if stored is None or not may_walk_on(course, stored, day, less=less):
        stored = beginning(course)
    again = day == stored.through
    return evaluation.advance(course, stored, tallies(counted), today, again=again)[0]


def may_walk_on(course: Course, stored: State, day: date, *, less: bool) -> bool:
    behind = evaluation.is_behind(course, stored)
    return not behind and evaluation.walks_on(course, stored, day, less=less)


def published_by(versions: Sequence[Version], today: date) -> Sequence[Version]:
    """Those in force by the evening of a day, at which everything of these tests arrives."""
    return [version for version in versions if version.first_day <= today]


def summed(counted: Sequence[Deed], source: tuple[str, None]) -> dict[date, int]:
    sums: dict[date, int] = {}
    for day, value in counted:
        worth = value if source == SPEND else (1 if value > 0 else 0)
        sums[day] = sums.get(day, 0) + worth
    return sums


def tallies(counted: Sequence[Deed]) -> dict[Any, Tally]:
    return {source: Tally(sorted(summed(counted, source).items())) for source in (SPEND, ORDERS)}


def seen(state: State) -> tuple[Any, ...]:
    return (
        state.version, state.tier, state.since, state.valid_until, state.grace_from, state.grace_until, state.carried,
    )  # fmt: skip
