"""Starts for usual ladders: a draft with its tiers filled in, to be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.base.words import Words
from loyalty.programs.models import Program
from tiers.models import Tier, TierSet


@dataclass(frozen=True, slots=True)
class Recipe:
    """A usual ladder: its card, and the values of its draft."""

    code: str
    icon: str
    title: Words
    text: Words
    values: Mapping[str, Any]
    tiers: Sequence[Mapping[str, Any]]


def _tier(code: str, name: str, threshold: int, **more: Any) -> dict[str, Any]:
    return {"code": code, "name": name, "threshold": Decimal(threshold), **more}


RECIPES: dict[str, Recipe] = {
    recipe.code: recipe
    for recipe in (
        Recipe(
            "spend",
            "shopping_bag",
            _("By spend in twelve months"),
            _("For shops: three tiers by what was spent lately. Each lasts a year from the day it was reached."),
            {
                "name": "Club", "code": "club", "measure": "spend", "window": "rolling", "window_count": 12,
                "validity": "duration", "validity_count": 12, "grace_days": 30,
            },
            (
                _tier("friend", "Friend", 0),
                _tier("silver", "Silver", 300, early_access_days=1),
                _tier("gold", "Gold", 900, early_access_days=3, earning_multiplier=Decimal("1.5")),
            ),
        ),
        Recipe(
            "year",
            "flight",
            _("By points of the calendar year"),
            _("As airlines do: points earned in a year give a tier at once, to the end of the next year."),
            {
                "name": "Status", "code": "status", "measure": "points", "window": "calendar_year",
                "validity": "next_period", "downgrade": "one_step",
            },
            (
                _tier("silver", "Silver", 10_000, earning_multiplier=Decimal("1.25")),
                _tier("gold", "Gold", 25_000, earning_multiplier=Decimal("1.5")),
                _tier("platinum", "Platinum", 50_000, earning_multiplier=Decimal(2)),
            ),
        ),
        Recipe(
            "visits",
            "storefront",
            _("By visits"),
            _("For cafés and salons: regulars by how often they come. Whoever stays away drops."),
            {
                "name": "Regulars", "code": "regulars", "measure": "visits", "window": "rolling",
                "window_count": 6, "validity": "while_qualified", "grace_days": 14,
            },
            (_tier("regular", "Regular", 6), _tier("insider", "Insider", 20, early_access_days=2)),
        ),
        Recipe(
            "lifetime",
            "workspace_premium",
            _("Once reached, for good"),
            _("The simplest: what was spent since joining. Nobody ever drops."),
            {
                "name": "Levels", "code": "levels", "measure": "spend", "window": "lifetime",
                "validity": "while_qualified", "downgrade": "never",
            },
            (_tier("one", "Level 1", 100), _tier("two", "Level 2", 500), _tier("three", "Level 3", 1500)),
        ),
        Recipe(
            "empty",
            "add_circle",
            _("Empty ladder"),
            _("Start from nothing."),
            {},
            (),
        ),
    )
}  # fmt: skip


def start(code: str, program: Program) -> tuple[TierSet, list[Tier]]:
    """An unsaved draft of the recipe. The first ladder of a program is its main one."""
    recipe = RECIPES[code]
    own = TierSet.objects.filter(program=program)
    tier_set = TierSet(program=program, is_main=not own.filter(is_main=True).exists(), **recipe.values)
    if own.filter(code=tier_set.code).exists():
        tier_set.code = ""
    tiers = [Tier(tier_set=tier_set, rank=rank, **values) for rank, values in enumerate(recipe.tiers, 1)]
    return tier_set, tiers
