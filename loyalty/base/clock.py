"""Time: one clock, stored instants in UTC, business dates in the program's zone.

Only edges (views, API, tasks, commands) call `now()`; everything inside takes `at`.

Daylight saving: a local time that does not exist (clocks go forward) means the first instant after the gap;
one that exists twice (clocks go back) means the first of the two. A local day therefore begins at its first
existing instant, and days never overlap.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from loyalty.base.errors import Invalid

FIRST_YEAR = 1900
LAST_YEAR = 9998  # one year of head-room: an offset must not push an instant out of the calendar

Period = Literal["month", "quarter", "half", "year"]
Day = TypeVar("Day", date, datetime)
MONTHS_IN: dict[Period, int] = {"month": 1, "quarter": 3, "half": 6, "year": 12}

_pinned: ContextVar[datetime | None] = ContextVar("pinned_clock", default=None)

_RFC3339 = re.compile(
    r"(\d{4})-\d\d-\d\d[Tt](?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?",
    re.ASCII,
)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _pinned.get() or datetime.now(UTC)


def is_pinned() -> bool:
    """Whether the clock stands still for a test or a what-if run."""
    return _pinned.get() is not None


@contextmanager
def pinned(at: datetime) -> Iterator[datetime]:
    """Stop the clock at `at` for this thread or task: tests and what-if runs."""
    if at.tzinfo is None:
        raise ValueError("the clock is pinned to an aware instant only")
    token = _pinned.set(at.astimezone(UTC))
    try:
        yield at
    finally:
        _pinned.reset(token)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises Invalid `zone_unknown`."""
    if name not in _zone_names():
        raise Invalid(f"{name[:64]!r} is not an IANA time zone such as Europe/Madrid.", code="zone_unknown")
    return ZoneInfo(name)


def local(at: datetime, zone: tzinfo) -> datetime:
    """`at` as the wall clock of `zone` shows it."""
    return at.astimezone(zone)


def local_date(at: datetime, zone: tzinfo) -> date:
    """The business date of an instant."""
    return at.astimezone(zone).date()


class LocalMoment(NamedTuple):
    """The instant of a wall-clock time, and how it was found: `exact`, `moved` (it does not exist; the first
    instant after the gap) or `first_of_two` (it exists twice)."""

    at: datetime
    how: Literal["exact", "moved", "first_of_two"]


def resolve_local(naive: datetime, zone: tzinfo) -> LocalMoment:
    """The UTC instant of a wall-clock time in `zone`."""
    first = naive.replace(tzinfo=zone, fold=0)
    second = first.replace(fold=1)
    at = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return LocalMoment(at, "exact")
    if at.astimezone(zone).replace(tzinfo=None) == naive.replace(fold=0):
        return LocalMoment(at, "first_of_two")
    return LocalMoment(_end_of_gap(second.astimezone(UTC), at, zone), "moved")


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant, between two on either side, at which the zone's offset changes."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before).total_seconds() // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The UTC instant at which `day` begins in `zone`: its first existing instant."""
    return resolve_local(datetime.combine(day, time.min), zone).at


def parse_instant(text: object, *, default_zone: tzinfo | None = None) -> datetime:
    """An aware UTC instant from RFC 3339 text; finer than a microsecond is cut off.

    Raises Invalid: `timestamp_invalid` (also for epoch numbers), `timestamp_needs_offset` (no offset and no
    `default_zone`), `timestamp_out_of_range` (outside 1900 to 9998).
    """
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise _bad_timestamp(
            "A timestamp is text such as 2026-11-12T14:03:00+01:00; numbers are not accepted."
        )
    if not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        raise _out_of_calendar()
    try:
        at = datetime.fromisoformat(found[0].upper())
    except ValueError as wrong:
        raise _bad_timestamp("There is no such date.") from wrong
    if at.tzinfo is not None:
        return _within_calendar(at.astimezone(UTC))
    if default_zone is None:
        raise Invalid("Say the offset: end the timestamp with Z or +01:00.", code="timestamp_needs_offset")
    return _within_calendar(resolve_local(at, default_zone).at)


def _bad_timestamp(message: str) -> Invalid:
    return Invalid(message, code="timestamp_invalid")


def parse_date(text: object) -> date:
    """A date from YYYY-MM-DD. Raises Invalid: `date_invalid`, `timestamp_out_of_range`."""
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Invalid("A date is written as 2026-11-12.", code="date_invalid")
    year, month, day = (int(part) for part in found.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _out_of_calendar()
    try:
        return date(year, month, day)
    except ValueError as wrong:
        raise Invalid("There is no such date.", code="date_invalid") from wrong


def _out_of_calendar() -> Invalid:
    return Invalid(f"Years run from {FIRST_YEAR} to {LAST_YEAR}.", code="timestamp_out_of_range")


def write_instant(at: datetime) -> str:
    """RFC 3339 in UTC with Z, with microseconds only when there are some."""
    if at.tzinfo is None:
        raise ValueError("a naive time is never written")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def add_days(anchor: date, days: int) -> date:
    """`anchor` plus `days`. Raises Invalid `timestamp_out_of_range`."""
    try:
        moved = anchor + timedelta(days=days)
    except OverflowError as wrong:
        raise _out_of_calendar() from wrong
    return _within_calendar(moved)


def add_months(anchor: date, months: int) -> date:
    """`anchor` plus whole months, clamped to the end of the month: 31 Jan + 1 = 28 Feb.

    Always count from the anchor: 31 Jan + 2 is 31 Mar, while adding 1 twice would lose days.
    Raises Invalid `timestamp_out_of_range`.
    """
    year, month0 = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _out_of_calendar()
    last = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(anchor.day, last))


def add_years(anchor: date, years: int) -> date:
    """`anchor` plus whole years: 29 Feb becomes 28 Feb in a common year."""
    return add_months(anchor, 12 * years)


def birthday_in(birth: date, year: int) -> date:
    """The day on which a birthday is kept in `year`: 29 Feb on 28 Feb in a common year."""
    return date(year, birth.month, min(birth.day, calendar.monthrange(year, birth.month)[1]))


def _within_calendar(day: Day) -> Day:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _out_of_calendar()
    return day


def start_of_period(day: date, period: Period) -> date:
    """The first day of the month, quarter, half-year or year that holds `day`."""
    months = MONTHS_IN[period]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def end_of_period(day: date, period: Period) -> date:
    """The last day of the month, quarter, half-year or year that holds `day`."""
    last_month = start_of_period(day, period).month + MONTHS_IN[period] - 1
    return date(day.year, last_month, calendar.monthrange(day.year, last_month)[1])
