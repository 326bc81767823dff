"""What keeps a reward from going live: all of it at once, each with the field that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import FieldError
from loyalty.base.numbers import MAX_UNITS
from loyalty.programs.schedule import WEEKDAYS, window
from rewards import audience
from rewards.limits import MAX_TIMES, Cap
from rewards.models import (
    DiscountReward,
    DonationReward,
    ExperienceReward,
    GiftValueReward,
    PointsReward,
    Price,
    ProductReward,
    Reward,
    Stock,
)

MOST_PRICES = 50


def faults(reward: Reward) -> list[FieldError]:
    """The faults of a reward as it is stored, none when it can go live."""
    prices = list(reward.prices.select_related("point_type"))
    return [
        *_general(reward),
        *_dates(reward),
        *_limits(reward),
        *_prices(reward, prices),
        *_of_kind(reward),
        *_automatic(reward, prices),
    ]


def _general(reward: Reward) -> Iterator[FieldError]:
    if not reward.name.strip():
        yield FieldError("name", "required", _("Give the reward a name."))
    yield from audience.faults("audience", reward.audience, audience.schema_of(reward.program))
    yield from _whole_units(reward, "unit_cost", reward.unit_cost)


def _dates(reward: Reward) -> Iterator[FieldError]:
    starts, ends = reward.starts_at, reward.ends_at
    if starts is not None and ends is not None and ends <= starts:
        message = _("The end date is not after the start date. Change one of them.")
        yield FieldError("ends_at", "ends_before_start", message)
    if not isinstance(reward.weekdays, list) or set(map(str, reward.weekdays)) - set(WEEKDAYS):
        yield FieldError("weekdays", "weekday_unknown", _("Choose days of the week."))
    for index, pair in enumerate(reward.hours if isinstance(reward.hours, list) else [None]):
        try:
            window(pair)
        except ValueError:
            yield FieldError(f"hours/{index}", "hours_invalid", _("Give two times such as 17:00 and 19:00."))


def _limits(reward: Reward) -> Iterator[FieldError]:
    seen = set()
    for index, raw in enumerate(reward.caps if isinstance(reward.caps, list) else [None]):
        try:
            cap = Cap.parse(raw)
        except ValueError:
            yield FieldError(f"caps/{index}", "cap_invalid", _cap_words())
            continue
        if cap.per in seen:
            message = _("There is already such a limit for this period.")
            yield FieldError(f"caps/{index}", "cap_twice", message)
        seen.add(cap.per)


def _cap_words() -> str:
    most = f"{MAX_TIMES:,}"
    return _("Give a number of times from 1 to %(most)s, and a period.") % {"most": most}


def _prices(reward: Reward, prices: Sequence[Price]) -> Iterator[FieldError]:
    if not prices:
        yield FieldError("prices", "price_missing", _("Say what it costs."))
    schema = audience.schema_of(reward.program)
    for index, price in enumerate(prices):
        path = f"prices/{index}"
        if price.point_type.program_id != reward.program_id:
            message = _("Choose a point type of this program.")
            yield FieldError(f"{path}/point_type", "point_type_unknown", message)
        if not 0 <= price.points <= MAX_UNITS:
            yield FieldError(f"{path}/points", "points_invalid", _("A price is 0 points or more."))
        if not isinstance(price.tiers, list) or not all(isinstance(code, str) for code in price.tiers):
            yield FieldError(f"{path}/tiers", "tiers_invalid", _("Choose tiers."))
        yield from audience.faults(f"{path}/audience", price.audience, schema)


def _of_kind(reward: Reward) -> Iterable[FieldError]:
    match reward:
        case DiscountReward():
            return _discount(reward)
        case GiftValueReward():
            return _amount(reward, reward.value)
        case ProductReward():
            return _delivery(reward)
        case ExperienceReward():
            return _slots(reward)
        case DonationReward():
            return [*_amount(reward, reward.value), *_named("beneficiary", reward.beneficiary)]
        case PointsReward():
            return _points(reward)
    return []


def _discount(reward: DiscountReward) -> Iterator[FieldError]:
    if reward.off == DiscountReward.Off.MONEY:
        yield from _amount(reward, reward.value)
    else:
        yield from _above_zero("value", reward.value)
        if reward.value > 100:
            yield FieldError("value", "percent_invalid", _("A percentage is at most 100."))
    yield from _whole_units(reward, "minimum_order", reward.minimum_order)


def _delivery(reward: ProductReward) -> Iterator[FieldError]:
    asked = reward.delivery_attributes
    for index, one in enumerate(asked if isinstance(asked, list) else [None]):
        if not _is_attribute(one):
            message = _("Give a code of lower-case letters, and a label.")
            yield FieldError(f"delivery_attributes/{index}", "attribute_invalid", message)


def _is_attribute(one: object) -> bool:
    if not isinstance(one, Mapping) or set(one) - {"code", "label", "required"}:
        return False
    code, label = one.get("code"), one.get("label")
    named = (
        isinstance(code, str) and bool(re.fullmatch(r"[a-z][a-z0-9_]{0,49}", code)) and isinstance(label, str)
    )
    return named and bool(label) and isinstance(one.get("required", False), bool)


def _slots(reward: ExperienceReward) -> Iterator[FieldError]:
    slots = Stock.objects.filter(reward=reward, is_open=True)
    if not slots.exclude(code="").exists():
        yield FieldError("slots", "slot_missing", _("Add a date with its number of places."))
    if slots.filter(starts_at=None).exclude(code="").exists():
        yield FieldError("slots", "slot_without_date", _("Each slot has a date."))


def _points(reward: PointsReward) -> Iterator[FieldError]:
    if reward.into.program_id != reward.program_id:
        yield FieldError("into", "point_type_unknown", _("Choose a point type of this program."))
    if reward.prices.filter(point_type=reward.into_id).exists():
        yield FieldError("into", "same_points", _("It gives the same points that it costs."))
    if not 0 < reward.gives <= MAX_UNITS:
        yield FieldError("gives", "points_invalid", _("Say how many points it gives."))


def _automatic(reward: Reward, prices: Sequence[Price]) -> Iterator[FieldError]:
    if reward.auto_redeem_at is None:
        return
    needs_a_choice = Stock.objects.filter(reward=reward, is_open=True).count() > 1
    asks = isinstance(reward, ProductReward) and any(
        isinstance(one, Mapping) and one.get("required") for one in reward.delivery_attributes
    )
    if needs_a_choice or asks:
        message = _("It cannot be redeemed by itself: the member has to choose or to tell something.")
        yield FieldError("auto_redeem_at", "auto_redeem_impossible", message)
    if any(price.points < 1 for price in prices):
        yield FieldError("auto_redeem_at", "auto_redeem_free", _("What is free is not redeemed by itself."))


def _amount(reward: Reward, value: Any) -> Iterator[FieldError]:
    yield from _above_zero("value", value)
    yield from _whole_units(reward, "value", value)


def _whole_units(reward: Reward, path: str, value: Any) -> Iterator[FieldError]:
    """Money has at most the decimals of the program's currency: nothing smaller can be paid."""
    most = currency_decimals(reward.program.currency)
    if value is not None and round(Decimal(value), most) != Decimal(value):
        message = ngettext("Give at most %(n)d decimal.", "Give at most %(n)d decimals.", most) % {"n": most}
        yield FieldError(path, "money_decimals", message if most else _("Give a whole number."))


def _above_zero(path: str, value: Any) -> Iterator[FieldError]:
    if value is None or Decimal(value) <= 0:
        yield FieldError(path, "value_invalid", _("Give a value above zero."))


def _named(path: str, text: str) -> Iterator[FieldError]:
    if not text.strip():
        yield FieldError(path, "required", _("Please fill this in."))
