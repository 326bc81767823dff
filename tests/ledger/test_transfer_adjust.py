"""Points between members, and points by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty.base.numbers import MAX_UNITS
from loyalty.ledger import ledger, proof
from loyalty.ledger.balances import balances_as_of, balances_now
from loyalty.ledger.books import Actor
from loyalty.ledger.errors import (
    AmountOutOfRange,
    InsufficientPoints,
    MemberMayNotReceive,
    MemberMayNotRedeem,
    OtherProgram,
    ReasonRequired,
    SameMember,
)
from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from tests.ledger.bookings import adjusted, earned
from tests.ledger.characters import NOON, OLGA, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program, "Ada")


@pytest.fixture
def ben(points: PointType) -> Member:
    return a_member(points.program, "Ben")


def transfer(giver: Member, to: Member, points: PointType, units: int) -> Transaction:
    return ledger.transfer(giver, to, points, units, at=NOON + DAY, actor=TILL, reference="T-1")


def adjust(member: Member, points: PointType, units: int, **terms: Any) -> Transaction:
    return ledger.adjust(
        member, points, units, **{"at": NOON, "actor": OLGA, "reason_code": "goodwill", **terms}
    )


def wallet_of(member: Member) -> tuple[int, int, int]:
    wallet = Wallet.objects.get(member=member)
    return wallet.balance, wallet.debt, wallet.lifetime


# --- transfer -----------------------------------------------------------------------------------------------


def test_transferred_points_keep_their_dates(ada: Member, ben: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + 5 * DAY)
    earned(ada, points, 10, NOON + DAY, expires_at=NOON + 9 * DAY)
    transfer(ada, ben, points, 15)
    dates = ["earned_at", "available_at", "expires_at"]
    theirs = Lot.objects.filter(member=ben).order_by("id")
    assert [(lot.amount, lot.origin and lot.origin.member_id) for lot in theirs] == [
        (10, ada.pk),
        (5, ada.pk),
    ]
    assert list(theirs.values(*dates)) == list(Lot.objects.filter(member=ada).order_by("id").values(*dates))


def test_each_side_has_its_transaction_and_nobody_gains(ada: Member, ben: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    sent = transfer(ada, ben, points, 4)
    received = Transaction.objects.get(member=ben)
    assert (sent.amount, sent.counterpart_id, sent.reference) == (-4, ben.pk, "T-1")
    assert (received.amount, received.counterpart_id, received.reference) == (4, ada.pk, "T-1")
    assert (wallet_of(ada), wallet_of(ben)) == ((6, 0, 10), (4, 0, 0))
    assert Fact.objects.filter(type="points.transferred").count() == 2


def test_the_debt_of_the_receiver_is_repaid_first(ada: Member, ben: Member, points: PointType) -> None:
    adjust(ben, points, -6, allow_debt=True)
    earned(ada, points, 10, NOON)
    transfer(ada, ben, points, 10)
    assert wallet_of(ben) == (4, 0, 0)
    assert Lot.objects.get(member=ben).remaining == 4


def test_debt_is_repaid_once_out_of_several_lots(ada: Member, ben: Member, points: PointType) -> None:
    adjust(ben, points, -6, allow_debt=True)
    earned(ada, points, 5, NOON, expires_at=NOON + 3 * DAY)
    earned(ada, points, 5, NOON, expires_at=NOON + 9 * DAY)
    transfer(ada, ben, points, 10)
    assert wallet_of(ben) == (4, 0, 0)
    assert list(Lot.objects.filter(member=ben).order_by("id").values_list("remaining", flat=True)) == [0, 4]


def test_pending_points_are_not_transferred(ada: Member, ben: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, available_at=NOON + 2 * DAY)
    with pytest.raises(InsufficientPoints):
        transfer(ada, ben, points, 1)


def test_who_may_not_give_or_take_is_refused(ada: Member, ben: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    with pytest.raises(SameMember):
        transfer(ada, ada, points, 1)
    with pytest.raises(OtherProgram):
        transfer(ada, a_member(a_program("bakery")), points, 1)
    Member.objects.filter(pk=ben.pk).update(state="closed")
    with pytest.raises(MemberMayNotReceive):
        transfer(ada, ben, points, 1)
    Member.objects.filter(pk=ada.pk).update(state="suspended")
    with pytest.raises(MemberMayNotRedeem):
        transfer(ada, ben, points, 1)
    assert wallet_of(ada) == (10, 0, 10)
    assert Transaction.objects.count() == 1


# --- adjust -------------------------------------------------------------------------------------------------


def test_what_is_given_by_hand_lapses_as_what_is_earned(ada: Member) -> None:
    points = a_point_type(
        ada.program, "short", expiry_kind="rolling", expiry_count=1, pending_kind="days", pending_days=9
    )
    adjust(ada, points, 5)
    adjust(ada, points, 6, expires_at=None)
    adjust(ada, points, 7, expires_at=NOON + DAY)
    lots = Lot.objects.order_by("id").values_list("amount", "available_at", "expires_at")
    end = datetime(2026, 4, 10, 22, tzinfo=UTC)
    assert list(lots) == [(5, NOON, end), (6, NOON, None), (7, NOON, NOON + DAY)]


def test_what_is_taken_by_hand_goes_into_debt_only_when_that_is_said(ada: Member, points: PointType) -> None:
    adjust(ada, points, 5)
    with pytest.raises(InsufficientPoints):
        adjust(ada, points, -6)
    assert wallet_of(ada) == (5, 0, 5)
    adjust(ada, points, -6, allow_debt=True)
    assert wallet_of(ada) == (-1, 1, 5)
    assert list(Entry.objects.order_by("id").values_list("amount", flat=True)) == [5, -5, -1]


def test_what_undoes_an_adjustment_was_not_earned(ada: Member, points: PointType) -> None:
    adjust(ada, points, 5)
    taken = adjusted(ada, points, -3, NOON)
    undone = adjusted(ada, points, 3, NOON, undoes=taken)
    assert wallet_of(ada) == (5, 0, 5)
    assert Transaction.objects.get(pk=undone.id).reverses_id == taken.id
    assert balances_as_of(ada.pk, at=NOON) == balances_now(ada.pk, at=NOON)
    assert proof.verify(at=NOON).breaches == []


def test_an_adjustment_names_its_reason_and_its_person(ada: Member, points: PointType) -> None:
    done = adjust(ada, points, 5, note="late parcel")
    assert (done.actor_kind, done.actor, done.reason_code, done.note) == (
        "staff", "olga", "goodwill", "late parcel",
    )  # fmt: skip
    for lacking in ({"reason_code": ""}, {"actor": Actor("staff", "")}):
        with pytest.raises(ReasonRequired):
            adjust(ada, points, 5, **lacking)
    assert wallet_of(ada) == (5, 0, 5)


@pytest.mark.parametrize("units", [0, MAX_UNITS + 1, -MAX_UNITS - 1, 10**18, 2**63])
def test_adjustments_are_bounded(ada: Member, points: PointType, units: int) -> None:
    with pytest.raises(AmountOutOfRange):
        adjust(ada, points, units, allow_debt=True)
    assert not Transaction.objects.exists()


def test_a_balance_beyond_what_a_float_can_hold_stays_exact(ada: Member, points: PointType) -> None:
    for _ in range(10):
        adjust(ada, points, MAX_UNITS)
    adjust(ada, points, 1)
    assert wallet_of(ada)[0] == 10**16 + 1
    assert Fact.objects.latest("id").data["balance"] == 10**16 + 1


def test_a_wallet_that_would_overflow_is_refused(ada: Member, points: PointType) -> None:
    adjust(ada, points, MAX_UNITS)
    Wallet.objects.update(balance=10**18 - 1, lifetime=0)
    with pytest.raises(AmountOutOfRange):
        adjust(ada, points, 2)


def test_a_closed_member_is_given_nothing(ada: Member, points: PointType) -> None:
    Member.objects.filter(pk=ada.pk).update(state="closed")
    with pytest.raises(MemberMayNotReceive):
        adjust(ada, points, 5)
