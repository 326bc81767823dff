"""A run through many members walks once for all who are alike, from sums where sums will do: whatever it has seen
before, each member gets what a walk of their own over single days gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields, replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from tests.properties.test_tiers import (
    MUCH,
    Arrival,
    Deed,
    days,
    deeds,
    histories,
    published_by,
    seeds,
    summed,
    tallies,
)
from tiers import evaluation
from tiers.alike import Alike, coming
from tiers.course import Course, Seed, State, beginning, course_of
from tiers.published import Version
from tiers.reach import Reach

DAY = timedelta(days=1)
KEPT_LONG: dict[str, Any] = {
    "window": "calendar_year", "span": None, "validity": "next_period", "downgrade": "fit", "grace_days": 500,
}  # fmt: skip


@st.composite
def long_graces(draw: st.DrawFn) -> list[Version]:
    """Ladders on which a tier is kept for more than a period after its end, and both periods are asked for."""
    upgrade = draw(st.sampled_from(["at_once", "next_period"]))
    more = KEPT_LONG | {"upgrade": upgrade, "rollover": draw(st.booleans())}
    return [replace(one, ladder=replace(one.ladder, **more)) for one in draw(histories())]


@MUCH
@given(
    st.one_of(histories(), long_graces()),
    st.lists(days, min_size=1, max_size=3),
    deeds,
    seeds,
    st.tuples(days, days).map(sorted),
)
def test_whoever_was_seen_before_each_gets_what_a_walk_of_their_own_gives(
    versions: list[Version],
    enrolled: list[date],
    done: list[Arrival],
    seeds: list[Seed],
    looked_at: list[date],
) -> None:
    alike, counted = Alike(), [(day, value) for day, value, _ in done]
    stored_on, until = looked_at
    for day in enrolled:
        known = tuple(published_by(versions, stored_on))
        before = course_of(known or tuple(versions), day, tuple(seeds))
        stored = evaluation.replay(before, tallies(counted), stored_on)[0] if known else beginning(before)
        course = course_of(tuple(versions), day, tuple(seeds))
        if stored.version and evaluation.is_behind(course, stored):
            continue
        reach = alike.reach(course, stored)
        found = alike.walk(course, stored, loaded(counted, reach, stored), until)
        state, changes = evaluation.advance(course, stored, tallies(counted), until)
        note(repr((versions, day, done, seeds, stored, until)))
        assert (astuple(found.state), list(found.changes)) == (astuple(state), changes)
        assert (found.turn, found.rise) == coming(course, state, tallies(counted))


@given(histories(), days)
def test_nothing_but_since_when_a_tier_is_held_is_left_out_of_what_makes_members_alike(
    versions: list[Version], enrolled: date
) -> None:
    state = beginning(Course(versions, enrolled))
    others: dict[str, Any] = {one.name: replace(state) for one in fields(State)}
    for name, changed in others.items():
        setattr(changed, name, "?")
    without = {name for name, changed in others.items() if changed.likeness() == state.likeness()}
    assert without == {"since"}


def loaded(counted: Sequence[Deed], reach: Reach, stored: State) -> dict[Any, dict[date, int]]:
    """What the statement reads of a member."""
    found: dict[Any, dict[date, int]] = {}
    for source in reach.sources:
        own = found[source] = {}
        for day, value in sorted(summed(counted, source).items()):  # type: ignore[arg-type]
            on = placed(day, reach, stored.through)
            if on >= reach.first or reach.since_ever:
                own[on] = own.get(on, 0) + value
    return found


def placed(day: date, reach: Reach, through: date) -> date:
    if day < reach.first:
        return reach.first - DAY
    if reach.opened is None or day > through:
        return day
    return reach.first if day < reach.opened else reach.opened
