"""A café that gives rewards: its points, its members with some of them, and short ways to put a reward on the shelf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from loyalty.ledger.balances import balances_now
from loyalty.ledger.books import Actor, Books
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from rewards import catalogue, stock
from rewards.models import Reward, Stock

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TILL = Actor("channel", "till-1")
OLGA = Actor("staff", "olga")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

OF_KIND: dict[str, dict[str, Any]] = {
    "discount": {"off": "money", "value": Decimal(5)},
    "voucher": {},
    "gift": {"value": Decimal(20)},
    "product": {"delivery": "ship", "sku": "MUG"},
    "experience": {},
    "donation": {"beneficiary": "Trees", "value": Decimal(2)},
    "partner": {"partner_code": "air", "partner_name": "Air", "unit_cost": Decimal("1.50")},
    "points": {},
}


def a_program(code: str = "cafe", **changes: Any) -> Program:
    terms = {"name": "Café", "currency": "EUR", "timezone": "Europe/Madrid", "created_at": NOON, **changes}
    return Program.objects.create(code=code, **terms)


def a_point_type(program: Program, code: str = "points", **changes: Any) -> PointType:
    terms = {"name_one": "point", "name_many": "points", "is_default": code == "points", **changes}
    return PointType.objects.create(program=program, code=code, **terms)


def a_member(points: PointType, has: int = 0, name: str = "Ada", **changes: Any) -> Member:
    terms = {"enrolled_at": NOON, "updated_at": NOON, **changes}
    member = Member.objects.create(program=points.program, name=name, **terms)
    if has:
        earned(member, points, has)
    return member


def earned(member: Member, points: PointType, has: int, at: datetime = NOON, **terms: Any) -> None:
    with transaction.atomic():
        books = Books.open([(member.pk, points)])
        books.earn(member.pk, points, has, occurred_at=at, recorded_at=at, actor=TILL, **terms)
        books.write()


def a_draft(points: PointType, kind: str = "discount", *, cost: int = 100, **changes: Any) -> Reward:
    loaded = changes.pop("loaded", None)
    prices = changes.pop("prices", [{"point_type": points, "points": cost}])
    values = {"code": kind, "name": kind.title(), "prices": prices, **OF_KIND[kind], **changes}
    return catalogue.create(points.program, kind, values, by="olga", at=NOON, loaded=loaded)


def a_reward(points: PointType, kind: str = "discount", **changes: Any) -> Reward:
    """A live reward for 100 points, without a limit unless `loaded` says one."""
    slots = changes.pop("slots", 10)
    draft = a_draft(points, kind, **changes)
    if kind == "experience":
        stock.make(
            draft, "friday", name="Friday", loaded=slots, by="olga", at=NOON,
            starts_at=NOON + 3 * DAY, ends_at=NOON + 3 * DAY + HOUR,
        )  # fmt: skip
    return catalogue.publish(draft, by="olga", at=NOON)


def stock_of(reward: Reward, code: str = "") -> Stock:
    return Stock.objects.get(reward=reward, code=code)


def available(member: Member, at: datetime = NOON) -> int:
    return balances_now(member.pk, at=at)[0].available
