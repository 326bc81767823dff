"""Pending points become spendable by their date; the job writes down when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.ledger import activation, expiry, proof
from loyalty.ledger.errors import InsufficientPoints
from loyalty.ledger.models import Entry, Lot, Transaction
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType, Program
from tests.ledger.bookings import earned, redeemed, reversed_, wallet_of
from tests.ledger.characters import NOON, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db

OPENS = datetime(2026, 3, 23, 23, tzinfo=UTC)  # the start of 24 March in Madrid


@pytest.fixture
def program() -> Program:
    return a_program()


@pytest.fixture
def points(program: Program) -> PointType:
    return a_point_type(program, pending_kind="days", pending_days=14)


def test_the_books_date_an_activation_with_the_lots_date(program: Program, points: PointType) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    assert activation.activate_program(program, at=OPENS - timedelta(milliseconds=1)) == 0
    assert activation.activate_program(program, at=OPENS + timedelta(hours=6)) == 1
    act = Transaction.objects.get(kind="activate")
    assert (act.occurred_at, act.amount) == (OPENS, 0)
    line = act.entries.get()
    assert (line.amount, line.lot_after, line.balance_after) == (0, 100, 100)
    assert Lot.objects.get().is_pending is False
    assert Fact.objects.get(type="points.activated").data["amount"] == 100
    assert proof.verify(at=OPENS).ok


def test_points_can_be_spent_from_their_date_on_before_the_job_has_run(
    program: Program, points: PointType
) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    with pytest.raises(InsufficientPoints):
        redeemed(ada, points, 1, OPENS - timedelta(milliseconds=1))
    redeemed(ada, points, 40, OPENS)
    activation.activate_program(program, at=OPENS + timedelta(hours=6))
    assert Entry.objects.get(transaction__kind="activate").lot_after == 60
    assert proof.verify(at=OPENS).ok


def test_a_second_run_finds_nothing(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 100, NOON)
    assert activation.activate_program(program, at=OPENS) == 1
    assert activation.activate_program(program, at=OPENS) == 0
    assert Transaction.objects.filter(kind="activate").count() == 1


def test_nothing_becomes_available_of_what_a_return_took_back(program: Program, points: PointType) -> None:
    ada = a_member(program)
    gift = earned(ada, points, 100, NOON)
    reversed_(ada, points, gift, 100, NOON + timedelta(days=1))
    activation.activate_program(program, at=OPENS)
    assert not Transaction.objects.filter(kind="activate").exists()
    assert Lot.objects.get().is_pending is False
    assert proof.verify(at=OPENS).ok


def test_a_wallet_that_was_emptied_while_pending_only_loses_the_flag(
    program: Program, points: PointType
) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    redeemed(ada, points, 100, OPENS)
    Lot.objects.update(is_pending=True)
    assert activation.activate_wallets([wallet_of(ada, points).pk], at=OPENS) == 1
    assert not Transaction.objects.filter(kind="activate").exists()
    assert Lot.objects.get().is_pending is False


def test_after_a_long_gap_points_become_available_and_lapse_each_on_its_day(program: Program) -> None:
    points = a_point_type(
        program,
        pending_kind="days",
        pending_days=14,
        expiry_kind="rolling",
        expiry_count=10,
        expiry_unit="days",
    )
    earned(a_member(program), points, 100, NOON)
    late = OPENS + timedelta(days=100)
    activation.activate_program(program, at=late)
    expiry.expire_program(program, at=late)
    happened = Transaction.objects.exclude(kind="earn").order_by("id").values_list("kind", "occurred_at")
    assert list(happened) == [("activate", OPENS), ("expire", datetime(2026, 4, 3, 22, tzinfo=UTC))]
    assert proof.verify(at=late).ok
