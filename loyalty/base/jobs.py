"""Work as rows. A job is claimed by one worker at a time, shows its progress, and survives its worker.

A worker that dies leaves a job whose heartbeat grows old; the next claim takes it over where its cursor stands.
Every claim has its own token, and only the newest may write: a worker that was merely slow finds its claim gone
and stops, and what it did since its last progress is rolled back with the transaction that noted it. A job that
gets no further in five claims (it may be what kills its workers) is parked as failed.

Claims are judged by the database's clock, so that one worker's wrong clock takes nobody's job away.

Work that a person asks for is begun with `start` and carried out by `loyalty.base.job_runs`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.job_files import Upload, keep_upload
from loyalty.base.job_kinds import job_kinds
from loyalty.base.models import Heartbeat, Job
from loyalty.base.waking import wake

STALE = timedelta(minutes=2)
TRIES = 5
PARKED = f"Given up: it got no further in {TRIES} attempts."

Cursor = dict[str, Any]
Result = dict[str, Any]
State = Job.State

log = logging.getLogger(__name__)


class JobStopped(LaurelError):
    """The job was cancelled or another worker has taken it over: leave it alone."""

    code = "job_stopped"
    status = 409
    title = "The job was stopped"


class JobRefused(LaurelError):
    """The job cannot be done as it was asked for. It fails at once, with these words, and is not tried again."""

    code = "job_refused"
    status = 422
    title = "The job cannot be done"


def submit(
    kind: str,
    *,
    at: datetime,
    scope: str = "",
    period: str = "",
    created_by: str = "",
    cursor: Cursor | None = None,
) -> Job:
    """Put work down as a row to be claimed. With a `period`, the one row of that period, made now or before."""
    job = Job(
        kind=kind, scope=scope, period=period, created_by=created_by, created_at=at, cursor=cursor or {}
    )
    if not period:
        job.save(force_insert=True)
        return job
    Job.objects.bulk_create([job], ignore_conflicts=True)
    return Job.objects.get(kind=kind, scope=scope, period=period)


def start(
    kind: str,
    *,
    scope: str,
    by: str,
    at: datetime,
    name: str = "",
    params: Mapping[str, Any] | None = None,
    upload: Upload | None = None,
) -> Job:
    """Ask the workers for work of a registered kind, on behalf of a person.

    The row with its `params` and the uploaded file are written in the caller's transaction; a worker is woken when it
    is committed. `name` says for people what it is about, without personal data.
    """
    if kind not in job_kinds:
        raise ValueError(f"no kind of job {kind!r} is registered")
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind, scope=scope, name=name[:200], params=dict(params or {}), created_by=by, created_at=at
        )
        if upload is not None:
            keep_upload(job, upload)
        transaction.on_commit(wake)
    return job


def claim(kind: str, scope: str, period: str, *, at: datetime) -> Job | None:
    """The recurring job of this period, if it is this caller's to do: new, failed and due again, or left behind by
    a dead worker. None when it is done, cancelled, or in other hands."""
    if not period:
        raise ValueError("only a job with a period happens once")
    return claim_row(submit(kind, at=at, scope=scope, period=period), at=at)


def claim_row(job: Job, *, at: datetime) -> Job | None:
    """That very job, if it is free. None otherwise."""
    return _take(job.pk, at)


def claim_next(*kinds: str, at: datetime) -> Job | None:
    """The oldest free job of these kinds. Workers that ask together get different ones."""
    with transaction.atomic():
        waiting = (
            Job.objects.filter(_free(), kind__in=kinds)
            .order_by("created_at", "pk")
            .select_for_update(skip_locked=True)
        )
        found = waiting.values_list("pk", flat=True).first()
        return _take(found, at) if found else None


def _free() -> Q:
    dead = Q(state=State.RUNNING, heartbeat_at__lt=Now() - STALE)
    return Q(state=State.QUEUED) | dead | Q(state=State.FAILED, retry_at__lte=Now())


def _take(pk: uuid.UUID, at: datetime) -> Job | None:
    """One conditional update: of two callers the second waits for the row and then finds it no longer free."""
    free = Job.objects.filter(_free(), pk=pk)
    if free.filter(attempts__gte=TRIES).update(
        state=State.FAILED, claimed_by=None, retry_at=None, finished_at=at, error=PARKED
    ):
        return None
    token = uuid.uuid4()
    taken = free.update(
        state=State.RUNNING,
        claimed_by=token,
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", models.Value(at, models.DateTimeField())),
        heartbeat_at=Now(),
        pace_at=Now(),
        pace_done=F("done"),
        finished_at=None,
        retry_at=None,
    )
    return Job.objects.filter(pk=pk, claimed_by=token).first() if taken else None


def progress(
    job: Job,
    *,
    done: int | None = None,
    total: int | None = None,
    cursor: Cursor | None = None,
    step: str | None = None,
) -> None:
    """Note how far it has come (`step` says at what, for people), and that its worker lives.

    Call it inside the transaction of the chunk that was just done: then work and cursor are committed together or
    not at all, and a chunk of a claim that has ended is undone. Raises JobStopped when cancelled or taken over.
    """
    news: dict[str, Any] = {"done": done, "total": total, "cursor": cursor, "step": step}
    news = {name: value for name, value in news.items() if value is not None}
    if cursor is not None:
        news["attempts"] = 1  # it got further, so the tries are counted anew
    _write(job, heartbeat_at=Now(), **news)
    for name, value in news.items():
        setattr(job, name, value)


def finish(job: Job, *, at: datetime, result: Result | None = None) -> None:
    """Done. Raises JobStopped when it was cancelled or taken over meanwhile."""
    _write(
        job,
        state=State.DONE,
        finished_at=at,
        heartbeat_at=Now(),
        claimed_by=None,
        error="",
        result=result or {},
    )
    job.state, job.finished_at, job.result, job.error = State.DONE, at, result or {}, ""


def fail(job: Job, error: str, *, at: datetime, retry: bool = True) -> None:
    """It did not work. It is tried again after 1, 2, 4, 8 minutes, unless `retry` is false or it was the last try."""
    again = retry and job.attempts < TRIES
    wait = timedelta(minutes=2 ** max(0, job.attempts - 1))
    retry_at = Now() + wait if again else None
    _write(
        job,
        state=State.FAILED,
        finished_at=at,
        heartbeat_at=Now(),
        claimed_by=None,
        error=error,
        retry_at=retry_at,
    )
    job.state, job.finished_at, job.error = State.FAILED, at, error


def _write(job: Job, **values: Any) -> None:
    mine = Job.objects.filter(pk=job.pk, claimed_by=job.claimed_by, state=State.RUNNING)
    if job.claimed_by is None or not mine.update(**values):
        raise JobStopped(f"{job} was cancelled or taken over.")


def cancel(job: Job, *, at: datetime) -> bool:
    """Stop it: a waiting one never begins, a running one ends before its next chunk. False if it has ended already."""
    open_ones = Job.objects.filter(pk=job.pk, state__in=[State.QUEUED, State.RUNNING, State.FAILED])
    return bool(open_ones.update(state=State.CANCELLED, claimed_by=None, retry_at=None, finished_at=at))


def resume(job: Job) -> bool:
    """Let a failed or cancelled job go on from its cursor. False if it is neither."""
    ended = Job.objects.filter(pk=job.pk, state__in=[State.FAILED, State.CANCELLED])
    return bool(ended.update(state=State.QUEUED, attempts=0, retry_at=None, finished_at=None, error=""))


def release(job: Job) -> bool:
    """Free a running job whose worker is known to be gone, without waiting for its heartbeat to grow old."""
    running = Job.objects.filter(pk=job.pk, state=State.RUNNING)
    return bool(running.update(state=State.QUEUED, claimed_by=None))


def is_silent(job: Job) -> bool:
    """Whether a running job's worker has given no sign of life for so long that another takes it over."""
    return Job.objects.filter(pk=job.pk, state=State.RUNNING, heartbeat_at__lt=Now() - STALE).exists()


