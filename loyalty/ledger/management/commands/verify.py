from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.base import clock
from loyalty.base.models import Job
from loyalty.ledger import proof
from loyalty.ledger.roll_forward import LINES
from loyalty.programs.models import Program


class Command(BaseCommand):
    help = "Prove that the books add up. Exit code 1, and the ids of the rows, when they do not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the verdict as JSON")
        parser.add_argument("--program", metavar="CODE", help="only the books of this program")

    def handle(self, *args: Any, as_json: bool, program: str | None, **options: Any) -> None:
        job = proof.verify_now(program=_program(program), at=clock.now(), by="command")
        if job.state != Job.State.DONE:
            raise CommandError(f"The proof could not be made: {job.error}")
        self.stdout.write(json.dumps(job.result, indent=2) if as_json else _words(job.result))
        if not job.result["ok"]:
            sys.exit(1)


def _program(code: str | None) -> Program | None:
    if not code:
        return None
    try:
        return Program.objects.get(code=code)
    except Program.DoesNotExist as wrong:
        raise CommandError(f"There is no program {code!r}.") from wrong


def _words(result: dict[str, Any]) -> str:
    rolls = [line for roll in result["roll_forward"] for line in _roll(roll)]
    found = [
        f"{each['check']}: {each['table']} {each['id']} {each['message']}" for each in result["breaches"]
    ]
    checks = len(result["checks"])
    end = (
        f"{checks} checks passed."
        if result["ok"]
        else f"NOT PROVED: {len(found)} rows break one of {checks} checks."
    )
    return "\n".join([*rolls, *found, end])


def _roll(roll: dict[str, Any]) -> list[str]:
    """In smallest units, as stored."""
    named = [
        ("opening", roll["opening"]),
        *((line, roll[line]) for line in LINES),
        ("closing", roll["closing"]),
    ]
    rows = [f"  {name.replace('_', ' '):<12} {amount:>20,}" for name, amount in named]
    return [f"{roll['program']} / {roll['point_type']} since {roll['since']}", *rows]
