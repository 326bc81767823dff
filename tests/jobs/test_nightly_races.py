"""Three schedulers start the same night at the same instant, and workers are killed in the middle of one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Barrier, Thread
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.db.models.functions import Now

from loyalty.base import clock, jobs
from loyalty.base.models import Job
from loyalty.base.registry import Registry
from loyalty.ledger import expiry, proof
from loyalty.ledger.models import Lot, Transaction
from loyalty.outbox.models import Fact
from loyalty.programs import nightly
from loyalty.programs.nightly import Night
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db(transaction=True)

SCHEDULERS = 3
MEMBERS = 60
LOTS_OF_EACH = 2


def together(work: Callable[[], object]) -> None:
    """Run it in three threads that begin at the same moment; what fails in one fails the test."""
    barrier = Barrier(SCHEDULERS)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:  # noqa: BLE001  handed to the test
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(SCHEDULERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.fixture
def gifts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The only step of the night: a gift that is not safe to give twice."""
    given: list[str] = []

    def step(night: Night) -> int:
        given.append(night.program.code)
        time.sleep(0.2)
        return 1

    only: Registry[nightly.Step] = Registry("step")
    only.register("gift", step)
    monkeypatch.setattr(nightly, "nightly_steps", only)
    return given


def test_three_schedulers_and_a_manual_run_do_the_night_once(gifts: list[str]) -> None:
    for code in ("cafe", "tea", "surf"):
        a_program(code)
    together(lambda: nightly.run_due(NOON))
    nightly.run_due(NOON)
    assert sorted(gifts) == ["cafe", "surf", "tea"]
    assert Job.objects.filter(state="done").count() == 3


@contextmanager
def no_unique_row() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'one_job_per_kind_scope_period'")
        definition = cursor.fetchone()[0]
        cursor.execute("DROP INDEX one_job_per_kind_scope_period")
        try:
            yield
        finally:
            cursor.execute("DELETE FROM base_job")
            cursor.execute(definition)


def test_control_looking_before_inserting_doubles_the_night(
    gifts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_then_insert(kind: str, scope: str, period: str, *, at: datetime) -> Job | None:
        if Job.objects.filter(kind=kind, scope=scope, period=period).exists():
            return None
        time.sleep(0.05)
        job = Job.objects.create(kind=kind, scope=scope, period=period, created_at=at)
        return jobs.claim_row(job, at=at)

    a_program()
    monkeypatch.setattr(jobs, "claim", look_then_insert)
    with no_unique_row():
        together(lambda: nightly.run_due(NOON))
        assert len(gifts) > 1


def test_three_sweeps_of_the_same_points_expire_each_lot_once() -> None:
    program = a_program()
    points = a_point_type(program, expiry_kind="rolling", expiry_count=30, expiry_unit="days")
    for number in range(20):
        earned(a_member(program, f"Member {number}"), points, 100, NOON)
    later = NOON + timedelta(days=60)
    together(lambda: expiry.expire_program(program, at=later))
    assert Transaction.objects.filter(kind="expire").count() == 20
    assert proof.verify(at=later).breaches == []


def test_a_night_whose_database_connection_is_cut_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    a_program("cut")
    a_program("next")

    def step(night: Night) -> int:
        if night.program.code == "cut":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return 1

    only: Registry[nightly.Step] = Registry("step")
    only.register("cut", step)
    monkeypatch.setattr(nightly, "nightly_steps", only)
    states = {job.scope: job.state for job in nightly.run_due(NOON)}
    assert states == {"cut": "failed", "next": "done"}
    assert Job.objects.get(scope="cut").retry_at is not None


# --- kill -9 ------------------------------------------------------------------------------------------------

A_NIGHT_IN_SMALL_CHUNKS = """
import django
django.setup()
from django.core.management import call_command
from loyalty.ledger import sweep
sweep.LOTS_A_CHUNK = 6
call_command("nightly")
"""


@contextmanager
def slow_entries() -> Iterator[None]:
    """Each ledger line takes 10 ms, so that a kill finds the sweep in the middle of something."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$""")
        cursor.execute(
            "CREATE TRIGGER dawdle BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER dawdle ON ledger_entry")
            cursor.execute("DROP FUNCTION dawdle")


def start_a_night() -> subprocess.Popen[bytes]:
    """In a process of its own, on this test's database."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + connection.settings_dict["NAME"])
    environment = {**os.environ, "DATABASE_URL": address.geturl()}
    return subprocess.Popen([sys.executable, "-c", A_NIGHT_IN_SMALL_CHUNKS], env=environment)


def expired_lots() -> int:
    return Transaction.objects.filter(kind="expire").count()


def kill_in_the_middle(seed: int) -> None:
    """Wait until it has done something more, then a moment longer, then kill -9."""
    before = expired_lots()
    night = start_a_night()
    deadline = time.monotonic() + 60
    while expired_lots() == before and time.monotonic() < deadline:
        assert night.poll() is None, "the night ended by itself"
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0, 0.15))
    night.kill()
    night.wait()


def test_a_night_that_is_killed_twice_loses_nothing_and_doubles_nothing() -> None:
    program = a_program()
    points = a_point_type(program)
    now = clock.now()
    lapsed = [now - timedelta(days=days) for days in range(1, LOTS_OF_EACH + 1)]
    for number in range(MEMBERS):
        member = a_member(program, f"Member {number}")
        for instant in lapsed:
            earned(member, points, 100, now - timedelta(days=90), expires_at=instant)
    with slow_entries():
        for seed in (1, 2):
            kill_in_the_middle(seed)
            assert 0 < expired_lots() < MEMBERS * LOTS_OF_EACH
            assert Job.objects.get().state == "running"
            Job.objects.update(heartbeat_at=Now() - timedelta(minutes=3))
    (job,) = nightly.run_due(jobs.database_time())
    assert (job.state, job.result["steps"]["expire"]) == ("done", MEMBERS * LOTS_OF_EACH)
    assert expired_lots() == MEMBERS * LOTS_OF_EACH
    assert not Lot.objects.filter(remaining__gt=0).exists()
    assert Fact.objects.filter(type="points.expired").count() == MEMBERS * LOTS_OF_EACH
    assert proof.verify(at=now).breaches == []
