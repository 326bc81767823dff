"""A worker killed with -9 in the middle of a person's job: another goes on at its cursor, nothing is lost or double."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.db.models.functions import Now

from loyalty.base import job_files, job_runs, jobs
from loyalty.base.models import Job
from tests.jobs import kinds

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import time
import django
django.setup()
from loyalty.base import job_runs, jobs
from loyalty.base.job_kinds import job_kinds
from tests.jobs import kinds
job_kinds.register("counting", kinds.counting(lambda job, number: time.sleep(0.01)))
job_runs.run_waiting(jobs.database_time)
"""


def kill_in_the_middle(job: Job) -> None:
    """Another process works on it until it has come further, then dies."""
    before = job.done
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + connection.settings_dict["NAME"])
    environment = {**os.environ, "DATABASE_URL": address.geturl()}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment, cwd=ROOT)
    deadline = time.monotonic() + 60
    while job.done < before + 3 and time.monotonic() < deadline:
        assert worker.poll() is None, "the worker ended by itself"
        time.sleep(0.01)
        job.refresh_from_db()
    worker.kill()
    worker.wait()


def test_a_job_outlives_workers_that_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.put(monkeypatch, kinds.counting())
    job = jobs.start("counting", scope="cafe", by="olga", at=NOON, params={"to": 400})
    for _number in range(2):
        kill_in_the_middle(job)
        assert job_runs.run_waiting(lambda: NOON) == 0, "its heartbeat is fresh"
        Job.objects.filter(pk=job.pk).update(heartbeat_at=Now() - timedelta(minutes=3))
    assert job_runs.run_waiting(lambda: NOON) == 1
    job.refresh_from_db()
    rows = b"".join(job_files.read_errors(job)).decode().split()[1:]
    assert (job.state, job.done) == ("done", 400)
    assert [int(row.partition(",")[0]) for row in rows] == list(range(1, 400, 2))
