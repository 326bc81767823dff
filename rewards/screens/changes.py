"""What differs between a stored reward and what somebody typed, in words: shown when two people save at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.words import Words
from loyalty.console import words as console_words
from loyalty.console.changes import plain
from loyalty.console.condition_drawing import said
from rewards import catalogue
from rewards.models import Price, Reward
from rewards.screens import words
from rewards.screens.form import TEXTS, RewardForm


class Change(NamedTuple):
    label: str
    old: str
    new: str


OTHERS: dict[str, Words] = {
    "weekdays": gettext_lazy("Days"),
    "hours": gettext_lazy("Hours"),
    "audience": gettext_lazy("Who"),
    "caps": gettext_lazy("Limits"),
    "delivery_attributes": gettext_lazy("What the member is asked for"),
}


def between(theirs: Reward, form: RewardForm) -> list[Change]:
    """Field by field, theirs first."""
    return list(_changes(theirs, form))


def _changes(theirs: Reward, form: RewardForm) -> Iterator[Change]:
    mine = form.values()
    for name in catalogue.fields_of(theirs):
        if name not in mine or mine[name] == getattr(theirs, name):
            continue
        label = TEXTS[name][0] if name in TEXTS else OTHERS.get(name, name)
        yield Change(str(label), _said(name, getattr(theirs, name), form), _said(name, mine[name], form))
    stored = list(theirs.prices.select_related("point_type"))
    old, new = prices_said(stored, form), prices_said(form.price_rows(), form)
    if old != new:
        yield Change(_("Prices"), old, new)


def _said(name: str, value: object, form: RewardForm) -> str:
    if name == "audience" and isinstance(value, dict):
        return said(value, form.schema) or console_words.NONE
    if name == "caps" and isinstance(value, list):
        return _(", ").join(words.cap(one) for one in value) or console_words.NONE
    return plain(value, form.program) or console_words.NONE


def prices_said(prices: list[Price], form: RewardForm) -> str:
    """`500 points (Gold); 800 points`."""
    tiers = words.tier_names(form.program.pk)
    told = []
    for price in prices:
        whom = words.for_whom(price, form.schema, tiers)
        cost = console_words.points(price.points, price.point_type)
        told.append(f"{cost} ({whom})" if whom else cost)
    return _("; ").join(told) or console_words.NONE
