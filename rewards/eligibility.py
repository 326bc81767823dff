"""Whether a member can have a reward now, and every reason why not: pure rules over what was loaded.

Each reason has a code that a machine can act on, numbers, and a sentence that a cashier can say. All reasons are
given, the one that nothing can be done about first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, ParamSpec, cast
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from loyalty.base.clock import write_instant
from loyalty.base.numbers import Rounding, to_units
from loyalty.base.words import Words
from loyalty.console import words
from loyalty.programs.models import PointType
from rewards.limits import Reached, cooling_until, reached
from rewards.models import Reward
from rewards.shelf import Item, Listed

P = ParamSpec("P")

PASSING: Final = frozenset({"insufficient_points", "not_yet", "cap_reached", "cooldown", "outside_hours"})
"""Reasons that pass by themselves, or with more points."""


class Reason(NamedTuple):
    """Why not. The sentence is put together when somebody reads it, and most are only counted."""

    code: str
    sentence: Words
    numbers: dict[str, object]


_SOLD_OUT: Final = Reason("sold_out", gettext_lazy("It is sold out."), {})
_ENDED: Final = Reason("ended", gettext_lazy("This reward has ended."), {})
_DATES_OVER: Final = Reason("ended", gettext_lazy("Its dates are over."), {})
_PAUSED: Final = Reason("paused", gettext_lazy("This reward is paused at the moment."), {})
_CLOSED: Final[Mapping[str, Reason]] = {Reward.Status.ENDED: _ENDED, Reward.Status.PAUSED: _PAUSED}
_OUTSIDE_HOURS: Final = Reason(
    "outside_hours", gettext_lazy("It cannot be had on this day or at this time."), {}
)
MAY_NOT_REDEEM: Final = Reason(
    "member_may_not_redeem", gettext_lazy("This member may not use points now."), {}
)
_NOT_IN_AUDIENCE: Final = Reason("not_in_audience", gettext_lazy("This reward is for other members."), {})
_NO_PRICE: Final = Reason("no_price", gettext_lazy("There is no price for this member."), {})


def _in_words(write: Callable[P, str]) -> Callable[P, Words]:
    """What the function writes, at the moment when it is read."""
    return cast(Callable[P, Words], lazy(write, str))


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, and when. `available` is what the member can spend, by point type id."""

    at: datetime
    zone: ZoneInfo
    rounding: Rounding
    may_redeem: bool
    tier: str
    price_factor: Decimal
    early_days: int
    view: Mapping[str, Any]
    available: Mapping[int, int]


class Option(NamedTuple):
    """A stock to take from: the reward as such, a variant or a slot. `left` None: no limit."""

    id: int
    code: str
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    left: int | None

    def is_over(self, at: datetime) -> bool:
        """A slot is taken before it begins."""
        return self.starts_at is not None and self.starts_at <= at


class Cost(NamedTuple):
    """What it costs this member, in points of one type; `listed` is the price before the tier's factor."""

    point_type: PointType
    points: int
    listed: int
    has: int

    @property
    def missing(self) -> int:
        """Debt is not to be paid here: what is free is free."""
        return max(0, self.points - max(0, self.has))


class Verdict(NamedTuple):
    """What it costs the member, from the top, which variants and slots are still to come, and why it cannot be had;
    nothing in `reasons`: it can."""

    costs: tuple[Cost, ...]
    to_come: Sequence[Option]
    reasons: Sequence[Reason]

    @property
    def ok(self) -> bool:
        return not self.reasons

    def cost_in(self, point_type_id: int | None) -> Cost | None:
        """The cost in points of a type; without one the first that the member can pay, else the first."""
        if point_type_id is not None:
            return next((one for one in self.costs if one.point_type.id == point_type_id), None)
        return next((one for one in self.costs if not one.missing), self.costs[0] if self.costs else None)


def judge(
    item: Item,
    asking: Asking,
    options: Sequence[Option],
    taken_at: Sequence[datetime],
    *,
    point_type_id: int | None = None,
) -> Verdict:
    """Everything about one reward for one member. With `point_type_id`, only the price in that type counts."""
    asked = costs(item, asking)
    if point_type_id is not None:
        asked = tuple(one for one in asked if one.point_type.id == point_type_id)
    at = asking.at
    to_come = [one for one in options if one.starts_at is None or not one.is_over(at)]
    reasons: list[Reason] = []
    if closed := _CLOSED.get(item.reward.status):
        reasons.append(closed)
    if not item.schedule.is_always and (outside := _dates(item, asking)):
        reasons.append(outside)
    if not asking.may_redeem:
        reasons.append(MAY_NOT_REDEEM)
    if not item.audience.matches(asking.view):
        reasons.append(_NOT_IN_AUDIENCE)
    if taken_at:
        reasons += _limits(item, asking, taken_at)
    if none_left := _stock(options, to_come):
        reasons.append(none_left)
    if too_dear := _points(asked):
        reasons.append(too_dear)
    return Verdict(asked, to_come, reasons)


def costs(item: Item, asking: Asking) -> tuple[Cost, ...]:
    """Of each point type the first price that fits the member, with the factor of the tier."""
    found: dict[int, Cost] = {}
    for price, points in listed(item, asking).prices:
        type_id = price.point_type.id
        if type_id not in found and price.audience.matches(asking.view):
            found[type_id] = Cost(price.point_type, points, price.points, asking.available.get(type_id, 0))
    return tuple(found.values())


