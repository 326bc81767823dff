"""Giving spent points back: into the lots they came from, with their expiry, or with days of grace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from loyalty.ledger import ledger
from loyalty.ledger.books import Books
from loyalty.ledger.errors import ExceedsOriginal, NothingToRefund, NotReversible
from loyalty.ledger.expiry import expire_wallets
from loyalty.ledger.models import Lot, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program(refund_grace_days=7))


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program)


def redeem(member: Member, points: PointType, units: int) -> Transaction:
    return ledger.redeem(member, points, units, at=NOON, actor=TILL, reference="R-1")


def remaining() -> list[int]:
    return list(Lot.objects.order_by("id").values_list("remaining", flat=True))


def test_points_go_back_into_their_lots_with_their_expiry(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + 5 * DAY)
    earned(ada, points, 10, NOON, expires_at=NOON + 9 * DAY)
    before = list(Lot.objects.order_by("id").values())
    purchase = redeem(ada, points, 15)
    done = ledger.refund(purchase, at=NOON + DAY, actor=TILL)
    assert list(Lot.objects.order_by("id").values()) == before
    assert (done.amount, done.reverses_id, done.reference) == (15, purchase.pk, "R-1")


def test_a_part_goes_back_to_what_was_taken_last(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + 5 * DAY)
    earned(ada, points, 10, NOON, expires_at=NOON + 9 * DAY)
    purchase = redeem(ada, points, 15)
    for units, left in ((3, [0, 8]), (4, [2, 10]), (8, [10, 10])):
        ledger.refund(purchase, points=units, at=NOON, actor=TILL)
        assert remaining() == left


@pytest.mark.parametrize("booked", [True, False])
def test_what_lapsed_meanwhile_comes_back_with_days_of_grace(
    ada: Member, points: PointType, booked: bool
) -> None:
    posted = earned(ada, points, 10, NOON, expires_at=NOON + DAY)
    purchase = redeem(ada, points, 8)
    later = datetime(2026, 3, 20, 15, tzinfo=UTC)
    if booked:
        expire_wallets([Wallet.objects.get().pk], at=later)
    ledger.refund(purchase, at=later, actor=TILL)
    fresh = Lot.objects.exclude(origin=None).get()
    assert posted.lot
    assert (fresh.amount, fresh.remaining, fresh.origin_id) == (8, 8, posted.lot.id)
    assert (fresh.earned_at, fresh.available_at) == (NOON, later)
    assert fresh.expires_at == datetime(2026, 3, 27, 23, tzinfo=UTC)  # the end of the seventh local day after
    expire_wallets([Wallet.objects.get().pk], at=later)
    assert Wallet.objects.get().balance == 8


def test_points_of_a_lot_that_lapses_at_this_instant_are_given_anew(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + DAY)
    purchase = redeem(ada, points, 10)
    ledger.refund(purchase, points=5, at=NOON + DAY - timedelta(milliseconds=1), actor=TILL)
    ledger.refund(purchase, points=5, at=NOON + DAY, actor=TILL)
    assert remaining() == [5, 5]


def test_no_more_comes_back_than_was_redeemed(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    purchase = redeem(ada, points, 10)
    ledger.refund(purchase, points=6, at=NOON, actor=TILL)
    with pytest.raises(ExceedsOriginal) as error:
        ledger.refund(purchase, points=5, at=NOON, actor=TILL)
    assert error.value.extra == {"asked": 5, "left": 4}
    ledger.refund(purchase, at=NOON, actor=TILL)
    for units in (None, 1):
        with pytest.raises(NothingToRefund):
            ledger.refund(purchase, points=units, at=NOON, actor=TILL)
    assert Wallet.objects.get().balance == 10


def test_only_a_redemption_is_given_back(ada: Member, points: PointType) -> None:
    award = Transaction.objects.get(pk=earned(ada, points, 10, NOON).id)
    with pytest.raises(NotReversible):
        ledger.refund(award, at=NOON, actor=TILL)


def test_points_that_come_back_do_not_repay_debt(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 10, NOON)
    purchase = redeem(ada, points, 10)
    ledger.reverse_transaction(Transaction.objects.get(pk=award.id), at=NOON, actor=TILL)
    ledger.refund(purchase, at=NOON, actor=TILL)
    wallet = Wallet.objects.get()
    assert (wallet.balance, wallet.debt, remaining()) == (0, 10, [10])


def test_two_refunds_in_one_batch_together_give_back_no_more_than_was_taken(
    ada: Member, points: PointType
) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + 5 * DAY)
    earned(ada, points, 10, NOON, expires_at=NOON + 9 * DAY)
    purchase = redeem(ada, points, 20)
    with transaction.atomic():
        books = Books.open([(ada.pk, points)])
        books.load_originals([purchase.pk])
        original = books.original(purchase.pk)
        for _ in range(2):
            books.refund(original, 8, at=NOON, actor=TILL)
        with pytest.raises(ExceedsOriginal):
            books.refund(original, 5, at=NOON, actor=TILL)
        books.write()
    assert remaining() == [6, 10]


def test_under_inactivity_expiry_a_redemption_keeps_alive_what_it_took(ada: Member) -> None:
    points = a_point_type(ada.program, "idle", expiry_kind="inactivity", expiry_count=3, expiry_unit="days")
    earned(ada, points, 10, NOON - 2 * DAY)
    purchase = redeem(ada, points, 10)
    ledger.refund(purchase, at=NOON + 3 * DAY, actor=TILL)
    lot = Lot.objects.get()
    assert (lot.remaining, lot.expires_at) == (10, datetime(2026, 3, 13, 23, tzinfo=UTC))
