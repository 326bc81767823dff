"""Members who are alike are walked once. In a night most members differ in nothing that decides: same tier, same end,
same value. `Alike` remembers what a walk came to by all that it looks at; what it gives is what the walk would."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from tiers import evaluation, reach
from tiers.course import Change, Course, Source, State, course_of
from tiers.evaluation import Walk
from tiers.models import Window
from tiers.reach import Reach
from tiers.windows import Number, Tally

Days = Mapping[Source, Mapping[date, Number]]
ANY_DAY: Final = date.min
MOST: Final = 50_000


class Outcome(NamedTuple):
    """The end of a walk, what happened on it, and when the tier is judged or may rise next if nothing more is done."""

    state: State
    changes: Sequence[Change]
    turn: date | None
    rise: date | None


class Alike:
    """What is known of the members of one run. It forgets everything when it gets too much."""

    def __init__(self) -> None:
        self._kin: dict[Course, Course] = {}
        self._outcomes: dict[Hashable, Outcome] = {}
        self._drops: dict[Hashable, dict[str, Any] | None] = {}
        self._reaches: dict[Hashable, Reach] = {}

    def walk(self, course: Course, state: State, days: Days, until: date) -> Outcome:
        """`evaluation.advance`, and what comes next."""
        course = self._course(course, state)
        key = (course, state.likeness(), _read(days), until)
        found = self._outcomes.get(key)
        if found is None:
            self._forget(self._outcomes)
            found = self._outcomes[key] = outcome(course, state.held_since(ANY_DAY), days, until)
        if found.state.since is ANY_DAY:
            return Outcome(found.state.held_since(state.since), *found[1:])
        return found

    def drop(self, course: Course, state: State, days: Days, turn: date) -> dict[str, Any] | None:
        """`evaluation.coming_drop`."""
        course = self._course(course, state)
        key = (course, state.likeness(), _read(days), turn)
        if key not in self._drops:
            self._forget(self._drops)
            self._drops[key] = evaluation.coming_drop(course, state, tallies_of(days), turn)
        return self._drops[key]

    def reach(self, course: Course, state: State) -> Reach:
        """`reach.reach`."""
        course = self._course(course, state)
        key = (course, state.version, state.seen, state.held, state.grace_from, state.through)
        found = self._reaches.get(key)
        if found is None:
            self._forget(self._reaches)
            found = self._reaches[key] = reach.reach(course, state)
        return found

    def _course(self, course: Course, state: State) -> Course:
        """The day of enrolment decides only over the first day, and over years of membership."""
        if not state.version:
            return course
        kin = self._kin.get(course)
        if kin is None:
            self._forget(self._kin)
            own = any(version.ladder.window == Window.ANNIVERSARY for version in course.versions)
            kin = course if own else course_of(tuple(course.versions), ANY_DAY, tuple(course.seeds))
            self._kin[course] = kin
        return kin

    @staticmethod
    def _forget(known: dict[Any, Any]) -> None:
        if len(known) >= MOST:
            known.clear()


def outcome(course: Course, state: State, days: Days, until: date) -> Outcome:
    """Walk on to the end of `until`, and look at what comes next."""
    tallies = tallies_of(days)
    ended, changes = evaluation.advance(course, state, tallies, until)
    return Outcome(ended, changes, *coming(course, ended, tallies))


def coming(course: Course, state: State, tallies: Mapping[Source, Tally]) -> tuple[date | None, date | None]:
    """The next day on which the tier is judged, and on which it may rise, without further activity."""
    if not state.version:
        return None, None
    walk = Walk(course, state, tallies)
    return walk.next_turn(), walk.next_rise()


def tallies_of(days: Days) -> dict[Source, Tally]:
    return {source: Tally(sorted(own.items())) for source, own in days.items()}


def _read(days: Days) -> Hashable:
    return tuple([(source, *own.items()) for source, own in days.items()])
