"""One import from its first row to its last: chunk by chunk, each in one database transaction together with the cursor.

A killed run goes on where its last chunk ended. Its rows are grouped again from the beginning, which always gives the
same groups, and those that are done are passed over.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from campaigns.imports.composing import Composed, Composer
from campaigns.imports.coverage import unrated
from campaigns.imports.enrolling import Enroller
from campaigns.imports.grouping import Group, grouped
from campaigns.imports.lines import LineReader
from campaigns.imports.mapping import Mapping
from campaigns.imports.sending import Sender
from campaigns.imports.totals import totals
from loyalty.base import jobs
from loyalty.base.errors import Busy
from loyalty.base.imports import reading
from loyalty.base.imports.badrows import BadRows, Refused
from loyalty.base.locking import retrying
from loyalty.base.models import Job
from loyalty.events.intake import MAX_BATCH
from loyalty.ledger import activation, expiry
from loyalty.members.identifiers import Ref
from loyalty.programs.models import Channel

KIND = "import"
MAX_EVENTS = MAX_BATCH - 2  # of a chunk; one more group still fits in
MAX_GROUPS = 2_000  # of a chunk, most of which may have nothing to send
PATIENCE = 20  # times that a chunk waits for a member whom somebody else holds

Counts = Counter[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: rows of the file, and events taken in by this run."""

    rows: int
    events: int


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported, from where. `name` is the events' source: with an order's id it makes an event unique."""

    path: Path
    name: str
    fingerprint: str
    mapping: Mapping

    @property
    def period(self) -> str:
        """The same file under the same mapping is the same job."""
        said = json.dumps(self.mapping.said, sort_keys=True)
        return hashlib.sha256(f"{self.name}\n{self.fingerprint}\n{said}".encode()).hexdigest()[:40]


def job_of(source: Source, program: str, *, at: datetime, again: bool = False, by: str = "") -> Job:
    """The job of this import, old or new; `again` makes a fresh one, which goes through the whole file once more."""
    period = "" if again else source.period
    return jobs.submit(KIND, scope=program, period=period, at=at, created_by=by)


class Run:
    """Carries out one claimed job."""

    def __init__(
        self, job: Job, source: Source, channel: Channel, bad_rows: Path, *, at: datetime, watch: Watch
    ) -> None:
        self.job, self.source, self.channel, self.at, self.watch = job, source, channel, at, watch
        self.header = reading.header(source.path, source.mapping)
        self.composer = Composer(LineReader(source.mapping, self.header))
        self.sender = Sender(channel, source.name, at=at)
        self.enroller = Enroller(channel, source.mapping, at=at) if source.mapping.enrol else None
        self.counts = Counts(job.cursor.get("counts", {}))
        self.groups = int(job.cursor.get("groups", 0))
        written = int(job.cursor.get("bad", 0))
        self.bad = BadRows(bad_rows, self.header, size=written, delimiter=source.mapping.delimiter)
        self.events = 0
        self._latest: datetime | None = None

    def carry_out(self) -> dict[str, Any]:
        """The whole rest of the file, then what the calendar says of the points by now. The result of the job."""
        started = time.perf_counter()
        for chunk in self._chunks():
            self._patiently(chunk)
        activation.activate_program(self.channel.program, at=self.at)
        expiry.expire_program(self.channel.program, at=self.at)
        seconds = time.perf_counter() - started
        result = {
            "counts": dict(self.counts),
            "points": totals(self.channel.program, self.source.name),
            "source": self.source.name,
            "file": self.source.path.name,
            "bad_rows": str(self.bad.path) if self.bad.size else "",
            "seconds": f"{seconds:.1f}",
        }
        jobs.finish(self.job, at=self.at, result=result)
        return result

    def _chunks(self) -> Iterator[list[Composed]]:
        """Groups that are not done yet, composed, in chunks of so many events."""
        chunk: list[Composed] = []
        events = 0
        for number, group in enumerate(self._groups()):
            if number < self.groups:
                continue
            composed = self.composer.compose(group)
            self.sender.check_parts(composed)
            chunk.append(composed)
            events += len(composed.sendings)
            if events >= MAX_EVENTS or len(chunk) >= MAX_GROUPS:
                yield chunk
                chunk, events = [], 0
        if chunk:
            yield chunk

    def _groups(self) -> Iterator[Group]:
        rows = reading.rows(self.source.path, self.source.mapping, len(self.header))
        return grouped(rows, self.composer.reader.column["order"], len(self.header))

    def _patiently(self, chunk: list[Composed]) -> None:
        for attempt in range(PATIENCE):
            try:
                self._take(chunk)
            except Busy as busy:
                if attempt == PATIENCE - 1:
                    raise
                time.sleep(busy.retry_after)
            else:
                return

    def _take(self, chunk: list[Composed]) -> None:
        """One chunk, wholly or not at all; only then is it counted here too."""
        counts, size, seen = retrying(self._in_one_transaction)(chunk)
        self.events += sum(counts[name] for name in ("orders", "returns", "known"))
        self.counts, self.bad.size = self.counts + counts, size
        self.groups += len(chunk)
        if self.enroller:
            self.enroller.remember(seen)
        self.watch(Progress(self.counts["rows"], self.events))

    def _in_one_transaction(self, chunk: list[Composed]) -> tuple[Counts, int, set[Ref]]:
        counts = Counts()
        seen: set[Ref] = set()
        waited: list[UUID] = []
        with transaction.atomic():
            if self.enroller:
                seen, counts["members"], waited = self.enroller.enrol(chunk)
            refused = self.sender.send(chunk, counts, waited)
            self._count(chunk, refused, counts)
            size = self.bad.add(sorted(refused, key=lambda one: one.row.number))
            jobs.progress(
                self.job,
                done=self.counts["rows"] + counts["rows"],
                cursor={
                    "groups": self.groups + len(chunk),
                    "counts": dict(self.counts + counts),
                    "bad": size,
                },
            )
        return counts, size, seen

    def _count(self, chunk: list[Composed], refused: list[Refused], counts: Counts) -> None:
        for one in chunk:
            counts["rows"] += len(one.group.rows)
            if one.outcome != "sent":
                counts[f"{one.outcome}_orders"] += 1
                counts[f"{one.outcome}_rows"] += len(one.group.rows)
        counts["bad_rows"] = len(refused)
        counts["unrated"] = unrated(self.channel.program, (sent for one in chunk for sent in one.sendings))
        for sending in (sending for one in chunk for sending in one.sendings):
            counts["out_of_time"] += bool(self._latest and sending.at < self._latest)
            self._latest = max(self._latest or sending.at, sending.at)
