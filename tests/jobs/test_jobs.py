"""A job is one worker's at a time, and outlives its worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now

from loyalty.base import jobs
from loyalty.base.jobs import JobStopped
from loyalty.base.models import Heartbeat, Job

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def claimed(period: str = "2026-03-10") -> Job:
    job = jobs.claim("report", "cafe", period, at=NOON)
    assert job is not None
    return job


def its_worker_dies(job: Job, *, ago: timedelta = timedelta(minutes=3)) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=Now() - ago)


@transaction.atomic
def do_a_chunk(job: Job) -> None:
    jobs.beat("work of the chunk", at=NOON)
    jobs.progress(job, done=1, cursor={"after": 1})


def test_a_period_is_claimed_once() -> None:
    job = claimed()
    assert (job.state, job.started_at, job.scope) == ("running", NOON, "cafe")
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None
    assert jobs.claim("report", "cafe", "2026-03-11", at=NOON) is not None
    assert jobs.claim("report", "tea", "2026-03-10", at=NOON) is not None


def test_what_is_done_is_never_claimed_again() -> None:
    jobs.finish(claimed(), at=NOON, result={"rows": 3})
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None
    assert Job.objects.get().result == {"rows": 3}


def test_a_dead_workers_job_goes_on_at_its_cursor() -> None:
    dead = claimed()
    jobs.progress(dead, done=7, total=9, cursor={"after": 7})
    its_worker_dies(dead)
    heir = claimed()
    assert (heir.pk, heir.done, heir.total, heir.cursor) == (dead.pk, 7, 9, {"after": 7})


def test_a_silent_worker_has_two_minutes() -> None:
    its_worker_dies(claimed(), ago=timedelta(seconds=110))
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None


def test_a_sign_of_life_keeps_the_claim() -> None:
    job = claimed()
    its_worker_dies(job)
    jobs.progress(job)
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None


def test_the_one_who_lost_his_claim_can_write_nothing() -> None:
    slow = claimed()
    its_worker_dies(slow)
    heir = claimed()
    with pytest.raises(JobStopped):
        jobs.progress(slow, done=1, cursor={})
    with pytest.raises(JobStopped):
        jobs.finish(slow, at=NOON)
    with pytest.raises(JobStopped):
        jobs.fail(slow, "no", at=NOON)
    jobs.finish(heir, at=NOON)
    assert Job.objects.get().state == "done"


def test_work_and_cursor_are_undone_together_when_the_claim_is_lost() -> None:
    slow = claimed()
    its_worker_dies(slow)
    claimed()
    with pytest.raises(JobStopped):
        do_a_chunk(slow)
    assert not Heartbeat.objects.exists()


def test_a_cancelled_job_stops_before_its_next_chunk_and_is_not_claimed() -> None:
    job = claimed()
    assert jobs.cancel(job, at=NOON)
    with pytest.raises(JobStopped):
        jobs.progress(job, done=1)
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None
    assert not jobs.cancel(job, at=NOON)


def test_a_cancelled_job_can_go_on_later() -> None:
    job = claimed()
    jobs.progress(job, done=5, cursor={"after": 5})
    jobs.cancel(job, at=NOON)
    assert jobs.resume(job)
    assert claimed().cursor == {"after": 5}


def test_what_is_done_can_be_neither_cancelled_nor_resumed() -> None:
    job = claimed()
    jobs.finish(job, at=NOON)
    assert not jobs.cancel(job, at=NOON)
    assert not jobs.resume(job)


def test_a_failed_job_is_tried_again_after_a_while() -> None:
    job = claimed()
    jobs.fail(job, "the database went away", at=NOON)
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None
    Job.objects.update(retry_at=Now() - timedelta(seconds=1))
    again = claimed()
    assert (again.pk, again.attempts) == (job.pk, 2)


def test_after_five_attempts_it_is_left_for_people() -> None:
    for _ in range(jobs.TRIES):
        jobs.fail(claimed(), "always", at=NOON)
        Job.objects.filter(retry_at__isnull=False).update(retry_at=Now() - timedelta(seconds=1))
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None
    stuck = Job.objects.get()
    assert (stuck.state, stuck.error, stuck.retry_at) == ("failed", "always", None)
    assert jobs.resume(stuck)
    assert claimed().attempts == 1


def test_a_job_that_kills_its_workers_is_parked() -> None:
    for _ in range(jobs.TRIES):
        its_worker_dies(claimed())
    assert jobs.claim("report", "cafe", "2026-03-10", at=NOON) is None
    assert (Job.objects.get().state, Job.objects.get().error) == ("failed", jobs.PARKED)


def test_a_job_that_gets_further_is_never_parked() -> None:
    for number in range(jobs.TRIES * 2):
        job = claimed()
        jobs.progress(job, done=number, cursor={"after": number})
        its_worker_dies(job)
    assert claimed().done == jobs.TRIES * 2 - 1


def test_queued_jobs_are_given_out_oldest_first_and_once() -> None:
    second = jobs.submit("import", at=NOON + timedelta(seconds=1), created_by="olga")
    first = jobs.submit("import", at=NOON)
    taken = [jobs.claim_next("import", at=NOON) for _ in range(3)]
    assert [job and job.pk for job in taken] == [first.pk, second.pk, None]


def test_one_failure_is_written_down_and_goes_no_further() -> None:
    def work(job: Job) -> dict[str, int]:
        raise ValueError("no such row\nDETAIL: Key (email)=(ada@example.com)")

    assert jobs.carry_out(claimed(), work, at=NOON) is False
    assert (Job.objects.get().state, Job.objects.get().error) == ("failed", "ValueError: no such row")


def test_work_that_was_cancelled_meanwhile_stays_cancelled() -> None:
    def work(job: Job) -> dict[str, int]:
        jobs.cancel(job, at=NOON)
        return {"rows": 1}

    assert jobs.carry_out(claimed(), work, at=NOON) is False
    assert (Job.objects.get().state, Job.objects.get().result) == ("cancelled", {})


def test_a_heartbeat_is_kept_once() -> None:
    jobs.beat("beat", at=NOON)
    jobs.beat("beat", at=NOON + timedelta(seconds=15))
    assert Heartbeat.objects.get().at == NOON + timedelta(seconds=15)
