"""The proof itself: what it reports, over which books, and how its verdict is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.base.models import Job
from loyalty.ledger import expiry, proof
from loyalty.ledger.proof import Check, checks
from loyalty.programs.models import PointType, Program
from tests.ledger.bookings import adjusted, earned, redeemed, refunded, reversed_, wallet_of
from tests.ledger.characters import NOON, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db

JUNE = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture
def program() -> Program:
    return a_program()


@pytest.fixture
def points(program: Program) -> PointType:
    return a_point_type(program, expiry_kind="rolling", expiry_count=1, expiry_unit="years")


def tamper(points: PointType) -> str:
    """Give every member of that point type a point that no entry knows of; the first wallet's id."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_wallet SET balance = balance + 1 WHERE point_type_id = %s RETURNING id",
            [points.pk],
        )
        return str(cursor.fetchone()[0])


def test_the_roll_forward_splits_the_month_from_what_was_before(program: Program, points: PointType) -> None:
    ada = a_member(program)
    earned(ada, points, 500, NOON, expires_at=JUNE - timedelta(days=1))
    spent = redeemed(ada, points, 100, NOON + timedelta(hours=1))
    gift = earned(ada, points, 80, JUNE - timedelta(days=5))
    reversed_(ada, points, gift, 30, JUNE - timedelta(days=4))
    redeemed(ada, points, 60, JUNE - timedelta(days=3))
    refunded(ada, points, spent, 10, JUNE - timedelta(days=3))
    adjusted(ada, points, 7, JUNE - timedelta(days=2))
    expiry.expire_program(program, at=JUNE)
    (roll,) = proof.verify(at=JUNE).roll_forward
    assert roll.as_json() == {
        "point_type_id": points.pk,
        "program": "cafe",
        "point_type": "points",
        "since": "2026-06-01",
        "opening": 400,
        "issued": 80,
        "taken_back": -30,
        "redeemed": -60,
        "given_back": 10,
        "adjusted": 7,
        "transferred": 0,
        "expired": -350,
        "closing": 57,
        "decimals": 0,
    }
    assert wallet_of(ada, points).balance == 57


def test_the_month_begins_at_local_midnight(program: Program, points: PointType) -> None:
    ada = a_member(program)
    earned(ada, points, 10, datetime(2026, 5, 31, 21, 59, tzinfo=UTC))  # 23:59 in Madrid
    earned(ada, points, 20, datetime(2026, 5, 31, 22, 0, tzinfo=UTC))
    (roll,) = proof.verify(at=JUNE).roll_forward
    assert (roll.opening, roll.issued) == (10, 20)


def test_one_programs_proof_leaves_the_others_out(program: Program, points: PointType) -> None:
    other = a_program("tea")
    earned(a_member(program), points, 10, NOON)
    others_points = a_point_type(other)
    earned(a_member(other), others_points, 10, NOON)
    wallet = tamper(others_points)
    assert proof.verify(program=program, at=JUNE).ok
    assert {breach.id for breach in proof.verify(program=other, at=JUNE).breaches} == {
        wallet,
        str(others_points.pk),
    }


def test_the_command_prints_the_verdict_and_exits_with_1(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 10, NOON)
    out = StringIO()
    call_command("verify", stdout=out)
    assert "checks passed" in out.getvalue()
    wallet = tamper(points)
    with pytest.raises(SystemExit) as stopped:
        call_command("verify", stdout=out)
    assert stopped.value.code == 1
    assert f"wallet_entries: ledger_wallet {wallet} shows 11, but its entries make 10" in out.getvalue()


def test_the_command_speaks_json(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 10, NOON)
    wallet = tamper(points)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify", "--json", "--program", "cafe", stdout=out)
    verdict = json.loads(out.getvalue())
    assert verdict["ok"] is False
    assert {"check": "wallet_entries", "table": "ledger_wallet", "id": wallet} == {
        key: verdict["breaches"][0][key] for key in ("check", "table", "id")
    }
    assert verdict["roll_forward"][0]["closing"] == 11


def test_the_command_knows_its_programs() -> None:
    with pytest.raises(CommandError, match="no program 'nowhere'"):
        call_command("verify", "--program", "nowhere")


def test_the_verdict_is_kept_for_the_screens(program: Program, points: PointType) -> None:
    earned(a_member(program), points, 10, NOON)
    job = proof.verify_daily(JUNE)
    assert job is not None
    kept = proof.last_verdict()
    assert kept is not None
    assert (kept.pk, kept.state, kept.result["ok"], kept.result["at"]) == (
        job.pk,
        "done",
        True,
        "2026-06-10T12:00:00Z",
    )


def test_the_page_of_the_job_tells_the_verdict_and_what_the_points_come_to(
    program: Program, points: PointType
) -> None:
    ada = a_member(program)
    earned(ada, points, 1_500, NOON)
    earned(ada, points, 80, JUNE)
    redeemed(ada, points, 30, JUNE)
    told = dict(proof.verify_now(program=program, at=JUNE).result["summary"])
    assert told["Verdict"] == "The books add up"
    assert told["Checks"] == len(proof.checks)
    assert told["cafe: points"] == "1,500 at the start of the month, +80 issued, −30 redeemed: 1,550"
    wallet = tamper(points)
    told = dict(proof.verify_now(program=program, at=JUNE).result["summary"])
    assert told["Verdict"].endswith("rows are wrong")
    assert "shows 1551" in told[f"ledger_wallet {wallet}"]


def test_the_daily_proof_is_made_once_a_day() -> None:
    assert proof.verify_daily(JUNE) is not None
    assert proof.verify_daily(JUNE + timedelta(hours=1)) is None
    assert proof.verify_daily(JUNE + timedelta(days=1)) is not None


def test_the_proof_of_one_program_is_not_taken_for_that_of_all(program: Program) -> None:
    proof.verify_now(program=program, at=JUNE)
    assert proof.last_verdict() is None


def test_upper_apps_add_their_checks(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    with_one_more = {
        **checks._items,
        "no_cafe": (0, Check("programs_program", "SELECT id, 'is a café' FROM programs_program")),
    }
    monkeypatch.setattr(checks, "_items", with_one_more)
    assert [(breach.check, breach.id) for breach in proof.verify(at=JUNE).breaches] == [
        ("no_cafe", str(program.pk))
    ]


def test_a_check_that_cannot_run_is_a_failed_proof_not_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {
        **checks._items,
        "broken": (0, Check("nothing", "SELECT id, name FROM a_table_that_is_not_there")),
    }
    monkeypatch.setattr(checks, "_items", broken)
    with pytest.raises(CommandError, match="could not be made"):
        call_command("verify")
    assert proof.last_verdict() is None


def test_many_breaches_are_counted_without_naming_them_all(program: Program, points: PointType) -> None:
    for number in range(proof.ROWS_NAMED + 5):
        earned(a_member(program, f"Member {number}"), points, 10, NOON)
    tamper(points)
    found = [breach for breach in proof.verify(at=JUNE).breaches if breach.check == "wallet_entries"]
    assert len(found) == proof.ROWS_NAMED
    assert Job.objects.count() == 0
