"""Example requests and answers for the public document. A test runs and compares them."""

from __future__ import annotations

from typing import Any

from loyalty.ledger.examples import MEMBER_ID, REDEEMED_ID

REDEMPTION_ID = "019a9f60-2f1b-7c80-a1d4-5b6c7d8e9f01"
PICTURE = "https://loyalty.example.org/pictures/4f0c2a.webp"

REWARDS: dict[str, Any] = {
    "items": [
        {
            "id": 7,
            "code": "mug",
            "kind": "product",
            "name": "Stoneware mug",
            "description": "Thrown and glazed by hand.",
            "terms": "",
            "picture": PICTURE,
            "status": "live",
            "starts_at": None,
            "ends_at": "2026-12-31T23:00:00Z",
            "weekdays": [],
            "hours": [],
            "benefit": {"delivery": "ship", "sku": "KI-MUG", "hours": 48},
            "currency": "EUR",
            "prices": [
                {"point_type": "points", "points": 1200, "tiers": ["gold"], "for_some": False},
                {"point_type": "points", "points": 1400, "tiers": [], "for_some": False},
            ],
            "for_some": False,
            "caps": [{"times": 2, "per": "year"}],
            "cooldown_hours": None,
            "reserve_minutes": 15,
            "asks": [{"code": "address", "label": "Address", "required": True}],
            "options": [
                {"code": "white", "name": "White", "starts_at": None, "ends_at": None, "left": 12},
                {"code": "blue", "name": "Blue", "starts_at": None, "ends_at": None, "left": 0},
            ],
            "left": 12,
            "sold_out": False,
            "low": False,
        }
    ],
    "has_more": False,
    "next": None,
}
OFFERS: dict[str, Any] = {
    "member": MEMBER_ID,
    "at": "2026-11-22T10:15:00Z",
    "offers": [
        {
            "id": 3,
            "code": "five-off",
            "kind": "discount",
            "name": "5 € off",
            "picture": None,
            "state": "available",
            "costs": [{"point_type": "points", "points": 500, "listed": 500, "has": 1250, "missing": 0}],
            "options": [],
            "reasons": [],
        },
        {
            "id": 7,
            "code": "mug",
            "kind": "product",
            "name": "Stoneware mug",
            "picture": PICTURE,
            "state": "near",
            "costs": [{"point_type": "points", "points": 1400, "listed": 1400, "has": 1250, "missing": 150}],
            "options": [{"code": "white", "name": "White", "starts_at": None, "ends_at": None, "left": 12}],
            "reasons": [
                {
                    "code": "insufficient_points",
                    "message": "It costs 1,400 points. There are 1,250 points: 150 points are missing.",
                    "point_type": "points",
                    "needed": 1400,
                    "has": 1250,
                    "missing": 150,
                }
            ],
        },
    ],
    "reasons": [],
}
CLAIM_BODY: dict[str, Any] = {"member": "ext:ana", "mode": "redeem", "reference": "till-7-000126"}


def _redemption(**more: object) -> dict[str, Any]:
    return {
        "id": REDEMPTION_ID,
        "reward": "five-off",
        "name": "5 € off",
        "kind": "discount",
        "state": "confirmed",
        "step": None,
        "member": MEMBER_ID,
        "option": None,
        "option_name": None,
        "starts_at": None,
        "point_type": "points",
        "points": 500,
        "points_back": 0,
        "transaction": REDEEMED_ID,
        "code": None,
        "code_masked": "••••4T2W",
        "benefit": {"off": "money", "value": "5.00", "minimum_order": "20.00", "valid_days": 60},
        "currency": "EUR",
        "remaining": None,
        "asks": [],
        "reserved_until": None,
        "expires_at": "2027-01-22T23:00:00Z",
        "due_at": None,
        "carrier": "",
        "tracking": "",
        "reference": "till-7-000126",
        "reason": "",
        "actor": {"kind": "channel", "name": "shop"},
        "created_at": "2026-11-22T10:15:00Z",
        "confirmed_at": "2026-11-22T10:15:00Z",
        "fulfilled_at": None,
        "closed_at": None,
        **more,
    }


REDEMPTION = _redemption(code="7K3M-9QXD-4T2W")
LOOK = {
    **REDEMPTION,
    "details": {},
    "steps": [
        {
            "kind": "confirmed",
            "state": "confirmed",
            "occurred_at": "2026-11-22T10:15:00Z",
            "actor": {"kind": "channel", "name": "shop"},
            "note": "",
            "data": {},
        }
    ],
}
CONFIRM_BODY: dict[str, Any] = {"details": {}}
CANCEL_BODY = {"reason": "Changed her mind"}
CANCELLED = _redemption(
    state="cancelled", points_back=500, reason="Changed her mind", closed_at="2026-11-22T10:20:00Z"
)
USE_BODY = {"reference": "R-000127"}
USED = _redemption(state="fulfilled", fulfilled_at="2026-11-24T17:02:00Z")
FULFIL_BODY = {"step": "sent", "carrier": "Correos", "tracking": "PQ4F7X0800123"}
SENT = _redemption(
    reward="mug",
    name="Stoneware mug",
    kind="product",
    step="sent",
    option="white",
    option_name="White",
    points=1400,
    code_masked=None,
    benefit={"delivery": "ship", "sku": "KI-MUG", "hours": 48},
    asks=[{"code": "address", "label": "Address", "required": True}],
    expires_at=None,
    due_at="2026-11-24T10:15:00Z",
    carrier="Correos",
    tracking="PQ4F7X0800123",
)
REFUND_BODY = {"reason": "Broken on arrival"}
REFUNDED = _redemption(
    state="refunded",
    points_back=500,
    reason="Broken on arrival",
    fulfilled_at="2026-11-24T17:02:00Z",
    closed_at="2026-11-26T09:00:00Z",
)
