"""Three schedulers at once, each with a whole night: tiers, expiry and lapsed reservations happen once. And a return
that is processed while the review looks at its member.

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
from loyalty.ledger import expiry, holds, ledger, proof, sweep
from loyalty.ledger.acts import Actor
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs import nightly
from loyalty.programs.models import PointType
from tests.earning.shop import NOON
from tests.races.racing import race
from tests.races.test_earning_races import finish, unlocked
from tests.tiers.house import SILVER, Store, a_member, a_store
from tiers import review
from tiers.models import Standing, TierChange
from tiers.standings import Standings

pytestmark = pytest.mark.django_db(transaction=True)
NEW_YEAR = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # half past midnight in Madrid
TILL = Actor("channel", "till")
CROWD = 6


@pytest.fixture
def store() -> Store:
    return a_store([SILVER], validity="period", window="calendar_year")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The review dwells between reading standings and writing them, long enough for a return in between."""
    load = Standings.load

    def dwell(self: Standings, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        time.sleep(0.5 if self.alike is not None else 0)

    monkeypatch.setattr(Standings, "load", dwell)


def a_crowd(store: Store) -> list[Member]:
    """Members with a tier that ends, points that lapse and a reservation that runs out in the same night."""
    PointType.objects.update(expiry_kind="rolling", expiry_count=6, expiry_unit="months")
    store.points.refresh_from_db()
    store.campaign()
    crowd = [a_member(store.program, f"m{number}") for number in range(CROWD)]
    for number, member in enumerate(crowd):
        store.order(f"A-{number}", "120", member=str(member.pk))
    store.process()
    review.due(store.program, at=store.now)  # so that nobody is new in the night
    for member in crowd:
        ledger.adjust(
            member, store.points, 10, at=NEW_YEAR - timedelta(days=1), actor=TILL, reason_code="goodwill"
        )
        ledger.hold(
            member, store.points, 4, at=NEW_YEAR - timedelta(hours=1), lapses_at=NEW_YEAR - timedelta(minutes=1),
            actor=TILL, reference="A-1", reason_code="checkout",
        )  # fmt: skip
    return crowd


def a_whole_night(store: Store) -> None:
    review.due(store.program, at=NEW_YEAR)
    expiry.expire_program(store.program, at=NEW_YEAR)
    holds.sweep(NEW_YEAR)


def counted(*kinds: str) -> list[int]:
    return [Transaction.objects.filter(kind=kind).count() for kind in kinds]


def test_three_whole_nights_at_once_do_everything_once(store: Store, slow: None) -> None:
    a_crowd(store)
    race(
        [
            partial(nightly.run_due, NEW_YEAR),
            *[partial(a_whole_night, store)] * 3,
            partial(nightly.run_due, NEW_YEAR),
        ]
    )
    a_whole_night(store)  # for whoever all of them found in use
    assert TierChange.objects.filter(kind="downgraded").count() == CROWD
    assert Fact.objects.filter(type="tier.downgraded").count() == CROWD
    assert Fact.objects.filter(type="points.expired").count() == CROWD
    assert counted("expire", "refund") == [CROWD, CROWD]
    assert proof.verify(at=NEW_YEAR).breaches == []


def test_without_the_locks_three_nights_do_things_more_than_once(
    store: Store, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_crowd(store)
    monkeypatch.setattr(review, "_LOCK", review._LOCK.replace("FOR NO KEY UPDATE", ""))
    monkeypatch.setattr(review, "SKIPPING", "")
    monkeypatch.setattr(sweep, "LOCK_NOW", "")
    race([partial(tried, partial(a_whole_night, store))] * 3)
    assert TierChange.objects.filter(kind="downgraded").count() > CROWD


# --- a return meanwhile -------------------------------------------------------------------------------------


def with_a_return_on_its_way(store: Store) -> None:
    """Silver since 2025. In 2026 two orders keep it, and one of them is brought back in the night of the review."""
    store.now = NOON - timedelta(days=365)
    store.order("A-0", "120")
    store.process()
    store.now = NOON
    store.order("A-1", "60")
    store.order("A-2", "60")
    store.process()
    store.now = NEW_YEAR
    store.send("order.returned", {"order_id": "A-2"})


def take_it_back() -> int:
    time.sleep(0.1)
    with clock.pinned(NEW_YEAR):
        return earning.drain()


def is_what_a_recomputation_gives(store: Store) -> bool:
    before = Standing.objects.values_list("tier_code", "valid_until").get()
    review.one(store.ada, at=NEW_YEAR)
    return Standing.objects.values_list("tier_code", "valid_until").get() == before


def test_a_return_while_the_review_runs_is_counted(slow: None) -> None:
    store = a_store([SILVER], validity="next_period", window="calendar_year")
    with_a_return_on_its_way(store)
    race([partial(review.due, store.program, at=NEW_YEAR), take_it_back])
    with clock.pinned(NEW_YEAR):
        finish(store)
    assert Standing.objects.get().tier_code == ""
    assert is_what_a_recomputation_gives(store)
    assert proof.verify(at=NEW_YEAR).breaches == []


def test_without_the_lock_the_review_keeps_a_tier_that_a_return_took(
    slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store([SILVER], validity="next_period", window="calendar_year")
    with_a_return_on_its_way(store)
    monkeypatch.setattr(review, "_LOCK", review._LOCK.replace("FOR NO KEY UPDATE", ""))
    monkeypatch.setattr(review, "SKIPPING", "")
    monkeypatch.setattr(inbox, "lock_members", unlocked(inbox.lock_members))
    race([partial(review.due, store.program, at=NEW_YEAR), take_it_back])
    assert Standing.objects.get().tier_code == "silver"
    assert not is_what_a_recomputation_gives(store)


def tried(act: Any) -> Any:
    try:
        return act()
    except IntegrityError:
        return None
