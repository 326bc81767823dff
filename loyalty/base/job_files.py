"""Files of jobs, kept in the database with the job: what was uploaded, and the rows that were refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Sum

from loyalty.base.errors import Invalid
from loyalty.base.models import Job, JobFile
from loyalty.base.sheets import csv_lines

MAX_UPLOAD = 20 * 1024 * 1024
KEPT = timedelta(days=30)
Role = JobFile.Role


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str
    content: bytes


def keep_upload(job: Job, upload: Upload) -> None:
    """Keep the file of a new job. Raises Invalid `file_too_large`."""
    if len(upload.content) > MAX_UPLOAD:
        raise Invalid(f"Send a file of at most {MAX_UPLOAD // 1024 // 1024} MB.", code="file_too_large")
    JobFile.objects.create(job=job, role=Role.UPLOAD, name=upload.name[-200:], content=upload.content)


def upload_of(job: Job) -> Upload | None:
    """The file that was sent with the job; None when there was none, or when its time is over."""
    found = JobFile.objects.filter(job=job, role=Role.UPLOAD).first()
    return Upload(found.name, bytes(found.content)) if found else None


def add_errors(
    job: Job, header: Sequence[str], rows: Iterable[Sequence[object]], *, name: str = "errors.csv"
) -> None:
    """Append refused rows to the job's file of errors. Call it in the transaction of the chunk they come from, so that
    a chunk that is done again leaves them once. The header is written once, at the top."""
    lines = [list(row) for row in rows]
    if not lines:
        return
    own = JobFile.objects.filter(job=job, role=Role.ERRORS)
    last = own.aggregate(last=Max("part"))["last"]
    text = csv_lines(lines if last is not None else [list(header), *lines])
    JobFile.objects.create(
        job=job,
        role=Role.ERRORS,
        part=0 if last is None else last + 1,
        name=name,
        rows=len(lines),
        content=text,
    )


def errors_in(job: Job) -> int:
    """How many rows stand in the file of errors."""
    counted = JobFile.objects.filter(job=job, role=Role.ERRORS).aggregate(rows=Sum("rows"))
    return int(counted["rows"] or 0)


def read_errors(job: Job) -> Iterator[bytes]:
    """The file of errors, piece by piece."""
    pieces = JobFile.objects.filter(job=job, role=Role.ERRORS).order_by("part")
    return (bytes(piece) for piece in pieces.values_list("content", flat=True).iterator(chunk_size=20))


def forget(scope: str, *, at: datetime) -> int:
    """Delete the files of jobs that ended a month ago, of this scope or of none: they may hold personal data."""
    old = JobFile.objects.filter(job__scope__in=["", scope], job__finished_at__lt=at - KEPT)
    return old.exclude(job__state__in=[Job.State.QUEUED, Job.State.RUNNING]).delete()[0]
