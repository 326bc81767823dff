"""Many workers, one inbox: every event is rated once, caps and budgets hold, a busy member holds up nobody else.

Each race has a control: without the lock it does go wrong, so the test would see it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from campaigns import earning, inbox, usage
from campaigns.batch import Batch
from campaigns.models import Award, BudgetUse, CapUse
from loyalty.base import clock
from loyalty.events.models import Event
from loyalty.ledger import holds, ledger, proof, purses
from loyalty.ledger.acts import Actor
from loyalty.ledger.balances import balances_now
from loyalty.ledger.books import Books
from loyalty.ledger.checkout import CHECKOUT
from loyalty.ledger.models import Hold, Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from tests.earning.shop import Shop, books_add_up, open_shop
from tests.races.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
TILL = Actor("channel", "web")


def a_shop() -> Shop:
    shop = open_shop()
    shop.now = clock.now() - timedelta(minutes=1)
    return shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield a_shop()
    books_add_up()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers dwell between reading and writing, so that no race is missed by luck."""
    run = Batch.run

    def dwell(self: Batch) -> Any:
        time.sleep(0.1)
        return run(self)

    monkeypatch.setattr(Batch, "run", dwell)


def a_crowd(shop: Shop, size: int) -> list[Member]:
    return [
        members.register(shop.program, {"external_id": f"m{n}"}, channel=shop.channel, at=shop.now)[0]
        for n in range(size)
    ]


def test_four_workers_on_one_inbox_rate_every_event_once(shop: Shop, slow: None) -> None:
    shop.campaign()
    crowd = a_crowd(shop, 10)
    for number in range(60):
        shop.order(f"A-{number}", "10.00", member=str(crowd[number % 10].pk))
    race([partial(earning.drain, limit=7)] * 4)
    finish(shop)
    assert Award.objects.count() == 60
    assert {shop.balance(member) for member in crowd} == {60}


