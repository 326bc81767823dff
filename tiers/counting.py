"""What a walk through the days reads: the value of a window, when a tier ends, where to stop next. No query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from heapq import merge
from typing import Any

from tiers import windows
from tiers.course import Course, Source, State
from tiers.ladder import Ladder
from tiers.models import Downgrade, Upgrade, Validity
from tiers.windows import DAY, NOTHING, Number, Tally

# What is judged when it has ended, on the window that ended with it.
JUDGED_AFTERWARDS = frozenset({Validity.NEXT_PERIOD, Validity.DURATION})


@dataclass(slots=True)
class Counting:
    """A state, and what is known of the member's days."""

    course: Course
    state: State
    tallies: Mapping[Source, Tally]

    # --- what is counted ------------------------------------------------------------------------------------

    @property
    def ladder(self) -> Ladder:
        return self.course.versions[self.state.version - 1].ladder

    def value(self, day: date, last: date, ladder: Ladder | None = None) -> Number:
        """What the window that ends on `day` holds of the days up to `last`, with what was rolled over into it."""
        ladder = ladder or self.ladder
        first = windows.start(ladder, day, self.course.enrolled)
        counted = self.tallies.get(ladder.source, NOTHING).between(first, last)
        return counted + self.state.carried if ladder.rollover else counted

    def closed(self, day: date) -> Number:
        """What the window that ended the day before `day` held, with what was rolled over into that one."""
        ladder, before = self.ladder, day - DAY
        return self.old(before, before) if self.opens(ladder, day) else self.value(before, before)

    def old(self, window_of: date, last: date) -> Number:
        """The window that ended on `window_of`, extended to `last`, with what was rolled over into that one."""
        ladder = self.ladder
        first = windows.start(ladder, window_of, self.course.enrolled)
        counted = self.tallies.get(ladder.source, NOTHING).between(first, last)
        return counted + self.state.carried_before if ladder.rollover else counted

    def opens(self, ladder: Ladder, day: date) -> bool:
        return ladder.is_periodic and windows.period_start(ladder, day, self.course.enrolled) == day

    def judged(self, day: date) -> Number:
        """What a review looks at: the window that has just ended; for a tier that lasts to the end of the period the
        new one, in which only what was rolled over counts; while qualified, the window of that day."""
        ladder = self.ladder
        if ladder.upgrade == Upgrade.NEXT_PERIOD or ladder.validity in JUDGED_AFTERWARDS:
            return self.closed(day)
        return self.value(day, day - DAY)

    def in_grace(self, last: date, day: date) -> Number:
        """The better of the present window and, where that was judged, of the ended one extended to `last`."""
        ladder, since = self.ladder, self.state.grace_from
        assert since is not None
        present = self.value(day, last)
        if ladder.upgrade == Upgrade.NEXT_PERIOD or ladder.validity in JUDGED_AFTERWARDS:
            return max(present, self.old(since - DAY, last))
        return present

    def placing_value(self, ladder: Ladder, day: date, last: date) -> Number:
        """What a placing looks at: the present window, or the period that closed last where upgrades wait for it."""
        if ladder.upgrade != Upgrade.NEXT_PERIOD:
            return self.value(day, last)
        end = windows.period_start(ladder, day, self.course.enrolled) - DAY
        return self.old(end, end)

    # --- what keeps a tier that has no end of its own ---------------------------------------------------------

    def judges(self) -> list[Ladder]:
        """The ladders of which one is enough to keep the present tier: the one that judges, and an older one that
        protects it."""
        older = self.guard()
        return [self.ladder] if older is None else [self.ladder, older]

    def guard(self) -> Ladder | None:
        """The older ladder, where it protects the present tier."""
        state = self.state
        older = self.course.ladder(state.held) if state.held else None
        if older is None or not 0 < older.rank(state.tier) <= older.rank(state.held_tier):
            return None
        return older

    def gives(self, ladder: Ladder, code: str, day: date, last: date) -> bool:
        """Whether a ladder keeps a tier on `day`, by the days up to `last`."""
        return not _hangs(ladder, code) or self.value(day, last, ladder) >= ladder.bar(code)

    def guarded(self, day: date, last: date) -> int:
        """The rank of the best tier that the older ladder keeps, of those that it protects; 0 for none."""
        state = self.state
        if not state.held:
            return 0
        older = self.course.ladder(state.held)
        codes = [rung.code for rung in older.rungs[: older.rank(state.held_tier)]]
        kept = (self.ladder.rank(code) for code in codes if self.gives(older, code, day, last))
        return max(kept, default=0)

    def is_guarded(self, day: date, last: date) -> bool:
        """Whether the older ladder keeps the present tier."""
        older = self.guard()
        return older is not None and self.gives(older, self.state.tier, day, last)

    def nearest(self, day: date, last: date) -> tuple[Ladder, Number]:
        """Of the judges that count the same, the one by which least is missing, and what it counts."""
        found = [
            (judge, self.value(day, last, judge))
            for judge in self.judges()
            if judge.source == self.ladder.source
        ]
        return min(found, key=lambda one: one[0].bar(self.state.tier) - one[1])

    def floor(self, new: Ladder) -> tuple[int, bool]:
        """The rank of the present tier on a new ladder, and whether it was removed: then that of the highest one left
        that ranked below it."""
        state = self.state
        if not state.tier or state.tier in new.by_code:
            return new.rank(state.tier), False
        below = [rung.code for rung in self.ladder.rungs[: self.ladder.rank(state.tier) - 1]]
        return max((new.rank(code) for code in below), default=0), True

    def numbers(self, code: str, value: Number, day: date) -> dict[str, Any]:
        ladder = self.ladder
        first = windows.start(ladder, day, self.course.enrolled)
        return {
            "measure": ladder.measure,
            "value": ladder.shown(value),
            "needed": ladder.shown(ladder.bar(code)),
            "from": first.isoformat() if first else None,
            "on": day.isoformat(),
        }

    # --- ends -----------------------------------------------------------------------------------------------

    def validity(self, ladder: Ladder, rank: int, day: date) -> date | None:
        """The day of the review of a tier that begins on `day`; None when it has no end of its own."""
        if not rank or ladder.rungs[rank - 1].bar <= 0:
            return None
        enrolled = self.course.enrolled
        match ladder.validity:
            case Validity.PERIOD:
                return windows.next_period(ladder, day, enrolled)
            case Validity.NEXT_PERIOD:
                return windows.next_period(ladder, windows.next_period(ladder, day, enrolled), enrolled)
            case Validity.DURATION:
                assert ladder.lasts is not None
                return windows.later(day, ladder.lasts)
            case _:
                return None

    def renewed(self, review: date) -> date | None:
        """The next review of a tier that was kept at a review."""
        ladder = self.ladder
        anchor = review - DAY if ladder.validity == Validity.NEXT_PERIOD else review
        return self.validity(ladder, ladder.rank(self.state.tier), anchor)

    def has_review(self) -> bool:
        """Whether a day will come on which the present tier is judged."""
        state = self.state
        if not state.version or not state.tier:
            return False
        lasting = self.ladder.validity == Validity.WHILE_QUALIFIED and self.ladder.bar(state.tier) > 0
        return state.valid_until is not None or state.grace_until is not None or lasting

    def hangs_on_value(self) -> bool:
        """Whether the tier has no end of its own, and can be lost."""
        state = self.state
        if (
            not state.version
            or not state.tier
            or state.valid_until is not None
            or state.grace_until is not None
        ):
            return False
        return all(_hangs(judge, state.tier) for judge in self.judges())

    # --- where to stop --------------------------------------------------------------------------------------

    def next_stop(self) -> date | None:
        """The next day on which something can happen, as far as activity is known."""
        state, course = self.state, self.course
        after = state.through
        stops: list[date | None] = [tally.next_day(after) for tally in self.tallies.values()]
        stops += [max(version.first_day, course.begins) for version in course.versions[state.seen :]]
        stops += [max(seed.day, course.begins) for seed in course.seeds]
        if state.version:
            stops += [state.grace_until, state.valid_until, self.next_boundary(), self.next_relief()]
        first = min((day for day in stops if day is not None and day > after), default=None)
        return self.next_fall(first) or first

    def next_turn(self) -> date | None:
        """The next day on which the tier is judged, without further activity."""
        state = self.state
        return state.grace_until or state.valid_until or self.next_fall(None)

    def next_rise(self) -> date | None:
        """The next day on which the tier may rise without anything being done: a period opens, or a day that weighed
        on the window leaves it."""
        ladder, through = self.ladder, self.state.through
        days = [self.next_relief()]
        waits = ladder.upgrade == Upgrade.NEXT_PERIOD
        if waits and ladder.fit(self.value(through, through)) > ladder.rank(self.state.tier):
            days.append(self.next_boundary())
        return min((day for day in days if day is not None), default=None)

    def next_boundary(self) -> date | None:
        ladder = self.ladder
        if not ladder.is_periodic or not (ladder.rollover or ladder.upgrade == Upgrade.NEXT_PERIOD):
            return None
        return windows.next_period(ladder, self.state.through, self.course.enrolled)

    def next_relief(self) -> date | None:
        """The next day on which a day that weighed on the window leaves it, so that more is left."""
        ladder, through = self.ladder, self.state.through
        less = self.tallies.get(ladder.source, NOTHING).less
        if ladder.span is None or not less:
            return None
        coming = (windows.leaves(ladder.span, day) for day in less)
        return min((day for day in coming if day > through), default=None)

    def next_fall(self, before: date | None) -> date | None:
        """The first day, before that one, on which no window holds enough for a tier that hangs on it; of a window with
        periods that is the day on which it is emptied."""
        if not self.hangs_on_value():
            return None
        judges, through = self.judges(), self.state.through
        for day in merge((through + DAY,), *(self._shrinks(judge) for judge in judges)):
            if before is not None and day >= before:
                return None
            if all(self._falls_short(judge, day) for judge in judges):
                return day
        return None

    def _shrinks(self, judge: Ladder) -> Iterator[date]:
        """The days on which something leaves the window of a ladder, from the day after tomorrow on."""
        enrolled, through = self.course.enrolled, self.state.through
        if judge.is_periodic:
            yield windows.next_period(judge, through, enrolled)
        elif judge.span is not None:
            first = windows.start(judge, through + DAY, enrolled)
            assert first is not None
            for active in self.tallies.get(judge.source, NOTHING).within(first, through):
                yield windows.leaves(judge.span, active)

    def _falls_short(self, judge: Ladder, day: date) -> bool:
        """Whether the window holds too little on a day to come. What a period will begin with is not known before."""
        through, enrolled = self.state.through, self.course.enrolled
        if judge.is_periodic and windows.period_start(judge, day, enrolled) > through:
            return True
        return self.value(day, through, judge) < judge.bar(self.state.tier)


def _hangs(ladder: Ladder, code: str) -> bool:
    """Whether a ladder takes a tier without an end away when its window holds too little."""
    lasting = ladder.validity == Validity.WHILE_QUALIFIED and ladder.downgrade != Downgrade.NEVER
    return lasting and ladder.bar(code) > 0
