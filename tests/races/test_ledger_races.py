"""Points are never spent, moved or taken back twice, however many hands reach for them at once.

Each race has a control: without the lock, or without its order, the same race does go wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Barrier, current_thread, main_thread

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from loyalty.base.errors import Busy, LaurelError
from loyalty.ledger import holds, ledger, proof, purses
from loyalty.ledger.balances import balances_now
from loyalty.ledger.books import Books
from loyalty.ledger.expiry import expire_wallets
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from tests.ledger.characters import NOON, TILL, a_member, a_point_type, a_program
from tests.races.racing import codes, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program, "Ada")


@pytest.fixture
def ben(points: PointType) -> Member:
    return a_member(points.program, "Ben")


@pytest.fixture
def widened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every act dwell between reading the lots and writing, so that a race cannot be missed by luck."""
    write = Books.write

    def slowly(self: Books) -> None:
        time.sleep(0.05)
        write(self)

    monkeypatch.setattr(Books, "write", slowly)


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two acts meet after they have read and before either writes, which only happens when nothing holds one back."""
    write, both = Books.write, Barrier(2)

    def together(self: Books) -> None:
        if current_thread() is not main_thread():
            both.wait(timeout=30)
        write(self)

    monkeypatch.setattr(Books, "write", together)


def earned(member: Member, points: PointType, amount: int, times: int = 1) -> list[Transaction]:
    with transaction.atomic():
        books = Books.open([(member.pk, points)])
        done = [
            books.earn(member.pk, points, amount, occurred_at=NOON, recorded_at=NOON, actor=TILL)
            for _ in range(times)
        ]
        books.write()
    return list(Transaction.objects.filter(pk__in=[posted.id for posted in done]))


def available(member: Member) -> int:
    [balance] = balances_now(member.pk, at=NOON)
    return balance.available


def redeeming(member: Member, points: PointType, amount: int) -> Callable[[], Transaction]:
    return partial(ledger.redeem, member, points, amount, at=NOON, actor=TILL)


# --- the same points, spent by two --------------------------------------------------------------------------


@pytest.mark.usefixtures("widened")
def test_of_many_who_redeem_the_last_points_one_gets_them(ada: Member, points: PointType) -> None:
    earned(ada, points, 100)
    results = race([redeeming(ada, points, 100)] * 6)
    assert codes(results) == ["insufficient_points"] * 5
    assert available(ada) == 0
    assert Transaction.objects.filter(kind="redeem").count() == 1


@pytest.mark.usefixtures("meeting")
def test_control_without_the_lock_the_same_points_are_spent_twice(
    ada: Member, points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    earned(ada, points, 100)
    monkeypatch.setattr(purses, "LOCK", "")
    results = race([redeeming(ada, points, 100)] * 2)
    assert codes(results) == []
    assert Transaction.objects.filter(kind="redeem").count() == 2


def test_many_small_redemptions_take_exactly_what_there_was(ada: Member, points: PointType) -> None:
    earned(ada, points, 7, times=5)

    def till() -> list[str]:
        refused = []
        for _ in range(10):
            try:
                ledger.redeem(ada, points, 1, at=NOON, actor=TILL)
            except LaurelError as error:
                refused.append(error.code)
        return refused

    refused = [code for codes_of_till in race([till] * 6) for code in codes_of_till]
    assert refused == ["insufficient_points"] * 25
    assert available(ada) == 0


# --- opposite transfers -------------------------------------------------------------------------------------


def transferring(
    giver: Member, receiver: Member, points: PointType, times: int
) -> Callable[[], list[Exception]]:
    def run() -> list[Exception]:
        failed: list[Exception] = []
        for _ in range(times):
            try:
                ledger.transfer(giver, receiver, points, 1, at=NOON, actor=TILL)
            except (LaurelError, DatabaseError) as error:
                failed.append(error)
        return failed

    return run


def test_opposite_transfers_never_deadlock_and_the_sum_stays(
    ada: Member, ben: Member, points: PointType
) -> None:
    earned(ada, points, 500)
    earned(ben, points, 500)
    failed = race([transferring(ada, ben, points, 200), transferring(ben, ada, points, 200)])
    assert failed == [[], []]
    assert (available(ada), available(ben)) == (500, 500)


def locked_one_by_one(keys: list[purses.Key]) -> None:
    """The order of the caller, not of the ids: what `purses.lock` must not do."""
    with transaction.atomic(), connection.cursor() as cursor:
        for member_id, point_type_id in keys:
            cursor.execute(
                "SELECT 1 FROM ledger_wallet w WHERE member_id = %s AND point_type_id = %s FOR UPDATE OF w",
                [member_id, point_type_id],
            )
            time.sleep(0.2)


def test_control_locks_in_the_order_of_the_caller_do_deadlock(
    ada: Member, ben: Member, points: PointType
) -> None:
    earned(ada, points, 1)
    earned(ben, points, 1)
    keys: list[purses.Key] = [(ada.pk, points.pk), (ben.pk, points.pk)]

    def attempt(mine: list[purses.Key]) -> str:
        try:
            locked_one_by_one(mine)
        except OperationalError as error:
            return getattr(error.__cause__, "sqlstate", "")
        return "done"

    results = race([partial(attempt, keys), partial(attempt, keys[::-1])])
    assert sorted(results) == ["40P01", "done"]


def test_batches_that_make_the_same_wallets_in_other_orders_never_deadlock(points: PointType) -> None:
    members = [a_member(points.program, f"member {number}") for number in range(30)]

    def batch(order: list[Member]) -> None:
        for _ in range(5):
            with transaction.atomic():
                books = Books.open([(member.pk, points) for member in order])
                for member in order:
                    books.earn(member.pk, points, 1, occurred_at=NOON, recorded_at=NOON, actor=TILL)
                books.write()

    race([partial(batch, order) for order in (members, members[::-1], members[15:] + members[:15])])
    assert set(Wallet.objects.values_list("balance", flat=True)) == {15}
    assert Wallet.objects.count() == 30


# --- the same award, taken back twice -----------------------------------------------------------------------


def reversing(originals: list[Transaction]) -> Callable[[], list[str]]:
    def run() -> list[str]:
        outcomes = []
        for original in originals:
            try:
                ledger.reverse_transaction(original, at=NOON, actor=TILL)
                outcomes.append("ok")
            except LaurelError as error:
                outcomes.append(error.code)
        return outcomes

    return run


def test_of_two_reversals_of_each_award_exactly_one_succeeds(ada: Member, points: PointType) -> None:
    awards = earned(ada, points, 3, times=60)
    shares = [awards[number::5] for number in range(5)]
    outcomes = [code for done in race([reversing(share) for share in shares * 2]) for code in done]
    assert sorted(outcomes) == ["already_reversed"] * 60 + ["ok"] * 60
    assert available(ada) == 0


@pytest.mark.usefixtures("meeting")
def test_control_without_the_lock_an_award_is_taken_back_twice(
    ada: Member, points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    [award] = earned(ada, points, 3)
    monkeypatch.setattr(purses, "LOCK", "")
    assert race([reversing([award])] * 2) == [["ok"], ["ok"]]


@pytest.mark.usefixtures("widened")
def test_a_redemption_is_given_back_once(ada: Member, points: PointType) -> None:
    earned(ada, points, 50)
    redemption = ledger.redeem(ada, points, 50, at=NOON, actor=TILL)
    results = race([partial(ledger.refund, redemption, at=NOON, actor=TILL)] * 4)
    assert codes(results) == ["nothing_to_refund"] * 3
    assert available(ada) == 50


# --- somebody holds the row ---------------------------------------------------------------------------------


def test_while_a_wallet_is_held_its_member_is_told_to_come_back_and_others_go_on(
    ada: Member, ben: Member, points: PointType
) -> None:
    earned(ada, points, 10)
    earned(ben, points, 10)

    def impatient(member: Member) -> float:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
        began = time.monotonic()
        ledger.redeem(member, points, 1, at=NOON, actor=TILL)
        return time.monotonic() - began

    with transaction.atomic():
        Books.open([(ada.pk, points)])
        held, free = race([partial(impatient, ada), partial(impatient, ben)])
    assert isinstance(held, Busy)
    assert (held.status, held.retry_after) == (503, 1)
    assert free < 0.3


# --- reservations -------------------------------------------------------------------------------------------

LAPSE = NOON + timedelta(minutes=15)
BEFORE = LAPSE - timedelta(milliseconds=1)


def held(member: Member, points: PointType, amount: int) -> Transaction:
    return ledger.hold(member, points, amount, lapses_at=LAPSE, at=NOON, actor=TILL)


def capturing(reservation: Transaction) -> Callable[[], bool]:
    return partial(ledger.capture, reservation, at=BEFORE)


@pytest.mark.usefixtures("widened")
def test_a_reservation_is_either_captured_or_lapses_never_both(ada: Member, points: PointType) -> None:
    for _ in range(8):
        earned(ada, points, 10)
        reservation = held(ada, points, 10)
        before = balances_now(ada.pk, at=LAPSE)[0].available
        captured, *_ = race(
            [capturing(reservation), partial(holds.sweep, LAPSE), partial(holds.sweep, LAPSE)]
        )
        holds.sweep(LAPSE)
        reservation.hold.refresh_from_db()
        assert reservation.hold.state == ("captured" if captured is True else "released")
        assert captured is True or captured.code == "hold_lapsed"
        assert balances_now(ada.pk, at=LAPSE)[0].available == before - (10 if captured is True else 0)
    assert proof.verify(at=LAPSE).ok


@pytest.mark.usefixtures("meeting")
def test_control_without_the_lock_a_captured_reservation_is_released_as_well(
    ada: Member, points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    earned(ada, points, 10)
    reservation = held(ada, points, 10)
    monkeypatch.setattr(purses, "LOCK", "")
    with closing_undefended():
        results = race([capturing(reservation), partial(ledger.release, reservation, at=NOON, actor=TILL)])
    assert codes(results) == []
    assert available(ada) == 10
    assert Fact.objects.filter(type="points.captured").exists()


@pytest.mark.usefixtures("widened")
def test_a_reservation_is_released_once_by_however_many(ada: Member, points: PointType) -> None:
    earned(ada, points, 10)
    reservation = held(ada, points, 10)
    results = race([partial(ledger.release, reservation, at=NOON, actor=TILL)] * 4)
    assert [result for result in results if result is not None] == list(
        Transaction.objects.filter(kind="refund")
    )
    assert available(ada) == 10


@pytest.mark.usefixtures("meeting")
def test_control_without_the_lock_a_reservation_is_released_twice(
    ada: Member, points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    earned(ada, points, 10)
    reservation = held(ada, points, 10)
    monkeypatch.setattr(purses, "LOCK", "")
    with closing_undefended():
        race([partial(ledger.release, reservation, at=NOON, actor=TILL)] * 2)
    assert Transaction.objects.filter(kind="refund").count() == 2


@pytest.mark.usefixtures("widened")
def test_three_sweeps_at_once_book_every_lapse_once(points: PointType) -> None:
    members = [a_member(points.program, f"member {number}") for number in range(12)]
    for member in members:
        earned(member, points, 10)
        held(member, points, 4)
    race([partial(holds.sweep, LAPSE)] * 3)
    holds.sweep(LAPSE)  # for those that all three found in use
    assert Transaction.objects.filter(kind="refund").count() == 12
    assert proof.verify(at=LAPSE).ok


@pytest.mark.usefixtures("widened")
def test_spending_expiry_a_return_and_a_lapse_on_one_lot_leave_books_that_add_up(
    ada: Member, points: PointType
) -> None:
    with transaction.atomic():
        books = Books.open([(ada.pk, points)])
        award = books.earn(
            ada.pk, points, 100, occurred_at=NOON, recorded_at=NOON, actor=TILL, expires_at=LAPSE
        )
        books.write()
    held(ada, points, 40)
    original, wallet = Transaction.objects.get(pk=award.id), Wallet.objects.get()
    race(
        [
            partial(ledger.redeem, ada, points, 30, at=BEFORE, actor=TILL),
            partial(expire_wallets, [wallet.pk], at=LAPSE),
            partial(ledger.reverse_transaction, original, points=50, at=BEFORE, actor=TILL),
            partial(holds.sweep, LAPSE),
            partial(ledger.redeem, ada, points, 40, at=LAPSE, actor=TILL),
        ]
    )
    holds.sweep(LAPSE)
    assert proof.verify(at=LAPSE).ok
    assert Transaction.objects.filter(kind="refund").count() == 1


@contextmanager
def closing_undefended() -> Iterator[None]:
    """Without the trigger that refuses to close a reservation twice: what remains is the lock."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_hold DISABLE TRIGGER USER")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE ledger_hold ENABLE TRIGGER USER")
