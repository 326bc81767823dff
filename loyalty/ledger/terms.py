"""When points become spendable and when they lapse: pure calendar arithmetic in the program's zone.

A lot can be spent in [available_at, expires_at). Both ends are midnights of the program's zone where a business
date decides them, so that "valid until 31 March" means the whole of that local day, on every screen and in every job.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast
from zoneinfo import ZoneInfo

from loyalty.base.clock import add_days, add_months, end_of_period, local_date, midnight
from loyalty.base.errors import Invalid
from loyalty.programs.models import ExpiryKind, ExpiryPolicy, ExpiryUnit, PointType

if TYPE_CHECKING:
    Rounded = Literal["", "month", "quarter", "year"]


@dataclass(frozen=True, slots=True)
class Expiry:
    """An expiry policy as a plain value."""

    kind: str
    count: int | None
    unit: str
    rounding: Rounded
    dates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PointTerms:
    """What the books need to know of a point type, read once per batch."""

    id: int
    program_id: int
    code: str
    decimals: int
    zone: ZoneInfo
    expiry: Expiry
    pending_kind: str
    pending_days: int | None
    pending_date: date | None
    returns: str
    refund_grace_days: int

    def available_at(self, occurred_at: datetime) -> datetime:
        return _available_at(self.pending_kind, self.pending_days, self.pending_date, occurred_at, self.zone)

    def expires_at(self, anchor: datetime) -> datetime | None:
        return _lapse(self.expiry, local_date(anchor, self.zone), self.zone)

    def grace_ends_at(self, at: datetime) -> datetime:
        """When points given back into an expired lot lapse: the end of the last local day of grace."""
        return _day_after(add_days(local_date(at, self.zone), self.refund_grace_days), self.zone)

    @property
    def lapses_by_inactivity(self) -> bool:
        return self.expiry.kind == ExpiryKind.INACTIVITY


def terms_of(point_type: PointType) -> PointTerms:
    """The terms of a point type; load it with its program."""
    program = point_type.program
    return PointTerms(
        id=point_type.pk,
        program_id=program.pk,
        code=point_type.code,
        decimals=point_type.decimals,
        zone=program.zone,
        expiry=expiry_of(point_type.expiry),
        pending_kind=point_type.pending_kind,
        pending_days=point_type.pending_days,
        pending_date=point_type.pending_date,
        returns=point_type.returns,
        refund_grace_days=program.refund_grace_days,
    )


def expiry_of(policy: ExpiryPolicy) -> Expiry:
    rounding = cast("Rounded", policy.expiry_rounding)
    return Expiry(
        policy.expiry_kind, policy.expiry_count, policy.expiry_unit, rounding, tuple(policy.expiry_dates)
    )


def available_at(point_type: PointType, occurred_at: datetime, zone: ZoneInfo) -> datetime:
    """When points earned at `occurred_at` can be spent: at once, from the start of the N-th local day after, or
    from the start of a fixed local date (at once when it has passed)."""
    return _available_at(
        point_type.pending_kind, point_type.pending_days, point_type.pending_date, occurred_at, zone
    )


def _available_at(
    kind: str, days: int | None, day: date | None, occurred_at: datetime, zone: ZoneInfo
) -> datetime:
    if kind == PointType.Pending.DAYS and days:
        return _start(add_days(local_date(occurred_at, zone), days), zone)
    if kind == PointType.Pending.DATE and day:
        return max(occurred_at, _start(day, zone))
    return occurred_at


def expires_at(policy: ExpiryPolicy, anchor: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant at which points no longer count; None when they never lapse.

    `anchor` is when the points became spendable, or, for inactivity, the last time the member was active.
    """
    return _lapse(expiry_of(policy), local_date(anchor, zone), zone)


@lru_cache(maxsize=8192)
def _lapse(expiry: Expiry, day: date, zone: ZoneInfo) -> datetime | None:
    try:
        last = last_valid_day(expiry, day)
        return None if last is None else _day_after(last, zone)
    except Invalid:  # beyond the calendar: as good as never
        return None


def last_valid_day(expiry: Expiry, day: date) -> date | None:
    """The last local day on which points of anchor `day` count."""
    if expiry.kind == ExpiryKind.FIXED:
        return _next_fixed(expiry.dates, day)
    if expiry.kind == ExpiryKind.NONE or not expiry.count:
        return None
    last = _add(day, expiry.count, expiry.unit)
    if expiry.kind == ExpiryKind.ROLLING and expiry.rounding:
        return end_of_period(last, expiry.rounding)
    return last


def _add(day: date, count: int, unit: str) -> date:
    if unit == ExpiryUnit.DAYS:
        return add_days(day, count)
    return add_months(day, count * 12 if unit == ExpiryUnit.YEARS else count)


def _next_fixed(dates: tuple[str, ...], day: date) -> date | None:
    coming = (_in_year(text, year) for text in dates for year in (day.year, day.year + 1))
    return min((found for found in coming if found >= day), default=None)


def _in_year(text: str, year: int) -> date:
    """ "02-29" is 28 February in a common year."""
    month, number = (int(part) for part in text.split("-"))
    return date(year, month, min(number, calendar.monthrange(year, month)[1]))


def _day_after(day: date, zone: ZoneInfo) -> datetime:
    return _start(add_days(day, 1), zone)


@lru_cache(maxsize=8192)
def _start(day: date, zone: ZoneInfo) -> datetime:
    return midnight(day, zone)
