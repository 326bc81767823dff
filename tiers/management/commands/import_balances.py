from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from loyalty.base import clock, jobs
from loyalty.base.errors import LaurelError
from loyalty.base.imports import mapping as words
from loyalty.base.imports import reading
from loyalty.base.imports.badrows import BadRows
from loyalty.base.imports.claims import claim, held
from loyalty.base.imports.terminal import progress_bar
from loyalty.base.models import Job
from loyalty.ledger.acts import Actor
from loyalty.members.identifiers import PREFIXES
from loyalty.programs.models import Program
from tiers.imports import batches, mapping, undo
from tiers.imports.rehearsal import Rehearsal
from tiers.imports.run import Run, Source
from tiers.imports.wording import summary, undone

_MAPPED = ("zone", "date_format", "member_kind", "enrol", "keep_duplicates", "delimiter", "encoding")
ACTOR = Actor("system", "import")


class Command(BaseCommand):
    help = (
        "Bring in what members have elsewhere: points with their dates, debts, tiers, from a CSV file (.csv, .gz, "
        ".xz). Safe to run twice, goes on after it was killed, and can be undone. See docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--program", required=True, metavar="CODE")
        parser.add_argument(
            "--map", nargs="+", action="extend", default=[], metavar="FIELD=COLUMN|FILE.yaml",
            help=f"which column holds {', '.join(mapping.FIELDS)}, where its heading does not say so; or YAML files",
        )  # fmt: skip
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="refused rows; default: <name>.errors.csv, here"
        )
        parser.add_argument("--dry-run", action="store_true", help="check every row and write nothing")
        _add_reading(parser)
        _add_undoing(parser)

    def handle(self, *args: Any, file: Path | None, program: str, **options: Any) -> None:
        at = clock.now()
        try:
            found = Program.objects.filter(code=program).first()
            if found is None:
                raise CommandError(f"There is no program {program!r}.")
            if options["undo"]:
                self._undo(found, options, at)
            elif file is None:
                raise CommandError("Name the file to import, or say --undo BATCH.")
            else:
                self._with_file(file, found, options, at)
        except LaurelError as wrong:
            raise CommandError(wrong.detail) from wrong
        except reading.UNREADABLE as wrong:
            raise CommandError(f"{file or ''}: {wrong or type(wrong).__name__}") from wrong

    def _with_file(self, file: Path, program: Program, options: Mapping[str, Any], at: datetime) -> None:
        said = words.gathered(options["map"], {name: options[name] for name in _MAPPED})
        how = mapping.of_said(program, said, path=file)
        source = Source(file, reading.fingerprint(file), program, how)
        errors = options["errors"] or Path(f"{file.name.split('.')[0]}.errors.csv")
        report = BadRows(errors, reading.header(file, how))
        if options["dry_run"]:
            with progress_bar(file, 0) as show:
                pass_ = Rehearsal(source, report, cursor={}, at=at, watch=show, keep=lambda cursor: None)
                result = pass_.carry_out()
            self.stdout.write(f"Dry run: nothing was written.\n{summary(result, errors)}")
        else:
            self._import(source, report, at)

    def _import(self, source: Source, report: BadRows, at: datetime) -> None:
        with held(batches.lock_name(source.program, source.digest)):
            said, name = source.mapping.said, source.path.name
            batch = batches.of_file(source.program, source.digest, said, name=name, by="command", at=at)
            if batch.result.get("undo"):
                raise batches.UndoUnfinished
            if batch.state == Job.State.DONE:
                self.stdout.write(
                    f"Nothing new: this file was imported on {batch.finished_at:%Y-%m-%d %H:%M} UTC."
                )
            else:
                self._carry_out(claim(batch, at=at), source, report, at)
            batch.refresh_from_db()
        self.stdout.write(summary(batch.result, report.path))
        self.stdout.write(f"Batch {batches.short(batch)}; --undo {batches.short(batch)} takes it back.")

    def _carry_out(self, batch: Job, source: Source, report: BadRows, at: datetime) -> None:
        if rows := batch.done:
            self.stdout.write(f"Going on after row {int(batch.cursor['after']):,}.")

        def work() -> dict[str, Any]:
            with progress_bar(source.path, rows) as show:
                return Run(batch, source, report, actor=ACTOR, at=at, watch=show).carry_out()

        jobs.finish(batch, at=at, result=_minding(batch, work, at))

    def _undo(self, program: Program, options: Mapping[str, Any], at: datetime) -> None:
        batch = batches.find(program, options["undo"])
        errors = options["errors"] or Path(f"{batches.short(batch)}.spent.csv")
        with held(batches.lock_name(program, batch.params["digest"])):
            batch.refresh_from_db()
            if batches.is_undone(batch):
                self.stdout.write("Nothing to do: this import was undone.")
            else:
                terms = undo.Terms(options["spent"], options["close_members"])
                self._take_back(program, batch, terms, BadRows(errors, undo.HEADER), at)
            batch.refresh_from_db()
        self.stdout.write(undone(batch.result["undone"], errors))

    def _take_back(
        self, program: Program, batch: Job, terms: undo.Terms, report: BadRows, at: datetime
    ) -> None:
        period = batch.pk.hex
        job = jobs.submit(undo.BY_COMMAND, scope=program.code, period=period, created_by="command", at=at)
        undo.begin(job, batch)
        job = claim(job, at=at)

        def work() -> dict[str, Any]:
            taking = undo.Undo(job, batch, report, terms, actor=ACTOR, at=at, watch=lambda members: None)
            return taking.carry_out()

        result = _minding(job, work, at)
        with transaction.atomic():
            undo.settle(job, batch, result, at=at)
            jobs.finish(job, at=at, result=result)


def _minding(job: Job, work: Callable[[], dict[str, Any]], at: datetime) -> dict[str, Any]:
    """Do it; what ends it before its end is noted in the job, and the same command goes on from there."""
    try:
        return work()
    except KeyboardInterrupt:
        jobs.release(job)
        raise CommandError("Stopped. The same command goes on from here.") from None
    except Exception as wrong:
        jobs.fail(job, f"{type(wrong).__name__}: {wrong}".splitlines()[0][:500], at=at, retry=False)
        raise


def _add_reading(parser: CommandParser) -> None:
    """How values are read; all of these may stand in the YAML file too."""
    parser.add_argument("--date-format", metavar="FORMAT", help="of strptime; default: ISO, as 2026-11-12")
    parser.add_argument("--zone", metavar="ZONE", help="whose days these are; default: the program's")
    parser.add_argument(
        "--member-kind", choices=sorted(PREFIXES), help="what the member column holds; default: ext"
    )
    parser.add_argument("--enrol", action="store_true", help="make members of those who are not yet")
    parser.add_argument(
        "--keep-duplicates", action="store_true", help="rows that are alike are lots of their own"
    )
    parser.add_argument("--delimiter", metavar="CHAR")
    parser.add_argument("--encoding", metavar="NAME", help="default: UTF-8")


def _add_undoing(parser: CommandParser) -> None:
    parser.add_argument("--undo", metavar="BATCH", help="take a whole import back")
    parser.add_argument(
        "--spent", choices=("left", "owed"), default="left",
        help="with --undo: points that were spent meanwhile are left, or taken all the same, into debt",
    )  # fmt: skip
    parser.add_argument(
        "--close-members", action="store_true",
        help="with --undo: close members whom the import enrolled and who have done nothing since",
    )  # fmt: skip
