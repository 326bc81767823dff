"""Which days a walk can ask for, so that no more is read than decides."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from tiers import windows
from tiers.course import Course, Source, State
from tiers.ladder import Ladder
from tiers.models import Upgrade, Window
from tiers.windows import DAY


class Reach(NamedTuple):
    """What a walk can ask for: what is counted, from which day on, and whether also all before that day as one sum.

    `opened`: of the days up to the end of the state only sums are asked for: of the period that holds it, which opened
    then, and of the one before. None where single days may matter.
    """

    sources: frozenset[Source]
    first: date
    since_ever: bool
    opened: date | None


def reach(course: Course, state: State) -> Reach:
    """What a walk from this state can ask for."""
    ladders = _in_play(course, state)
    first = min([state.through, *(_first(course, state, ladder) for ladder in ladders)])
    return Reach(
        frozenset(ladder.source for ladder in ladders),
        first,
        any(ladder.window == Window.LIFETIME for ladder in ladders),
        _opened(course, state, ladders, first),
    )


def _first(course: Course, state: State, ladder: Ladder) -> date:
    """The first day of the earliest window of a ladder; for those that count since ever the end of the state."""
    enrolled = course.enrolled
    first = windows.start(ladder, state.through, enrolled)
    if first is None:
        return state.through
    if ladder.upgrade == Upgrade.NEXT_PERIOD:
        first = windows.period_start(ladder, first - DAY, enrolled)
    if state.grace_from is not None:
        first = min(first, windows.start(ladder, state.grace_from - DAY, enrolled) or first)
    return first


def _opened(course: Course, state: State, ladders: set[Ladder], first: date) -> date | None:
    ladder = next(iter(ladders))
    if not ladder.is_periodic or any(one.window != ladder.window for one in ladders):
        return None
    opened = windows.period_start(ladder, state.through, course.enrolled)
    return opened if first >= windows.period_start(ladder, opened - DAY, course.enrolled) else None


def _in_play(course: Course, state: State) -> set[Ladder]:
    """The ladders that a walk from this state may look at."""
    numbers = {state.version, state.seen, state.held, *range(state.seen + 1, len(course.versions) + 1)}
    return {course.ladder(number) for number in numbers if number}
