"""Balances and history: what a member, a till and an agent read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from loyalty.base.errors import Invalid
from loyalty.base.ids import uuid7
from loyalty.base.paging import write_cursor
from loyalty.ledger import ledger
from loyalty.ledger.balances import Balance, balances, balances_now
from loyalty.ledger.history import history, lines_of
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, OLGA, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program(), is_default=True)


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program)


def sums(balance: Balance) -> tuple[int, int, int, int, int]:
    """pending, active, available, debt, lifetime"""
    return balance.pending, balance.active, balance.available, balance.debt, balance.lifetime


def test_a_new_member_has_nothing_of_every_point_type(ada: Member, points: PointType) -> None:
    a_point_type(points.program, "bonus", decimals=2)
    a_point_type(a_program("bakery"), "crumbs")
    found = balances_now(ada.pk, at=NOON)
    assert [balance.point_type.code for balance in found] == ["points", "bonus"]
    assert all(sums(balance) == (0, 0, 0, 0, 0) for balance in found)
    assert found[0].next_expiry is None


def test_the_dates_decide_what_is_pending_active_and_gone(ada: Member, points: PointType) -> None:
    earned(ada, points, 10, NOON, available_at=NOON + DAY, expires_at=NOON + 3 * DAY)
    earned(ada, points, 5, NOON, expires_at=NOON + 2 * DAY)
    seen = [sums(balances_now(ada.pk, at=NOON + days * DAY)[0])[:3] for days in range(4)]
    assert seen == [(10, 5, 5), (0, 15, 15), (0, 10, 10), (0, 0, 0)]


def test_what_expires_next_is_named_with_its_instant(ada: Member, points: PointType) -> None:
    earned(ada, points, 7, NOON, expires_at=NOON + 3 * DAY)
    earned(ada, points, 5, NOON, expires_at=NOON + 2 * DAY)
    earned(ada, points, 2, NOON, expires_at=NOON + 2 * DAY)
    earned(ada, points, 9, NOON)
    [balance] = balances_now(ada.pk, at=NOON)
    assert balance.expiring == [(NOON + 2 * DAY, 7), (NOON + 3 * DAY, 7)]
    assert balance.next_expiry == (NOON + 2 * DAY, 7)


def test_balances_are_one_query(
    ada: Member, points: PointType, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    earned(ada, points, 7, NOON)
    with django_assert_num_queries(1):
        assert balances_now(ada.pk, at=NOON)[0].active == 7


def test_a_past_moment_is_answered_as_it_was_then(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    ledger.redeem(ada, points, 100, at=NOON + DAY, actor=TILL)
    original = Transaction.objects.get(pk=award.id)
    ledger.reverse_transaction(original, points=30, at=NOON + 2 * DAY, actor=TILL)  # into debt
    earned(ada, points, 50, NOON + 1 * DAY, recorded_at=NOON + 3 * DAY)  # arrives late
    now = NOON + 9 * DAY
    half = DAY / 2
    seen = [sums(balances(ada, now=now, at=NOON + days * DAY + half)[0]) for days in (-1, 0, 1, 2, 3)]
    assert seen == [
        (0, 0, 0, 0, 0),
        (0, 100, 100, 0, 100),
        (0, 0, 0, 0, 100),
        (0, 0, -30, 30, 70),
        (0, 20, 20, 0, 120),
    ]
    assert balances(ada, now=now) == balances(ada, now=now, at=now) == balances(ada, now=now, at=now + DAY)


def test_history_is_newest_first_with_the_balance_after(ada: Member, points: PointType) -> None:
    event_id = uuid7()
    earned(ada, points, 100, NOON, event_id=event_id, reference="O-1", expires_at=NOON + 9 * DAY)
    ledger.redeem(ada, points, 30, at=NOON + DAY, actor=TILL)
    ledger.adjust(ada, points, 5, at=NOON + DAY, actor=OLGA, reason_code="goodwill", note="sorry")
    lines = history(ada.pk).items
    assert [(line.kind, line.amount, line.balance_after) for line in lines] == [
        ("adjust", 5, 75),
        ("redeem", -30, 70),
        ("earn", 100, 100),
    ]
    assert (lines[0].reason_code, lines[0].note, lines[0].actor) == ("goodwill", "sorry", "olga")
    assert (lines[2].event_id, lines[2].reference, lines[2].occurred_at) == (event_id, "O-1", NOON)
    assert (lines[2].available_at, lines[2].expires_at) == (NOON, NOON + 9 * DAY)
    [touch] = lines[1].touches
    assert (touch.amount, touch.lot_after, touch.expires_at) == (-30, 70, NOON + 9 * DAY)
    assert [line.id for line in lines_of(event_id)] == [lines[2].id]


def test_history_goes_on_where_it_stopped_though_rows_arrive(ada: Member, points: PointType) -> None:
    for units in range(1, 6):
        earned(ada, points, units, NOON)
    first = history(ada.pk, limit=2)
    earned(ada, points, 99, NOON)
    second = history(ada.pk, limit=2, cursor=first.next)
    third = history(ada.pk, limit=2, cursor=second.next)
    assert [[line.amount for line in page.items] for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third.next is None


def test_history_costs_two_queries_and_two_of_rewards(
    ada: Member, points: PointType, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for units in range(1, 6):
        earned(ada, points, units, NOON)
    with django_assert_num_queries(4):
        history(ada.pk)


def test_history_can_be_narrowed(ada: Member, points: PointType) -> None:
    bonus = a_point_type(points.program, "bonus", decimals=2)
    earned(ada, points, 1, NOON)
    earned(ada, bonus, 2, NOON)
    ledger.redeem(ada, points, 1, at=NOON, actor=TILL)
    assert [(one.point_type, one.decimals) for one in history(ada.pk, point_type_id=bonus.pk).items] == [
        ("bonus", 2)
    ]
    assert [one.kind for one in history(ada.pk, kinds=["redeem", "refund"]).items] == ["redeem"]


def test_nobody_sees_the_history_of_another(ada: Member, points: PointType) -> None:
    earned(ada, points, 1, NOON)
    assert history(a_member(points.program, "Ben").pk).items == []


@pytest.mark.parametrize("cursor", ["", "!", write_cursor("1 OR 1=1"), write_cursor("ünï".encode().hex())])
def test_a_cursor_made_by_hand_is_refused(ada: Member, cursor: str) -> None:
    with pytest.raises(Invalid) as error:
        history(ada.pk, cursor=cursor)
    assert error.value.code == "cursor_invalid"