def test_without_the_claim_two_workers_take_up_the_same_event(
    shop: Shop, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.campaign()
    shop.order("A-1", "10.00")
    monkeypatch.setattr(inbox, "_CLAIM", inbox._CLAIM.replace("FOR NO KEY UPDATE SKIP LOCKED", ""))
    monkeypatch.setattr(inbox, "lock_members", unlocked(inbox.lock_members))
    refused: list[bool] = []
    results = race([partial(tried, partial(earning._together, 10, at=clock.now()), refused)] * 2)
    assert refused or sum(results) > 1  # the unique rows behind the lock are what saved the books


def test_a_budget_shared_by_many_workers_is_given_out_to_the_last_point_and_no_further(
    shop: Shop, slow: None
) -> None:
    shop.campaign("gift", basis="fixed", points=150, budget=1_000)
    crowd = a_crowd(shop, 20)
    for number, member in enumerate(crowd):
        shop.order(f"A-{number}", "1.00", member=str(member.pk))
    race([partial(earning.drain, limit=3)] * 4)
    finish(shop)
    assert sum(Award.objects.values_list("points", flat=True)) == 1_000
    assert BudgetUse.objects.get().points == 1_000


def test_control_without_the_lock_a_shared_budget_is_exceeded(
    slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    gift = shop.campaign("gift", basis="fixed", points=150, budget=200)
    crowd = a_crowd(shop, 4)
    for number, member in enumerate(crowd):
        shop.order(f"A-{number}", "1.00", member=str(member.pk))
    load, read = usage.Counters.load_budgets, Flag()

    def unlocked_budgets(self: usage.Counters, ids: Any, *, lock: bool) -> None:
        load(self, ids, lock=False)
        read.wait(0.3)

    monkeypatch.setattr(usage.Counters, "load_budgets", unlocked_budgets)
    BudgetUse.objects.create(campaign=gift)
    race([partial(earning._together, 1, at=clock.now())] * 4)
    assert sum(Award.objects.values_list("points", flat=True)) > 200
    assert "budget_limit" in {breach.check for breach in proof.verify(at=clock.now()).breaches}


def test_a_cap_holds_when_one_member_earns_over_many_workers(shop: Shop, slow: None) -> None:
    shop.campaign("once", basis="fixed", points=50, caps=[{"times": 1, "per": "lifetime"}])
    for number in range(12):
        shop.order(f"A-{number}", "1.00")
    race([partial(earning.drain, limit=1)] * 4)
    finish(shop)
    assert shop.balance() == 50
    assert CapUse.objects.get().times == 1


def test_a_busy_member_holds_up_nobody_else(shop: Shop) -> None:
    shop.campaign()
    [ben] = a_crowd(shop, 1)
    shop.order("A-1", "10.00")
    shop.order("A-2", "10.00", member=str(ben.pk))
    with held(shop.ada):
        started = time.monotonic()
        earning.drain()
        assert time.monotonic() - started < 2
        assert (shop.balance(ben), shop.balance()) == (10, 0)
    finish(shop)
    assert shop.balance() == 10


def test_a_poisoned_event_is_parked_after_five_tries_and_the_others_are_rated(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.campaign()
    bad, good = shop.order("A-1", "10.00"), shop.order("A-2", "10.00")
    handle = Batch._handle

    def poisoned(self: Batch, event: inbox.Claimed) -> Any:
        if event.id == bad.pk:
            raise ZeroDivisionError("poison")
        return handle(self, event)

    monkeypatch.setattr(Batch, "_handle", poisoned)
    for attempt in range(6):
        with clock.pinned(clock.now() + timedelta(hours=attempt)):
            earning.drain()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, bad.attempts, good.status) == ("failed", 5, "processed")
    assert "poison" in bad.error
    monkeypatch.setattr(Batch, "_handle", handle)
    earning.retry(bad, at=clock.now())
    finish(shop)
    assert shop.balance() == 20


def test_processing_while_the_sender_waits_and_a_worker_drains_gives_points_once(
    shop: Shop, slow: None
) -> None:
    shop.campaign()
    event = shop.order("A-1", "10.00")
    outcomes = race([partial(earning.process_now, event.pk)] * 5 + [earning.drain])
    assert {outcome.points["points"] for outcome in outcomes[:5]} == {10}
    assert shop.balance() == 10
    assert not proof.verify(at=clock.now()).breaches


def test_a_return_whose_order_is_written_while_its_owner_is_looked_up_is_not_lost(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names no member, as returns may; the order's owner is asked for just before the order is committed."""
    shop.campaign()
    order = shop.order("A-1", "28.00")
    back = shop.send("order.returned", {"order_id": "A-1"}, member=None)
    look = inbox.members_of_orders

    def look_too_early(keys: Any) -> Any:
        found = look(keys)
        if keys and not found:
            race([partial(earning.process_now, order.pk)])
        return found

    monkeypatch.setattr(inbox, "members_of_orders", look_too_early)
    earning.process([back.pk], at=clock.now())
    assert shop.balance() == 28
    inbox.wake_overlooked(at=clock.now())
    finish(shop)
    back.refresh_from_db()
    assert (back.status, shop.balance()) == ("processed", 0)


def finish(shop: Shop) -> None:
    """What was put back because a member was busy is due a second later."""
    with clock.pinned(clock.now() + timedelta(seconds=5)):
        earning.drain()
    assert not Event.objects.filter(status="received").exists()


def tried(act: Callable[[], int], refused: list[bool]) -> int:
    try:
        return act()
    except IntegrityError:
        refused.append(True)
        return 0


def unlocked(lock: Callable[..., Any]) -> Callable[..., Any]:
    def read(ids: Any, *, wait: bool) -> Any:
        with transaction.atomic():
            found = lock(ids, wait=wait)
            transaction.set_rollback(True)
        return found or {
            member.pk: inbox.MemberRow(
                member.pk, member.program_id, member.state, False, None, {}, member.enrolled_at, ""
            )
            for member in Member.objects.filter(pk__in=ids)
        }

    return read


@contextmanager
def held(member: Member) -> Iterator[None]:
    """Another session keeps the member's row until the block ends."""
    has_it, may_end = Flag(), Flag()

    def hold() -> None:
        with transaction.atomic():
            Member.objects.select_for_update().get(pk=member.pk)
            has_it.set()
            may_end.wait(30)
        connection.close()

    thread = Thread(target=hold)
    thread.start()
    has_it.wait(10)
    try:
        yield
    finally:
        may_end.set()
        thread.join()


# --- paid with points ---------------------------------------------------------------------------------------


def reserved(shop: Shop, points: int, lapses_at: datetime) -> Transaction:
    return ledger.hold(
        shop.ada, shop.points, points, lapses_at=lapses_at, at=shop.now, actor=TILL, reference="A-1",
        reason_code=CHECKOUT,
    )  # fmt: skip


@pytest.mark.parametrize("attempt", range(4))
def test_an_order_a_lapse_and_another_purchase_never_use_the_same_points_twice(
    shop: Shop, slow: None, attempt: int
) -> None:
    ledger.adjust(shop.ada, shop.points, 1_000, at=shop.now, actor=TILL, reason_code="goodwill")
    lapse = shop.now + timedelta(minutes=15)
    reserved(shop, 600, lapse)
    event = shop.order("A-1", "50.00", points_paid="6.00")
    before = lapse - timedelta(milliseconds=1)
    race([
        partial(earning.process_now, event.pk, at=before if attempt % 2 else lapse),
        partial(holds.sweep, lapse),
        partial(ledger.redeem, shop.ada, shop.points, 700, at=lapse, actor=TILL),
    ])  # fmt: skip
    holds.sweep(lapse)
    [balance] = balances_now(shop.ada.pk, at=lapse)
    taken = Transaction.objects.filter(kind="redeem").aggregate(sum=Sum("amount"))["sum"]
    back = Transaction.objects.filter(kind="refund").aggregate(sum=Sum("amount"))["sum"] or 0
    assert balance.available == 1_000 + taken + back >= 0
    assert (balance.held, balance.debt) == (0, 0)
    assert proof.verify(at=lapse).ok


def test_an_order_redeems_what_was_reserved_or_it_is_let_go_never_both(shop: Shop, slow: None) -> None:
    ledger.adjust(shop.ada, shop.points, 1_000, at=shop.now, actor=TILL, reason_code="goodwill")
    reservation = reserved(shop, 600, shop.now + timedelta(minutes=15))
    event = shop.order("A-1", "50.00")
    race([
        partial(earning.process_now, event.pk, at=shop.now),
        partial(ledger.release, reservation, at=shop.now, actor=TILL),
    ])  # fmt: skip
    state = Hold.objects.get().state
    available = balances_now(shop.ada.pk, at=shop.now)[0].available
    assert (state, available) in (("captured", 400), ("released", 1_000))
    assert proof.verify(at=shop.now).ok


def test_without_the_wallets_lock_an_order_redeems_what_is_let_go_as_well(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.adjust(shop.ada, shop.points, 1_000, at=shop.now, actor=TILL, reason_code="goodwill")
    reservation = reserved(shop, 600, shop.now + timedelta(minutes=15))
    event = shop.order("A-1", "50.00")
    write = Books.write

    def slowly(self: Books) -> None:
        time.sleep(0.2)
        write(self)

    monkeypatch.setattr(Books, "write", slowly)
    monkeypatch.setattr(purses, "LOCK", "")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_hold DISABLE TRIGGER USER")
    try:
        race([
            partial(earning.process_now, event.pk, at=shop.now),
            partial(ledger.release, reservation, at=shop.now, actor=TILL),
        ])  # fmt: skip
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE ledger_hold ENABLE TRIGGER USER")
    assert Fact.objects.filter(type="points.captured").count() == 1
    assert Transaction.objects.filter(kind="refund").count() == 1
