"""A dry run: everything is read, compared and looked up as the import does it, and only the report is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from tiers.imports import batches, enrolling
from tiers.imports.checking import Checker
from tiers.imports.lines import Line
from tiers.imports.run import Pass, Report, Source, Watch
from tiers.imports.seen import Seen

Keep = Callable[[dict[str, Any]], None]


class Rehearsal(Pass):
    """Reads in transactions that can only read."""

    def __init__(
        self,
        source: Source,
        report: Report,
        *,
        cursor: dict[str, Any],
        at: datetime,
        watch: Watch,
        keep: Keep,
    ) -> None:
        """`keep` is told after each chunk where to go on from, in the transaction of its report."""
        super().__init__(source, report, cursor=cursor, at=at, watch=watch)
        self.keep = keep
        earlier = batches.same_file(source.program, source.digest)
        prefixes = {batches.prefix(one) for one in earlier}
        self.checker = Checker(source.program, set(batches.ids(earlier)), prefixes)

    def carry_out(self) -> dict[str, Any]:
        """What an import of the file would bring at this moment."""
        with closing(Seen()) as seen:
            for chunk in self.chunks(seen):
                with _read_only():
                    self._look_up(chunk, seen)
                self.sums.add(chunk)
                with transaction.atomic():
                    size = self.report.add(self.faults(chunk))
                    self.keep(self.cursor(self.sums, chunk, size))
                self.report.size = size
                self.watch(self.sums.counts["rows"])
        return self.result()

    def _look_up(self, chunk: list[Line], seen: Seen) -> None:
        missing = self.checker.unknown(chunk)
        if self.source.mapping.enrol:
            self.sums.counts["enrolled"] += sum(seen.stranger(ref) for ref in missing)
        else:
            enrolling.report(missing)
        self.checker.members(chunk, lock=False)
        self.checker.what_is_known(chunk)


@contextmanager
def _read_only() -> Iterator[None]:
    """Whatever would be written here fails. A caller inside a transaction has chosen otherwise already."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
        yield
