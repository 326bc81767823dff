"""Work that people ask for: begun at once, done by a worker, stopped and taken up again by anybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now

from loyalty.base import job_files, job_runs, jobs
from loyalty.base.errors import Busy, Conflict, Invalid
from loyalty.base.job_files import Upload
from loyalty.base.job_kinds import JobKind, summary, title_of
from loyalty.base.models import Job, JobFile
from tests.jobs import kinds

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Died(BaseException):
    """The worker is gone in the middle of something."""


def asked(**params: Any) -> Job:
    return jobs.start("counting", scope="cafe", params={"to": 4} | params, by="olga", at=NOON, name="To four")


def run() -> int:
    return job_runs.run_waiting(lambda: NOON)


def test_a_started_job_is_done_by_the_next_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    job = asked()
    assert (job.state, run(), run()) == ("queued", 1, 0)
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.step, job.created_by) == ("done", 4, 4, "Counting", "olga")
    assert job.result["summary"] == [["Counted", 4], ["How", "one by one"]]
    assert kinds.SEEN == [1, 2, 3, 4]


def test_only_registered_kinds_can_be_started() -> None:
    with pytest.raises(ValueError, match="no kind of job"):
        jobs.start("nonsense", scope="cafe", by="olga", at=NOON)


def test_a_killed_worker_loses_nothing_and_does_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed_at_three(job: Job, number: int) -> None:
        if number == 3 and job.attempts == 1 and len(kinds.SEEN) == 2:
            raise Died

    kinds.put(monkeypatch, kinds.counting(killed_at_three))
    job = asked()
    with pytest.raises(Died):
        run()
    assert run() == 0, "its heartbeat is fresh"
    Job.objects.filter(pk=job.pk).update(heartbeat_at=Now() - timedelta(minutes=3))
    assert run() == 1
    assert kinds.SEEN == [1, 2, 3, 4]
    assert b"".join(job_files.read_errors(job)) == b"number,reason\r\n1,'=odd\r\n3,'=odd\r\n"


def test_a_cancelled_job_ends_before_its_next_chunk_and_resumes_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cancelled_at_three(job: Job, number: int) -> None:
        if number == 3 and len(kinds.SEEN) == 2 and not job.params.get("again"):
            jobs.cancel(job, at=NOON)

    kinds.put(monkeypatch, kinds.counting(cancelled_at_three))
    job = asked()
    run()
    job.refresh_from_db()
    assert (job.state, kinds.SEEN) == ("cancelled", [1, 2])
    Job.objects.update(params={"to": 4, "again": True})
    assert jobs.resume(job)
    run()
    job.refresh_from_db()
    assert (job.state, kinds.SEEN) == ("done", [1, 2, 3, 4])


def test_what_the_domain_refuses_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(job: Job) -> dict[str, Any]:
        raise Conflict("There is no ladder to count.")

    kinds.put(monkeypatch, JobKind("Counting", work, "members.change_member"))
    asked()
    run()
    failed = Job.objects.get()
    assert (failed.state, failed.error, failed.retry_at) == ("failed", "There is no ladder to count.", None)


def test_what_may_pass_by_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(job: Job) -> dict[str, Any]:
        raise Busy

    kinds.put(monkeypatch, JobKind("Counting", work, "members.change_member"))
    asked()
    assert (run(), run()) == (1, 0)
    assert Job.objects.get().retry_at is not None


def test_no_more_jobs_run_at_once_than_allowed(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    tried: list[int] = []

    def another_worker(job: Job, number: int) -> None:
        if number == 1:
            tried.append(run())

    kinds.put(monkeypatch, kinds.counting(another_worker))
    asked()
    asked()
    settings.JOBS_AT_ONCE = 1
    assert (run(), tried) == (2, [0, 0])


def test_an_upload_is_kept_with_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    sent = Upload("codes.csv", b"code\r\nA1\r\n")
    job = jobs.start("counting", scope="cafe", by="olga", at=NOON, upload=sent)
    assert job_files.upload_of(job) == sent
    assert job_files.upload_of(asked()) is None


def test_a_file_that_is_too_large_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    monkeypatch.setattr(job_files, "MAX_UPLOAD", 3)
    with pytest.raises(Invalid):
        jobs.start("counting", scope="cafe", by="olga", at=NOON, upload=Upload("a.csv", b"four"))
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("=1+1", "'=1+1"), ("+44 20", "'+44 20"), ("-cmd", "'-cmd"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"),
        ("-500", "-500"), (-500, "-500"), ("12.5", "12.5"), ("a=b", "a=b"), (None, ""), ("", ""),
    ],
)  # fmt: skip
def test_no_cell_of_the_error_file_is_a_formula(
    monkeypatch: pytest.MonkeyPatch, cell: object, kept: str
) -> None:
    kinds.put(monkeypatch, kinds.counting())
    job = asked()
    job_files.add_errors(job, ["a", "b"], [[cell, "x"]])
    assert b"".join(job_files.read_errors(job)).decode() == f"a,b\r\n{kept},x\r\n"
    assert job_files.errors_in(job) == 1


def test_files_go_a_month_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    job = asked()
    run()
    assert job_files.forget("cafe", at=NOON + timedelta(days=30)) == 0
    assert job_files.forget("tea", at=NOON + timedelta(days=31)) == 0
    assert job_files.forget("cafe", at=NOON + timedelta(days=31)) == 2
    assert not JobFile.objects.filter(job=job).exists()


def test_the_pace_is_counted_from_the_present_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    asked()
    job = jobs.claim_next("counting", at=NOON)
    assert job is not None
    assert (job.pace_done, job.pace_at) == (0, job.heartbeat_at)
    jobs.progress(job, done=3, cursor={"next": 4})
    jobs.release(job)
    again = jobs.claim_next("counting", at=NOON)
    assert again is not None
    assert again.pace_done == 3


def test_a_kind_has_a_title_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    assert [title_of(kind) for kind in ("counting", "nightly", "some_other")] == [
        "Counting", "Nightly run", "Some other",
    ]  # fmt: skip
    assert summary(("Members", 3))["summary"] == [["Members", 3]]
