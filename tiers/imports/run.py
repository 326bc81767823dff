"""One import of balances from its first row to its last: chunk by chunk, each in one transaction with the cursor.

A killed run reads the file again from its beginning, remembers what it said, and goes on after the last row that is
done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from django.db import transaction

from loyalty.base import jobs
from loyalty.base.errors import Busy
from loyalty.base.imports import reading
from loyalty.base.imports.badrows import Refused
from loyalty.base.locking import retrying
from loyalty.base.models import Job
from loyalty.ledger.acts import Actor
from loyalty.programs.models import Program
from tiers.imports import batches, booking, checking, enrolling
from tiers.imports.checking import Checker
from tiers.imports.lines import Line, LineReader
from tiers.imports.mapping import Mapping
from tiers.imports.seen import Seen
from tiers.imports.sums import Sums, written

CHUNK = 2_000
PATIENCE = 20  # times that a chunk waits for a member whom somebody else holds

Watch = Callable[[int], None]


class Report(Protocol):
    """Where refused rows go. `size` is what is kept of it for certain."""

    size: int

    def add(self, refused: list[Refused]) -> int:
        """Append these, in the caller's transaction; the size to keep once that is committed."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported, and where to."""

    path: Path
    digest: str
    program: Program
    mapping: Mapping


class Pass:
    """One way through a file: lines in chunks, each read and compared with those before it. `cursor` says where an
    earlier pass of the same kind ended."""

    def __init__(
        self, source: Source, report: Report, *, cursor: dict[str, Any], at: datetime, watch: Watch
    ) -> None:
        self.source, self.report, self.at, self.watch = source, report, at, watch
        self.header = reading.header(source.path, source.mapping)
        self.reader = LineReader(source.mapping, self.header, checking.terms(source.program, at=at))
        self.sums = Sums.of_json(cursor["sums"]) if cursor else Sums()
        self.after = int(cursor.get("after", 0))
        report.size = int(cursor.get("report", 0))

    def chunks(self, seen: Seen) -> Iterator[list[Line]]:
        """What is not done yet."""
        chunk: list[Line] = []
        for row in reading.rows(self.source.path, self.source.mapping, len(self.header)):
            line = self.reader.read(row)
            key = "" if row.fault else self.reader.key(row)
            keep = self.source.mapping.keep_duplicates
            is_new = checking.within_file(line, key, seen, keep_duplicates=keep)
            if row.number <= self.after:
                continue
            self.sums.counts["members"] += is_new
            chunk.append(line)
            if len(chunk) >= CHUNK:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def cursor(self, sums: Sums, chunk: list[Line], size: int) -> dict[str, Any]:
        return {"after": chunk[-1].row.number, "sums": sums.as_json(), "report": size}

    def faults(self, chunk: list[Line]) -> list[Refused]:
        return [line.fault for line in chunk if line.fault]

    def result(self) -> dict[str, Any]:
        """What is told at the end, and kept."""
        types = self.reader.terms.point_types.values()
        decimals = {point_type.code: point_type.decimals for point_type, _ in types}
        told = self.sums.as_json() | {"points": written(self.sums.points, decimals)}
        return told | {"file": self.source.path.name, "digest": self.source.digest}


class Run(Pass):
    """Carries out one claimed job; whoever calls holds the file's lock."""

    def __init__(
        self, batch: Job, source: Source, report: Report, *, actor: Actor, at: datetime, watch: Watch
    ) -> None:
        super().__init__(source, report, cursor=batch.cursor, at=at, watch=watch)
        self.batch, self.actor = batch, actor
        earlier = batches.same_file(source.program, source.digest)
        prefixes = {batches.prefix(one) for one in [batch, *earlier]}
        self.checker = Checker(source.program, {batch.pk, *batches.ids(earlier)}, prefixes)
        self.channel = enrolling.channel_of(source.program, at=at) if source.mapping.enrol else None

    def carry_out(self) -> dict[str, Any]:
        """The whole rest of the file; the result of the job."""
        started = time.perf_counter()
        with closing(Seen()) as seen:
            for chunk in self.chunks(seen):
                self._patiently(chunk)
        return self.result() | {
            "batch": str(self.batch.pk),
            "seconds": f"{time.perf_counter() - started:.1f}",
        }

    def _patiently(self, chunk: list[Line]) -> None:
        for attempt in range(PATIENCE):
            try:
                self.sums, self.report.size = retrying(self._take)(chunk)
            except Busy as busy:
                if attempt == PATIENCE - 1:
                    raise
                time.sleep(busy.retry_after)
            else:
                break
        self.watch(self.sums.counts["rows"])

    def _take(self, chunk: list[Line]) -> tuple[Sums, int]:
        """One chunk, wholly or not at all; only when it is committed it is counted here too."""
        lines = [line.fresh() for line in chunk]
        sums = self.sums.copy()
        with transaction.atomic():
            missing = self.checker.unknown(lines)
            if self.channel is None:
                enrolling.report(missing)
            elif missing:
                told = {"import": str(self.batch.pk)}
                mapping = self.source.mapping
                sums.counts["enrolled"] += enrolling.enrol(
                    self.channel, missing, mapping, told=told, at=self.at
                )
                enrolling.report(self.checker.unknown(lines))
            people = self.checker.members(lines, lock=True)
            self.checker.what_is_known(lines)
            booking.book(self.batch, lines, people, actor=self.actor, at=self.at)
            sums.add(lines)
            size = self.report.add(self.faults(lines))
            jobs.progress(self.batch, done=sums.counts["rows"], cursor=self.cursor(sums, lines, size))
        return sums, size