def unfinished(kind: str, *, scope: str, within: timedelta) -> bool:
    """Whether a job of that kind has begun and not ended, and was alive not longer ago than `within`."""
    begun = Job.objects.filter(kind=kind, scope=scope, heartbeat_at__gte=Now() - within)
    return begun.exclude(state__in=[State.DONE, State.CANCELLED]).exists()


def carry_out(
    job: Job,
    work: Callable[[Job], Result],
    *,
    at: datetime,
    now: Callable[[], datetime] | None = None,
) -> bool:
    """Do the work of a claimed job and note how it ended. True when it is done.

    The end is dated `at`, or by `now` where it matters how long the work took.

    A failure is written into the job and into the log, and goes no further, so that other jobs still run. What can
    never succeed (JobRefused) is not tried again.
    """
    ended = now or (lambda: at)
    try:
        result = work(job)
        finish(job, result=result, at=ended())
    except JobStopped:
        log.warning("job %s stopped: cancelled or taken over", job.pk)
        return False
    except JobRefused as refused:
        _note(job, refused.detail, ended(), retry=False)
        return False
    except Exception as error:
        log.exception("job %s failed", job.pk)
        _note_failure(job, error, ended())
        return False
    return True


def _note_failure(job: Job, error: Exception, at: datetime) -> None:
    # Only the first line: what PostgreSQL adds below it may quote a row's values.
    first_line = next(iter(str(error).splitlines()), "")
    # The failure may be that the database went away; a new connection can say so when it is back.
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    _note(job, f"{type(error).__name__}: {first_line}", at, retry=True)


def _note(job: Job, error: str, at: datetime, *, retry: bool) -> None:
    try:
        fail(job, error[:500], at=at, retry=retry)
    except JobStopped:
        log.warning("job %s had been cancelled or taken over", job.pk)


def latest(kind: str, *, scope: str | None = None) -> Job | None:
    """The job of that kind that was done last."""
    done = Job.objects.filter(kind=kind, state=State.DONE)
    return (done if scope is None else done.filter(scope=scope)).order_by("-finished_at").first()


def beat(name: str, *, at: datetime) -> None:
    """Note that a background part is alive."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at})


def database_time() -> datetime:
    """What the time is for work that nobody is waiting for: the database's, so that a worker whose clock runs ahead
    books nothing early. A pinned clock goes first."""
    if clock.is_pinned():
        return clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found
