"""What the till and the app show: what can be had now, and what is nearly in reach."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import catalogue, offers
from rewards.models import Stock
from tests.rewards.shop import DAY, NOON, a_draft, a_member, a_reward

pytestmark = pytest.mark.django_db


def test_offers_are_what_can_be_had_and_what_is_nearly_in_reach(points: PointType, ada: Member) -> None:
    a_reward(points, code="now", cost=100, position=1)
    a_reward(points, code="near", cost=2000, position=2)
    a_reward(points, code="far", cost=2001, position=3)
    a_reward(points, code="soon", starts_at=NOON + 14 * DAY, position=4)
    a_reward(points, code="later", starts_at=NOON + 15 * DAY, position=5)
    a_reward(points, code="gone", loaded=0, position=6)
    a_draft(points, code="draft")
    catalogue.end(a_reward(points, code="ended"), by="olga", at=NOON)
    found = {offer.reward.code: offer.state for offer in offers.available(ada, NOON)}
    assert found == {"now": "available", "near": "near", "soon": "near"}
    assert [offer.reward.code for offer in offers.every(ada, NOON)] == [
        "now", "near", "far", "soon", "later", "gone",
    ]  # fmt: skip


def test_a_price_and_the_factor_of_the_tier_show_in_the_offer(points: PointType) -> None:
    a_reward(
        points,
        prices=[
            {"point_type": points, "points": 80, "tiers": ["gold"]},
            {"point_type": points, "points": 100},
        ],
    )
    gold = a_member(points, 90, "Gold", tier_code="gold")
    plain = a_member(points, 90, "Plain")
    [offer] = offers.every(gold, NOON)
    assert (offer.state, offer.verdict.costs[0].points) == ("available", 80)
    [offer] = offers.every(plain, NOON)
    assert (offer.state, offer.verdict.costs[0].missing) == ("near", 10)


def test_a_change_of_the_catalogue_shows_at_once(points: PointType, ada: Member) -> None:
    reward = a_reward(points)
    assert offers.every(ada, NOON)[0].verdict.costs[0].points == 100
    prices = [{"point_type": points, "points": 70}]
    reward = catalogue.save(reward, {"prices": prices}, revision=reward.revision, by="olga", at=NOON)
    assert offers.every(ada, NOON)[0].verdict.costs[0].points == 70
    catalogue.pause(reward, by="olga", at=NOON)
    assert offers.every(ada, NOON)[0].state == "out"


def test_stock_is_read_each_time(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=1)
    assert offers.every(ada, NOON)[0].options[0].left == 1
    Stock.objects.filter(reward=reward).update(used=1)
    assert [reason.code for reason in offers.every(ada, NOON)[0].verdict.reasons] == ["sold_out"]


def test_slots_that_have_begun_are_not_offered(points: PointType, ada: Member) -> None:
    a_reward(points, "experience")
    [offer] = offers.every(ada, NOON)
    assert [option.code for option in offer.options] == ["friday"]
    [offer] = offers.every(ada, NOON + 3 * DAY)
    assert (offer.options, offer.verdict.reasons[0].code) == ([], "ended")


def test_any_number_of_rewards_costs_the_same_few_queries(
    points: PointType, ada: Member, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        a_reward(points, code=f"reward-{number}", caps=[{"times": 1, "per": "day"}])
    offers.every(ada, NOON)
    # The catalogue, the ladder, the stock, what was had before; the balances are read on a cursor of their own.
    with django_assert_num_queries(4):
        assert len(offers.every(ada, NOON + timedelta(seconds=1))) == 20


def test_one_offer_is_judged_as_in_the_list(points: PointType, ada: Member) -> None:
    reward = a_reward(points, cost=2000)
    one = offers.of_one(ada, reward, NOON)
    assert one is not None
    assert one.verdict == offers.every(ada, NOON)[0].verdict
    assert offers.of_one(ada, a_draft(points, code="draft"), NOON) is None
