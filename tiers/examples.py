"""Example answers for the public document. A test holds them against what the endpoints really answer."""

from __future__ import annotations

from typing import Any

from loyalty.ledger.examples import EVENT_ID, MEMBER_ID

BENEFITS: dict[str, Any] = {
    "earning_multiplier": "1.25",
    "price_factor": "1",
    "early_access_days": 1,
    "points_expiry": None,
    "perks": [{"code": "shipping", "icon": "🚚", "text": "Free shipping"}],
}
TIER: dict[str, Any] = {
    "member": MEMBER_ID,
    "at": "2026-11-22T10:15:00Z",
    "standings": [
        {
            "ladder": "club",
            "name": "Club",
            "main": True,
            "tier": {
                "code": "silver",
                "name": "Silver",
                "since": "2026-03-04T17:20:00Z",
                "until": "2027-03-03",
                "manual": False,
                "benefits": BENEFITS,
            },
            "computed": {"code": "silver", "name": "Silver"},
            "measure": "spend",
            "point_type": None,
            "counted": "412.5",
            "counted_from": "2025-11-23",
            "next": {"code": "gold", "name": "Gold", "needed": "900", "missing": "487.5"},
            "begins_with_next_period": None,
            "keep": {
                "needed": "300",
                "counted": "96",
                "missing": "204",
                "counted_from": "2026-03-04",
                "by": "2027-03-03",
                "possible": True,
            },
            "risk": {"on": "2027-04-03", "to": {"code": "friend", "name": "Friend"}},
            "in_grace": False,
        }
    ],
}
HISTORY: dict[str, Any] = {
    "items": [
        {
            "id": 1841,
            "ladder": "club",
            "kind": "upgraded",
            "before": {"code": "friend", "name": "Friend"},
            "after": {"code": "silver", "name": "Silver"},
            "at": "2026-03-04T17:20:00Z",
            "review_on": "2027-03-04",
            "numbers": {
                "measure": "spend",
                "value": "316.5",
                "needed": "300",
                "from": "2025-03-05",
                "on": "2026-03-04",
            },
            "version": 2,
            "beneath": False,
            "event": EVENT_ID,
        }
    ],
    "has_more": False,
    "next": None,
}
