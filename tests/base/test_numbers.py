"""Points arithmetic: exact, bounded, and shared out without losing a unit."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loyalty.base.errors import Invalid
from loyalty.base.numbers import (
    MAX_UNITS,
    Rounding,
    check_units,
    format_points,
    largest_remainder,
    parse_decimal,
    parse_points,
    points_of,
    to_units,
    typed_points,
)

MODES = {
    Rounding.DOWN: ROUND_DOWN,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
}
AMOUNTS = st.decimals(Decimal(-(10**10)), Decimal(10**10), places=7)
PARTS = st.lists(st.fractions(-1000, 1000, max_denominator=97), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("points", "down", "half_up", "half_even", "up"),
    [
        ("0.5", 0, 1, 0, 1),
        ("1.5", 1, 2, 2, 2),
        ("2.5", 2, 3, 2, 3),
        ("-2.5", -2, -3, -2, -3),
        ("2.51", 2, 3, 3, 3),
    ],
)
def test_halves_end_as_each_mode_says(points: str, down: int, half_up: int, half_even: int, up: int) -> None:
    assert [to_units(Decimal(points), 0, mode) for mode in MODES] == [down, half_up, half_even, up]


@given(AMOUNTS, st.integers(0, 4), st.sampled_from(list(Rounding)))
def test_rounding_agrees_with_the_decimal_module(points: Decimal, decimals: int, mode: Rounding) -> None:
    quantum = Decimal(1).scaleb(-decimals)
    expected = points.quantize(quantum, rounding=MODES[mode], context=Context(prec=60)).scaleb(decimals)
    assert to_units(points, decimals, mode) == int(expected)


@given(AMOUNTS, st.integers(0, 4), st.sampled_from(list(Rounding)))
def test_what_is_taken_back_is_rounded_like_what_was_given(
    points: Decimal, decimals: int, mode: Rounding
) -> None:
    assert to_units(-points, decimals, mode) == -to_units(points, decimals, mode)
    assert to_units(Fraction(points), decimals, mode) == to_units(points, decimals, mode)


@pytest.mark.parametrize(
    "points", [Decimal(10**15) + 1, Decimal("1E+999999"), Decimal("Infinity"), Decimal("NaN"), 2**63]
)
def test_amounts_beyond_the_limit_are_refused(points: Decimal | int) -> None:
    with pytest.raises(Invalid) as refused:
        to_units(points, 0, Rounding.DOWN)
    assert refused.value.code == "amount_out_of_range"


def test_the_limit_itself_can_be_booked_and_is_exact_in_any_reader() -> None:
    assert check_units(-MAX_UNITS) == -MAX_UNITS
    assert int(float(MAX_UNITS)) == MAX_UNITS


@given(st.integers(-MAX_UNITS, MAX_UNITS), st.integers(0, 4))
def test_points_are_read_back_as_written(units: int, decimals: int) -> None:
    text = format_points(units, decimals)
    assert parse_points(text, decimals) == units
    assert points_of(units, decimals) * 10**decimals == units


def test_points_are_written_plainly() -> None:
    assert format_points(1250, 2) == "12.50"
    assert format_points(-5, 2) == "-0.05"
    assert format_points(1250, 0) == "1250"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("1.5", "points_decimals"),
        (Decimal("1.5"), "points_decimals"),
        ("1_000", "number_invalid"),
        ("١٢", "number_invalid"),
        (" 5 ", "number_invalid"),
        ("5\n", "number_invalid"),
        ("+5", "number_invalid"),
        ("05", "number_invalid"),
        ("1e3", "number_invalid"),
        ("", "number_invalid"),
        (True, "number_invalid"),
        (None, "number_invalid"),
        (Decimal("NaN"), "number_invalid"),
        ("1" * 70, "number_invalid"),
        (10**19, "amount_out_of_range"),
        (10**30, "number_out_of_range"),
        (Decimal("1E+999999"), "number_out_of_range"),
        (Decimal("0E+999999"), "number_out_of_range"),
        (Decimal("1E-999999"), "number_out_of_range"),
    ],
)
def test_what_is_no_plain_amount_of_points_is_refused(value: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_points(value, 0)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1500", 150000),
        ("1,500", 150000),
        ("1 500", 150000),
        ("1\u202f500.5", 150050),
        ("12,345,678.90", 1234567890),
        ("-1,000", -100000),
        ("12.50", 1250),
    ],
)
def test_people_may_separate_thousands(text: str, units: int) -> None:
    assert typed_points(text, 2) == units


@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "12,50",
        "1 234,5",
        "1,234 567",
        "1234,567",
        "0,500",
        ",500",
        "1,,000",
        "1.234,50",
        "1,000,",
        "1 5",
    ],
)
def test_a_comma_elsewhere_is_never_dropped(text: str) -> None:
    with pytest.raises(Invalid, match="a point before decimals") as wrong:
        typed_points(text, 2)
    assert wrong.value.code == "number_invalid"


def test_a_float_is_no_number_here() -> None:
    with pytest.raises(Invalid):
        parse_decimal(1.5)


def test_decimals_are_bounded_as_written() -> None:
    assert parse_decimal("1.500", max_places=3) == Decimal("1.5")
    with pytest.raises(Invalid) as refused:
        parse_decimal("1.500", max_places=2)
    assert refused.value.code == "number_decimals"


def test_minus_nothing_is_nothing() -> None:
    assert not parse_decimal("-0.00").is_signed()


@given(PARTS, st.data())
def test_shares_are_parts_rounded_and_add_up(parts: list[Fraction], data: st.DataObject) -> None:
    total = data.draw(st.integers(sum(map(floor, parts)), sum(map(ceil, parts))))
    shares = largest_remainder(parts, total)
    assert sum(shares) == total
    assert all(floor(part) <= share <= ceil(part) for part, share in zip(parts, shares, strict=True))


@given(PARTS, st.integers(-(10**6), 10**6))
def test_any_total_is_shared_out_to_the_last_unit(parts: list[Fraction], total: int) -> None:
    shares = largest_remainder(parts, total)
    assert sum(shares) == total
    assert shares == largest_remainder(parts, total)


@given(st.lists(st.fractions(0, 1000, max_denominator=97), min_size=1, max_size=8), st.data())
def test_a_capped_total_gives_nobody_more_than_before(parts: list[Fraction], data: st.DataObject) -> None:
    whole = sum(parts)
    assume(whole > 0)
    total = data.draw(st.integers(0, floor(whole)))
    for part, share in zip(parts, largest_remainder(parts, total), strict=True):
        assert 0 <= share <= ceil(part)
        assert share == 0 or part > 0


def test_equal_parts_favour_the_earlier() -> None:
    assert largest_remainder([Decimal("0.5")] * 4, 2) == [1, 1, 0, 0]
    assert largest_remainder([Decimal("10.5"), Decimal("0.2"), Decimal("0.3")], 11) == [11, 0, 0]


def test_nothing_can_only_share_nothing() -> None:
    assert largest_remainder([], 0) == []
    with pytest.raises(ValueError, match="nothing"):
        largest_remainder([], 1)
    assert largest_remainder([0, 0], 3) == [2, 1]
