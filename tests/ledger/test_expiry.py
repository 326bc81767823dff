"""Points lapse by their dates; the job only writes it down, however late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import expiry, proof, sweep
from loyalty.ledger.balances import balances_as_of, balances_now
from loyalty.ledger.errors import InsufficientPoints
from loyalty.ledger.models import Entry, Extension, Lot, Transaction
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType, Program
from tests.ledger.bookings import earned, redeemed, reversed_, wallet_of
from tests.ledger.characters import NOON, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db

LAPSE = datetime(2026, 4, 9, 22, tzinfo=UTC)  # midnight in Madrid after 9 April, summer time
MORNING_AFTER = LAPSE + timedelta(hours=6)


@pytest.fixture
def program() -> Program:
    return a_program()


@pytest.fixture
def points(program: Program) -> PointType:
    return a_point_type(program, expiry_kind="rolling", expiry_count=30, expiry_unit="days")


def assert_proved() -> None:
    assert proof.verify(at=MORNING_AFTER).breaches == []


def test_the_books_date_an_expiry_with_the_instant_of_the_lot_however_late_the_job_runs(
    program: Program, points: PointType
) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    assert expiry.expire_program(program, at=MORNING_AFTER) == 1
    lapsed = Transaction.objects.get(kind="expire")
    assert (lapsed.occurred_at, lapsed.recorded_at, lapsed.amount) == (LAPSE, MORNING_AFTER, -100)
    line = lapsed.entries.get()
    assert (line.occurred_at, line.amount, line.balance_after, line.lot_after) == (LAPSE, -100, 0, 0)
    assert (wallet_of(ada, points).balance, Lot.objects.get().remaining) == (0, 0)
    assert_proved()


def test_points_that_lapsed_cannot_be_spent_before_the_job_has_run(
    program: Program, points: PointType
) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    redeemed(ada, points, 40, LAPSE - timedelta(milliseconds=1))
    with pytest.raises(InsufficientPoints):
        redeemed(ada, points, 1, LAPSE)
    assert wallet_of(ada, points).balance == 60  # the books do not know yet
    expiry.expire_program(program, at=MORNING_AFTER)
    assert wallet_of(ada, points).balance == 0
    assert_proved()


def test_nothing_lapses_a_millisecond_early(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 100, NOON)
    assert expiry.expire_program(program, at=LAPSE - timedelta(milliseconds=1)) == 0
    assert expiry.expire_program(program, at=LAPSE) == 1


def test_a_second_run_finds_nothing(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 100, NOON)
    assert expiry.expire_program(program, at=MORNING_AFTER) == 1
    assert expiry.expire_program(program, at=MORNING_AFTER) == 0
    assert Transaction.objects.filter(kind="expire").count() == 1


def test_after_a_gap_each_expiry_instant_gets_its_own_transaction(
    program: Program, points: PointType
) -> None:
    ada = a_member(program)
    for days in (0, 0, 1, 5):
        earned(ada, points, 10 + days, NOON + timedelta(days=days))
    assert expiry.expire_program(program, at=NOON + timedelta(days=60)) == 4
    acts = Transaction.objects.filter(kind="expire").order_by("id")  # ids rise with what happened
    assert [(act.occurred_at, act.amount) for act in acts] == [
        (LAPSE, -20),
        (LAPSE + timedelta(days=1), -11),
        (LAPSE + timedelta(days=5), -15),
    ]
    balances = (
        Entry.objects.filter(transaction__in=acts).order_by("id").values_list("balance_after", flat=True)
    )
    assert list(balances) == [36, 26, 15, 0]
    assert_proved()


def test_a_part_that_was_spent_does_not_expire(program: Program, points: PointType) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    redeemed(ada, points, 30, NOON)
    expiry.expire_program(program, at=MORNING_AFTER)
    assert Transaction.objects.get(kind="expire").amount == -70
    assert_proved()


def test_debt_stays_when_points_expire(program: Program, points: PointType) -> None:
    ada = a_member(program)
    first = earned(ada, points, 50, NOON)
    redeemed(ada, points, 50, NOON)
    earned(ada, points, 20, NOON, available_at=NOON + timedelta(days=5), expires_at=LAPSE)
    reversed_(ada, points, first, 50, NOON)  # takes the 20, and 30 become debt
    assert (wallet_of(ada, points).balance, wallet_of(ada, points).debt) == (-30, 30)
    earned(ada, points, 100, NOON, expires_at=LAPSE)
    expiry.expire_program(program, at=MORNING_AFTER)
    assert (wallet_of(ada, points).balance, wallet_of(ada, points).debt) == (0, 0)
    assert_proved()


def test_an_expiry_is_announced_with_what_it_took(program: Program) -> None:
    points = a_point_type(program, decimals=2, expiry_kind="rolling", expiry_count=30, expiry_unit="days")
    ada = a_member(program)
    earned(ada, points, 1250, NOON)
    earned(ada, points, 5, NOON, expires_at=None)
    expiry.expire_program(program, at=MORNING_AFTER)
    fact = Fact.objects.get(type="points.expired")
    lapsed = Transaction.objects.get(kind="expire")
    assert fact.data == {
        "transaction": str(lapsed.id),
        "kind": "expire",
        "point_type": "points",
        "amount": -1250,
        "balance": 5,
    }
    assert (fact.member_id, fact.occurred_at, fact.recorded_at) == (ada.id, LAPSE, MORNING_AFTER)


def test_a_fact_of_the_sweep_looks_like_one_of_a_single_act(program: Program, points: PointType) -> None:
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    expiry.expire_program(program, at=MORNING_AFTER)
    single, swept = Fact.objects.order_by("id")
    assert set(swept.data) == set(single.data)


def test_another_programs_points_stay(program: Program, points: PointType) -> None:
    other = a_program("tea")
    others_points = a_point_type(other, expiry_kind="rolling", expiry_count=30, expiry_unit="days")
    earned(a_member(program), points, 100, NOON)
    earned(a_member(other), others_points, 100, NOON)
    assert expiry.expire_program(program, at=MORNING_AFTER) == 1
    assert Lot.objects.get(program=other).remaining == 100


def test_one_wallet_can_be_brought_up_to_date_alone(program: Program, points: PointType) -> None:
    ada, ben = a_member(program), a_member(program, "Ben")
    earned(ada, points, 100, NOON)
    earned(ben, points, 100, NOON)
    assert expiry.expire_wallets([wallet_of(ada, points).pk], at=MORNING_AFTER) == 1
    assert (wallet_of(ada, points).balance, wallet_of(ben, points).balance) == (0, 100)
    assert_proved()


def test_chunks_end_between_members_and_leave_nothing(
    program: Program, points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LOTS_A_CHUNK", 4)
    monkeypatch.setattr(sweep, "WALLETS_A_PAGE", 3)
    for number in range(8):
        member = a_member(program, f"Member {number}")
        for day in range(3):
            earned(member, points, 10, NOON - timedelta(days=day))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert expiry.expire_program(program, at=MORNING_AFTER) == 24
    assert sum("FOR UPDATE SKIP LOCKED" in query["sql"] for query in queries) >= 4
    assert not Lot.objects.filter(remaining__gt=0).exists()
    assert Transaction.objects.filter(kind="expire").count() == 24
    assert_proved()


def test_what_the_note_raises_undoes_its_chunk(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 100, NOON)

    def refuse(done: int, wallet_id: int) -> None:
        raise RuntimeError("taken over")

    with pytest.raises(RuntimeError), transaction.atomic():
        sweep.of_program(expiry.EXPIRY, program.pk, at=MORNING_AFTER, note=refuse)
    assert Lot.objects.get().remaining == 100
    assert not Transaction.objects.filter(kind="expire").exists()


@pytest.mark.parametrize(
    ("terms", "earned_at", "last_instant"),
    [
        # 31 January + 1 month is 28 February; its midnight in Madrid is 23:00 UTC.
        ({"expiry_count": 1, "expiry_unit": "months"}, "2026-01-31T11:00Z", "2026-02-28T23:00Z"),
        # A leap day + 1 year is 28 February.
        ({"expiry_count": 1, "expiry_unit": "years"}, "2028-02-29T11:00Z", "2029-02-28T23:00Z"),
        # Across the change to summer time: the day has 23 hours, midnight is 22:00 UTC.
        ({"expiry_count": 1, "expiry_unit": "days"}, "2026-03-28T11:00Z", "2026-03-29T22:00Z"),
        # Across the change to winter time: midnight is 23:00 UTC again.
        ({"expiry_count": 1, "expiry_unit": "days"}, "2026-10-24T11:00Z", "2026-10-25T23:00Z"),
        # 23:30 in Madrid on the 31st is still the 31st, though UTC says so too; 00:30 is the next day.
        ({"expiry_count": 1, "expiry_unit": "days"}, "2026-07-31T21:30Z", "2026-08-01T22:00Z"),
        ({"expiry_count": 1, "expiry_unit": "days"}, "2026-07-31T22:30Z", "2026-08-02T22:00Z"),
        (
            {"expiry_count": 6, "expiry_unit": "months", "expiry_rounding": "quarter"},
            "2026-01-10T11:00Z",
            "2026-09-30T22:00Z",
        ),
        ({"expiry_kind": "fixed", "expiry_dates": ["02-29"]}, "2026-03-01T11:00Z", "2027-02-28T23:00Z"),
        ({"expiry_kind": "fixed", "expiry_dates": ["12-31"]}, "2026-12-31T22:30Z", "2026-12-31T23:00Z"),
    ],
)
def test_the_job_and_the_calendar_agree_to_the_millisecond(
    program: Program, terms: dict[str, Any], earned_at: str, last_instant: str
) -> None:
    points = a_point_type(program, "points", **{"expiry_kind": "rolling", **terms})
    ada = a_member(program)
    lapse = datetime.fromisoformat(last_instant)
    earned(ada, points, 100, datetime.fromisoformat(earned_at))
    assert expiry.expire_program(program, at=lapse - timedelta(milliseconds=1)) == 0
    redeemed(ada, points, 1, lapse - timedelta(milliseconds=1))
    with pytest.raises(InsufficientPoints):
        redeemed(ada, points, 1, lapse)
    assert expiry.expire_program(program, at=lapse) == 1
    assert Transaction.objects.get(kind="expire").occurred_at == lapse


def test_under_inactivity_a_redemption_keeps_the_rest_alive(program: Program) -> None:
    points = a_point_type(program, expiry_kind="inactivity", expiry_count=1, expiry_unit="months")
    ada = a_member(program)
    earned(ada, points, 100, datetime(2026, 1, 31, 12, tzinfo=UTC))
    redeemed(ada, points, 10, datetime(2026, 2, 20, 12, tzinfo=UTC))
    assert expiry.expire_program(program, at=datetime(2026, 3, 20, 22, tzinfo=UTC)) == 0
    assert expiry.expire_program(program, at=datetime(2026, 3, 20, 23, tzinfo=UTC)) == 1
    assert Transaction.objects.get(kind="expire").amount == -90
    assert_proved()


def test_what_late_news_kept_alive_was_gone_in_between(program: Program) -> None:
    """The lapse of 10 April was not booked yet when an order of the 5th arrived on the 11th."""
    points = a_point_type(program, expiry_kind="inactivity", expiry_count=30, expiry_unit="days")
    ada = a_member(program)
    earned(ada, points, 100, NOON)
    before, between, after = (LAPSE + days * timedelta(days=1) for days in (-1, 0.5, 2))
    answered = [balances_now(ada.pk, at=at) for at in (before, between)]
    earned(ada, points, 7, datetime(2026, 4, 5, 12, tzinfo=UTC), recorded_at=LAPSE + timedelta(days=1))
    answered.append(balances_now(ada.pk, at=after))
    assert [one[0].active for one in answered] == [100, 0, 107]
    assert [balances_as_of(ada.pk, at=at) for at in (before, between, after)] == answered
    assert [one[0].expiring[0].at for one in (answered[0], answered[2])] == [
        LAPSE,
        LAPSE + timedelta(days=26),
    ]
    kept = Extension.objects.get()
    assert (kept.expired_at, kept.expires_at) == (LAPSE, LAPSE + timedelta(days=26))
    assert kept.transaction.amount == 7
    assert_proved()


def test_lapsed_while_pending_leaves_nothing_pending(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 100, NOON, available_at=LAPSE + timedelta(days=9), expires_at=LAPSE)
    expiry.expire_program(program, at=MORNING_AFTER)
    assert Lot.objects.get().is_pending is False
    assert_proved()
