"""Spending: what counts at that very instant, in which order, and what a refusal leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty.base.numbers import MAX_UNITS
from loyalty.ledger import ledger
from loyalty.ledger.errors import AmountOutOfRange, InsufficientPoints, MemberMayNotRedeem, OtherProgram
from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program)


def redeem(member: Member, points: PointType, units: int, at: datetime = NOON) -> Transaction:
    return ledger.redeem(member, points, units, at=at, actor=TILL)


def remaining() -> list[int]:
    return list(Lot.objects.order_by("id").values_list("remaining", flat=True))


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Wallet, Transaction, Lot, Entry, Fact)]


def test_points_can_be_spent_until_the_last_millisecond(ada: Member, points: PointType) -> None:
    end = datetime(2026, 4, 1, tzinfo=UTC)
    earned(ada, points, 10, NOON, expires_at=end)
    redeem(ada, points, 4, end - MILLISECOND)
    with pytest.raises(InsufficientPoints) as error:
        redeem(ada, points, 1, end)
    assert error.value.extra == {"needed": 1, "has": 0, "missing": 1}


def test_pending_points_can_be_spent_from_their_first_instant(ada: Member, points: PointType) -> None:
    start = NOON + DAY
    earned(ada, points, 10, NOON, available_at=start)
    with pytest.raises(InsufficientPoints):
        redeem(ada, points, 1, start - MILLISECOND)
    redeem(ada, points, 10, start)


def test_the_earliest_expiry_goes_first_then_the_oldest(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)  # never lapses
    earned(ada, points, 10, NOON + 2 * DAY, expires_at=NOON + 9 * DAY)
    earned(ada, points, 10, NOON + 1 * DAY, expires_at=NOON + 9 * DAY)
    earned(ada, points, 10, NOON + 3 * DAY, expires_at=NOON + 5 * DAY)
    redeem(ada, points, 17, NOON + 4 * DAY)
    assert remaining() == [10, 10, 3, 0]
    redeem(ada, points, 14, NOON + 4 * DAY)
    assert remaining() == [9, 0, 0, 0]


def test_each_lot_that_was_drawn_on_has_its_own_entry(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + DAY)
    earned(ada, points, 10, NOON)
    done = redeem(ada, points, 15)
    lines = done.entries.order_by("id").values_list("amount", "lot_after", "balance_after")
    assert list(lines) == [(-10, 0, 10), (-5, 5, 5)]
    assert done.amount == -15


def test_a_refusal_says_what_is_missing_and_changes_nothing(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    before = everything()
    with pytest.raises(InsufficientPoints) as error:
        redeem(ada, points, 25)
    assert error.value.extra == {"needed": 25, "has": 10, "missing": 15}
    assert (error.value.code, error.value.status) == ("insufficient_points", 409)
    assert everything() == before


@pytest.mark.parametrize("units", [0, -1, -100, MAX_UNITS + 1, 2**63])
def test_amounts_below_one_or_beyond_the_limit_are_refused(
    ada: Member, points: PointType, units: int
) -> None:
    earned(ada, points, 10, NOON)
    before = everything()
    with pytest.raises(AmountOutOfRange) as error:
        redeem(ada, points, units)
    assert (error.value.code, error.value.status) == ("amount_out_of_range", 422)
    assert everything() == before


@pytest.mark.parametrize("state", ["pending", "suspended", "closed"])
def test_only_active_members_redeem(ada: Member, points: PointType, state: str) -> None:
    earned(ada, points, 10, NOON)
    Member.objects.filter(pk=ada.pk).update(state=state)  # after Ada was read: the present state counts
    with pytest.raises(MemberMayNotRedeem):
        redeem(ada, points, 1)


def test_a_suspended_member_redeems_when_that_was_left_to_them(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    Member.objects.filter(pk=ada.pk).update(state="suspended", suspended_may_redeem=True)
    assert redeem(ada, points, 1).amount == -1


def test_points_of_another_program_are_refused(ada: Member) -> None:
    with pytest.raises(OtherProgram):
        redeem(ada, a_point_type(a_program("bakery")), 1)


def test_debt_lowers_what_can_be_spent(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    purchase = redeem(ada, points, 10)
    award = Transaction.objects.get(kind="earn")
    ledger.reverse_transaction(award, points=4, at=NOON, actor=TILL)  # into debt
    ledger.refund(purchase, at=NOON, actor=TILL)
    with pytest.raises(InsufficientPoints) as error:
        redeem(ada, points, 7)
    assert error.value.extra == {"needed": 7, "has": 6, "missing": 1}
    redeem(ada, points, 6)


def test_a_redemption_is_announced_with_references_only(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON)
    done = ledger.redeem(ada, points, 3, at=NOON, actor=TILL, reference="R-1")
    fact = Fact.objects.get(type="points.redeemed")
    assert fact.member_id == ada.pk
    assert fact.data == {
        "transaction": str(done.pk),
        "kind": "redeem",
        "point_type": "points",
        "amount": -3,
        "balance": 7,
        "reference": "R-1",
    }


@pytest.mark.parametrize(
    "text", ["tab\there", "line\nbreak\r", "back\\slash \\N \\.", "ünï 😀 'quote' \"x\"", "\\."]
)
def test_texts_come_back_as_they_were_written(ada: Member, points: PointType, text: str) -> None:
    earned(ada, points, 10, NOON)
    done = ledger.redeem(ada, points, 1, at=NOON, actor=TILL, reference=text, note=text)
    assert (done.reference, done.note) == (text, text)
    assert Fact.objects.get(type="points.redeemed").data["reference"] == text


def test_under_inactivity_expiry_each_activity_keeps_all_open_points_alive(ada: Member) -> None:
    points = a_point_type(ada.program, "idle", expiry_kind="inactivity", expiry_count=1, expiry_unit="months")
    earned(ada, points, 10, datetime(2026, 1, 10, 12, tzinfo=UTC))
    redeem(ada, points, 1, datetime(2026, 2, 10, 22, 59, tzinfo=UTC))  # the last minute of 10 February
    [lot] = Lot.objects.all()
    assert lot.expires_at == datetime(2026, 3, 10, 23, tzinfo=UTC)
    earned(ada, points, 5, datetime(2026, 3, 10, 23, tzinfo=UTC))  # the very instant at which they lapse
    assert set(Lot.objects.values_list("remaining", "expires_at")) == {
        (9, datetime(2026, 3, 10, 23, tzinfo=UTC)),
        (5, datetime(2026, 4, 11, 22, tzinfo=UTC)),
    }


def test_an_old_event_that_arrives_late_never_shortens_the_life_of_points(ada: Member) -> None:
    points = a_point_type(ada.program, "idle", expiry_kind="inactivity", expiry_count=1, expiry_unit="months")
    earned(ada, points, 10, NOON)
    earned(ada, points, 5, NOON - 5 * DAY, recorded_at=NOON + DAY)
    assert set(Lot.objects.values_list("expires_at", flat=True)) == {datetime(2026, 4, 10, 22, tzinfo=UTC)}
    assert Wallet.objects.get().last_active_at == NOON
