"""Starts for usual campaigns: a draft with its main values filled in, to be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from loyalty.base.words import Words
from loyalty.programs.models import PointType, Program


@dataclass(frozen=True, slots=True)
class Recipe:
    """A usual campaign: its card, and the values of its draft."""

    code: str
    icon: str
    title: Words
    text: Words
    kind: type[EarningCampaign] | type[BonusCampaign]
    values: Mapping[str, Any]


RECIPES: dict[str, Recipe] = {
    recipe.code: recipe
    for recipe in (
        Recipe(
            "base",
            "shopping_bag",
            _("Points for spending"),
            _("The base rule: so many points for each unit of money spent."),
            EarningCampaign,
            {
                "name": "Points for spending",
                "code": "base",
                "basis": "amount",
                "points": Decimal(1),
                "step": Decimal(1),
            },
        ),
        Recipe(
            "weekend",
            "celebration",
            _("Double points weekend"),
            _("Twice the base points on Saturdays and Sundays."),
            BonusCampaign,
            {
                "name": "Double points weekend",
                "code": "double-weekend",
                "multiplier": Decimal(2),
                "weekdays": ["sat", "sun"],
            },
        ),
        Recipe(
            "tiers",
            "stairs",
            _("More points by tier"),
            _("Base points are multiplied as each member's tier says."),
            BonusCampaign,
            {"name": "More points by tier", "code": "tier-bonus", "bonus": "tier"},
        ),
        Recipe(
            "category",
            "category",
            _("Category boost"),
            _("More points on items of a category or brand."),
            BonusCampaign,
            {
                "name": "Category boost",
                "code": "category-boost",
                "multiplier": Decimal(3),
                "items": {"field": "item.category", "op": "in", "value": []},
            },
        ),
        Recipe(
            "welcome",
            "waving_hand",
            _("Welcome points"),
            _("A fixed number of points for joining, once for each member."),
            EarningCampaign,
            {
                "name": "Welcome points",
                "code": "welcome",
                "trigger": "member.registered",
                "basis": "fixed",
                "points": Decimal(100),
                "caps": [{"times": 1, "per": "lifetime"}],
            },
        ),
        Recipe(
            "birthday",
            "cake",
            _("Birthday bonus"),
            _("A multiplier for what members buy on their birthday."),
            BonusCampaign,
            {
                "name": "Birthday bonus",
                "code": "birthday",
                "multiplier": Decimal(2),
                "audience": {"field": "member.is_birthday", "op": "eq", "value": True},
            },
        ),
        Recipe(
            "review",
            "rate_review",
            _("Points for a review"),
            _("Points for writing a review, with a limit a month."),
            EarningCampaign,
            {
                "name": "Points for a review",
                "code": "review",
                "trigger": "review.submitted",
                "basis": "fixed",
                "points": Decimal(20),
                "caps": [{"times": 3, "per": "month"}],
            },
        ),
        Recipe(
            "earning",
            "add_circle",
            _("Empty base rule"),
            _("Start from nothing: points for an event."),
            EarningCampaign,
            {},
        ),
        Recipe(
            "bonus",
            "stars",
            _("Empty bonus"),
            _("Start from nothing: something on top of the base points."),
            BonusCampaign,
            {},
        ),
    )
}


def start(code: str, program: Program) -> Campaign | None:
    """An unsaved draft of the recipe; None while the program has no points to give."""
    recipe = RECIPES[code]
    point_type = PointType.objects.filter(program=program).order_by("-is_default", "code").first()
    if point_type is None:
        return None
    campaign = recipe.kind(program=program, point_type=point_type)
    for name, value in recipe.values.items():
        setattr(campaign, name, value)
    return campaign
