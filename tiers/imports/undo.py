"""Taking a whole import back, as one act: chunk by chunk of its members, each in one transaction with the cursor.

What is left of its lots goes; what was spent of them meanwhile is listed, and left or taken all the same. Debts of the
import are repaid, its tiers end. All rows stay: the import and its undoing stand side by side.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from loyalty.base import jobs
from loyalty.base.errors import Busy
from loyalty.base.imports.badrows import Refused
from loyalty.base.imports.reading import Row
from loyalty.base.locking import retrying
from loyalty.base.models import Job
from loyalty.base.numbers import format_points
from loyalty.ledger.acts import Actor
from loyalty.ledger.books import Books
from loyalty.members.bulk import close_many
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tiers.imports import batches, placing, untouched
from tiers.imports.run import Report, Watch
from tiers.imports.taking import Brought, Spent, Taker

BY_COMMAND, BY_STAFF = "undo_balances", "balances_undo"
CHUNK = 500  # members
PATIENCE = 20
HEADER = ("member", "point_type", "brought", "taken_back", "not_there")

_OWN = """kind = 'adjust' AND reason_code = 'import' AND starts_with(reference, %(prefix)s)"""
_MEMBERS = f"""
    (SELECT DISTINCT member_id FROM ledger_transaction
     WHERE program_id = (SELECT id FROM programs_program WHERE code = %(program)s) AND {_OWN}
        AND member_id > %(after)s ORDER BY member_id LIMIT %(limit)s)
    UNION
    (SELECT member_id FROM tiers_placement WHERE batch = %(batch)s AND member_id > %(after)s
     ORDER BY member_id LIMIT %(limit)s)
    ORDER BY member_id LIMIT %(limit)s
"""
_BROUGHT = f"""
    SELECT id, member_id, point_type_id, amount, reference,
        (SELECT coalesce(sum(e.amount), 0)::bigint FROM ledger_entry e
         WHERE e.transaction_id = t.id AND e.lot_id IS NULL AND e.amount > 0)
    FROM ledger_transaction t
    WHERE member_id = ANY(%(members)s) AND {_OWN} ORDER BY member_id, point_type_id, id
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """How to undo. `close`: members whom the import made, and who have done nothing since, are closed."""

    spent: Spent = "left"
    close: bool = False


