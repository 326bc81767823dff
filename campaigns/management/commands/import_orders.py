from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.imports import mapping, run
from campaigns.imports.rehearsal import rehearse
from campaigns.imports.wording import summary
from loyalty.base import clock, jobs
from loyalty.base.errors import LaurelError
from loyalty.base.imports import reading
from loyalty.base.imports.claims import claim, held
from loyalty.base.imports.terminal import progress_bar
from loyalty.base.models import Job
from loyalty.members.identifiers import PREFIXES
from loyalty.programs.models import Channel, Program

_MAPPED = (
    "time_format", "zone", "currency", "member_kind", "return_prefix", "skip_prefix", "not_goods", "gift_cards",
    "enrol", "keep_guests", "delimiter", "encoding",
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Bring in orders and returns of the past from a CSV file (.csv, .gz, .xz). Safe to run twice, and goes on "
        "after it was killed: give the same command again. See docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--program", required=True, metavar="CODE")
        parser.add_argument(
            "--map", nargs="+", action="extend", default=[], metavar="FIELD=COLUMN|FILE.yaml",
            help=f"which column holds {', '.join(mapping.COLUMNS)}; or YAML files that say it",
        )  # fmt: skip
        parser.add_argument(
            "--channel", default="import", metavar="CODE", help="backfill channel, made if missing"
        )
        parser.add_argument(
            "--source", metavar="NAME", help="makes order ids unique; default: the channel's code"
        )
        parser.add_argument(
            "--bad-rows", type=Path, metavar="FILE", help="default: <name>.bad-rows.csv, here"
        )
        parser.add_argument("--dry-run", action="store_true", help="check every row and write nothing")
        parser.add_argument("--again", action="store_true", help="go through a file once more that is done")
        _add_reading(parser)

    def handle(self, *args: Any, file: Path, program: str, dry_run: bool, **options: Any) -> None:
        at = clock.now()
        try:
            found = Program.objects.filter(code=program).first()
            if found is None:
                raise CommandError(f"There is no program {program!r}.")
            how = mapping.build(found, options["map"], {name: options[name] for name in _MAPPED})
            bad_rows = options["bad_rows"] or Path(f"{file.name.split('.')[0]}.bad-rows.csv")
            reading.header(file, how)
            channel = _channel(found, options["channel"], at, save=not dry_run)
            if dry_run:
                self._rehearse(file, how, channel, bad_rows, at)
            else:
                name = options["source"] or channel.code
                source = run.Source(file, name, reading.fingerprint(file), how)
                self._import(source, channel, bad_rows, at, again=options["again"])
        except LaurelError as wrong:
            raise CommandError(wrong.detail) from wrong
        except RuntimeError as wrong:
            raise CommandError(f"{wrong}. The same command goes on from here.") from wrong
        except reading.UNREADABLE as wrong:
            raise CommandError(f"{file}: {wrong or type(wrong).__name__}") from wrong

    def _rehearse(self, file: Path, how: mapping.Mapping, channel: Channel, bad: Path, at: datetime) -> None:
        with progress_bar(file, 0) as show:
            counts = rehearse(file, how, channel, bad, at=at, watch=lambda rows: show(rows, events=0))
        self.stdout.write(f"Dry run: nothing was written.\n{summary(counts, bad)}")

    def _import(self, source: run.Source, channel: Channel, bad: Path, at: datetime, *, again: bool) -> None:
        job = run.job_of(source, channel.program.code, at=at, again=again, by="command")
        if job.state == Job.State.DONE:
            self.stdout.write(f"Nothing new: this file was imported on {job.finished_at:%Y-%m-%d %H:%M} UTC.")
            self._tell(job.result)
            return
        with held(f"import {job.pk}"):
            job = claim(job, at=at)
            if rows := int(job.cursor.get("counts", {}).get("rows", 0)):
                self.stdout.write(f"Going on after row {rows:,}.")
            self._tell(self._carry_out(job, source, channel, bad, at))

    def _carry_out(
        self, job: Job, source: run.Source, channel: Channel, bad: Path, at: datetime
    ) -> Mapping[str, Any]:
        try:
            with progress_bar(source.path, job.done) as show:

                def watch(news: run.Progress) -> None:
                    show(news.rows, events=news.events)

                return run.Run(job, source, channel, bad, at=at, watch=watch).carry_out()
        except KeyboardInterrupt:
            jobs.release(job)
            raise CommandError("Stopped. The same command goes on from here.") from None
        except Exception as wrong:
            jobs.fail(job, f"{type(wrong).__name__}: {wrong}".splitlines()[0][:500], at=at, retry=False)
            raise

    def _tell(self, result: Mapping[str, Any]) -> None:
        bad = result.get("bad_rows")
        told = summary(result.get("counts", {}), Path(bad) if bad else None, result.get("points"))
        self.stdout.write(told)


def _add_reading(parser: CommandParser) -> None:
    """How values are read; all of these may stand in the YAML file too."""
    parser.add_argument(
        "--time-format", metavar="FORMAT", help="of strptime; default: ISO, with a blank or a T"
    )
    parser.add_argument("--zone", metavar="ZONE", help="of times without an offset; default: the program's")
    parser.add_argument("--currency", metavar="ISO", help="default: the program's")
    parser.add_argument(
        "--member-kind", choices=sorted(PREFIXES), help="what the member column holds; default: ext"
    )
    parser.add_argument(
        "--return-prefix", action="append", metavar="TEXT", help="orders that are credit notes"
    )
    parser.add_argument(
        "--skip-prefix", action="append", metavar="TEXT", help="orders to leave out, and to report"
    )
    parser.add_argument(
        "--not-goods", action="append", metavar="PATTERN", help='articles that get the category "not-goods"'
    )
    parser.add_argument(
        "--gift-cards", action="append", metavar="PATTERN", help="articles that are gift cards"
    )
    parser.add_argument("--enrol", action="store_true", help="make members of those who are not yet")
    parser.add_argument("--keep-guests", action="store_true", help="keep orders without a member as well")
    parser.add_argument("--delimiter", metavar="CHAR")
    parser.add_argument("--encoding", metavar="NAME", help="default: UTF-8")


def _channel(program: Program, code: str, at: datetime, *, save: bool) -> Channel:
    """The channel of that code, which must be allowed to send old events."""
    channel = Channel.objects.filter(program=program, code=code).select_related("program").first()
    if channel is None:
        kind = Channel.Kind.BACKFILL
        channel = Channel(program=program, code=code, name=code.capitalize(), kind=kind, created_at=at)
        channel.full_clean()
        if save:
            channel.save()
    if channel.kind != Channel.Kind.BACKFILL or not channel.is_active:
        raise CommandError(f"The channel {code!r} is no active backfill channel; name another one.")
    return channel
