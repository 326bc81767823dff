"""Campaigns and events for the tests of this folder, each with plain values that a test overrides by name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.basket import Basket
from campaigns.caps import UNUSED, Usage
from campaigns.definitions import Terms, compile_terms
from campaigns.models import BonusCampaign, EarningCampaign
from campaigns.rating import Rating, rate
from campaigns.runs import Rules
from campaigns.subject import Facts, subject_of
from loyalty.base.numbers import Rounding
from loyalty.programs.models import PointType, Program

LONDON = ZoneInfo("Europe/London")
THURSDAY = datetime(2026, 11, 12, 14, 3, tzinfo=UTC)
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


class Ann:
    """An active member in Gold who joined two years ago."""

    state = "active"
    birthday = None
    attributes: dict[str, Any] = {"city": "Leeds"}
    enrolled_at = datetime(2024, 11, 1, tzinfo=UTC)
    tier_code = "gold"
    may_earn = True


def definition(code: str, kind: str, effect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "code": code,
        "name": code.capitalize(),
        "description": "",
        "point_type": {"id": 1, "code": "points", "decimals": 0},
        "currency": "GBP",
        "trigger": "order.completed",
        "conditions": None,
        "audience": None,
        "items": None,
        "starts_at": None,
        "ends_at": None,
        "weekdays": [],
        "hours": [],
        "caps": [],
        "budget": None,
        "priority": 100,
        "stacking_group": "",
        "fields": [],
        "effect": effect,
    } | more


def earning(
    code: str = "base",
    points: str = "1",
    step: str = "1",
    *,
    basis: str = "amount",
    rounding: str = "",
    **more: Any,
) -> dict[str, Any]:
    effect = {"basis": basis, "points": points, "step": step, "step_rounding": rounding}
    return definition(code, "earning", effect | {"attribute": more.pop("attribute", "")}, **more)


def bonus(code: str, multiplier: str = "2", **more: Any) -> dict[str, Any]:
    effect = {
        "bonus": "multiplier",
        "multiplier": multiplier,
        "table_field": more.pop("table_field", ""),
        "table": more.pop("table", {}),
        "extra_points": "",
    }
    return definition(code, "bonus", effect, **more)


def extra(code: str, points: str, **more: Any) -> dict[str, Any]:
    effect = {"bonus": "extra", "multiplier": "", "table_field": "", "table": {}, "extra_points": points}
    return definition(code, "bonus", effect, **more)


def compiled(*definitions: dict[str, Any]) -> tuple[Terms, ...]:
    """Terms with campaign ids 1, 2, … in this order."""
    return tuple(
        compile_terms(one, campaign_id=number, version_id=number, number=3)
        for number, one in enumerate(definitions, 1)
    )


def line(price: str, /, **more: Any) -> dict[str, Any]:
    return {"sku": "S1", "quantity": "1", "unit_price": price, "discount": "0.00", "tax": "0.00"} | more


def order(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"order_id": "A-1042", "currency": "GBP", "lines": list(lines)} | more


def rated(
    data: dict[str, Any] | Basket,
    *definitions: dict[str, Any],
    usage: Usage = UNUSED,
    at: datetime = THURSDAY,
    member: Any = Ann,
    rules: Rules | None = None,
    terms: tuple[Terms, ...] | None = None,
    **facts: Any,
) -> Rating:
    """Rate one order (or basket) of Ann's under these definitions."""
    terms = terms or compiled(*definitions)
    basket = data if isinstance(data, Basket) else Basket.from_payload(data, data["currency"])
    payload = {} if isinstance(data, Basket) else data
    known = Facts("order.completed", at, at.astimezone(LONDON), payload, member, basket, **facts)
    return rate(subject_of(known, terms), terms, usage, rules or Rules(Rounding.HALF_UP, "GBP"))


def outcomes(rating: Rating) -> dict[str, tuple[str, int]]:
    return {row["campaign"]: (row["outcome"], row["points"]) for row in rating.detail["campaigns"]}


def row_of(rating: Rating, code: str) -> dict[str, Any]:
    return next(row for row in rating.detail["campaigns"] if row["campaign"] == code)


def a_program(**more: Any) -> Program:
    given = {"code": "corner", "name": "Corner shop", "currency": "GBP", "timezone": "Europe/London"}
    return Program.objects.create(**given | {"created_at": FIRST_DAY} | more)


def a_point_type(program: Program, **more: Any) -> PointType:
    given = {"code": "points", "name_one": "point", "name_many": "points", "is_default": True}
    return PointType.objects.create(program=program, **given | more)


def an_earning(program: Program, code: str = "base", **more: Any) -> EarningCampaign:
    given = {"name": code.capitalize(), "points": Decimal(1), "step": Decimal(1)} | more
    return EarningCampaign.objects.create(
        program=program,
        code=code,
        point_type=program.point_types.get(),
        created_at=FIRST_DAY,
        updated_at=FIRST_DAY,
        **given,
    )


def a_bonus(program: Program, code: str = "double", **more: Any) -> BonusCampaign:
    given = {"name": code.capitalize(), "multiplier": Decimal(2)} | more
    return BonusCampaign.objects.create(
        program=program,
        code=code,
        point_type=program.point_types.get(),
        created_at=FIRST_DAY,
        updated_at=FIRST_DAY,
        **given,
    )
