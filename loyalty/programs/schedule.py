"""When a campaign runs: between two instants, on weekdays, in hours of the program's wall clock.

Dates are instants, [starts_at, ends_at). A form turns local times into them once, so a start at a time that the
clocks skip, or an end at one that comes twice, is one instant and no hour counts double. Weekdays and hours are
read off the wall clock: an hour that comes twice is inside the window both times, one that is skipped never comes.
A window over midnight belongs to the day on which it began: Friday 22:00 to 02:00 ends on Saturday.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from loyalty.base.clock import parse_instant

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60

Miss = Literal["before", "after", "weekday", "hours"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Empty parts do not limit. `hours` are minutes of the local day, [from, to); crossing midnight when `to` is
    below `from`."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    hours: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, definition: Mapping[str, Any]) -> Self:
        """From the JSON of a definition. Raises ValueError or Invalid for what cannot be read."""
        starts, ends = (definition.get(name) for name in ("starts_at", "ends_at"))
        return cls(
            starts_at=parse_instant(starts) if starts else None,
            ends_at=parse_instant(ends) if ends else None,
            weekdays=frozenset(WEEKDAYS.index(day) for day in definition.get("weekdays") or ()),
            hours=tuple(sorted(window(pair) for pair in definition.get("hours") or ())),
        )

    @property
    def is_always(self) -> bool:
        return self.starts_at is None and self.ends_at is None and not self.weekdays and not self.hours

    def miss(self, at: datetime, local: datetime) -> Miss | None:
        """Why `at` (`local` on the program's wall clock) is outside, or None when it is inside."""
        if self.starts_at is not None and at < self.starts_at:
            return "before"
        if self.ends_at is not None and at >= self.ends_at:
            return "after"
        if not self.weekdays and not self.hours:
            return None
        return self._miss_on_the_clock(local)

    def _miss_on_the_clock(self, local: datetime) -> Miss | None:
        today = local.weekday()
        if not self.hours:
            return None if today in self.weekdays else "weekday"
        minute, found = local.hour * 60 + local.minute, False
        for start, end in self.hours:
            crosses = end <= start
            for begun, inside in (
                (today, start <= minute and (crosses or minute < end)),
                ((today - 1) % 7, crosses and minute < end),
            ):
                if inside and (not self.weekdays or begun in self.weekdays):
                    return None
                found = found or inside
        return "weekday" if found or today not in (self.weekdays or {today}) else "hours"


def window(pair: Sequence[str]) -> tuple[int, int]:
    """Minutes of a window such as ["22:00", "02:00"]; 24:00 is the end of the day. Raises ValueError."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError("a window is a pair of times")
    start, end = _minute(pair[0]), _minute(pair[1])
    if start in (end, DAY_MINUTES):
        raise ValueError("a window has a length")
    return start, end


def _minute(text: object) -> int:
    hour, colon, minute = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not (
        colon and len(hour) == len(minute) == 2 and (hour + minute).isascii() and (hour + minute).isdecimal()
    ):
        raise ValueError("a time is written as 17:30")
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > DAY_MINUTES:
        raise ValueError("there is no such time")
    return minutes
