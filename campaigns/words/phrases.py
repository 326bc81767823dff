"""Numbers, dates and lists as people read them, in the language that is active."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import NamedTuple

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_day_names
from babel.numbers import format_decimal
from django.utils.translation import get_language, gettext

from campaigns.fields import schema_for
from loyalty.base.clock import parse_instant
from loyalty.base.currencies import currency_decimals
from loyalty.base.numbers import points_of
from loyalty.conditions.fields import Schema
from loyalty.console.words import MINUS
from loyalty.programs.models import Program
from loyalty.programs.schedule import WEEKDAYS


class PointName(NamedTuple):
    """How a point type is called and counted."""

    one: str
    many: str
    decimals: int = 0

    def units(self, units: int) -> str:
        """`12,500 points` from smallest units."""
        return self.points(points_of(units, self.decimals))

    def points(self, points: Decimal) -> str:
        return f"{number(points)} {self.one if abs(points) == 1 else self.many}"


@dataclass(frozen=True, slots=True)
class Voice:
    """What wording needs to know of a program: its fields, its wall clock, its money and its points by code."""

    schema: Schema
    zone: tzinfo
    currency: str
    names: Mapping[str, PointName] = field(default_factory=dict)

    def name_of(self, point_type: str) -> PointName:
        return self.names.get(point_type) or PointName(gettext("point"), gettext("points"))


def voice_of(program: Program, trigger: str) -> Voice:
    """The voice of a program for one kind of event. Two queries at most."""
    names = {
        one.code: PointName(one.name_one, one.name_many, one.decimals) for one in program.point_types.all()
    }
    return Voice(schema_for(program, trigger), program.zone, program.currency, names)


def locale() -> Locale:
    try:
        return Locale.parse(get_language() or "en", sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def number(value: Decimal | int | str) -> str:
    """With thousands separators and the decimals it has, without trailing zeros; a real minus sign."""
    exact = Decimal(value)
    pattern = "#,##0.######"
    written = str(format_decimal(abs(exact), format=pattern, locale=locale(), decimal_quantization=False))
    return f"{MINUS}{written}" if exact < 0 else written


def money(amount: Decimal | str, currency: str) -> str:
    """`1,250.00 GBP`; whole steps such as 1 GBP without decimals."""
    exact = Decimal(amount)
    places = 0 if exact == exact.to_integral_value() else currency_decimals(currency)
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return f"{format_decimal(exact, format=pattern, locale=locale())} {currency}"


def day(at: date) -> str:
    return str(format_date(at, "d MMM y", locale=locale()))


def weekday_and_day(at: date) -> str:
    return str(format_date(at, "EEE d MMM y", locale=locale()))


def time_of_day(at: datetime) -> str:
    return str(format_time(at, "HH:mm", locale=locale()))


def weekday_names(codes: Iterable[str]) -> list[str]:
    names = get_day_names("wide", locale=locale())
    return [str(names[WEEKDAYS.index(code)]) for code in sorted(codes, key=WEEKDAYS.index)]


def start(instant: str, zone: tzinfo) -> tuple[date, str]:
    """The first local day, and how it is said: with the time unless it is midnight."""
    at = parse_instant(instant).astimezone(zone)
    return at.date(), day(at) if (at.hour, at.minute) == (0, 0) else f"{day(at)}, {time_of_day(at)}"


def last(instant: str, zone: tzinfo) -> tuple[date, str]:
    """The last local day of something that ends at an instant: the day before, when that is midnight."""
    at = parse_instant(instant).astimezone(zone)
    if (at.hour, at.minute, at.second) == (0, 0, 0):
        before = at.date() - timedelta(days=1)
        return before, day(before)
    return at.date(), f"{day(at)}, {time_of_day(at)}"


def listed(parts: Sequence[str], *, either: bool = False) -> str:
    """`a, b and c`, or with "or"."""
    if len(parts) < 2:
        return "".join(parts)
    told = {"list": ", ".join(parts[:-1]), "last": parts[-1]}
    return (gettext("%(list)s or %(last)s") if either else gettext("%(list)s and %(last)s")) % told
