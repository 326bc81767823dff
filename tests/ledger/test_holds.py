"""Reservations: points that are taken at once, and are the member's again at the very instant at which they lapse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import holds, ledger, proof, tasks
from loyalty.ledger.balances import Balance, Expiring, balances_as_of, balances_now
from loyalty.ledger.books import Books
from loyalty.ledger.errors import (
    HoldCaptured,
    HoldLapsed,
    HoldOpen,
    InsufficientPoints,
    NotHeld,
    NothingToRefund,
)
from loyalty.ledger.models import Hold, Lot, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from tests.ledger.bookings import adjusted, earned, refunded, transferred
from tests.ledger.characters import NOON, OLGA, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MILLISECOND = timedelta(milliseconds=1)
LAPSE = NOON + 15 * MINUTE


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program(refund_grace_days=7))


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program)


def held(member: Member, points: PointType, units: int, lapses_at: datetime = LAPSE) -> Transaction:
    return ledger.hold(member, points, units, lapses_at=lapses_at, at=NOON, actor=TILL, reference="R-1")


def balance(member: Member, at: datetime) -> Balance:
    return balances_now(member.pk, at=at)[0]


def remaining() -> list[int]:
    return list(Lot.objects.order_by("id").values_list("remaining", flat=True))


def test_a_reservation_takes_the_points_at_once(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON)
    reservation = held(ada, points, 60)
    assert (reservation.kind, reservation.amount, remaining()) == ("redeem", -60, [40])
    now = balance(ada, NOON)
    assert (now.active, now.held, now.available) == (100, 60, 40)
    with pytest.raises(InsufficientPoints) as error:
        ledger.redeem(ada, points, 41, at=NOON, actor=TILL)
    assert error.value.has == 40
    assert proof.verify(at=NOON).ok


def test_a_captured_reservation_stays_redeemed(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON)
    reservation = held(ada, points, 60)
    assert ledger.capture(reservation, at=NOON + MINUTE) is True
    assert ledger.capture(reservation, at=NOON + MINUTE) is False
    hold = Hold.objects.get()
    assert (hold.state, hold.closed_at) == ("captured", NOON + MINUTE)
    assert holds.sweep(LAPSE) == 0
    later = balance(ada, LAPSE + DAY)
    assert (later.active, later.held, later.available) == (40, 0, 40)
    with pytest.raises(HoldCaptured):
        ledger.release(reservation, at=NOON + MINUTE, actor=TILL)
    ledger.refund(reservation, points=10, at=LAPSE + DAY, actor=TILL)
    assert remaining() == [50]
    assert proof.verify(at=LAPSE).ok


def test_it_can_be_captured_until_the_last_millisecond(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON)
    early, late = held(ada, points, 60), held(ada, points, 40)
    assert ledger.capture(early, at=LAPSE - MILLISECOND)
    with pytest.raises(HoldLapsed):
        ledger.capture(late, at=LAPSE)
    assert Hold.objects.get(pk=late.pk).state == "open"


def test_at_the_instant_of_its_lapse_the_points_can_be_spent(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON)
    reservation = held(ada, points, 60)
    with pytest.raises(InsufficientPoints):
        ledger.redeem(ada, points, 100, at=LAPSE - MILLISECOND, actor=TILL)
    ledger.redeem(ada, points, 100, at=LAPSE, actor=TILL)
    refund = Transaction.objects.get(kind="refund")
    assert (refund.amount, refund.occurred_at, refund.recorded_at) == (60, LAPSE, LAPSE)
    assert (refund.reverses_id, refund.reason_code, refund.actor_kind) == (
        reservation.pk,
        "lapsed",
        "system",
    )
    assert remaining() == [0]
    assert proof.verify(at=LAPSE).ok


def test_balances_count_a_lapsed_reservation_as_released_before_any_job_has_run(
    ada: Member, points: PointType
) -> None:
    earned(ada, points, 50, NOON, expires_at=NOON + 9 * DAY)
    earned(ada, points, 50, NOON)
    held(ada, points, 60)
    assert balance(ada, LAPSE - MILLISECOND).held == 60
    then = balance(ada, LAPSE)
    assert (then.active, then.held, then.expiring) == (100, 0, [Expiring(NOON + 9 * DAY, 50)])
    assert holds.sweep(LAPSE + MINUTE) == 1
    assert balance(ada, LAPSE) == then == balances_as_of(ada.pk, at=LAPSE)[0]
    assert balances_as_of(ada.pk, at=LAPSE - MILLISECOND)[0].held == 60


def test_a_release_before_the_lapse_gives_the_points_back_into_their_lots(
    ada: Member, points: PointType
) -> None:
    earned(ada, points, 50, NOON, expires_at=NOON + 9 * DAY)
    earned(ada, points, 50, NOON)
    before = list(Lot.objects.order_by("id").values())
    reservation = held(ada, points, 60)
    back = ledger.release(reservation, at=NOON + MINUTE, actor=OLGA, note="Changed her mind")
    assert back is not None
    assert (back.kind, back.amount, back.reference, back.note) == ("refund", 60, "R-1", "Changed her mind")
    assert list(Lot.objects.order_by("id").values()) == before
    assert ledger.release(reservation, at=NOON + MINUTE, actor=OLGA) is None
    with pytest.raises(HoldLapsed):
        ledger.capture(reservation, at=NOON + MINUTE)
    assert balances_as_of(ada.pk, at=NOON + MINUTE - MILLISECOND)[0].held == 60
    assert balances_as_of(ada.pk, at=NOON + MINUTE)[0].held == 0


@pytest.mark.parametrize("booked", [True, False])
def test_what_lapses_while_it_is_reserved_comes_back_with_days_of_grace(
    ada: Member, points: PointType, booked: bool
) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + DAY)
    held(ada, points, 8, lapses_at=NOON + 2 * DAY)
    if booked:
        holds.sweep(NOON + 3 * DAY)
    end = datetime(2026, 3, 19, 23, tzinfo=UTC)  # the end of the seventh local day after the lapse
    now = balance(ada, NOON + 3 * DAY)
    assert (now.active, now.expiring) == (8, [Expiring(end, 8)])
    assert balance(ada, end).active == 0


@pytest.mark.parametrize("booked", [True, False])
def test_what_comes_back_into_a_lot_lapses_with_it(ada: Member, points: PointType, booked: bool) -> None:
    earned(ada, points, 10, NOON, expires_at=NOON + DAY)
    held(ada, points, 8)
    if booked:
        holds.sweep(NOON + DAY)
    assert balance(ada, NOON + DAY - MILLISECOND).active == 10
    assert balance(ada, NOON + DAY).active == 0


def test_every_way_of_spending_finds_what_has_lapsed(ada: Member, points: PointType) -> None:
    ben = a_member(points.program, "Ben")
    earned(ada, points, 30, NOON)
    held(ada, points, 30, NOON + MINUTE)
    transferred(ada, ben, points, 10, NOON + MINUTE)
    ledger.hold(ada, points, 20, lapses_at=NOON + 3 * MINUTE, at=NOON + 2 * MINUTE, actor=TILL)
    adjusted(ada, points, -5, NOON + 3 * MINUTE)
    assert remaining()[0] == 15
    with transaction.atomic():
        books = Books.open([(ada.pk, points)], with_lots="all")
        assert books.available(ada.pk, points, at=NOON + 3 * MINUTE) == 15


def test_points_of_a_reservation_that_lapsed_are_taken_back_with_the_rest(
    ada: Member, points: PointType
) -> None:
    award = earned(ada, points, 30, NOON)
    held(ada, points, 20)
    done = ledger.reverse_transaction(Transaction.objects.get(pk=award.id), at=LAPSE, actor=TILL)
    assert (done.amount, Wallet.objects.get().debt) == (-30, 0)


def test_reserved_points_are_not_given_back_in_parts(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    reservation = held(ada, points, 20)
    with pytest.raises(HoldOpen):
        ledger.refund(reservation, points=5, at=NOON, actor=TILL)
    ledger.refund(reservation, at=NOON, actor=TILL, reason_code="till_mistake")
    assert (Hold.objects.get().state, remaining()) == ("released", [30])


def test_to_undo_a_reservation_that_lapsed_is_refused_whether_it_was_booked_or_not(
    ada: Member, points: PointType
) -> None:
    earned(ada, points, 30, NOON)
    reservation = held(ada, points, 20)
    for _ in range(2):
        with pytest.raises(NothingToRefund):
            ledger.refund(reservation, at=LAPSE, actor=TILL)
        assert ledger.release(reservation, at=LAPSE, actor=TILL) is None
    assert remaining() == [30]


def test_what_was_redeemed_at_once_is_no_reservation(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    done = ledger.redeem(ada, points, 20, at=NOON, actor=TILL)
    with pytest.raises(NotHeld):
        ledger.capture(done, at=NOON)
    with pytest.raises(NotHeld):
        ledger.release(done, at=NOON, actor=TILL)


def test_points_that_come_back_do_not_repay_debt(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 30, NOON)
    held(ada, points, 20)
    ledger.reverse_transaction(Transaction.objects.get(pk=award.id), at=NOON, actor=TILL)
    now = balance(ada, NOON)
    assert (now.active, now.held, now.debt, now.available) == (20, 20, 20, -20)
    later = balance(ada, LAPSE)
    assert (later.active, later.held, later.debt, later.available) == (20, 0, 20, 0)


def test_a_reservation_made_and_captured_in_one_batch(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    with transaction.atomic():
        books = Books.open([(ada.pk, points)], with_lots="all")
        first = books.redeem(ada.pk, points, 10, at=NOON, actor=TILL, lapses_at=LAPSE)
        second = books.redeem(ada.pk, points, 10, at=NOON, actor=TILL, lapses_at=LAPSE)
        books.capture(first.id, at=NOON)
        books.release(second.id, at=NOON)
        books.write()
    assert sorted(Hold.objects.values_list("state", flat=True)) == ["captured", "released"]
    assert remaining() == [20]
    assert proof.verify(at=NOON).ok


def test_the_sweep_books_all_that_has_lapsed_and_nothing_else(ada: Member, points: PointType) -> None:
    members = [a_member(points.program, f"member {number}") for number in range(5)]
    for member in members:
        earned(member, points, 30, NOON)
        held(member, points, 10)
        held(member, points, 10, LAPSE + MINUTE)
    assert holds.sweep(LAPSE - MILLISECOND) == 0
    assert holds.sweep(LAPSE) == 5
    assert holds.sweep(LAPSE) == 0
    assert Hold.objects.filter(state="released", closed_at=LAPSE).count() == 5
    assert proof.verify(at=LAPSE).ok


def test_the_task_sweeps_by_the_time_of_the_database(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    held(ada, points, 10)  # NOON is long past
    tasks.release_lapsed()
    assert Hold.objects.get().state == "released"


@pytest.mark.parametrize("end", [ledger.capture, lambda one, at: ledger.release(one, at=at, actor=TILL)])
def test_by_a_clock_that_is_behind_a_reservation_ends_when_it_began(
    ada: Member, points: PointType, end: Callable[..., object]
) -> None:
    earned(ada, points, 100, NOON - DAY)
    reservation = held(ada, points, 60)
    end(reservation, at=NOON - MINUTE)
    assert Hold.objects.get().closed_at == NOON
    assert proof.verify(at=NOON).breaches == []


def test_facts_tell_of_every_step(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    first, second = held(ada, points, 10), held(ada, points, 5)
    ledger.capture(first, at=NOON + MINUTE)
    holds.sweep(LAPSE)
    told = Fact.objects.exclude(type="points.earned").order_by("id")
    assert [fact.type for fact in told] == [
        "points.held",
        "points.held",
        "points.captured",
        "points.released",
    ]
    assert told[0].data["lapses_at"] == "2026-03-10T12:15:00Z"
    assert told[2].data == {"transaction": str(first.pk), "point_type": "points", "points": 10}
    assert (told[3].data["reverses"], told[3].data["amount"]) == (str(second.pk), 5)
    assert (told[3].occurred_at, told[3].data["reference"]) == (LAPSE, "R-1")


def test_a_closed_reservation_never_opens_again(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    reservation = held(ada, points, 10)
    ledger.capture(reservation, at=NOON)
    for statement in (
        "UPDATE ledger_hold SET state = 'open', closed_at = NULL",
        "UPDATE ledger_hold SET points = 1",
        "DELETE FROM ledger_hold",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_under_inactivity_expiry_what_came_back_is_kept_alive_by_the_next_earning(ada: Member) -> None:
    points = a_point_type(ada.program, "idle", expiry_kind="inactivity", expiry_count=3, expiry_unit="days")
    earned(ada, points, 10, NOON)
    ledger.hold(ada, points, 10, lapses_at=LAPSE, at=NOON, actor=TILL)
    earned(ada, points, 1, NOON + 2 * DAY)
    assert set(Lot.objects.values_list("expires_at", flat=True)) == {datetime(2026, 3, 15, 23, tzinfo=UTC)}


def test_earning_asks_nothing_about_reservations(ada: Member, points: PointType) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        earned(ada, points, 10, NOON)
    assert not [query for query in asked.captured_queries if "ledger_hold" in query["sql"]]


def test_part_of_a_captured_reservation_can_come_back_more_than_once(ada: Member, points: PointType) -> None:
    earned(ada, points, 30, NOON)
    with transaction.atomic():
        books = Books.open([(ada.pk, points)], with_lots="all")
        posted = books.redeem(ada.pk, points, 20, at=NOON, actor=TILL, lapses_at=LAPSE)
        books.capture(posted.id, at=NOON)
        books.write()
    refunded(ada, points, posted, 5, NOON)
    refunded(ada, points, posted, 15, NOON)
    assert remaining() == [30]
    assert proof.verify(at=NOON).ok