def listed(item: Item, asking: Asking) -> Listed:
    """The prices for the member's tier with its factor, worked out once for each tier."""
    factor = asking.price_factor
    known = item.by_tier.get(asking.tier)
    if known is None or known.factor != factor:
        known = item.by_tier[asking.tier] = Listed.of(
            factor,
            (
                (one, factored(one.points, factor, one.point_type.decimals, asking.rounding))
                for one in item.prices
                if not one.tiers or asking.tier in one.tiers
            ),
        )
    return known


def factored(points: int, factor: Decimal, decimals: int, rounding: Rounding) -> int:
    """A price times the factor of a tier, rounded as the program rounds: to whole points when the listed price is in
    whole points, else to the smallest unit."""
    if factor == 1:
        return points
    unit = 10**decimals if points % 10**decimals == 0 else 1
    return to_units(Fraction(points, unit) * Fraction(factor), 0, rounding) * unit


def sold_out() -> Reason:
    return _SOLD_OUT


def _dates(item: Item, asking: Asking) -> Reason | None:
    schedule = item.schedule
    if asking.early_days and schedule.starts_at is not None and asking.at < schedule.starts_at:
        local_start = schedule.starts_at.astimezone(asking.zone)  # so that a day is a day on the wall clock
        schedule = replace(schedule, starts_at=local_start - timedelta(days=asking.early_days))
    match schedule.miss(asking.at, asking.at.astimezone(asking.zone)):
        case "before":
            assert schedule.starts_at is not None
            sentence = _from_then_on(schedule.starts_at, asking.zone)
            return Reason("not_yet", sentence, _opens(schedule.starts_at))
        case "after":
            return _ENDED if item.reward.status != Reward.Status.ENDED else None
        case "weekday" | "hours":
            return _OUTSIDE_HOURS
    return None


def _limits(item: Item, asking: Asking, taken_at: Sequence[datetime]) -> Iterator[Reason]:
    if found := reached(item.caps, taken_at, asking.at, asking.zone):
        yield _cap_reached(found, asking)
    if until := cooling_until(item.reward.cooldown_hours, taken_at, asking.at):
        yield Reason("cooldown", _again_from(until, asking.zone), _opens(until))


def _cap_reached(found: Reached, asking: Asking) -> Reason:
    numbers: dict[str, object] = {"times": found.cap.times, "per": found.cap.per, "taken": found.taken}
    if found.opens_at is not None:
        numbers |= _opens(found.opens_at)
    return Reason("cap_reached", _had_it(found, asking.zone), numbers)


def _stock(options: Sequence[Option], to_come: Sequence[Option]) -> Reason | None:
    if options and not to_come:
        return _DATES_OVER
    for one in to_come:
        if one.left is None or one.left > 0:
            return None
    return _SOLD_OUT


def _points(found: Sequence[Cost]) -> Reason | None:
    if not found:
        return _NO_PRICE
    for one in found:
        if not one.missing:
            return None
    return insufficient(min(found, key=_far) if len(found) > 1 else found[0])


def _far(cost: Cost) -> Fraction:
    return Fraction(cost.missing, cost.points)


def insufficient(cost: Cost) -> Reason:
    """Too few points: needed, has and missing, in smallest units."""
    has = max(cost.has, 0)
    numbers: dict[str, object] = {
        "point_type": cost.point_type.code, "needed": cost.points, "has": has, "missing": cost.points - has,
    }  # fmt: skip
    return Reason("insufficient_points", _too_few(cost), numbers)


def _opens(at: datetime) -> dict[str, object]:
    return {"opens_at": write_instant(at)}


# --- In words -----------------------------------------------------------------------------------------------


def points_said(units: int, point_type: PointType) -> str:
    """`1,400 miles`: as the person at the till counts them."""
    return words.points(units, point_type)


@_in_words
def _too_few(cost: Cost) -> str:
    has = max(cost.has, 0)
    told = {
        "needed": points_said(cost.points, cost.point_type),
        "has": points_said(has, cost.point_type),
        "missing": points_said(cost.points - has, cost.point_type),
    }
    return _("It costs %(needed)s. There are %(has)s: %(missing)s are missing.") % told


@_in_words
def _had_it(found: Reached, zone: ZoneInfo) -> str:
    had = ngettext(
        "The member has had it %(n)d time, which is all that is allowed.",
        "The member has had it %(n)d times, which is all that is allowed.",
        found.taken,
    ) % {"n": found.taken}
    return had if found.opens_at is None else f"{had} {_again_from(found.opens_at, zone)}"


@_in_words
def _from_then_on(at: datetime, zone: ZoneInfo) -> str:
    return _("It can be had from %(when)s on.") % {"when": _said(at, zone)}


@_in_words
def _again_from(at: datetime, zone: ZoneInfo) -> str:
    return _("It can be had again from %(when)s on.") % {"when": _said(at, zone)}


def _said(at: datetime, zone: ZoneInfo) -> str:
    return format_datetime(
        at.astimezone(zone), "d MMM y, HH:mm", locale=(get_language() or "en").replace("-", "_")
    )
