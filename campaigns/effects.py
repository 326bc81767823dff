"""What one campaign is worth for one event, exactly and before any limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from campaigns.basket import Basket, Exact
from campaigns.definitions import Bonus, Earning

NONE = Fraction(0)
HALF = Fraction(1, 2)
Weigh = Callable[[], Sequence[Exact] | None]


@dataclass(slots=True)
class Base:
    """What a base rule gives, in smallest units. `counted / unit` is the quantity: money, items, units of an
    attribute. `weights` say how much of it each line brought (None: no line), `counted` is their sum."""

    raw: Fraction
    point_type_id: int
    counted: Exact = 0
    unit: int = 1
    weights: Sequence[Exact] | None = None

    def weigh(self) -> Sequence[Exact] | None:
        return self.weights

    def of_lines(self, matching: Sequence[bool] | None) -> Fraction:
        """The part that these lines brought. Points that no line brought belong to none of them."""
        if matching is None:
            return self.raw
        if not self.weights or not self.counted:
            return NONE
        brought = sum(weight for weight, yes in zip(self.weights, matching, strict=True) if yes)
        if brought == self.counted:
            return self.raw
        return Fraction(self.raw.numerator * brought, self.raw.denominator * self.counted)


@dataclass(slots=True)
class BonusValue:
    """What a bonus is worth; `weigh` tells how lines share it, when somebody asks."""

    raw: Fraction
    detail: dict[str, Any]
    weigh: Weigh


def earning_value(
    effect: Earning,
    basket: Basket | None,
    matching: Sequence[bool] | None,
    attributes: Mapping[str, Any],
    point_type_id: int,
) -> Base:
    """The base points of a rule: per amount, per item, fixed, or from an attribute of the event."""
    if effect.basis == "fixed":
        raw = effect.points if matching is None or any(matching) else NONE
        return Base(raw, point_type_id)
    if effect.basis == "attribute":
        counted = _number(attributes.get(effect.attribute))
        return Base(_steps(effect, counted, 1) if counted > 0 else NONE, point_type_id, counted)
    if basket is None:
        return Base(NONE, point_type_id)
    weights, unit = _weights(effect.basis, basket, matching)
    whole = sum(weights)
    return Base(_steps(effect, whole, unit), point_type_id, whole, unit, weights)


def _weights(basis: str, basket: Basket, matching: Sequence[bool] | None) -> tuple[list[Exact], int]:
    """What each line brings, and the unit it is counted in."""
    if basis == "amount":
        weights = [line.part for line in basket.lines]
    else:
        weights = [0 if line.gift_card else line.quantity for line in basket.lines]
    if matching is not None:
        weights = [weight if yes else 0 for weight, yes in zip(weights, matching, strict=True)]
    return weights, basket.parts if basis == "amount" else 1


def _steps(effect: Earning, counted: Exact, unit: int) -> Fraction:
    """Points for `counted / unit`: exact, or for whole steps only. One fraction is made, as each costs."""
    if not effect.step_rounding:
        return Fraction(counted * effect.per_unit.numerator, unit * effect.per_unit.denominator)
    steps = Fraction(counted * effect.step.denominator, unit * effect.step.numerator)
    match effect.step_rounding:
        case "down":
            whole = floor(steps)
        case "up":
            whole = ceil(steps)
        case _:
            whole = floor(steps + HALF)
    return effect.points * whole


def bonus_value(
    effect: Bonus, base: Sequence[Base], view: Mapping[str, Any], matching: Sequence[bool] | None
) -> BonusValue | None:
    """The bonus on these base rules; None when its table has no row for the event."""
    if effect.bonus == "extra":
        whole = matching is None or any(matching)
        return BonusValue(effect.extra if whole else NONE, {}, lambda: matching)
    factor = effect.factor(view)
    if factor is None:
        return None
    brought = NONE
    for one in base:
        part = one.of_lines(matching)
        brought = brought + part if brought else part
    top, bottom = factor.as_integer_ratio()
    raw = Fraction(brought.numerator * (top - bottom), brought.denominator * bottom)
    told: dict[str, Any] = {"multiplier": factor, "base": brought}
    if effect.bonus == "tier":
        told |= {"tier": view["tier"].code, "tier_name": view["tier"].name}
    return BonusValue(raw, told, lambda: _shared(base, matching))


def _shared(base: Sequence[Base], matching: Sequence[bool] | None) -> Sequence[Exact] | None:
    """How much of the multiplied base each line brought; None when no line brought any."""
    of_lines = [one for one in base if one.weights and one.counted]
    if not of_lines:
        return None
    rows = []
    for one in of_lines:
        assert one.weights is not None
        rate = one.raw / one.counted
        rows.append([rate * weight for weight in one.weights])
    summed = [sum(column, NONE) for column in zip(*rows, strict=True)]
    if matching is not None:
        summed = [weight if yes else NONE for weight, yes in zip(summed, matching, strict=True)]
    return summed


def _number(value: object) -> Fraction:
    """A numeric attribute; anything else counts as nothing."""
    if isinstance(value, bool):
        return NONE
    if isinstance(value, int | Decimal | Fraction):
        return Fraction(value)
    if isinstance(value, str):
        try:
            return Fraction(Decimal(value))
        except (ArithmeticError, ValueError):
            return NONE
    return NONE
