"""Many workers look for jobs of people at once: each job is one worker's, and no more run than allowed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

import pytest
from django.conf import LazySettings

from loyalty.base import job_runs, jobs
from loyalty.base.job_kinds import JobKind
from loyalty.base.models import Job
from tests.jobs import kinds
from tests.races.racing import race

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PATIENCE_SECONDS = 1


def meeting(parties: int) -> Callable[[], None]:
    """Where all wait for each other, if they can come."""
    barrier = Barrier(parties)

    def meet() -> None:
        with suppress(BrokenBarrierError):
            barrier.wait(timeout=PATIENCE_SECONDS)

    return meet


class Floor:
    """How many jobs were being worked on at the same time."""

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.done = Lock(), 0, 0, []  # type: ignore[var-annotated]
        self.meet = meeting(2)

    def work(self, job: Job) -> dict[str, Any]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.meet()
        with self.lock:
            self.now -= 1
            self.done.append(job.pk)
        return {}


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> Floor:
    """Two jobs wait; and whoever has counted the running ones waits for the other before he claims."""
    floor, meet, claim_next = Floor(), meeting(2), jobs.claim_next
    kinds.put(monkeypatch, JobKind("Counting", floor.work, "members.change_member"))

    def claim_together(*names: str, at: datetime) -> Job | None:
        meet()
        return claim_next(*names, at=at)

    monkeypatch.setattr(jobs, "claim_next", claim_together)
    for _number in range(2):
        jobs.start("counting", scope="cafe", by="olga", at=NOON)
    return floor


def two_workers() -> None:
    race([lambda: job_runs.run_waiting(lambda: NOON)] * 2)


def test_one_job_at_a_time_means_one(floor: Floor, settings: LazySettings) -> None:
    settings.JOBS_AT_ONCE = 1
    two_workers()
    assert (floor.most, len(set(floor.done)), len(floor.done)) == (1, 2, 2)
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def test_control_without_the_lock_two_run(
    floor: Floor, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOBS_AT_ONCE = 1
    monkeypatch.setattr(job_runs, "_one_at_a_time", lambda: None)
    two_workers()
    assert floor.most == 2


def test_two_at_a_time_get_different_jobs(floor: Floor, settings: LazySettings) -> None:
    settings.JOBS_AT_ONCE = 2
    two_workers()
    assert (floor.most, len(set(floor.done)), len(floor.done)) == (2, 2, 2)
