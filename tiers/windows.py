"""Over which days a ladder counts, and the counting: pure, in local days, both ends included.

A rolling window of N months ending on a day begins the day after the same day N months before (months clamp: the 31st
becomes the last of a shorter month). A year of membership begins on the anniversary of the enrolment; 29 February is
kept on the 28th in a common year.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from loyalty.base.clock import add_days, add_months, add_years
from tiers.ladder import Ladder, Span
from tiers.models import Window

DAY = timedelta(days=1)
Number = Decimal | int


class Tally:
    """What a member did, by day, summed up so that any window is two look-ups."""

    __slots__ = ("days", "less", "sums")

    def __init__(self, rows: Iterable[tuple[date, Number]]) -> None:
        self.days: list[date] = []
        self.sums: list[Number] = []
        self.less: list[date] = []  # days on which more was taken off than done
        running: Number = 0
        for day, value in rows:
            running += value
            self.days.append(day)
            self.sums.append(running)
            if value < 0:
                self.less.append(day)

    def through(self, day: date) -> Number:
        """The sum of all days up to `day`."""
        index = bisect_right(self.days, day)
        return self.sums[index - 1] if index else 0

    def between(self, first: date | None, last: date) -> Number:
        """The sum from `first` (None: since ever) to `last`; nothing when they are the wrong way round."""
        if first is None:
            return self.through(last)
        if last < first:
            return 0
        before = bisect_left(self.days, first)
        return self.through(last) - (self.sums[before - 1] if before else 0)

    def next_day(self, after: date) -> date | None:
        """The first day with activity after `after`."""
        index = bisect_right(self.days, after)
        return self.days[index] if index < len(self.days) else None

    def within(self, first: date, last: date) -> list[date]:
        return self.days[bisect_left(self.days, first) : bisect_right(self.days, last)]


NOTHING = Tally(())


def start(ladder: Ladder, day: date, enrolled: date) -> date | None:
    """The first day of the window that ends on `day`; None: since ever."""
    match ladder.window:
        case Window.LIFETIME:
            return None
        case Window.ROLLING:
            assert ladder.span is not None
            return _rolling_start(ladder.span, day)
        case _:
            return period_start(ladder, day, enrolled)


@lru_cache(maxsize=8192)
def _rolling_start(span: Span, day: date) -> date:
    if span.unit == "days":
        return add_days(day, 1 - span.count)
    return add_months(day, -span.count) + DAY


def period_start(ladder: Ladder, day: date, enrolled: date) -> date:
    """The first day of the period that holds `day`, for a window with periods."""
    if ladder.window == Window.CALENDAR_YEAR:
        return date(day.year, 1, 1)
    own = add_years(enrolled, day.year - enrolled.year)
    return own if own <= day else add_years(enrolled, day.year - enrolled.year - 1)


def next_period(ladder: Ladder, day: date, enrolled: date) -> date:
    """The first day of the period after the one that holds `day`."""
    if ladder.window == Window.CALENDAR_YEAR:
        return date(day.year + 1, 1, 1)
    own = add_years(enrolled, day.year - enrolled.year)
    return own if own > day else add_years(enrolled, day.year - enrolled.year + 1)


def leaves(span: Span, day: date) -> date:
    """The first day whose rolling window does not hold `day` any more."""
    if span.unit == "days":
        return add_days(day, span.count)
    gone = add_months(day, span.count)
    return gone if add_months(gone, -span.count) >= day else gone + DAY


def later(day: date, span: Span) -> date:
    """The day so much later; months clamp to the end of the month."""
    return add_days(day, span.count) if span.unit == "days" else add_months(day, span.count)
