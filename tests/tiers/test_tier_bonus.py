"""A campaign that multiplies as the member's tier says: the ladder is changed in one place."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from campaigns.words import summary, wording
from tests.earning.shop import NOON, later
from tests.tiers.house import CLASSIC, GOLD, SILVER, Store, a_store

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def a_store_with_the_bonus() -> Store:
    store = a_store(
        [CLASSIC, SILVER | {"earning_multiplier": Decimal("1.5")}, GOLD | {"earning_multiplier": Decimal(2)}]
    )
    store.campaign()
    store.campaign("tiered", bonus="tier", multiplier=None)
    return store


def test_each_order_is_multiplied_by_the_tier_of_its_time_and_says_so() -> None:
    store = a_store_with_the_bonus()
    first = store.order("A-1", "120")
    second = store.order("A-2", "200", at=NOON + later(hours=1))
    third = store.order("A-3", "10", at=NOON + later(hours=2))
    store.process()
    assert [store.trace(event)["points"]["points"] for event in (first, second, third)] == [120, 300, 20]
    row = store.trace(second)["campaigns"][1]
    assert row["detail"] == {"multiplier": "1.5", "base": "200", "tier": "silver", "tier_name": "Silver"}
    assert row["arithmetic"] == "200 base × (1.5 − 1)"
    voice = wording.voice_of(store.program, "order.completed")
    assert "100 Tiered (Silver: 1.5 times the base, v1)" in wording.awarded(store.trace(second), voice)
    assert (
        wording.reason(store.trace(first)["campaigns"][1], voice)
        == "Classic earns the base points and no more"
    )


def test_without_a_tier_there_is_no_bonus_and_the_trace_says_why() -> None:
    store = a_store(None)
    store.campaign()
    store.campaign("tiered", bonus="tier", multiplier=None)
    event = store.order("A-1", "20")
    store.process()
    row = store.trace(event)["campaigns"][1]
    assert (row["outcome"], row["misses"][0]["field"]) == ("condition_not_met", "member.tier")
    assert wording.reason(row, wording.voice_of(store.program, "order.completed"))


def test_a_return_is_rated_with_the_multiplier_of_the_day_of_the_order() -> None:
    store = a_store_with_the_bonus()
    store.order("A-1", "120")
    store.order("A-2", "100", "100", at=NOON + later(hours=1))
    store.process()
    assert store.balance() == 120 + 300
    store.order("A-3", "500", at=NOON + DAY)
    store.process()
    before = store.balance()
    store.send(
        "order.returned", {"order_id": "A-2", "lines": [{"id": "1", "quantity": "1"}]}, at=NOON + 2 * DAY
    )
    store.process()
    assert store.balance() == before - 150


def test_the_words_of_the_campaign_name_the_tier() -> None:
    store = a_store_with_the_bonus()
    definition = store.program.campaigns.get(code="tiered").versions.get().definition
    told = summary.summary(definition, wording.voice_of(store.program, "order.completed"))
    assert "what the member's tier says" in told
