"""A program's night happens once, in order, whatever starts it and however late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from loyalty.base import clock, jobs
from loyalty.base.models import Job
from loyalty.base.registry import Registry
from loyalty.ledger import proof
from loyalty.ledger.models import Transaction
from loyalty.programs import nightly, tasks
from loyalty.programs.models import Program
from loyalty.programs.nightly import Night, nightly_steps
from tests.ledger.bookings import earned
from tests.ledger.characters import NOON, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db

EVENING = datetime(2026, 3, 10, 22, 59, tzinfo=UTC)  # 23:59 in Madrid
MIDNIGHT = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)

Use = Callable[..., None]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Put other steps in the place of the registered ones."""

    def use(*pairs: tuple[str, nightly.Step]) -> None:
        chosen: Registry[nightly.Step] = Registry("step")
        for name, step in pairs:
            chosen.register(name, step)
        monkeypatch.setattr(nightly, "nightly_steps", chosen)

    return use


def nights(at: datetime) -> list[tuple[str, str, str]]:
    return [(job.scope, job.period, job.state) for job in nightly.run_due(at)]


def test_the_night_belongs_to_the_local_day() -> None:
    a_program()
    assert nights(EVENING) == [("cafe", "2026-03-10", "done")]
    assert nights(EVENING) == []
    assert nights(MIDNIGHT) == [("cafe", "2026-03-11", "done")]


def test_each_program_has_its_own_midnight() -> None:
    a_program()
    a_program("tea", timezone="Pacific/Kiritimati")
    a_program("surf", timezone="Pacific/Midway")
    at = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)
    assert {job.scope: job.period for job in nightly.run_due(at)} == {
        "cafe": "2026-03-10",
        "tea": "2026-03-11",
        "surf": "2026-03-09",
    }


def test_the_core_steps_come_in_their_order() -> None:
    names = [name for name in nightly_steps.names() if name in ("activate", "expire")]
    assert names == ["activate", "expire"]


def test_after_days_without_a_scheduler_one_run_catches_up_and_dates_everything_rightly() -> None:
    program = a_program()
    points = a_point_type(
        program,
        pending_kind="days",
        pending_days=2,
        expiry_kind="rolling",
        expiry_count=3,
        expiry_unit="days",
    )
    ada = a_member(program)
    nightly.run_due(NOON)
    for days in range(3):
        earned(ada, points, 10, NOON + timedelta(days=days))
    (job,) = nightly.run_due(NOON + timedelta(days=30))
    steps = {"activate": 3, "expire": 3, "forget_idempotency_keys": 0}
    assert job.result["since"] == "2026-03-10"
    assert steps.items() <= job.result["steps"].items()
    lapsed = Transaction.objects.filter(kind="expire").order_by("id").values_list("occurred_at", flat=True)
    assert list(lapsed) == [clock.midnight(date(2026, 3, 16 + day), program.zone) for day in range(3)]
    assert Job.objects.filter(kind=nightly.KIND).count() == 2
    assert proof.verify(at=NOON).ok


def test_a_clock_that_steps_back_runs_no_night_twice(steps: Use) -> None:
    a_program()
    ran: list[date] = []

    def step(night: Night) -> int:
        ran.append(night.day)
        return 0

    steps(("count", step))
    for at in (EVENING, MIDNIGHT, EVENING, MIDNIGHT + timedelta(minutes=10), MIDNIGHT):
        nightly.run_due(at)
    assert ran == [date(2026, 3, 10), date(2026, 3, 11)]


def test_one_programs_failure_stops_no_other_and_is_tried_again(steps: Use) -> None:
    a_program("bad")
    a_program("good")
    broken = [True]

    def step(night: Night) -> int:
        if night.program.code == "bad" and broken:
            raise RuntimeError("out of order")
        return 1

    steps(("step", step))
    assert sorted(nights(NOON)) == [("bad", "2026-03-10", "failed"), ("good", "2026-03-10", "done")]
    assert nights(NOON) == []
    broken.clear()
    Job.objects.update(retry_at=Now() - timedelta(seconds=1))
    assert nights(NOON) == [("bad", "2026-03-10", "done")]


def test_a_resumed_night_repeats_no_step_and_goes_on_within_the_one_that_was_interrupted(steps: Use) -> None:
    a_program()
    seen: list[tuple[str, dict[str, int], int]] = []
    broken = [True]

    def first(night: Night) -> int:
        seen.append(("first", night.cursor, night.done))
        return 1

    def second(night: Night) -> int:
        seen.append(("second", night.cursor, night.done))
        if broken:
            night.progress(5, {"after": 50})
            raise RuntimeError("killed")
        return night.done + 1

    steps(("first", first), ("second", second))
    nightly.run_due(NOON)
    broken.clear()
    Job.objects.update(retry_at=Now() - timedelta(seconds=1))
    (job,) = nightly.run_due(NOON)
    assert seen == [("first", {}, 0), ("second", {}, 0), ("second", {"after": 50}, 5)]
    assert job.result["steps"] == {"first": 1, "second": 6}


def test_a_cancelled_night_stops_between_chunks(steps: Use) -> None:
    a_program()
    chunks: list[int] = []

    def step(night: Night) -> int:
        for chunk in range(5):
            night.progress(chunk, {"after": chunk})
            chunks.append(chunk)
            if chunk == 1:
                jobs.cancel(night.job, at=NOON)
        return 5

    steps(("step", step))
    nightly.run_due(NOON)
    assert chunks == [0, 1]
    assert Job.objects.get().state == "cancelled"


def test_the_task_runs_what_is_due() -> None:
    a_program()
    with clock.pinned(NOON):
        tasks.nightly()
        tasks.nightly()
    assert [(job.period, job.state) for job in Job.objects.all()] == [("2026-03-10", "done")]


def test_the_command_runs_one_programs_night() -> None:
    a_program()
    a_program("tea")
    out = StringIO()
    call_command("nightly", "--program", "cafe", "--at", "2026-03-10T12:00:00Z", stdout=out)
    assert out.getvalue().startswith("cafe 2026-03-10: done (activate 0")
    assert Job.objects.get().scope == "cafe"
    call_command("nightly", "--program", "cafe", "--at", "2026-03-10T12:00:00Z", stdout=out)
    assert out.getvalue().endswith("Nothing is due.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--at", "2026-03-10T12:00:00"], "Say the offset"),
        (["--at", "9000-01-01T00:00:00Z"], "lies in the future"),
        (["--program", "nowhere"], "no program 'nowhere'"),
    ],
)
def test_the_command_refuses_what_it_cannot_mean(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("nightly", *arguments)
    assert not Job.objects.exists()


def test_a_worker_whose_clock_runs_ahead_books_nothing_early(monkeypatch: pytest.MonkeyPatch) -> None:
    program = a_program()
    points = a_point_type(program)
    real = jobs.database_time()
    earned(a_member(program), points, 10, real, expires_at=real + timedelta(minutes=5))
    monkeypatch.setattr(clock, "now", lambda: real + timedelta(minutes=10))
    tasks.nightly()
    assert not Transaction.objects.filter(kind="expire").exists()
    assert Program.objects.count() == Job.objects.filter(state="done").count() == 1
