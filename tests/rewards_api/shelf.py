"""The shelf of the shop that calls: a reward of each kind that its tests ask for, and redemptions in any state."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from loyalty.base import clock
from loyalty.ledger.acts import Actor
from loyalty.members.models import Member
from loyalty.programs.models import Program
from rewards import catalogue, fulfilment, redemption, stock
from rewards.claiming import Wish
from rewards.models import Redemption, Reward

TILL = Actor("channel", "shop")
ADDRESS = {"address": "Calle de la Rosa 3, Madrid"}
ASKS = [{"code": "address", "label": "Address", "required": True}]

OF_KIND: dict[str, dict[str, Any]] = {
    "discount": {"off": "money", "value": Decimal(5), "minimum_order": Decimal(20), "valid_days": 60},
    "gift": {"value": Decimal(20), "unit_cost": Decimal("19.50")},
    "product": {"delivery": "ship", "sku": "MUG", "delivery_attributes": ASKS},
    "donation": {"beneficiary": "Trees", "value": Decimal(2)},
    "experience": {},
    "voucher": {},
    "points": {},
}


def a_reward(program: Program, code: str, kind: str = "discount", *, cost: int = 100, **more: Any) -> Reward:
    """A live reward, without a limit unless `loaded` says one."""
    at = clock.now()
    points = program.point_types.get(is_default=True)
    loaded, variants = more.pop("loaded", None), more.pop("variants", {})
    values = {
        "code": code,
        "name": code.replace("-", " ").title(),
        "prices": [{"point_type": points, "points": cost}],
        **OF_KIND[kind],
        **more,
    }
    made = catalogue.create(program, kind, values, by="olga", at=at, loaded=loaded)
    for number, (name, count) in enumerate(variants.items()):
        day = {"starts_at": at + timedelta(days=9)} if kind == "experience" else {}
        stock.make(made, name, name=name.title(), loaded=count, by="olga", at=at, position=number, **day)
    return catalogue.publish(made, by="olga", at=at)


def put_up(program: Program) -> None:
    a_reward(program, "five-off", cost=500)
    a_reward(program, "mug", "product", cost=300, variants={"white": 2, "blue": 0}, low_stock_at=2)
    a_reward(program, "gift-card", "gift", cost=400)
    a_reward(program, "far", cost=1900)


def taken(member: str, code: str, *, mode: str = "redeem", **wish: Any) -> Redemption:
    """What a member has taken."""
    who = Member.objects.get(pk=UUID(member))
    what = catalogue.find(who.program, code)
    take = redemption.reserve if mode == "reserve" else redemption.redeem
    return take(who, what, Wish(**wish), at=clock.now(), actor=TILL)


def taken_for(path: str, member: str) -> str:
    """The id of a redemption in the state that the last word of the path is for."""
    verb, at = path.rpartition("/")[2], clock.now()
    if verb == "fulfil":
        return str(taken(member, "mug", stock="white", details=ADDRESS).pk)
    row = taken(member, "five-off", mode="reserve" if verb == "confirm" else "redeem")
    if verb == "refund":
        redemption.use(row, at=at, actor=TILL)
    return str(row.pk)


def sent(row: Redemption) -> Redemption:
    return fulfilment.advance(row, "sent", at=clock.now(), actor=TILL)
