"""The database itself refuses to change what was booked, whoever asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from loyalty.ledger.books import Books
from loyalty.ledger.models import Lot
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount = amount + 1",
        "DELETE FROM ledger_entry",
        "UPDATE ledger_transaction SET amount = amount + 1",
        "UPDATE ledger_transaction SET note = 'other'",
        "DELETE FROM ledger_transaction",
        "UPDATE ledger_lot SET amount = amount + 1",
        "UPDATE ledger_lot SET earned_at = now()",
        "UPDATE ledger_lot SET available_at = now()",
        "DELETE FROM ledger_lot",
        "UPDATE ledger_lot SET remaining = amount + 1",
        "UPDATE ledger_lot SET remaining = -1",
        "UPDATE ledger_wallet SET debt = -1",
        "UPDATE ledger_extension SET expired_at = expired_at - interval '1 day'",
        "DELETE FROM ledger_extension",
    ],
)
def test_the_books_cannot_be_changed_afterwards(statement: str) -> None:
    points = a_point_type(a_program(), expiry_kind="inactivity", expiry_count=30, expiry_unit="days")
    ada = a_member(points.program)
    earned(ada, points, 10, NOON)
    earned(ada, points, 5, NOON + timedelta(days=1))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    lot = Lot.objects.get(amount=10)
    assert (lot.remaining, lot.entries.get().amount, lot.transaction.amount) == (10, 10, 10)
    assert lot.extensions.count() == 1


def test_what_remains_of_a_lot_is_the_one_thing_that_moves() -> None:
    """The control: the same kind of statement goes through where it may."""
    points = a_point_type(a_program())
    earned(a_member(points.program), points, 10, NOON)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_lot SET remaining = remaining - 1")
    assert Lot.objects.get().remaining == 9


@pytest.mark.django_db(transaction=True)
def test_books_are_opened_inside_a_transaction_only() -> None:
    points = a_point_type(a_program())
    with pytest.raises(RuntimeError, match="transaction"):
        Books.open([(a_member(points.program).pk, points)])


def test_an_unwritten_act_leaves_no_trace() -> None:
    points = a_point_type(a_program())
    ada = a_member(points.program)
    books = Books.open([(ada.pk, points)])
    books.earn(ada.pk, points, 10, occurred_at=NOON, recorded_at=NOON, actor=TILL)
    assert not Lot.objects.exists()
    books.write()
    assert Lot.objects.get().remaining == 10
