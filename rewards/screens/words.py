"""Rewards in words: their kinds, their states, what they give, what they cost, who can have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.base.words import Words
from loyalty.conditions.fields import Schema
from loyalty.conditions.standard import WEEKDAYS
from loyalty.console import words
from loyalty.console.condition_drawing import said
from loyalty.programs.models import Program
from rewards.models import (
    DiscountReward,
    DonationReward,
    ExperienceReward,
    GiftValueReward,
    PartnerReward,
    PointsReward,
    Price,
    ProductReward,
    Reward,
    VoucherReward,
)
from tiers import published


class KindWords(NamedTuple):
    """A kind of reward on the page where one is chosen."""

    icon: str
    text: Words


KINDS: Final[dict[str, KindWords]] = {
    "discount": KindWords(
        "percent", gettext_lazy("Money or a percentage off an order, by a code that is made here.")
    ),
    "voucher": KindWords("confirmation_number", gettext_lazy("A code out of a list that you upload.")),
    "gift": KindWords("card_giftcard", gettext_lazy("Money on a code, spent at once or in parts.")),
    "product": KindWords("redeem", gettext_lazy("Goods that are sent, or picked up with a code.")),
    "experience": KindWords("local_activity", gettext_lazy("A place on a date, with so many places each.")),
    "donation": KindWords("volunteer_activism", gettext_lazy("Points become money for a good cause.")),
    "partner": KindWords("handshake", gettext_lazy("Something a partner gives; you settle month by month.")),
    "points": KindWords("swap_horiz", gettext_lazy("Points of one kind become points of another.")),
}
PERIODS: Final[dict[str, Words]] = {
    "day": gettext_lazy("a day"),
    "week": gettext_lazy("a week"),
    "month": gettext_lazy("a month"),
    "quarter": gettext_lazy("a quarter"),
    "year": gettext_lazy("a year"),
    "lifetime": gettext_lazy("in all"),
}
STATES: Final[dict[str, tuple[str, Words]]] = {
    "draft": ("quiet", gettext_lazy("Draft")),
    "scheduled": ("info", gettext_lazy("Scheduled")),
    "live": ("good", gettext_lazy("Live")),
    "over": ("quiet", gettext_lazy("Over")),
    "paused": ("warn", gettext_lazy("Paused")),
    "ended": ("quiet", gettext_lazy("Ended")),
}


@dataclass(frozen=True, slots=True)
class State:
    """Where a reward stands at an instant, with its tone and its word."""

    code: str

    @property
    def tone(self) -> str:
        return STATES[self.code][0]

    @property
    def label(self) -> str:
        return str(STATES[self.code][1])


def state_of(reward: Reward, at: datetime) -> State:
    """Its status; of a live one also whether its dates are still to come or over."""
    if reward.status != Reward.Status.LIVE:
        return State(reward.status)
    if reward.starts_at is not None and at < reward.starts_at:
        return State("scheduled")
    if reward.ends_at is not None and at >= reward.ends_at:
        return State("over")
    return State("live")


def icon_of(reward: Reward) -> str:
    return KINDS[reward.kind].icon


def gives(reward: Reward, program: Program) -> str:
    """What the member gets, in a few words."""
    match reward:
        case DiscountReward():
            return _discount(reward, program)
        case VoucherReward():
            return _("A voucher code")
        case GiftValueReward():
            return _("%(value)s to spend") % {"value": words.money(reward.value or 0, program.currency)}
        case ProductReward():
            return _("Picked up") if reward.delivery == "pick_up" else _("Sent home")
        case ExperienceReward():
            return _("A place on a date")
        case DonationReward():
            told = {"value": words.money(reward.value or 0, program.currency), "who": reward.beneficiary}
            return _("%(value)s for %(who)s") % told
        case PartnerReward():
            return _("From %(partner)s") % {"partner": reward.partner_name}
        case PointsReward():
            return words.points(reward.gives, reward.into) if reward.into_id and reward.gives else ""
    return ""


def _discount(reward: DiscountReward, program: Program) -> str:
    value = reward.value or Decimal(0)
    off = (
        _("%(n)s%% off") % {"n": format(value.normalize(), "f")}
        if reward.off == DiscountReward.Off.PERCENT
        else _("%(value)s off") % {"value": words.money(value, program.currency)}
    )
    if reward.minimum_order:
        least = words.money(reward.minimum_order, program.currency)
        return _("%(off)s, on orders from %(least)s") % {"off": off, "least": least}
    return off


def validity(reward: Reward) -> str:
    """How long a code can be used."""
    days = getattr(reward, "valid_days", None)
    return ngettext("Valid for %(n)d day", "Valid for %(n)d days", days) % {"n": days} if days else ""


def tier_names(program_id: int) -> dict[str, str]:
    """The tiers to choose from, by code, lowest first; also those that only older versions have."""
    found: dict[str, str] = {}
    for tier_set in published.of_program(program_id):
        for version in reversed(tier_set.versions):
            for rung in version.ladder.rungs:
                found.setdefault(rung.code, rung.name)
    return found


def who(reward: Reward, prices: Iterable[Price], schema: Schema, tiers: dict[str, str]) -> str:
    """Who can have it, in a few words."""
    if reward.audience:
        return said(reward.audience, schema)
    listed = list(prices)
    if listed and all(price.tiers for price in listed):
        codes = dict.fromkeys(code for price in listed for code in price.tiers)
        return _(", ").join(tiers.get(code, code) for code in codes)
    return _("All members")


def for_whom(price: Price, schema: Schema, tiers: dict[str, str]) -> str:
    """Whom a price is for; empty for everyone."""
    parts = [_(", ").join(tiers.get(code, code) for code in price.tiers)] if price.tiers else []
    parts += [said(price.audience, schema)] if price.audience else []
    return _("; ").join(parts)


def cost(prices: Iterable[Price]) -> str:
    """`from 800 points or 300 miles`: of each kind of points the lowest price."""
    lowest: dict[int, tuple[Price, bool]] = {}
    for price in prices:
        known = lowest.get(price.point_type_id)
        least = price if known is None or price.points < known[0].points else known[0]
        lowest[price.point_type_id] = least, known is not None
    told = [
        (_("from %(points)s") if several else "%(points)s") % {"points": _points(price)}
        for price, several in lowest.values()
    ]
    return _(" or ").join(told)


def _points(price: Price) -> str:
    return words.points(price.points, price.point_type) if price.points else _("Free")


def cap(raw: Any) -> str:
    """`2 times a month`."""
    if not isinstance(raw, dict):
        return words.NONE
    times = raw.get("times")
    if raw.get("per") not in PERIODS or times in (None, ""):
        return words.NONE
    if not isinstance(times, int):  # as typed: what keeps it from being published is said elsewhere
        return f"{times} {PERIODS[raw['per']]}"
    told = ngettext("%(n)s time", "%(n)s times", times) % {"n": words.number(times)}
    return f"{told} {PERIODS[raw['per']]}"


def days_and_hours(reward: Reward) -> str:
    """`Saturday, Sunday; 17:00 to 19:00`."""
    days = _(", ").join(str(WEEKDAYS[day]) for day in reward.weekdays if day in WEEKDAYS)
    hours = _(", ").join(_("%(a)s to %(b)s") % {"a": pair[0], "b": pair[1]} for pair in reward.hours)
    return _("; ").join(part for part in (days, hours) if part)
