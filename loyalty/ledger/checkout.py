"""Paying with points at checkout: what points are worth, and how many an order takes.

All in smallest units of the point type; money in the program's currency, always rounded down, so that points
never pay more than they are worth.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import Conflict, Invalid
from loyalty.base.numbers import format_points, points_of
from loyalty.programs.models import PointType

CHECKOUT: Final = (
    "checkout"  # the reason of what was redeemed to pay an order; its reference is the order's number
)
WHOLE: Final = 100  # percent


class Payment(NamedTuple):
    """So many points pay so much."""

    points: int
    money: Decimal


class PointsCannotPay(Conflict):
    code = "points_cannot_pay"
    title = "These points cannot be used as money"


def worth(point_type: PointType, points: int) -> Decimal:
    """What `points` pay, in whole coins of the program's currency. Raises PointsCannotPay."""
    exact = points_of(points, point_type.decimals) * _rate(point_type)
    return exact.quantize(_coin(point_type), ROUND_DOWN)


def payment(point_type: PointType, points: int, order_total: Decimal | None) -> Payment:
    """What a member who offers `points` pays with: never more of them than the order takes, or than the share of it
    that points may pay.

    Raises PointsCannotPay; Invalid `points_below_minimum`, `points_not_in_steps`, `order_total_zero`,
    `order_total_too_small`, `points_worth_nothing`; `required`, without a total of which points pay only a share.
    """
    _rate(point_type)
    _check_offer(point_type, points)
    if order_total is None and point_type.redeem_max_percent < WHOLE:
        told = f"Points pay at most {point_type.redeem_max_percent}% of an order: say what it comes to."
        raise Invalid.field("/order_total", "required", told)
    if order_total is not None:
        if order_total <= 0:
            raise Invalid.field("/order_total", "order_total_zero", "There is nothing to pay.")
        points = min(points, _most_for(point_type, order_total))
        if points < max(point_type.redeem_minimum, 1):
            told = "The order is too small to pay with the fewest points that can be used at once."
            raise Invalid(told, code="order_total_too_small", extra=_terms(point_type))
    money = worth(point_type, points)
    if money <= 0:
        raise Invalid.field("/points", "points_worth_nothing", "So few points are worth less than a coin.")
    return Payment(points, money)


def most(point_type: PointType, available: int, order_total: Decimal) -> Payment | None:
    """The most that a member with `available` points could pay of an order; None when it is nothing."""
    if not point_type.redeem_rate:
        return None
    points = min(_whole_steps(point_type, max(available, 0)), _most_for(point_type, order_total))
    money = worth(point_type, points)
    return Payment(points, money) if money > 0 and points >= point_type.redeem_minimum else None


def _check_offer(point_type: PointType, points: int) -> None:
    if points < point_type.redeem_minimum:
        told = f"At least {_said(point_type, point_type.redeem_minimum)} are used at once."
        raise _refused(point_type, "points_below_minimum", told)
    if points % point_type.redeem_increment:
        told = f"Points are used in steps of {_said(point_type, point_type.redeem_increment)}."
        raise _refused(point_type, "points_not_in_steps", told)


def _said(point_type: PointType, units: int) -> str:
    """`100.00 miles`: as the person at the till counts them."""
    name = point_type.name_one if units == 10**point_type.decimals else point_type.name_many
    return f"{format_points(units, point_type.decimals)} {name}"


def _refused(point_type: PointType, code: str, told: str) -> Invalid:
    refused = Invalid.field("/points", code, told)
    refused.extra.update(_terms(point_type))
    return refused


def _terms(point_type: PointType) -> dict[str, object]:
    return {
        "minimum": point_type.redeem_minimum,
        "increment": point_type.redeem_increment,
        "max_percent": point_type.redeem_max_percent,
    }


def _rate(point_type: PointType) -> Decimal:
    if not point_type.redeem_rate:
        raise PointsCannotPay
    return point_type.redeem_rate


def _most_for(point_type: PointType, order_total: Decimal) -> int:
    """The most points, in whole steps, that are worth no more than what they may pay of the order."""
    units = payable(point_type, order_total) * 10**point_type.decimals / _rate(point_type)
    return _whole_steps(point_type, int(units))


def payable(point_type: PointType, order_total: Decimal) -> Decimal:
    """How much of an order points may pay, in whole coins."""
    share = order_total * point_type.redeem_max_percent / WHOLE
    return share.quantize(_coin(point_type), ROUND_DOWN)


def _coin(point_type: PointType) -> Decimal:
    return Decimal(1).scaleb(-currency_decimals(point_type.program.currency))


def _whole_steps(point_type: PointType, points: int) -> int:
    return points // point_type.redeem_increment * point_type.redeem_increment
