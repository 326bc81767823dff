from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.programs.files import applying, templates
from loyalty.programs.files.changes import say
from loyalty.programs.files.faults import FileRefused
from loyalty.programs.files.source import MAX_BYTES
from loyalty.programs.models import Program

BY = "program file"


class Command(BaseCommand):
    help = "Programs as YAML files: export one, compare a file with the database, apply it, print the JSON Schema."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        export = acts.add_parser("export", help="print the whole configuration of a program")
        export.add_argument("code", metavar="CODE")
        diff = acts.add_parser("diff", help="say what a file would change")
        diff.add_argument("file", metavar="FILE", help="- is the standard input")
        apply = acts.add_parser("apply", help="bring the database to what a file says")
        apply.add_argument("file", metavar="FILE", help="- is the standard input")
        apply.add_argument(
            "--dry-run", action="store_true", help="change nothing, only say what would change"
        )
        template = acts.add_parser("template", help="print a program to begin with")
        template.add_argument("name", choices=templates.TEMPLATES)
        acts.add_parser("schema", help="print the JSON Schema of program files")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        match act:
            case "export":
                self.stdout.write(_export(options["code"]), ending="")
            case "template":
                self.stdout.write(templates.text(options["name"]).decode(), ending="")
            case "schema":
                self.stdout.write(json.dumps(applying.schema(), indent=2))
            case _:
                self._apply(options["file"], dry_run=act == "diff" or options["dry_run"])

    def _apply(self, file: str, *, dry_run: bool) -> None:
        try:
            outcome = applying.apply(_read(file), at=clock.now(), by=BY, dry_run=dry_run)
        except FileRefused as wrong:
            lines = [f"{file}:{fault.line}: {_at(fault.place)}{fault.message}" for fault in wrong.faults]
            raise CommandError("\n".join([*lines, "Nothing was changed."])) from wrong
        except LaurelError as wrong:
            raise CommandError(f"{wrong.detail} Nothing was changed.") from wrong
        self.stdout.writelines(f"{line}\n" for line in say(outcome.changes))
        if outcome.left:
            self.stdout.write(f"Not in the file, left as they are: {', '.join(outcome.left)}")
        if not outcome.changes:
            self.stdout.write("Nothing to do.")
        else:
            did = "Would change" if dry_run else "Changed"
            self.stdout.write(
                f"{did} {len({one.place for one in outcome.changes})} entries of {outcome.program}."
            )


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _export(code: str) -> str:
    program = Program.objects.filter(code=code).first()
    if program is None:
        raise CommandError(f"There is no program {code!r}.")
    return applying.export(program)


def _read(file: str) -> bytes:
    """At most one byte more than a program file may have: enough to see that it is too large."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as wrong:
        raise CommandError(f"{file} cannot be read: {wrong.strerror}.") from wrong
