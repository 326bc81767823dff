"""The year of the demonstration: when people come to a shop in Spain, and how many of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from loyalty.base.clock import local_date, midnight, resolve_local

LENGTH_DAYS = 425  # a year and two months, so that the points of the first weeks have lapsed

_MONTHS = [1.15, 0.85, 0.9, 0.95, 1.0, 0.95, 0.85, 0.6, 0.95, 1.0, 1.35, 1.9]
_WEEKDAYS = [0.8, 0.8, 0.85, 0.95, 1.25, 1.55, 0.8]
_HOURS = [0] * 8 + [3, 5, 8, 9, 9, 7, 4, 4, 6, 9, 11, 10, 7, 4, 2, 1]


@dataclass(frozen=True, slots=True)
class Span:
    """From the local midnight of the opening day to the present instant."""

    end: datetime
    zone: ZoneInfo

    @property
    def last(self) -> date:
        return local_date(self.end, self.zone)

    @property
    def first(self) -> date:
        return self.last - timedelta(days=LENGTH_DAYS)

    @property
    def start(self) -> datetime:
        return midnight(self.first, self.zone)

    @property
    def days(self) -> int:
        return LENGTH_DAYS

    def day(self, ago: int) -> datetime:
        """Noon of the local day that many days ago."""
        return resolve_local(datetime.combine(self.last - timedelta(days=ago), time(12)), self.zone).at


def busyness(day: date, span: Span) -> float:
    """How many orders a day has, compared with others: season, day of the week, and a shop that grows."""
    growth = 0.8 + 0.4 * (day - span.first).days / LENGTH_DAYS
    return _MONTHS[day.month - 1] * _WEEKDAYS[day.weekday()] * growth * (0.1 if is_closed(day) else 1)


def is_closed(day: date) -> bool:
    return (day.month, day.day) in {(1, 1), (12, 25)}


def is_festive(day: date) -> bool:
    return day.month == 12 or (day.month, day.day) <= (1, 5) or (day.month == 11 and day.day >= 20)


def moment(dice: Random, span: Span, day: date) -> datetime:
    """An instant in the opening hours of a local day."""
    [hour] = dice.choices(range(24), _HOURS)
    naive = datetime.combine(day, time(hour, dice.randrange(60), dice.randrange(60)))
    return resolve_local(naive, span.zone).at
