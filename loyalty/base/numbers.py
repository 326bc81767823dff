"""Exact arithmetic of points. Amounts are whole numbers of the point type's smallest unit; a float never
appears."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm

from loyalty.base.errors import Invalid

MAX_UNITS = 10**15  # below 2**53, so that every amount is exact in any JSON reader
MAX_DECIMALS = 4

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_SEPARATORS = ", \u00a0\u202f"  # comma, blank, and the blanks that do not break
_GROUPED = re.compile(
    rf"[-+]?[1-9][0-9]{{0,2}}(?P<mark>[{_SEPARATORS}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*(?:\.[0-9]+)?"
)


class Rounding(StrEnum):
    """How a fraction of the smallest unit ends. All modes work on the size, not the sign, so that what an
    order earned and what its return takes back are rounded alike."""

    DOWN = "down"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"


def to_units(points: Decimal | Fraction | int, decimals: int, rounding: Rounding) -> int:
    """Points as a whole number of smallest units. Raises Invalid `amount_out_of_range`."""
    if isinstance(points, Decimal) and (not points.is_finite() or points.adjusted() > 30):
        raise out_of_range()
    top, bottom = points.as_integer_ratio()
    units = _round(abs(top) * 10**decimals, bottom, rounding)
    return check_units(-units if top < 0 else units)


def _round(top: int, bottom: int, rounding: Rounding) -> int:
    whole, rest = divmod(top, bottom)
    if rounding is Rounding.DOWN or not rest:
        return whole
    if rounding is Rounding.UP:
        return whole + 1
    if 2 * rest != bottom:
        return whole + (2 * rest > bottom)
    return whole + (1 if rounding is Rounding.HALF_UP else whole % 2)


def check_units(units: int) -> int:
    """`units` itself, or Invalid `amount_out_of_range` beyond the hard limit."""
    if abs(units) > MAX_UNITS:
        raise out_of_range()
    return units


def out_of_range() -> Invalid:
    return Invalid("The amount is beyond what can be booked at once.", code="amount_out_of_range")


def format_points(units: int, decimals: int) -> str:
    """`1250` with two decimals is `12.50`: plain, without thousands, for files and the API."""
    if not decimals:
        return str(units)
    whole, part = divmod(abs(units), 10**decimals)
    return f"{'-' if units < 0 else ''}{whole}.{part:0{decimals}d}"


def points_of(units: int, decimals: int) -> Decimal:
    """The exact decimal of a number of units."""
    return Decimal(format_points(units, decimals))


def parse_points(value: object, decimals: int) -> int:
    """Units from text, a whole number or a Decimal.

    Raises Invalid: `number_invalid`, `points_decimals` (more decimals than the point type has),
    `amount_out_of_range`.
    """
    points = parse_decimal(value, max_digits=20, max_places=None, such_as=format_points(1250, decimals))
    if _places(points) > decimals:
        told = f"These points have at most {decimals} decimals." if decimals else "Give a whole number."
        raise Invalid(told, code="points_decimals")
    return to_units(points, decimals, Rounding.DOWN)


def ungrouped(text: str) -> str:
    """A number as people type it, `1,234.50` or `1 234`, without what separates its thousands. A comma anywhere else
    may be meant for a point: such text stays as it is, and is no number."""
    grouped = _GROUPED.fullmatch(text)
    return text.replace(grouped["mark"], "") if grouped else text


def typed_points(text: str, decimals: int) -> int:
    """Units from what a person typed, with or without separators of thousands. Raises as `parse_points` does."""
    plain = ungrouped(text)
    if any(mark in plain for mark in _SEPARATORS):
        told = "Write 1234.5 or 1,234.5: a point before decimals, commas or blanks only between thousands."
        raise Invalid(told, code="number_invalid")
    return parse_points(plain, decimals)


def parse_decimal(
    value: object, *, max_digits: int = 20, max_places: int | None = 6, such_as: str = "12.50"
) -> Decimal:
    """A Decimal from plain text such as -12.50, a whole number or a Decimal; nothing else is a number here
    (no float, no true/false, no spaces, no exponent in text, no foreign digits).

    `max_digits` bounds all written digits, `max_places` those after the point; `such_as` is the example in words.
    Raises Invalid: `number_invalid`, `number_out_of_range`, `number_decimals`.
    """
    number = _read(value, max_digits, such_as)
    if not number.is_finite():
        raise Invalid("This is not a number.", code="number_invalid")
    if max(number.adjusted() + 1, 1) + _places(number) > max_digits:
        raise Invalid(f"A number has at most {max_digits} digits.", code="number_out_of_range")
    if max_places is not None and _places(number) > max_places:
        raise Invalid(f"At most {max_places} decimals are accepted.", code="number_decimals")
    return number if number else abs(number)


def _read(value: object, max_digits: int, such_as: str) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**max_digits:
            raise Invalid(f"A number has at most {max_digits} digits.", code="number_out_of_range")
        return Decimal(value)
    if isinstance(value, str) and len(value) <= 64 and _PLAIN.fullmatch(value):
        return Decimal(value)
    raise Invalid(f"Write a plain number such as {such_as}.", code="number_invalid")


def _places(number: Decimal) -> int:
    """Decimals as written: 1.50 has two."""
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def largest_remainder(parts: Sequence[Fraction | Decimal | int], total: int) -> list[int]:
    """Share out the whole number `total` over exact `parts`, so that the shares add up to it.

    When `total` lies between the sum of the floors and the sum of the ceilings, every share is its part
    rounded down or up; the largest fractions are rounded up, earlier ones first among equals. Otherwise (a
    cap cut the total) the parts are first scaled to it in proportion, or, if they add up to nothing, taken as
    equal. Raises ValueError for a total to share over no parts.
    """
    if not parts:
        if total:
            raise ValueError("nothing to share the total over")
        return []
    ratios = [part.as_integer_ratio() for part in parts]
    unit = lcm(*(bottom for _, bottom in ratios))
    exact = [top * (unit // bottom) for top, bottom in ratios]  # whole numbers are many times faster
    if not sum(part // unit for part in exact) <= total <= -sum(-part // unit for part in exact):
        exact, unit = _scaled(exact, total)
    shares = [part // unit for part in exact]
    up = total - sum(shares)
    by_fraction = sorted(range(len(exact)), key=lambda index: shares[index] * unit - exact[index])  # stable
    for index in by_fraction[:up]:
        shares[index] += 1
    return shares


def _scaled(parts: list[int], total: int) -> tuple[list[int], int]:
    """The parts scaled to the total, as numerators of one positive unit."""
    whole = sum(parts)
    if not whole:
        return [total] * len(parts), len(parts)
    sign = 1 if whole > 0 else -1
    return [sign * part * total for part in parts], sign * whole
