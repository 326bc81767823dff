"""The proof that the books add up: named checks, each one statement that finds the rows that break it.

Apps add their own checks to `checks` in `AppConfig.ready()`. All run over one snapshot of the database, so that a
sale in the middle of a check is not mistaken for a fault.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.base import jobs
from loyalty.base.clock import write_instant
from loyalty.base.job_kinds import summary
from loyalty.base.models import Job
from loyalty.base.registry import Registry
from loyalty.ledger import roll_forward
from loyalty.programs.models import Program

KIND = "verify"
ROWS_NAMED = 100
ROWS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Check:
    """`sql` returns the breaching rows as (id, message). `table` is where such an id is found.

    It gets `%(program)s`: a program's key, or null for all; `of_program()` writes that condition.
    """

    table: str
    sql: str


checks: Registry[Check] = Registry("check")


def of_program(column: str) -> str:
    """The condition that a row belongs to the program that is being verified."""
    return f"(%(program)s::bigint IS NULL OR {column} = %(program)s::bigint)"


@dataclass(frozen=True, slots=True)
class Breach:
    check: str
    table: str
    id: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of the checks found. At most a hundred rows are named for each check."""

    breaches: list[Breach]
    seconds: dict[str, float]
    roll_forward: list[roll_forward.Roll]

    @property
    def ok(self) -> bool:
        return not self.breaches

    def as_json(self) -> dict[str, Any]:
        """For `--json`, and for the job's row."""
        return {
            "ok": self.ok,
            "checks": self.seconds,
            "breaches": [
                {"check": found.check, "table": found.table, "id": found.id, "message": found.message}
                for found in self.breaches
            ],
            "roll_forward": [roll.as_json() for roll in self.roll_forward],
        }

    def in_words(self) -> dict[str, Any]:
        """For the page of the job: what was checked, and what each kind of points comes to."""
        verdict = (
            _("The books add up")
            if self.ok
            else ngettext("%(n)d row is wrong", "%(n)d rows are wrong", len(self.breaches))
            % {"n": len(self.breaches)}
        )
        return summary(
            (_("Verdict"), verdict),
            (_("Checks"), len(self.seconds)),
            *((f"{found.table} {found.id}", found.message) for found in self.breaches[:ROWS_SHOWN]),
            *((f"{roll.program}: {roll.point_type}", roll.in_words()) for roll in self.roll_forward),
        )


def verify(*, program: Program | None = None, at: datetime) -> Verdict:
    """Run every check over one snapshot. Reads only."""
    seconds: dict[str, float] = {}
    breaches: list[Breach] = []
    with _snapshot():
        for name, check in checks.items():
            started = time.perf_counter()
            breaches += _rows_against(name, check, program)
            seconds[name] = round(time.perf_counter() - started, 3)
        rolls = roll_forward.all_point_types(program, at=at)
    return Verdict(breaches + [_unrolled(roll) for roll in rolls if not roll.adds_up], seconds, rolls)


def _rows_against(name: str, check: Check, program: Program | None) -> Iterator[Breach]:
    # Materialized, or the limit would make the planner hope for an early end, which books in order never give it.
    first = f"WITH found AS MATERIALIZED ({check.sql}) SELECT * FROM found LIMIT {ROWS_NAMED}"
    with connection.cursor() as cursor:
        cursor.execute(first, {"program": program.pk if program else None})
        rows = cursor.fetchall()
    return (Breach(name, check.table, str(row_id), message) for row_id, message in rows)


def _unrolled(roll: roll_forward.Roll) -> Breach:
    message = (
        f"Opening {roll.opening} and all movements make {roll.expected}, but the wallets hold {roll.closing}."
    )
    return Breach("roll_forward", "programs_pointtype", str(roll.point_type_id), message)


@contextmanager
def _snapshot() -> Iterator[None]:
    """One state of the database for all checks. A caller who is inside a transaction has chosen his state already."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.execute("SET LOCAL work_mem = '256MB'")
                cursor.execute("SET LOCAL jit = off")
                # Every check reads whole tables; row by row it would take days, and statistics may be old.
                cursor.execute("SET LOCAL enable_nestloop = off")
        yield


def verify_now(*, program: Program | None = None, at: datetime, by: str = "") -> Job:
    """Verify by hand. The verdict is kept as a job, so that screens can show it; the job is done also when the
    verdict is bad."""
    job = jobs.submit(KIND, scope=program.code if program else "", created_by=by, at=at)
    return _carry_out(job, program, at)


def verify_daily(at: datetime) -> Job | None:
    """The whole installation's proof of this UTC day, once. None when it is done or in other hands."""
    job = jobs.claim(KIND, "", at.astimezone(UTC).date().isoformat(), at=at)
    return job and _carry_out(job, None, at)


def _carry_out(job: Job, program: Program | None, at: datetime) -> Job:
    claimed = job if job.claimed_by else jobs.claim_row(job, at=at)
    assert claimed is not None  # a row just made is nobody else's
    jobs.carry_out(claimed, lambda job: _told(verify(program=program, at=at), at), at=at)
    return claimed


def _told(verdict: Verdict, at: datetime) -> dict[str, Any]:
    return {"at": write_instant(at), **verdict.as_json(), **verdict.in_words()}


def last_verdict() -> Job | None:
    """The latest proof of the whole installation; its `result` holds `ok`, `at` and the breaches."""
    return jobs.latest(KIND, scope="")
