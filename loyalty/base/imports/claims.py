"""Who works on an import: one process at a time, and at once again after it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from django.db import DatabaseError, InterfaceError, connection

from loyalty.base import jobs
from loyalty.base.errors import Conflict
from loyalty.base.models import Job


@contextmanager
def held(what: str) -> Iterator[None]:
    """Nobody else works on this import. The lock ends with its connection, so that a killed run is known to be dead
    at once and not after its heartbeat has grown old. Raises Conflict `import_running`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [what])
        if not cursor.fetchone()[0]:
            raise Conflict("Another process is running this import.", code="import_running")
    try:
        yield
    finally:
        # A connection that is broken has let go by itself.
        with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [what])


def claim(job: Job, *, at: datetime) -> Job:
    """Take up the job where it stands; the caller holds it. Raises Conflict when it is done or cannot be had."""
    job.refresh_from_db()
    if job.state == Job.State.RUNNING:
        jobs.release(job)
    elif job.state in (Job.State.FAILED, Job.State.CANCELLED):
        jobs.resume(job)
    claimed = jobs.claim_row(job, at=at)
    if claimed is None:
        raise Conflict("This import is done already.", code="import_done")
    return claimed
