"""What Beans' web shop sends: Ana's order of two bags and a mug, and whatever else a test needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from loyalty.base.clock import write_instant
from loyalty.events.intake import Receipt, receive
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import Channel
from tests.programs.characters import NOON

YESTERDAY = NOON - timedelta(days=1)
Json = dict[str, Any]


def ana(channel: Channel) -> Member:
    profile = {
        "external_id": "ana",
        "email": "ana@example.org",
        "phone": "+447911123456",
        "name": "Ana Secret",
    }
    return members.register(channel.program, profile, channel=channel, at=NOON)[0]


def an_order(**changes: Any) -> Json:
    """42.00 GBP: two bags at 16.00 less 2.00, one mug at 12.00."""
    return {
        "order_id": "o-1",
        "currency": "GBP",
        "lines": [
            {"sku": "bag", "quantity": 2, "unit_price": "16.00", "discount": "2.00", "tax": "5.00"},
            {"sku": "mug", "unit_price": "12.00"},
        ],
        **changes,
    }


def an_event(event_id: str = "e-1", kind: str = "order.completed", **changes: Any) -> Json:
    return {
        "id": event_id,
        "type": kind,
        "occurred_at": write_instant(YESTERDAY),
        "member": "ext:ana",
        "data": an_order(),
        **changes,
    }


def send(channel: Channel, *items: object) -> list[Receipt]:
    return receive(channel, items, at=NOON)


def faults(receipt: Receipt) -> list[tuple[str, str]]:
    assert receipt.fault is not None, f"accepted: {receipt}"
    return [(one.path, one.code) for one in receipt.fault.errors]
