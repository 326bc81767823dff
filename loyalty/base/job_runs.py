"""Carrying out the jobs that people start.

Any number of workers may call `run_waiting` as often as they like. Only so many of these jobs run at the same time in
the whole installation, so that long ones never keep every worker from the events.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from loyalty.base import jobs
from loyalty.base.errors import Busy, LaurelError
from loyalty.base.job_kinds import job_kinds
from loyalty.base.jobs import JobRefused, JobStopped
from loyalty.base.models import Job


def run_waiting(now: Callable[[], datetime]) -> int:
    """Carry out one job after the other until none waits or enough are running. How many this call worked on.

    `now` is asked again at each beginning and end, because between them may be hours.
    """
    count = 0
    while job := _next(now()):
        jobs.carry_out(job, _work, at=now(), now=now)
        count += 1
    return count


@transaction.atomic
def _next(at: datetime) -> Job | None:
    """The oldest one, unless as many as allowed are in hand."""
    _one_at_a_time()
    kinds = job_kinds.names()
    alive = Job.objects.filter(kind__in=kinds, state=Job.State.RUNNING, heartbeat_at__gte=Now() - jobs.STALE)
    return jobs.claim_next(*kinds, at=at) if alive.count() < settings.JOBS_AT_ONCE else None


def _one_at_a_time() -> None:
    """Whoever asks at the same time waits here until the other's claim is committed, and then counts it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('jobs of people', 0))")


def _work(job: Job) -> dict[str, Any]:
    """What was refused for a reason that will not go away is not tried again."""
    try:
        return job_kinds[job.kind].work(job)
    except (JobStopped, JobRefused, Busy):
        raise
    except LaurelError as refused:
        raise JobRefused(refused.detail) from refused
