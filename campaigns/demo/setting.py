"""The program of the demonstration: Almendra, a coffee roaster with four stores and a web shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from campaigns import versions
from campaigns.demo.year import Span
from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from loyalty.programs import programs
from loyalty.programs.models import Channel, ExpiryKind, ExpiryRounding, PointType, Program

MANAGER = "olga"
CODE, ZONE = "almendra", "Europe/Madrid"
ATTRIBUTES = [
    {"code": "city", "type": "text", "label": "City"},
    {"code": "newsletter", "type": "boolean", "label": "Newsletter"},
]
COFFEE = {"field": "item.category", "op": "eq", "value": "coffee"}


@dataclass(frozen=True, slots=True)
class Setting:
    program: Program
    points: PointType
    channels: dict[str, Channel]


def make(span: Span) -> Setting:
    """The program with its points, channels and campaigns, as on its opening day."""
    at = span.start - timedelta(days=3)
    program = programs.create(
        code=CODE, name="Almendra", currency="EUR", timezone=ZONE, at=at, phone_region="ES",
        member_schema=ATTRIBUTES, mode=Program.Mode.TEST,
    )  # fmt: skip
    points = PointType.objects.get(program=program)
    points.expiry_kind, points.expiry_count = ExpiryKind.ROLLING, 12
    points.expiry_rounding = ExpiryRounding.MONTH
    points.pending_kind, points.pending_days = PointType.Pending.DAYS, 14
    points.redeem_rate, points.redeem_minimum, points.redeem_increment = Decimal("0.01"), 200, 100
    points.save()
    channels = {
        code: Channel.objects.create(program=program, code=code, name=name, kind=kind, created_at=at)
        for code, name, kind in (("web", "Web shop", "shop"), ("till", "Tills", "till"))
    }
    setting = Setting(program, points, channels)
    for terms in _campaigns(span):
        _campaign(setting, at, **terms)
    return setting


def _campaign(
    setting: Setting, at: datetime, *, published: bool = True, since: datetime | None = None, **terms: Any
) -> None:
    kind = BonusCampaign if terms.keys() & {"multiplier", "table", "extra_points"} else EarningCampaign
    if "extra_points" in terms:
        terms["bonus"] = "extra"
    campaign: Campaign = kind.objects.create(
        program=setting.program,
        point_type=setting.points,
        created_at=at,
        updated_at=at,
        updated_by=MANAGER,
        **terms,
    )
    if published:
        versions.publish(campaign, by=MANAGER, at=at, effective_from=since)


def _campaigns(span: Span) -> list[dict[str, Any]]:
    ten = Decimal(10)
    return [
        {"code": "base", "name": "10 points per euro", "points": ten, "priority": 10},
        {
            "code": "welcome", "name": "Welcome", "trigger": "member.registered", "basis": "fixed",
            "points": Decimal(250), "caps": [{"times": 1, "per": "lifetime"}],
        },
        {
            "code": "review", "name": "Thanks for your review", "trigger": "review.submitted", "basis": "fixed",
            "points": Decimal(50), "caps": [{"times": 2, "per": "month"}],
            "conditions": {"field": "event.length", "op": "gte", "value": "50"},
        },
        {
            "code": "visit", "name": "A visit to the store", "trigger": "visit.checked_in", "basis": "fixed",
            "points": Decimal(20), "caps": [{"times": 1, "per": "day"}],
        },
        {
            "code": "tiers", "name": "More for silver and gold", "multiplier": None, "table_field": "member.tier",
            "table": {"silver": "1.25", "gold": "1.5"}, "priority": 20,
        },
        {
            "code": "weekend", "name": "Double weekend", "multiplier": Decimal(2), "weekdays": ["sat", "sun"],
            "stacking_group": "promotions",
        },
        {
            "code": "coffee", "name": "Coffee counts three times", "multiplier": Decimal(3), "items": COFFEE,
            "stacking_group": "promotions", "caps": [{"points": "800", "per": "month"}],
        },
        {
            "code": "autumn", "name": "Autumn basket", "extra_points": Decimal(150), "budget": 100_000,
            "conditions": {"field": "order.qualifying", "op": "gte", "value": "60"},
            "starts_at": span.day(60), "ends_at": span.day(-20),
        },
        {
            "code": "tea", "name": "Tea time", "multiplier": Decimal(2), "hours": [["16:00", "19:00"]],
            "items": {"field": "item.category", "op": "eq", "value": "tea"}, "starts_at": span.day(200),
        },
        {
            "code": "birthday", "name": "Birthday coffee", "extra_points": Decimal(300), "published": False,
            "audience": {"field": "member.is_birthday", "op": "eq", "value": True},
            "caps": [{"times": 1, "per": "year"}],
        },
    ]  # fmt: skip
