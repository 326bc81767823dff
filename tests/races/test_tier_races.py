"""Two purchases that together cross a threshold, nights in the middle of the traffic: every change happens once, and
what is stored is what a computation from scratch gives.

Each race has a control: without the lock it does go wrong, so the test would see it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError

from campaigns import earning, inbox
from loyalty.base import clock
from loyalty.ledger import proof
from loyalty.outbox.models import Fact
from loyalty.programs import nightly
from tests.races.racing import race
from tests.races.test_earning_races import finish, unlocked
from tests.tiers.house import SILVER, Store, a_member, a_store
from tiers import review
from tiers.models import Standing, TierChange
from tiers.standings import Standings

pytestmark = pytest.mark.django_db(transaction=True)
NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody dwells between reading standings and writing them, so that no race is missed by luck."""
    load = Standings.load

    def dwell(self: Standings, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        time.sleep(0.1)

    monkeypatch.setattr(Standings, "load", dwell)


@pytest.fixture
def store() -> Store:
    store = a_store([SILVER], validity="period", window="calendar_year")
    store.now = clock.now() - timedelta(minutes=1)
    return store


def two_halves(store: Store) -> None:
    store.order("A-1", "60")
    store.order("A-2", "60")


def stored_is_recomputed() -> None:
    """Computing everybody anew changes nothing."""
    before = TierChange.objects.count()
    for standing in Standing.objects.select_related("member__program"):
        review.one(standing.member, at=clock.now())
    assert TierChange.objects.count() == before


def one_at_a_time(_: int) -> Any:
    return earning._together(1, at=clock.now())


def test_two_purchases_that_together_cross_a_threshold_make_one_change_and_one_fact(
    store: Store, slow: None
) -> None:
    two_halves(store)
    race([partial(one_at_a_time, n) for n in range(2)])
    finish(store)
    assert [(one.kind, one.to_code) for one in TierChange.objects.all()] == [("joined", "silver")]
    assert Fact.objects.filter(type="tier.joined").count() == 1
    stored_is_recomputed()


def test_without_the_lock_neither_purchase_sees_the_other(
    store: Store, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_halves(store)
    monkeypatch.setattr(inbox, "lock_members", unlocked(inbox.lock_members))
    race([partial(tried, partial(one_at_a_time, n)) for n in range(2)])
    assert not TierChange.objects.exists()


def test_three_nights_at_once_do_everything_once(store: Store, slow: None) -> None:
    two_halves(store)
    finish(store)
    crowd = [a_member(store.program, f"m{number}") for number in range(5)]
    race([partial(nightly.run_due, NEW_YEAR)] * 3)
    race([partial(review.due, store.program, at=NEW_YEAR)] * 3)
    assert TierChange.objects.filter(kind="downgraded").count() == 1
    assert Fact.objects.filter(type="tier.downgraded").count() == 1
    assert Standing.objects.count() == 1 + len(crowd)
    assert proof.verify(at=NEW_YEAR).breaches == []


def test_without_the_lock_three_nights_drop_the_same_member_more_than_once(
    store: Store, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_halves(store)
    finish(store)
    monkeypatch.setattr(review, "_LOCK", review._LOCK.replace("FOR NO KEY UPDATE", ""))
    monkeypatch.setattr(review, "SKIPPING", "")
    race([partial(review.due, store.program, at=NEW_YEAR)] * 3)
    assert TierChange.objects.filter(kind="downgraded").count() > 1


def test_a_night_in_the_middle_of_the_traffic_ends_where_a_recomputation_does(store: Store) -> None:
    crowd = [a_member(store.program, f"m{number}") for number in range(6)]
    for number in range(60):
        store.order(f"A-{number}", "30", member=str(crowd[number % 6].pk))
    nights = [partial(review.due, store.program, at=clock.now()) for _ in range(2)]
    race([partial(earning.drain, limit=5), partial(earning.drain, limit=5), *nights])
    finish(store)
    assert Standing.objects.filter(tier_code="silver").count() == 6
    stored_is_recomputed()
    assert proof.verify(at=clock.now()).breaches == []


def tried(act: Any) -> Any:
    try:
        return act()
    except IntegrityError:
        return None
