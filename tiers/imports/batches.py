"""Imports as batches: a batch is the job that carried it out. It holds what the file said, how far it is, its sums,
and whether it was undone.

A row of a file is known by the file's digest and its number. The transaction that it became carries both, by way of
its batch, in its reference: so the same file, also under another mapping, books nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from loyalty.base import jobs
from loyalty.base.errors import Conflict, NotFound
from loyalty.base.models import Job
from loyalty.programs.models import Program

BY_COMMAND, BY_STAFF = "import_balances", "balances_import"
KINDS = (BY_COMMAND, BY_STAFF)
REASON, REASON_UNDONE = "import", "import_undone"


class BatchUnknown(NotFound):
    code = "batch_unknown"
    title = "There is no such import"


class BatchUndone(Conflict):
    code = "batch_undone"
    title = "This import was undone"


class UndoUnfinished(Conflict):
    code = "undo_unfinished"
    title = "An import of this file is being undone; let that end first"


def of_program(program: Program) -> QuerySet[Job]:
    """The imports of a program, newest first."""
    return Job.objects.filter(kind__in=KINDS, scope=program.code).order_by("-created_at", "pk")


def find(program: Program, text: str) -> Job:
    """The import of that id, or of its first characters. Raises BatchUnknown."""
    wanted = text.strip().lower().replace("-", "")
    if len(wanted) >= 6:
        for batch in of_program(program):
            if batch.pk.hex.startswith(wanted):
                return batch
    raise BatchUnknown(f"There is no import {text[:40]!r} in {program.code}.")


def of_file(
    program: Program, digest: str, said: Mapping[str, Any], *, name: str, by: str, at: datetime
) -> Job:
    """The job that imports this file under this mapping, old or new, for the command."""
    told = json.dumps(said, sort_keys=True)
    period = hashlib.sha256(f"{digest}\n{told}".encode()).hexdigest()[:40]
    job = jobs.submit(BY_COMMAND, scope=program.code, period=period, created_by=by, at=at)
    if not job.params:
        params = {"digest": digest, "said": said, "file": name}
        Job.objects.filter(pk=job.pk).update(params=params, name=name[:200])
        job.refresh_from_db()
    return job


def lock_name(program: Program, digest: str) -> str:
    """Whoever imports or undoes a file holds the lock of this name."""
    return f"balances {program.code} {digest}"


def same_file(program: Program, digest: str) -> list[Job]:
    """All imports of this file that were not undone. Raises UndoUnfinished."""
    found = list(of_program(program).filter(params__digest=digest))
    if any(batch.result.get("undo") and not is_undone(batch) for batch in found):
        raise UndoUnfinished
    return [batch for batch in found if not is_undone(batch)]


def is_undone(batch: Job) -> bool:
    return "undone" in batch.result


def short(batch: Job) -> str:
    """How people name a batch."""
    return batch.pk.hex[:12]


def prefix(batch: Job) -> str:
    return f"import:{short(batch)}:"


def reference(batch: Job, row: int) -> str:
    """What the transaction of a row carries."""
    return f"{prefix(batch)}{row}"


def row_of(reference: str) -> int:
    return int(reference.rpartition(":")[2])


def ids(batches: Iterable[Job]) -> list[UUID]:
    return [batch.pk for batch in batches]


def note(batch: Job, **told: Any) -> None:
    """Keep something in the result of a batch."""
    batch.refresh_from_db()
    batch.result = {**batch.result, **told}
    Job.objects.filter(pk=batch.pk).update(result=batch.result)
