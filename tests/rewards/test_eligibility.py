"""Who cannot have a reward is told every reason, with its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loyalty.base.numbers import Rounding
from loyalty.conditions import compiler
from loyalty.conditions.compiler import Condition
from loyalty.conditions.standard import STANDARD
from loyalty.programs.models import PointType
from loyalty.programs.schedule import Schedule
from rewards.eligibility import Asking, Option, Verdict, factored, judge
from rewards.limits import Cap
from rewards.models import DiscountReward
from rewards.shelf import Item, PriceTerms

MADRID = ZoneInfo("Europe/Madrid")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday, 13:00 in Madrid
DAY = timedelta(days=1)
POINTS = PointType(pk=1, code="points", name_one="point", name_many="points")
STARS = PointType(pk=2, code="stars", name_one="star", name_many="stars", decimals=2)
PLENTY = Option(1, "", "", None, None, None)


def price(points: int, of: PointType = POINTS, tiers: tuple[str, ...] = (), who: Any = None) -> PriceTerms:
    return PriceTerms(of, points, frozenset(tiers), compiler.compile(who, STANDARD))


def an_item(*prices: PriceTerms, status: str = "live", cooldown: int | None = None, **changes: Any) -> Item:
    reward = DiscountReward(pk=1, code="five", name="Five off", status=status, cooldown_hours=cooldown)
    nothing = Condition(None)
    item = Item(reward, Schedule(), nothing, (), prices or (price(100),), nothing.needs, "", {})
    return replace(item, **changes)


def asking(**changes: Any) -> Asking:
    plain = Asking(NOON, MADRID, Rounding.HALF_UP, True, "", Decimal(1), 0, {}, {1: 100, 2: 0})
    return replace(plain, **changes)


def verdict(item: Item, who: Asking | None = None, *, options: Any = (PLENTY,), taken: Any = ()) -> Verdict:
    return judge(item, who or asking(), options, taken)


def why_not(*args: Any, **terms: Any) -> list[str]:
    return [reason.code for reason in verdict(*args, **terms).reasons]


def test_a_member_with_the_points_can_have_it() -> None:
    assert verdict(an_item()).ok


def test_too_few_points_say_how_many_are_needed_there_and_missing() -> None:
    [reason] = verdict(an_item(price(250))).reasons
    assert reason.code == "insufficient_points"
    assert reason.numbers == {"point_type": "points", "needed": 250, "has": 100, "missing": 150}
    assert reason.sentence == "It costs 250 points. There are 100 points: 150 points are missing."


def test_debt_is_not_told_as_points() -> None:
    [reason] = verdict(an_item(price(250)), asking(available={1: -40})).reasons
    assert (reason.numbers["has"], reason.numbers["missing"]) == (0, 250)


@pytest.mark.parametrize(("status", "code"), [("paused", "paused"), ("ended", "ended")])
def test_what_is_not_live_is_not_had(status: str, code: str) -> None:
    assert why_not(an_item(status=status)) == [code]


def test_all_reasons_are_given_at_once() -> None:
    item = an_item(price(250), caps=(Cap(1, "day"),), schedule=Schedule(starts_at=NOON + DAY))
    gone = PLENTY._replace(left=0)
    assert why_not(item, asking(may_redeem=False), options=[gone], taken=[NOON]) == [
        "not_yet", "member_may_not_redeem", "cap_reached", "sold_out", "insufficient_points",
    ]  # fmt: skip


# --- dates --------------------------------------------------------------------------------------------------


def test_before_its_time_it_says_when_it_begins() -> None:
    [reason] = verdict(an_item(schedule=Schedule(starts_at=NOON + DAY))).reasons
    assert (reason.code, reason.numbers) == ("not_yet", {"opens_at": "2026-03-11T12:00:00Z"})
    assert "11 Mar 2026, 13:00" in reason.sentence


def test_it_can_be_had_from_the_first_instant_to_before_the_last() -> None:
    item = an_item(schedule=Schedule(starts_at=NOON, ends_at=NOON + DAY))
    assert verdict(item).ok
    assert verdict(item, asking(at=NOON + DAY - timedelta(microseconds=1))).ok
    assert why_not(item, asking(at=NOON + DAY)) == ["ended"]


def test_a_tier_may_come_early() -> None:
    item = an_item(schedule=Schedule(starts_at=NOON + 2 * DAY))
    assert why_not(item, asking(early_days=1)) == ["not_yet"]
    assert verdict(item, asking(early_days=2)).ok


def test_early_access_counts_days_of_the_wall_clock_over_the_change_of_the_clocks() -> None:
    starts = datetime(2026, 3, 29, 22, tzinfo=UTC)  # midnight in summer time; the day before had 23 hours
    item = an_item(schedule=Schedule(starts_at=starts))
    midnight_before = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert verdict(item, asking(at=midnight_before, early_days=1)).ok
    assert why_not(item, asking(at=midnight_before - timedelta(minutes=1), early_days=1)) == ["not_yet"]


def test_outside_its_hours_it_is_not_had() -> None:
    assert why_not(an_item(schedule=Schedule(hours=((0, 60),)))) == ["outside_hours"]
    assert verdict(an_item(schedule=Schedule(hours=((13 * 60, 14 * 60),)))).ok  # 13:00 in Madrid
    assert why_not(an_item(schedule=Schedule(weekdays=frozenset({0})))) == ["outside_hours"]


def test_a_slot_is_had_until_it_begins() -> None:
    friday = PLENTY._replace(starts_at=NOON + DAY)
    assert verdict(an_item(), options=[friday]).ok
    assert why_not(an_item(), asking(at=NOON + DAY), options=[friday]) == ["ended"]


# --- who ----------------------------------------------------------------------------------------------------


def test_only_its_audience_has_it() -> None:
    gold = compiler.compile({"field": "member.tier", "op": "eq", "value": "gold"}, STANDARD)
    item = an_item(audience=gold)
    assert verdict(item, asking(view={"member.tier": "gold"})).ok
    assert why_not(item, asking(view={"member.tier": "silver"})) == ["not_in_audience"]


def test_the_first_price_from_the_top_that_fits_counts() -> None:
    item = an_item(price(50, tiers=("gold",)), price(80, tiers=("gold", "silver")), price(100))
    for tier, cost in (("gold", 50), ("silver", 80), ("", 100)):
        [found] = verdict(item, asking(tier=tier)).costs
        assert found.points == cost


def test_a_price_may_be_for_a_segment() -> None:
    vip = {"field": "member.segments", "op": "has_any", "value": ["vip"]}
    item = an_item(price(10, who=vip), price(100))
    assert verdict(item, asking(view={"member.segments": frozenset({"vip"})})).costs[0].points == 10
    assert verdict(item, asking(view={"member.segments": frozenset()})).costs[0].points == 100


def test_without_a_price_that_fits_it_is_not_had() -> None:
    assert why_not(an_item(price(1, tiers=("gold",)))) == ["no_price"]


def test_of_several_point_types_one_that_is_enough_is_enough() -> None:
    item = an_item(price(1000), price(500, STARS))
    found = verdict(item, asking(available={1: 100, 2: 500}))
    assert found.ok
    assert [cost.point_type.code for cost in found.costs] == ["points", "stars"]
    cost = found.cost_in(None)
    assert cost is not None
    assert cost.point_type == STARS
    only_points = judge(item, asking(available={1: 100, 2: 500}), [PLENTY], (), point_type_id=1)
    assert [reason.code for reason in only_points.reasons] == ["insufficient_points"]


@pytest.mark.parametrize(
    ("points", "factor", "decimals", "cost"),
    [
        (100, "0.9", 0, 90),
        (125, "0.9", 0, 113),  # 112.5, half up
        (12500, "0.9", 2, 11300),  # 125.00 is a price in whole points, and stays one
        (1250, "0.9", 2, 1125),  # 12.50 is not
        (100, "1", 0, 100),
        (1, "0.1", 0, 0),
    ],
)
def test_the_factor_of_a_tier_is_rounded_to_whole_points(
    points: int, factor: str, decimals: int, cost: int
) -> None:
    assert factored(points, Decimal(factor), decimals, Rounding.HALF_UP) == cost


# --- how often ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "opens"),
    [
        ("day", "2026-03-10T23:00:00Z"),
        ("week", "2026-03-15T23:00:00Z"),
        ("month", "2026-03-31T22:00:00Z"),  # summer time has begun by then
        ("quarter", "2026-03-31T22:00:00Z"),
        ("year", "2026-12-31T23:00:00Z"),
    ],
)
def test_a_cap_says_when_it_opens_again(per: str, opens: str) -> None:
    [reason] = verdict(an_item(caps=(Cap(1, per),)), taken=[NOON]).reasons
    assert reason.code == "cap_reached"
    assert reason.numbers == {"times": 1, "per": per, "taken": 1, "opens_at": opens}


def test_a_cap_for_life_never_opens_again() -> None:
    [reason] = verdict(an_item(caps=(Cap(2, "lifetime"),)), taken=[NOON - 900 * DAY, NOON]).reasons
    assert "opens_at" not in reason.numbers


def test_a_period_begins_at_local_midnight() -> None:
    item = an_item(caps=(Cap(1, "month"),))
    last_of_february = datetime(2026, 2, 28, 22, 59, tzinfo=UTC)
    assert verdict(item, taken=[last_of_february]).ok
    assert why_not(item, taken=[last_of_february + timedelta(minutes=1)]) == ["cap_reached"]


def test_of_two_caps_the_one_that_keeps_waiting_longest_is_told() -> None:
    item = an_item(caps=(Cap(1, "day"), Cap(1, "year"), Cap(1, "week")))
    [reason] = verdict(item, taken=[NOON]).reasons
    assert reason.numbers["per"] == "year"


def test_a_waiting_time_ends_at_its_instant() -> None:
    item = an_item(cooldown=24)
    assert verdict(item, taken=[NOON - DAY]).ok
    [reason] = verdict(item, taken=[NOON - 3 * DAY, NOON - DAY + timedelta(seconds=1)]).reasons
    assert (reason.code, reason.numbers) == ("cooldown", {"opens_at": "2026-03-10T12:00:01Z"})
