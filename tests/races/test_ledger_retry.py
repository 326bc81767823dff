"""A deadlock with somebody who does not keep to the order of locks is repeated, not shown to the caller."""

from __future__ import annotations

import time
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction

from loyalty.base import locking
from loyalty.base.errors import Busy
from loyalty.base.locking import retrying
from loyalty.ledger import ledger
from loyalty.ledger.books import Books
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, TILL, a_member, a_point_type, a_program
from tests.races.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def pair(points: PointType) -> tuple[Member, Member]:
    """Ada's wallet has the lower id."""
    ada, ben = a_member(points.program, "Ada"), a_member(points.program, "Ben")
    earned(ada, points, 10, NOON)
    earned(ben, points, 10, NOON)
    return ada, ben


def stubborn(first: Member, then: Member) -> None:
    """Locks the higher id first, then waits for the lower one after the other side has begun to wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM ledger_wallet WHERE member_id = %s FOR UPDATE", [first.pk])
        time.sleep(0.5)
        cursor.execute("SELECT 1 FROM ledger_wallet WHERE member_id = %s FOR UPDATE", [then.pk])


def transfer(giver: Member, to: Member, points: PointType) -> Transaction:
    time.sleep(0.2)
    return ledger.transfer(giver, to, points, 3, at=NOON, actor=TILL)


def test_the_victim_of_a_deadlock_tries_again_and_succeeds_once(
    pair: tuple[Member, Member], points: PointType
) -> None:
    ada, ben = pair
    race([partial(stubborn, ben, ada), partial(transfer, ada, ben, points)])
    assert list(Wallet.objects.order_by("id").values_list("balance", flat=True)) == [7, 13]


def test_control_without_trying_again_the_caller_sees_the_deadlock(
    pair: tuple[Member, Member], points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = pair
    monkeypatch.setattr(locking, "TRIES", 1)
    _, outcome = race([partial(stubborn, ben, ada), partial(transfer, ada, ben, points)])
    assert isinstance(outcome, Busy)
    assert list(Wallet.objects.order_by("id").values_list("balance", flat=True)) == [10, 10]


def test_inside_a_transaction_nothing_is_repeated() -> None:
    tried = []

    @retrying
    def always_a_victim() -> None:
        tried.append(1)
        error = OperationalError("deadlock detected")
        error.__cause__ = _with_state("40P01")
        raise error

    with pytest.raises(OperationalError), transaction.atomic():
        always_a_victim()
    assert len(tried) == 1
    with pytest.raises(Busy):
        always_a_victim()
    assert len(tried) == 1 + locking.TRIES


def test_other_errors_of_the_database_are_not_hidden() -> None:
    @retrying
    def gone() -> None:
        raise OperationalError("server closed the connection")

    with pytest.raises(OperationalError):
        gone()


def _with_state(state: str) -> Exception:
    error = Exception()
    error.sqlstate = state  # type: ignore[attr-defined]
    return error


def test_wallets_are_locked_before_anything_of_them_is_read(
    pair: tuple[Member, Member], points: PointType
) -> None:
    """What was committed while we waited for the lock counts."""
    ada, _ = pair

    def slow() -> None:
        with transaction.atomic():
            books = Books.open([(ada.pk, points)])
            time.sleep(0.5)
            books.redeem(ada.pk, points, 4, at=NOON, actor=TILL)
            books.write()

    def waiting() -> int:
        time.sleep(0.2)
        with transaction.atomic():
            books = Books.open([(ada.pk, points)], with_lots="all")
            return books.available(ada.pk, points, at=NOON)

    assert race([slow, waiting])[1] == 6