class Undo:
    """Carries out one claimed job; whoever calls holds the file's lock."""

    def __init__(
        self, job: Job, batch: Job, report: Report, terms: Terms, *, actor: Actor, at: datetime, watch: Watch
    ) -> None:
        self.job, self.batch, self.report, self.terms = job, batch, report, terms
        self.actor, self.at, self.watch = actor, at, watch
        types = PointType.objects.filter(program__code=batch.scope).select_related("program")
        self.types = {one.pk: one for one in types}
        self.after = UUID(job.cursor.get("after", UUID(int=0).hex))
        self.counts = Counter(job.cursor.get("counts", {}))
        self.points = {code: Counter(row) for code, row in job.cursor.get("points", {}).items()}
        report.size = int(job.cursor.get("report", 0))

    def carry_out(self) -> dict[str, Any]:
        """All that is left to undo; the result of the job, which is noted in the batch as well."""
        while ids := self._next():
            self._patiently(ids)
        return self._told()

    def _told(self) -> dict[str, Any]:
        places = {one.code: one.decimals for one in self.types.values()}
        points = {
            code: {name: format_points(units, places[code]) for name, units in row.items()}
            for code, row in self.points.items()
        }
        return {
            "batch": str(self.batch.pk),
            "counts": dict(self.counts),
            "points": points,
            "spent": self.terms.spent,
        }

    def _next(self) -> list[UUID]:
        told: dict[str, Any] = {
            "program": self.batch.scope, "prefix": batches.prefix(self.batch), "batch": self.batch.pk,
            "after": self.after, "limit": CHUNK,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_MEMBERS, told)
            return [row[0] for row in cursor.fetchall()]

    def _patiently(self, ids: Sequence[UUID]) -> None:
        for attempt in range(PATIENCE):
            try:
                self.counts, self.points, self.report.size = retrying(self._take)(ids)
            except Busy as busy:
                if attempt == PATIENCE - 1:
                    raise
                time.sleep(busy.retry_after)
            else:
                break
        self.after = ids[-1]
        self.watch(self.counts["members"])

    @transaction.atomic
    def _take(self, ids: Sequence[UUID]) -> tuple[Counter[str], dict[str, Counter[str]], int]:
        """One chunk of members, wholly or not at all."""
        rows = (
            Member.objects.filter(pk__in=ids).order_by("pk").only("id", "program_id", "state", "enrolled_at")
        )
        people = {one.pk: one for one in rows.select_for_update(no_key=True, of=["self"])}
        brought = self._brought(ids)
        self._take_points(brought)
        counts = self.counts + Counter(members=len(ids), rows=len(brought))
        counts["tiers"] += placing.end(self.batch, people, actor=self.actor, at=self.at)
        counts["enrolled"] += len(untouched.enrolled(self.batch, ids))
        if self.terms.close:
            found = untouched.untouched(self.batch, ids)
            counts["closed"] += close_many(sorted(found), at=self.at, by=self.actor.name)
        points = self._sums(brought)
        size = self.report.add([self._listed(one) for one in brought if one.spent])
        cursor = {"after": ids[-1].hex, "counts": dict(counts), "report": size}
        cursor["points"] = {code: dict(row) for code, row in points.items()}
        jobs.progress(self.job, done=counts["rows"], cursor=cursor)
        return counts, points, size

    def _brought(self, ids: Sequence[UUID]) -> list[Brought]:
        with connection.cursor() as cursor:
            cursor.execute(_BROUGHT, {"members": list(ids), "prefix": batches.prefix(self.batch)})
            rows = cursor.fetchall()
        return [Brought(row[0], row[1], self.types[row[2]], *row[3:]) for row in rows]

    def _take_points(self, brought: Sequence[Brought]) -> None:
        books = Books.open(((one.member_id, one.point_type) for one in brought), with_lots="all")
        books.release_lapsed(at=self.at)  # what reservations gave back was not spent
        books.load_originals(one.id for one in brought if one.amount > 0)
        taker = Taker(books, self.terms.spent, self.actor, self.at)
        for _, wallet in groupby(brought, key=lambda one: (one.member_id, one.point_type.pk)):
            taker.take_back(list(wallet))
        books.write()

    def _sums(self, brought: Iterable[Brought]) -> dict[str, Counter[str]]:
        points = {code: Counter(row) for code, row in self.points.items()}
        for one in brought:
            row = points.setdefault(one.point_type.code, Counter())
            row.update(brought=one.amount, taken=one.taken, lapsed=one.lapsed, spent=one.spent)
        return points

    def _listed(self, one: Brought) -> Refused:
        """A row of the list of what was not there any more."""
        places = one.point_type.decimals
        amounts = [format_points(units, places) for units in (one.amount, one.taken, one.spent)]
        cells = [str(one.member_id), one.point_type.code, *amounts]
        left = self.terms.spent == "left"
        words = "Spent meanwhile, and left." if left else "Spent meanwhile; taken from other points, or owed."
        return Refused(
            Row(batches.row_of(one.reference), cells), "spent_left" if left else "spent_owed", words
        )


def begin(job: Job, batch: Job) -> None:
    """From here on nobody imports this file until it is undone. Raises BatchUndone."""
    batch.refresh_from_db()
    if batches.is_undone(batch):
        raise batches.BatchUndone
    if batch.state in (Job.State.QUEUED, Job.State.RUNNING, Job.State.FAILED):
        # Whoever undoes holds the file's lock, so nobody works on it; what was not imported never will be.
        Job.objects.filter(pk=batch.pk).update(state=Job.State.CANCELLED, claimed_by=None, retry_at=None)
    batches.note(batch, undo=str(job.pk))


def settle(job: Job, batch: Job, result: dict[str, Any], *, at: datetime) -> None:
    """The import is undone, and its file may be imported again."""
    with transaction.atomic():
        batches.note(batch, undone={"at": at.isoformat(), "by": job.created_by, "job": str(job.pk), **result})
        Job.objects.filter(pk=batch.pk).update(period="")
