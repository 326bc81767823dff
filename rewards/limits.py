"""How often a member may have a reward: so many times in a period of the program's calendar, and not too soon again.

A period begins at local midnight. What was given back (cancelled, refunded, lapsed) does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Self

from loyalty.base.clock import add_days, add_months, local_date, midnight, start_of_period

PERIODS: Final = ("day", "week", "month", "quarter", "year", "lifetime")
MAX_TIMES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `times` in one period of the kind `per`."""

    times: int
    per: str

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """From JSON: {"times": 1, "per": "month"}. Raises ValueError."""
        if not isinstance(raw, dict) or set(raw) != {"times", "per"} or raw["per"] not in PERIODS:
            raise ValueError("a cap has a number of times and a period")
        if type(raw["times"]) is not int or not 1 <= raw["times"] <= MAX_TIMES:
            raise ValueError("times are a whole number from 1")
        return cls(raw["times"], raw["per"])


@dataclass(frozen=True, slots=True)
class Reached:
    """A cap that is used up, and when it opens again; never for one that is for life."""

    cap: Cap
    taken: int
    opens_at: datetime | None


def reached(caps: Iterable[Cap], taken_at: Sequence[datetime], at: datetime, zone: tzinfo) -> Reached | None:
    """The cap that keeps the member waiting longest, of those that are used up at `at`."""
    today = local_date(at, zone)
    found: Reached | None = None
    for cap in caps:
        since = _start(today, cap.per)
        taken = sum(1 for one in taken_at if since is None or local_date(one, zone) >= since)
        if taken < cap.times:
            continue
        one = Reached(cap, taken, midnight(_next(today, cap.per), zone) if since else None)
        if found is None or (
            found.opens_at is not None and (not one.opens_at or one.opens_at > found.opens_at)
        ):
            found = one
    return found


def cooling_until(hours: int | None, taken_at: Sequence[datetime], at: datetime) -> datetime | None:
    """When the waiting time since the last one ends; None when there is nothing to wait for."""
    if not hours or not taken_at:
        return None
    until = max(taken_at) + timedelta(hours=hours)
    return until if until > at else None


def _start(day: date, per: str) -> date | None:
    """The first day of the period that holds `day`; None for the whole life."""
    match per:
        case "day":
            return day
        case "week":
            return add_days(day, -day.weekday())
        case "month" | "quarter" | "year":
            return start_of_period(day, per)
    return None


def _next(day: date, per: str) -> date:
    """The first day of the period after the one that holds `day`."""
    if per == "day":
        return add_days(day, 1)
    if per == "week":
        return add_days(day, 7 - day.weekday())
    start = _start(day, per)
    assert start is not None
    return add_months(start, {"month": 1, "quarter": 3, "year": 12}[per])
