"""The corner shop with a ladder: Friend from 0, Silver from 100, Gold from 300 pounds in twelve months."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from campaigns.earning import drain
from loyalty.base import clock
from loyalty.members.models import Member
from loyalty.programs.models import Program
from tests.console import people
from tiers import drafts, versions
from tiers.models import LadderVersion, TierSet

TIERS: list[Mapping[str, Any]] = [
    {"code": "friend", "name": "Friend", "threshold": Decimal(0)},
    {"code": "silver", "name": "Silver", "threshold": Decimal(100)},
    {"code": "gold", "name": "Gold", "threshold": Decimal(300), "earning_multiplier": Decimal("1.5"),
     "perks": [{"code": "ship", "icon": "🚚", "text": "Free shipping"}]},
]  # fmt: skip
RULES: dict[str, Any] = {
    "code": "club", "name": "Club", "measure": "spend", "window": "rolling", "window_count": 12,
    "validity": "duration", "validity_count": 12,
}  # fmt: skip


def a_draft(program: Program, **more: Any) -> TierSet:
    return drafts.create(program, RULES | more, TIERS, by="olga", at=clock.now() - timedelta(days=60))


def a_ladder(program: Program, **more: Any) -> LadderVersion:
    """Published before anybody bought anything."""
    return versions.publish(a_draft(program, **more), by="olga", at=clock.now() - timedelta(days=60))


def changed(tier_set: TierSet, **thresholds: int) -> TierSet:
    """The draft with other thresholds."""
    tiers = [
        {**tier, "threshold": Decimal(thresholds.get(tier["code"], tier["threshold"]))} for tier in TIERS
    ]
    tier_set.refresh_from_db()
    return drafts.save(tier_set, {}, tiers=tiers, revision=tier_set.revision, by="olga", at=clock.now())


def a_member(program: Program, name: str = "ana", spent: int = 0) -> Member:
    """Somebody who has bought for so much, just now."""
    member = people.ana(
        program, external_id=name, email=f"{name}@example.org", phone=None, card=None, name=name.title()
    )
    if spent:
        channel = program.channels.filter(code="web").first() or people.a_channel(program)
        lines = [{"sku": "bag", "category": "Coffee", "quantity": 1, "unit_price": str(spent)}]
        receipt = people.an_order(channel, f"ext:{name}", f"O-{name}-{spent}", lines=lines)
        assert receipt.fault is None
        drain()
    member.refresh_from_db()
    return member
