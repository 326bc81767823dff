from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.base import clock, jobs
from loyalty.base.errors import Invalid
from loyalty.base.models import Job
from loyalty.programs import nightly
from loyalty.programs.models import Program


class Command(BaseCommand):
    help = "Run the night of every program whose local day is not done yet. Safe beside the scheduler, and to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--program", metavar="CODE", help="only this program")
        parser.add_argument(
            "--at", metavar="TIMESTAMP", help="as of this past instant, e.g. 2026-11-12T03:00:00+01:00"
        )

    def handle(self, *args: Any, program: str | None, at: str | None, **options: Any) -> None:
        now = jobs.database_time()
        try:
            as_of = clock.parse_instant(at) if at else now
        except Invalid as wrong:
            raise CommandError(f"--at: {wrong.detail}") from wrong
        if as_of > now:
            raise CommandError(
                "--at lies in the future: points that have not lapsed would be booked as lapsed."
            )
        if program and not Program.objects.filter(code=program).exists():
            raise CommandError(f"There is no program {program!r}.")
        worked = nightly.run_due(as_of, program=program)
        for job in worked:
            self.stdout.write(_line(job))
        if not worked:
            self.stdout.write("Nothing is due.")
        if any(job.state != Job.State.DONE for job in worked):
            raise CommandError("Not every night was done.")


def _line(job: Job) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in job.result.get("steps", {}).items())
    return f"{job.scope} {job.period}: {job.state} ({job.error or counts or 'no steps'})"
