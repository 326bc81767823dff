"""Imports that staff ask for, as jobs: a check of the file, the import, its undoing. The file comes with the job."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base import job_files, jobs
from loyalty.base.errors import Busy, Conflict
from loyalty.base.imports import reading
from loyalty.base.imports.claims import held
from loyalty.base.job_files import Upload
from loyalty.base.job_kinds import JobKind, job_kinds, summary
from loyalty.base.jobs import JobRefused
from loyalty.base.models import Job
from loyalty.ledger.acts import Actor
from loyalty.programs.models import Program
from tiers.imports import batches, mapping, undo
from tiers.imports.rehearsal import Rehearsal
from tiers.imports.reports import JobReport
from tiers.imports.run import Run, Source

CHECK = "balances_check"
PERMISSION = "programs.change_program"
MOST_BYTES = 1 << 30  # unpacked
LONGEST_LINE = 1 << 22
SUFFIXES = (".csv.gz", ".csv.xz", ".gz", ".xz")


def register() -> None:
    """Make the jobs known."""
    job_kinds.register(CHECK, JobKind(gettext_lazy("Check of a file of balances"), check, PERMISSION))
    job_kinds.register(batches.BY_STAFF, JobKind(gettext_lazy("Import of balances"), bring, PERMISSION))
    job_kinds.register(
        undo.BY_STAFF, JobKind(gettext_lazy("Undoing an import of balances"), take_back, PERMISSION)
    )


@contextmanager
def on_disk(upload: Upload) -> Iterator[Path]:
    """The file under a name that says how it is packed."""
    suffix = next((one for one in SUFFIXES if upload.name.lower().endswith(one)), ".csv")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"upload{suffix}"
        path.write_bytes(upload.content)
        yield path


def check(job: Job) -> dict[str, Any]:
    """Read the whole file and say what its import would bring."""
    with _source(job) as source:
        report = JobReport(job, reading.header(source.path, source.mapping))

        def keep(cursor: dict[str, Any]) -> None:
            jobs.progress(job, done=cursor["sums"]["counts"]["rows"], cursor=cursor)

        at = jobs.database_time()
        result = Rehearsal(
            source, report, cursor=job.cursor, at=at, watch=lambda rows: None, keep=keep
        ).carry_out()
        return _told(job, result, (_("See what it brings"), job))


def bring(job: Job) -> dict[str, Any]:
    """The import itself."""
    with _source(job) as source, _alone(source.program, source.digest):
        job.refresh_from_db(fields=["result"])
        if job.result.get("undo"):
            raise JobRefused(_("This import was undone."))
        report = JobReport(job, reading.header(source.path, source.mapping))
        actor = Actor("staff", job.created_by)
        run = Run(job, source, report, actor=actor, at=jobs.database_time(), watch=lambda rows: None)
        return _told(job, run.carry_out(), (_("See the receipt"), job))


def take_back(job: Job) -> dict[str, Any]:
    """Undo an import."""
    program = Program.objects.get(code=job.scope)
    batch = batches.find(program, job.params["batch"])
    with _alone(program, batch.params["digest"]):
        batch.refresh_from_db()
        if batch.result.get("undone", {}).get("job") == str(job.pk):
            return _undone(batch)  # it was killed between the last step and its end
        undo.begin(job, batch)
        terms = undo.Terms(job.params["spent"], job.params["close"])
        at, actor = jobs.database_time(), Actor("staff", job.created_by)
        report = JobReport(job, undo.HEADER)
        undoing = undo.Undo(job, batch, report, terms, actor=actor, at=at, watch=lambda members: None)
        undo.settle(job, batch, undoing.carry_out(), at=at)
        return _undone(batch)


@contextmanager
def _source(job: Job) -> Iterator[Source]:
    upload = job_files.upload_of(job)
    if upload is None:
        raise JobRefused(_("The file is no longer kept. Send it again."))
    program = Program.objects.get(code=job.scope)
    with on_disk(upload) as path:
        try:
            jobs.progress(job, total=reading.measure(path, most_bytes=MOST_BYTES, longest_line=LONGEST_LINE))
            how = mapping.of_said(program, job.params["said"], path=path)
            yield Source(path, job.params["digest"], program, how)
        except reading.UNREADABLE as wrong:
            raise JobRefused(f"{upload.name}: {wrong or type(wrong).__name__}") from wrong


@contextmanager
def _alone(program: Program, digest: str) -> Iterator[None]:
    try:
        with held(batches.lock_name(program, digest)):
            yield
    except Conflict as wrong:
        if wrong.code == "import_running":
            raise Busy(wrong.detail) from wrong
        raise


def _told(job: Job, result: dict[str, Any], link: tuple[str, Job]) -> dict[str, Any]:
    counts = result["counts"]
    rows = (
        (_("Rows"), counts.get("rows", 0)),
        (_("Rows that bring something"), counts.get("booked", 0)),
        (_("Known already"), counts.get("known", 0)),
        (_("Refused"), counts.get("refused", 0)),
        (_("Members"), counts.get("members", 0)),
        (_("Newly enrolled"), counts.get("enrolled", 0)),
    )
    words, target = link
    told = summary(*rows, links=((words, reverse("imports:import", args=[target.pk])),))
    return result | told | {"file": job.name}


def _undone(batch: Job) -> dict[str, Any]:
    result: dict[str, Any] = batch.result["undone"]
    counts = result["counts"]
    rows = (
        (_("Members"), counts.get("members", 0)),
        (_("Lots and debts"), counts.get("rows", 0)),
        (_("Tiers ended"), counts.get("tiers", 0)),
        (_("Members closed"), counts.get("closed", 0)),
    )
    link = (_("See the import"), reverse("imports:import", args=[batch.pk]))
    return result | summary(*rows, links=(link,))
