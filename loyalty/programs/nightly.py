"""The nightly run: what happens to a program once per local day, in a fixed order.

The order is activate (10), auto-redeem (20), tiers (30), expire (40), tiers again (50); upper apps register their
steps in `AppConfig.ready()`. `run_due` may be called as often as one likes and by any number of schedulers: a day
of a program is one row of jobs, claimed by one worker. After a gap there is one run, and every step dates what it
writes by the day it belongs to (`Night.since` says which day was done last).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from loyalty.base import clock, jobs
from loyalty.base.models import Job
from loyalty.base.registry import Registry
from loyalty.programs.models import Program

KIND = "nightly"


@dataclass(slots=True)
class Night:
    """One run for one program. Steps read it, and tell it how far they are."""

    program: Program
    at: datetime
    day: date
    since: date | None
    job: Job

    @property
    def cursor(self) -> dict[str, Any]:
        """Where this step was interrupted; empty at its beginning."""
        return dict(self.job.cursor.get("where", {}))

    @property
    def done(self) -> int:
        """How much this step had done when it was interrupted."""
        return int(self.job.cursor.get("done", 0))

    def progress(self, done: int, cursor: dict[str, Any]) -> None:
        """Call inside the transaction of each chunk. Raises JobStopped when the run was cancelled or taken over."""
        jobs.progress(self.job, done=done, cursor={**self.job.cursor, "where": cursor, "done": done})


Step = Callable[[Night], int]
"""Does its part and returns how many things it did. Must be safe to run twice, and resumes from `night.cursor`."""

nightly_steps: Registry[Step] = Registry("nightly step")


def run_due(at: datetime, *, program: str | None = None) -> list[Job]:
    """Run the night of every program whose local day at `at` is not done yet; with `program`, of that code only.

    Returns the jobs that this call worked on. One program's failure is noted in its job and stops no other's.
    """
    programs = Program.objects.order_by("pk") if program is None else Program.objects.filter(code=program)
    done = _done_already(at)
    due = [each for each in programs if (each.code, _day(each, at).isoformat()) not in done]
    worked = [_run(each, at) for each in due]
    return [job for job in worked if job]


def _day(program: Program, at: datetime) -> date:
    return clock.local_date(at, program.zone)


def _done_already(at: datetime) -> set[tuple[str, str]]:
    """No zone is further than a day from UTC, so three dates hold every program's today."""
    days = [clock.add_days(at.date(), offset).isoformat() for offset in (-1, 0, 1)]
    return set(
        Job.objects.filter(kind=KIND, period__in=days, state=Job.State.DONE).values_list("scope", "period")
    )


def _run(program: Program, at: datetime) -> Job | None:
    day = _day(program, at)
    job = jobs.claim(KIND, program.code, day.isoformat(), at=at)
    if job is None:
        return None
    jobs.carry_out(job, lambda job: _steps(Night(program, at, day, _last_done(program, day), job)), at=at)
    return job


def _last_done(program: Program, before: date) -> date | None:
    nights = Job.objects.filter(
        kind=KIND, scope=program.code, state=Job.State.DONE, period__lt=before.isoformat()
    )
    last = nights.order_by("-period").values_list("period", flat=True).first()
    return date.fromisoformat(last) if last else None


def _steps(night: Night) -> dict[str, Any]:
    counts: dict[str, int] = night.job.cursor.get("finished", {})
    for name, step in nightly_steps.items():
        if name not in counts:
            counts = {**counts, name: step(night)}
            jobs.progress(night.job, cursor={"finished": counts})
    return {"since": night.since.isoformat() if night.since else None, "steps": counts}
