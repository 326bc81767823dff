"""Numbers and dates as people read them: thousands separated, signs on changes, times in the program's zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext, ngettext

from loyalty.base.currencies import currency_decimals
from loyalty.base.numbers import format_points

MINUS = "\u2212"
NONE = "\u2013"
DAY = timedelta(hours=24)


class PointWords(Protocol):
    """What is needed to write an amount of points: a PointType, or the point type of a balance."""

    @property
    def name_one(self) -> str: ...
    @property
    def name_many(self) -> str: ...
    @property
    def decimals(self) -> int: ...


def number(units: int, decimals: int = 0) -> str:
    """`1250000` is `1,250,000`; with two decimals `12,500.00`. A real minus sign."""
    whole, _point, part = format_points(abs(units), decimals).partition(".")
    written = f"{int(whole):,}" + (f".{part}" if part else "")
    return f"{MINUS}{written}" if units < 0 else written


def change(units: int, decimals: int = 0) -> str:
    """A change always carries its sign: `+96`, `−500`, `0`."""
    written = number(units, decimals)
    return f"+{written}" if units > 0 else written


def points(units: int, point_type: PointWords) -> str:
    """`12,500 points`, in the program's own word for them."""
    return f"{number(units, point_type.decimals)} {unit_name(units, point_type)}"


def unit_name(units: int, point_type: PointWords) -> str:
    return point_type.name_one if abs(units) == 10**point_type.decimals else point_type.name_many


def money(amount: Decimal | str | int, currency: str) -> str:
    """`48.20 EUR`, with the currency's own number of decimals."""
    value = Decimal(amount)
    written = f"{abs(value):,.{currency_decimals(currency)}f}"
    return f"{MINUS if value < 0 else ''}{written} {currency}"


def day(value: date) -> str:
    """`12 Nov 2026`."""
    return formats.date_format(value, "j M Y")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`12 Nov 2026, 14:03` on the wall clock of `zone`."""
    return formats.date_format(at.astimezone(zone), "j M Y, H:i")


def first_day(since: datetime, zone: ZoneInfo) -> str:
    """`6 Dec 2026` for what begins at midnight; with the time when it begins within a day."""
    local = since.astimezone(zone)
    return day(local.date()) if (local.hour, local.minute, local.second) == (0, 0, 0) else moment(since, zone)


def last_day(until: datetime, zone: ZoneInfo) -> str:
    """`30 Nov 2026` for what ends at midnight of 1 Dec; with the time when it ends within a day."""
    local = until.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return day((local - timedelta(hours=12)).date())
    return moment(until, zone)


def ago(at: datetime, now: datetime) -> str | None:
    """`2 min ago`, for the last 24 hours only; else None."""
    since = now - at
    if not timedelta(0) <= since < DAY:
        return None
    minutes = int(since.total_seconds()) // 60
    if minutes < 1:
        return gettext("just now")
    if minutes < 60:
        return ngettext("%(n)d min ago", "%(n)d min ago", minutes) % {"n": minutes}
    return ngettext("%(n)d hour ago", "%(n)d hours ago", minutes // 60) % {"n": minutes // 60}
