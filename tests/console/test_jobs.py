"""Watching jobs: who sees which, how they are stopped and taken up again, and what is left of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from loyalty.base import clock, job_files, jobs
from loyalty.base.models import Heartbeat, Job
from loyalty.console.job_words import Watched, duration, rate
from loyalty.programs.models import Program
from tests.console import people
from tests.jobs import kinds

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())


@pytest.fixture
def program() -> Program:
    return people.a_program()


def asked(program: Program, *, by: str = "olga", **more: Any) -> Job:
    at = clock.now()
    return jobs.start("counting", scope=program.code, by=by, at=at, name="To four", params={"to": 4}, **more)


def page_of(job: Job) -> str:
    return reverse("console:job", args=[job.pk])


def ended(job: Job, state: str, **more: Any) -> Job:
    at = clock.now()
    Job.objects.filter(pk=job.pk).update(state=state, started_at=at, finished_at=at, **more)
    job.refresh_from_db()
    return job


def test_a_waiting_job_says_what_it_waits_for(program: Program) -> None:
    asked(program)
    job = asked(program)
    answer = people.olga().get(page_of(job)).content.decode()
    assert "No worker has been heard of yet" in answer
    Heartbeat.objects.create(name="beat", at=clock.now())
    answer = people.olga_again().get(page_of(job)).content.decode()
    assert "1 job is before it." in answer
    assert "You can close this page" in answer


def test_a_running_job_tells_how_far_it_is(program: Program) -> None:
    job = asked(program)
    now = clock.now()
    Job.objects.filter(pk=job.pk).update(
        state="running", done=1200, total=5000, step="Moving members", started_at=now,
        pace_at=now - timedelta(seconds=10), pace_done=200, heartbeat_at=now,
    )  # fmt: skip
    answer = people.olga().get(page_of(job), headers=HTMX)
    text = answer.content.decode()
    assert (answer.status_code, answer["Cache-Control"], "HX-Request" in answer["Vary"]) == (
        200,
        "no-store",
        True,
    )
    for told in (
        'role="progressbar"',
        'aria-valuenow="24"',
        "1,200 of 5,000",
        "100 a second",
        "less than a minute left",
    ):
        assert told in text
    assert "<html" not in text


def test_polling_stops_when_the_job_has_ended(program: Program) -> None:
    job = ended(
        asked(program),
        "done",
        result={"summary": [["Counted", 1234]], "links": [["Look", "/console/members/"]]},
    )
    answer = people.olga().get(page_of(job), headers=HTMX)
    assert answer.status_code == 286
    assert 'Counted</dt><dd class="lr-num">1,234' in answer.content.decode()
    assert people.olga_again().get(page_of(job)).status_code == 200


def test_a_failure_that_is_tried_again_is_watched_on(program: Program) -> None:
    job = ended(asked(program), "failed", error="The database went away", retry_at=clock.now())
    answer = people.olga().get(page_of(job), headers=HTMX)
    assert answer.status_code == 200
    assert "It is tried again by itself" in answer.content.decode()


def test_stopping_and_resuming(program: Program) -> None:
    job, olga = asked(program), people.olga()
    assert olga.post(reverse("console:stop-job", args=[job.pk])).status_code == 302
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert "Safe: what is done is skipped" in olga.get(page_of(job)).content.decode()
    olga.post(reverse("console:resume-job", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == "queued"
    olga.post(reverse("console:resume-job", args=[job.pk]))
    assert Job.objects.count() == 1


def test_nothing_changes_by_opening_an_address(program: Program) -> None:
    job, olga = asked(program), people.olga()
    for name in ("console:stop-job", "console:resume-job"):
        assert olga.get(reverse(name, args=[job.pk])).status_code == 405
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_nightly_run_cannot_be_stopped_from_the_screen_but_tried_again(program: Program) -> None:
    night = jobs.submit("nightly", at=NOON, scope=program.code, period="2026-03-10")
    olga = people.olga()
    olga.post(reverse("console:stop-job", args=[night.pk]))
    night.refresh_from_db()
    assert night.state == "queued"
    ended(night, "failed", error="no")
    olga.post(reverse("console:resume-job", args=[night.pk]))
    night.refresh_from_db()
    assert night.state == "queued"


def test_the_rows_with_errors_are_downloaded_by_those_who_may(program: Program) -> None:
    job = asked(program, by="nell")
    address = reverse("console:job-errors", args=[job.pk])
    assert people.olga().get(address).status_code == 404
    job_files.add_errors(job, ["code", "reason"], [["=A1", "used"]])
    answer = people.olga_again().get(address)
    assert b"".join(answer.streaming_content) == b"code,reason\r\n'=A1,used\r\n"  # type: ignore[attr-defined]
    assert (answer["Cache-Control"], answer["Content-Type"]) == ("no-store", "text/csv; charset=utf-8")
    assert "attachment" in answer["Content-Disposition"]
    nell = people.nell()
    assert nell.get(page_of(job)).status_code == 200, "her own job"
    assert nell.get(address).status_code == 403


def test_jobs_of_another_program_do_not_exist(program: Program) -> None:
    job = asked(people.a_program("tea", name="Tea house"))
    olga = people.olga()
    for name in ("job", "job-errors"):
        assert olga.get(reverse(f"console:{name}", args=[job.pk])).status_code == 404
    for name in ("stop-job", "resume-job"):
        assert olga.post(reverse(f"console:{name}", args=[job.pk])).status_code == 404
    assert "To four" not in olga.get(reverse("console:jobs"), {"whose": "all"}).content.decode()


def test_who_may_not_is_told_what_is_missing(program: Program) -> None:
    counting, night = asked(program), jobs.submit("nightly", at=NOON, scope=program.code, period="2026-03-10")
    nell = people.nell()
    for job in (counting, night):
        assert nell.get(page_of(job)).status_code == 403
        assert nell.post(reverse("console:stop-job", args=[job.pk])).status_code == 403
        assert nell.post(reverse("console:resume-job", args=[job.pk])).status_code == 403
    listed = nell.get(reverse("console:jobs"), {"whose": "all"}).content.decode()
    assert "No jobs yet" in listed
    sam = people.sam()
    assert sam.get(page_of(counting)).status_code == 200, "he may change members"
    assert sam.get(page_of(night)).status_code == 403
    User.objects.get(username="sam").user_permissions.add(Permission.objects.get(codename="view_job"))
    assert sam.get(page_of(night)).status_code == 200


def test_the_list_is_mine_first_and_filtered_by_its_address(program: Program) -> None:
    asked(program)
    ended(asked(program, by="sam"), "failed", error="no")
    olga = people.olga()
    mine = olga.get(reverse("console:jobs")).content.decode()
    assert (mine.count("To four"), "Waiting" in mine) == (1, True)
    everybody = olga.get(reverse("console:jobs"), {"whose": "all"}).content.decode()
    assert everybody.count("To four") == 2
    failed = olga.get(reverse("console:jobs"), {"whose": "all", "state": "failed"}).content.decode()
    assert failed.count("To four") == 1
    assert "No jobs match" in olga.get(reverse("console:jobs"), {"state": "done"}).content.decode()
    for nonsense in ({"state": "x"}, {"skip": "-1"}, {"skip": "٣"}, {"kind": "\x00"}, {"whose": "x"}):
        assert olga.get(reverse("console:jobs"), nonsense).status_code == 200


def test_an_empty_list_says_what_will_be_there(program: Program) -> None:
    assert "You have not started a job" in people.olga().get(reverse("console:jobs")).content.decode()


def test_older_jobs_are_a_page_further(program: Program) -> None:
    for _number in range(51):
        asked(program)
    first = people.olga().get(reverse("console:jobs")).content.decode()
    assert (first.count("To four"), "skip=50" in first) == (50, True)
    assert (
        people.olga_again().get(reverse("console:jobs"), {"skip": 50}).content.decode().count("To four") == 1
    )


def test_the_tray_shows_what_i_started_until_it_has_ended(program: Program) -> None:
    olga = people.olga()
    assert "lr-tray-link" not in olga.get("/admin/").content.decode()
    job = asked(program)
    assert page_of(job) in olga.get("/admin/").content.decode()
    assert olga.get(reverse("console:job-tray")).status_code == 200
    asked(program)
    assert "2 jobs running" in olga.get(reverse("console:job-tray")).content.decode()
    Job.objects.update(state="done")
    answer = olga.get(reverse("console:job-tray"))
    assert (answer.status_code, "Jobs ended" in answer.content.decode()) == (286, True)
    asked(program, by="sam")
    assert "lr-tray-link" not in olga.get("/admin/").content.decode()


def test_nobody_looks_without_signing_in(program: Program) -> None:
    job = asked(program)
    for name, args in (("jobs", []), ("job-tray", []), ("job", [job.pk]), ("job-errors", [job.pk])):
        assert Client().get(reverse(f"console:{name}", args=args)).status_code == 302


@pytest.mark.parametrize(
    ("each_second", "said"),
    [(1240.4, "1,240 a second"), (1, "1 a second"), (0.5, "30 a minute"), (0.01, "36 an hour")],
)
def test_a_pace_in_words(each_second: float, said: str) -> None:
    assert rate(each_second) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (90, "2 min"), (3600, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_a_duration_in_words(seconds: float, said: str) -> None:
    assert duration(timedelta(seconds=seconds)) == said


def test_nothing_to_do_is_all_done() -> None:
    assert Watched(Job(total=0)).percent == 100
    assert Watched(Job(total=3, done=4)).percent == 100
    assert Watched(Job(done=4)).percent is None
    assert Watched(Job(done=4, total=9, state="running")).left == ""
