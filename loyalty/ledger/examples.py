"""Example answers for the public document. A test holds them against what the endpoints really answer."""

from __future__ import annotations

from typing import Any

MEMBER_ID = "019a9f3c-7d2a-7a01-9f6e-0b8f5a1c2d3e"
OTHER_ID = "019a9f3c-8e10-7c42-a3d5-6f7b2e9c1a04"
EVENT_ID = "019a9f40-11c5-7b09-8d2e-3a4c5f6b7e80"
EARNED_ID = "019a9f40-11d9-7f35-b0aa-9c1d2e3f4a5b"
REDEEMED_ID = "019a9f52-6b0c-7d18-9b3f-2e5a7c9d1f60"

BALANCE: dict[str, Any] = {
    "point_type": "points",
    "decimals": 0,
    "available": 1250,
    "active": 1250,
    "pending": 40,
    "held": 0,
    "debt": 0,
    "lifetime": 1790,
    "expiring": [{"points": 1290, "expires_at": "2027-11-30T23:00:00Z"}],
}
BALANCES: dict[str, Any] = {"member": MEMBER_ID, "at": "2026-11-22T10:15:00Z", "balances": [BALANCE]}
MEMBER: dict[str, Any] = {
    "id": MEMBER_ID,
    "state": "active",
    "external_id": "ana",
    "email": "ana@example.org",
    "phone": "+34600111222",
    "card": None,
    "name": "Ana García",
    "birthday": "1990-05-14",
    "attributes": {},
    "tier": None,
    "enrolled_at": "2026-01-08T09:00:00Z",
    "balances": [BALANCE],
}


def _transaction(kind: str, points: int, **more: object) -> dict[str, Any]:
    return {
        "id": REDEEMED_ID,
        "kind": kind,
        "member": MEMBER_ID,
        "point_type": "points",
        "points": points,
        "reference": "",
        "reverses": None,
        "counterpart": None,
        "forgiven": 0,
        "already_expired": 0,
        "occurred_at": "2026-11-22T10:15:00Z",
        **more,
    }


HISTORY: dict[str, Any] = {
    "items": [
        {
            "id": EARNED_ID,
            "kind": "earn",
            "point_type": "points",
            "points": 48,
            "balance_after": 1290,
            "hold": None,
            "lapses_at": None,
            "reason": "Earned",
            "reason_code": "",
            "note": "",
            "reference": "A-1001",
            "event": EVENT_ID,
            "about": None,
            "reverses": None,
            "counterpart": None,
            "forgiven": 0,
            "already_expired": 0,
            "available_at": "2026-11-22T10:00:00Z",
            "expires_at": "2027-11-30T23:00:00Z",
            "actor": {"kind": "channel", "name": "shop"},
            "occurred_at": "2026-11-22T10:00:00Z",
            "recorded_at": "2026-11-22T10:00:01Z",
        }
    ],
    "has_more": False,
    "next": None,
}
REDEEM_BODY = {
    "member": "ext:ana",
    "points": 500,
    "order_total": "38.20",
    "reference": "A-1002",
    "hold": True,
}
REDEEM = {
    "transaction": _transaction("redeem", -500, reference="A-1002"),
    "points": 500,
    "money_off": "5.00",
    "currency": "EUR",
    "lapses_at": "2026-11-22T10:30:00Z",
    "available": 750,
}
TRANSFER_BODY = {"member": "ext:ana", "to": "ext:ben", "points": 100, "note": "Happy birthday"}
TRANSFER = {"transaction": _transaction("transfer", -100, counterpart=OTHER_ID), "available": 650}
REVERSE_BODY = {"reason_code": "till_mistake"}
REVERSE = {
    "transaction": _transaction("refund", 500, reference="A-1002", reverses=REDEEMED_ID),
    "available": 1150,
}
