"""Conditions and an order that the tests of the language share."""

from datetime import time
from decimal import Decimal
from typing import Any

from loyalty.conditions.compiler import compile as compile_condition
from loyalty.conditions.standard import STANDARD

Json = dict[str, Any]

COFFEE = {"items": "any", "where": {"field": "item.category", "op": "eq", "value": "Coffee"}}
BIG_COFFEE = {"all": [{"field": "order.total", "op": "gte", "value": "50.00"}, COFFEE]}
ORDER: Json = {
    "order.total": Decimal("60.00"),
    "member.segments": frozenset({"vip"}),
    "time.time": time(23, 30),
    "items": [
        {
            "item.name": "Beans",
            "item.category": "coffee",
            "item.amount": Decimal("20.00"),
            "item.quantity": Decimal(2),
        },
        {
            "item.name": "Socks",
            "item.category": "Clothes",
            "item.amount": Decimal("40.00"),
            "item.quantity": Decimal(1),
        },
    ],
    "activity": {("spend", 90): Decimal("120.00")},
}


def matches(tree: object, view: Json = ORDER) -> bool:
    return compile_condition(tree, STANDARD).matches(view)


def leaf(field: str, op: str, value: object = None, **more: object) -> Json:
    return {"field": field, "op": op, **({} if value is None else {"value": value}), **more}
