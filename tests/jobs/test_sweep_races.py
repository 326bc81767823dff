"""The sweep beside people who spend: nobody waits long, and no point is both spent and expired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from loyalty.base.models import Job
from loyalty.ledger import expiry, proof, sweep
from loyalty.ledger.errors import InsufficientPoints
from loyalty.ledger.models import Lot, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs import nightly
from loyalty.programs.models import PointType, Program
from tests.ledger.bookings import earned, redeemed, wallet_of
from tests.ledger.characters import NOON, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db(transaction=True)

LAPSE = datetime(2026, 4, 9, 22, tzinfo=UTC)
JUST_BEFORE = LAPSE - timedelta(milliseconds=1)
MEMBERS = 12


@pytest.fixture
def program() -> Program:
    return a_program()


@pytest.fixture
def points(program: Program) -> PointType:
    return a_point_type(program, expiry_kind="rolling", expiry_count=30, expiry_unit="days")


@pytest.fixture
def members(program: Program, points: PointType) -> list[Member]:
    everybody = [a_member(program, f"Member {number}") for number in range(MEMBERS)]
    for member in everybody:
        earned(member, points, 100, NOON)
    return everybody


def aside(work: Callable[[], object]) -> Future[None]:
    """In another thread, on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


@contextmanager
def somebody_holds(wallet: Wallet) -> Iterator[Event]:
    """A long transaction on that wallet, until the event is set."""
    holds, let_go = Event(), Event()

    @transaction.atomic
    def hold() -> None:
        Wallet.objects.select_for_update().get(pk=wallet.pk)
        holds.set()
        let_go.wait(20)

    holder = aside(hold)
    assert holds.wait(20)
    try:
        yield let_go
    finally:
        let_go.set()
        holder.result()


@pytest.fixture
def impatient() -> Iterator[None]:
    """This test's connection waits for a lock 0.2 s at most."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 200")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


@pytest.mark.usefixtures("impatient")
def test_one_busy_member_holds_up_nobody_else(
    program: Program, points: PointType, members: list[Member]
) -> None:
    busy = wallet_of(members[3], points)
    with somebody_holds(busy):
        with pytest.raises(OperationalError):
            expiry.expire_program(program, at=LAPSE)
        assert list(Lot.objects.filter(remaining__gt=0).values_list("wallet_id", flat=True)) == [busy.pk]
    assert expiry.expire_program(program, at=LAPSE) == 1
    assert proof.verify(at=LAPSE).breaches == []


@pytest.mark.usefixtures("impatient")
def test_the_night_comes_back_for_the_busy_member(points: PointType, members: list[Member]) -> None:
    at = LAPSE + timedelta(hours=6)
    with somebody_holds(wallet_of(members[3], points)):
        (night,) = nightly.run_due(at)
        assert night.state == "failed"
    Job.objects.update(retry_at=Now() - timedelta(seconds=1))
    (night,) = nightly.run_due(at)
    assert (night.state, night.result["steps"]["expire"]) == ("done", MEMBERS)
    assert Transaction.objects.filter(kind="expire").count() == MEMBERS
    assert proof.verify(at=at).breaches == []


def test_a_member_who_is_soon_free_is_waited_for(
    program: Program, points: PointType, members: list[Member]
) -> None:
    with somebody_holds(wallet_of(members[3], points)) as let_go:
        sweeping = aside(lambda: expiry.expire_program(program, at=LAPSE))
        while Lot.objects.filter(remaining__gt=0).count() > 1:
            assert not sweeping.done()
        let_go.set()
        sweeping.result(timeout=20)
    assert not Lot.objects.filter(remaining__gt=0).exists()


@contextmanager
def slow_entries() -> Iterator[None]:
    """Each ledger line takes 20 ms, so that transactions overlap."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$""")
        cursor.execute(
            "CREATE TRIGGER dawdle BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER dawdle ON ledger_entry")
            cursor.execute("DROP FUNCTION dawdle")


def spend_everything_while_it_lapses(program: Program, points: PointType, members: list[Member]) -> None:
    def spend() -> None:
        for member in members:
            with suppress(InsufficientPoints):
                redeemed(member, points, 100, JUST_BEFORE)

    with slow_entries():
        spending = aside(spend)
        while not Transaction.objects.filter(kind="redeem").exists():
            assert not spending.done()
        expiry.expire_program(program, at=LAPSE)
        spending.result(timeout=60)


def test_each_point_is_either_spent_or_expired(
    program: Program, points: PointType, members: list[Member]
) -> None:
    spend_everything_while_it_lapses(program, points, members)
    ended = Transaction.objects.filter(kind__in=["redeem", "expire"])
    assert ended.filter(kind="redeem").exists()
    assert ended.count() == MEMBERS
    assert proof.verify(at=LAPSE).breaches == []


def test_control_without_the_lock_points_are_spent_and_expired(
    program: Program, points: PointType, members: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LOCK_LATER", "")
    monkeypatch.setattr(sweep, "LOCK_NOW", "")
    spent = Event()

    @transaction.atomic
    def spend_slowly() -> None:
        redeemed(members[0], points, 100, JUST_BEFORE)
        spent.set()
        time.sleep(1)  # long enough for the sweep to read what is not committed away yet

    spending = aside(spend_slowly)
    assert spent.wait(20)
    expiry.expire_program(program, at=LAPSE)
    spending.result(timeout=60)
    assert Transaction.objects.filter(kind__in=["redeem", "expire"]).count() > MEMBERS
    assert not proof.verify(at=LAPSE).ok
