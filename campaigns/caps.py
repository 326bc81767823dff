"""Limits of what a campaign gives to one member in a period, and how much of them is left.

A period is found by the local date of the event. Its key carries its kind, so that one member may be limited per
day and per month at once: "d:2026-11-22", "w:2026-W47", "m:2026-11", "q:2026-Q4", "y:2026", "l" (for life).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from loyalty.base.numbers import parse_points

PERIODS = ("day", "week", "month", "quarter", "year", "lifetime")
MAX_TIMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many points (in smallest units) or so many awards per member and period."""

    per: str
    points: int | None = None
    times: int | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any], decimals: int) -> Self:
        """From JSON: {"points": "500", "per": "month"} or {"times": 1, "per": "lifetime"}.

        Raises ValueError or Invalid.
        """
        per, points, times = raw.get("per"), raw.get("points"), raw.get("times")
        if per not in PERIODS or set(raw) - {"per", "points", "times"} or (points is None) == (times is None):
            raise ValueError("a cap has a period and either points or times")
        if times is not None and (type(times) is not int or not 1 <= times <= MAX_TIMES):
            raise ValueError("times are a whole number from 1")
        units = parse_points(points, decimals) if points is not None else None
        if units is not None and units < 1:
            raise ValueError("a cap leaves something to give")
        return cls(per, units, times)


@dataclass(frozen=True, slots=True)
class Used:
    """What a member already had from a campaign in a period."""

    points: int = 0
    times: int = 0


NOTHING = Used()


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used up already, without what the order being rated has: then rating it anew is exact.

    `used` by campaign id and period key; `budget_left` in smallest units by campaign id, for campaigns with one.
    """

    used: Mapping[tuple[int, str], Used]
    budget_left: Mapping[int, int]

    def of(self, campaign_id: int, key: str) -> Used:
        return self.used.get((campaign_id, key), NOTHING)


UNUSED = Usage({}, {})


@dataclass(frozen=True, slots=True)
class Room:
    """How much a campaign may still give, and what set that limit; `points` None is no limit."""

    points: int | None = None
    cap: Cap | None = None
    used: Used = NOTHING
    budget: bool = False


NO_LIMIT = Room()


def period_key(day: date, per: str) -> str:
    """The key of the period of kind `per` that holds the local date `day`."""
    match per:
        case "day":
            return f"d:{day.isoformat()}"
        case "week":
            year, week, _ = day.isocalendar()
            return f"w:{year}-W{week:02d}"
        case "month":
            return f"m:{day.year:04d}-{day.month:02d}"
        case "quarter":
            return f"q:{day.year:04d}-Q{(day.month + 2) // 3}"
        case "year":
            return f"y:{day.year:04d}"
    return "l"


def keys(caps: Iterable[Cap], day: date) -> list[str]:
    """The periods that an award on `day` counts in, each once."""
    return list(dict.fromkeys(period_key(day, cap.per) for cap in caps))


def room(campaign_id: int, caps: Iterable[Cap], budget: int | None, usage: Usage, day: date) -> Room:
    """The tightest limit of a campaign for one member on `day`; on a tie the member's own comes first."""
    tightest = NO_LIMIT
    for cap in caps:
        used = usage.of(campaign_id, period_key(day, cap.per))
        left = _left(cap, used)
        if left is not None and (tightest.points is None or left < tightest.points):
            tightest = Room(left, cap, used)
    if budget is not None:
        left = max(0, usage.budget_left.get(campaign_id, budget))
        if tightest.points is None or left < tightest.points:
            return Room(left, budget=True)
    return tightest


def _left(cap: Cap, used: Used) -> int | None:
    """Points that the cap still allows; a cap of times limits nothing until they are used up."""
    if cap.points is not None:
        return max(0, cap.points - used.points)
    return 0 if used.times >= (cap.times or 0) else None
