"""Looking at members whose day has come: every night, on demand, and all over again as a job.

A night goes through the members who are due, in the order of their ids, in chunks of one transaction each: it holds
locks for moments, loses nothing when it is killed, and goes on where it stopped. First it leaves out members who are
busy, then it takes those few and waits for them. What it finds late it dates by the day it belongs to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.base import clock, jobs
from loyalty.base.copying import as_array
from loyalty.base.job_kinds import JobKind, job_kinds, summary
from loyalty.base.locking import retrying
from loyalty.base.models import Job
from loyalty.base.prepared import prepared
from loyalty.base.words import Words
from loyalty.members.models import Member
from loyalty.programs.models import Program
from loyalty.programs.nightly import Night
from tiers import published
from tiers.alike import Alike
from tiers.lines import Cause, Line
from tiers.published import Published
from tiers.standings import Act, Standings, recount, review

CHUNK, CHUNK_WAITING, CHUNK_OF_JOB = 2_000, 100, 500
PAGE = 100_000
RECALCULATE, PLACE = "tiers_recalculate", "tiers_place"
FIRST = UUID(int=0)
WAYS = {"rose": _("Rose"), "dropped": _("Dropped")}

Note = Callable[[int, UUID], None]
"""Told inside each chunk's transaction: how many members are done, and the last one's id."""


class Person(NamedTuple):
    """What a standing needs of a member, whose row is locked."""

    id: UUID
    program_id: int
    enrolled_at: datetime


_LOCK = """SELECT id, program_id, enrolled_at FROM members_member
WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"""
SKIPPING = " SKIP LOCKED"

# Who is judged or warned by tonight, who has not been looked at under the newest version, and who is new.
_DUE = """
SELECT id FROM (
    SELECT s.member_id AS id FROM tiers_standing s
    WHERE s.tier_set_id = ANY(%(sets)s) AND s.review_on <= %(day)s
    UNION
    SELECT s.member_id FROM unnest(%(sets)s::bigint[], %(newest)s::bigint[]) AS n(tier_set_id, version_id)
    JOIN tiers_standing s ON s.tier_set_id = n.tier_set_id AND s.seen_version_id < n.version_id
    UNION
    SELECT m.id FROM members_member m CROSS JOIN unnest(%(sets)s::bigint[]) AS n(tier_set_id)
    WHERE m.program_id = %(program)s
      AND NOT EXISTS (SELECT FROM tiers_standing s WHERE s.member_id = m.id AND s.tier_set_id = n.tier_set_id)
) due WHERE id > %(after)s
  AND EXISTS (SELECT FROM members_member m WHERE m.id = due.id AND m.state <> 'closed')
ORDER BY id LIMIT %(limit)s"""

_ALL = """SELECT id FROM members_member
WHERE program_id = %(program)s AND state <> 'closed' AND id > %(after)s ORDER BY id LIMIT %(limit)s"""


def step(night: Night) -> int:
    """A step of the nightly run: the members who are due, from where it was interrupted."""

    def note(done: int, member_id: UUID) -> None:
        night.progress(done, {"after": str(member_id)})

    after = UUID(night.cursor["after"]) if "after" in night.cursor else FIRST
    return due(
        night.program, at=night.at, after=after, done=night.done, note=note, cause=Cause(job_id=night.job.pk)
    )


def due(
    program: Program,
    *,
    at: datetime,
    after: UUID = FIRST,
    done: int = 0,
    note: Note = lambda done, member: None,
    cause: Cause | None = None,
) -> int:
    """Look at all members of a program who are due at `at`; how many, with the `done` before. What `note` raises
    undoes its chunk and ends the review."""
    sets = _in_force(program, at)
    if not sets:
        return done
    run = Run(program, sets, review, at=at, cause=cause or Cause())
    for wait, size in ((False, CHUNK), (True, CHUNK_WAITING)):
        done = run.through(_DUE, size=size, wait=wait, after=after, done=done, note=note)
        after = FIRST
    return done


@retrying
@transaction.atomic
def one(member: Member, *, at: datetime, by: str = "") -> None:
    """Compute one member's standings anew, on demand. What was stored otherwise is corrected."""
    look_at(member, at=at, cause=Cause(actor=by), anew=True)


def look_at(member: Member, *, at: datetime, cause: Cause, anew: bool = False) -> None:
    """Bring one member's standings up to `at`. Within the caller's transaction."""
    look_at_many(member.program, [member.pk], at=at, cause=cause, anew=anew)


def look_at_many(
    program: Program, member_ids: Collection[UUID], *, at: datetime, cause: Cause, anew: bool = False
) -> None:
    """The same for some members of a program, locking them; `anew`: from the beginning."""
    if sets := _in_force(program, at):
        Run(program, sets, recount if anew else review, at, cause).chunk(sorted(member_ids), wait=True)


def changed(member_ids: Collection[UUID], at: datetime) -> None:
    """Activity was changed by something else than an event; the members are locked by the caller."""
    for program in Program.objects.filter(members__in=member_ids).distinct():
        ids = list(program.members.filter(pk__in=member_ids).values_list("pk", flat=True))
        look_at_many(program, ids, at=at, cause=Cause(at=at), anew=True)


def place(job: Job) -> dict[str, Any]:
    """A job after publishing: bring every member's standing up to the newest version."""
    return _as_job(job, _DUE, review)


def recalculate(job: Job) -> dict[str, Any]:
    """A job: compute every standing of a program from the beginning."""
    return _as_job(job, _ALL, recount)


def register() -> None:
    """The kinds of jobs that people start."""
    permission = "tiers.change_tierset"
    job_kinds.register(RECALCULATE, JobKind(_("Recalculation of tiers"), recalculate, permission))
    job_kinds.register(PLACE, JobKind(_("Tiers after publishing"), place, permission))


def _as_job(job: Job, select: str, act: Act) -> dict[str, Any]:
    """One pass that waits for whoever is busy, from where the job was interrupted."""
    at, program = clock.now(), Program.objects.get(code=job.scope)
    sets = _in_force(program, at)
    if job.total is None:
        jobs.progress(job, total=program.members.exclude(state=Member.State.CLOSED).count())
    moved = Counter({way: job.cursor.get(way, 0) for way in WAYS})
    cause = Cause(job_id=job.pk, actor=job.created_by)
    run = Run(program, sets, act, at=at, cause=cause, counted=job.params.get("tier_set"), moved=moved)

    def note(done: int, member_id: UUID) -> None:
        jobs.progress(job, done=done, cursor={"after": str(member_id), **moved})

    after = UUID(job.cursor["after"]) if "after" in job.cursor else FIRST
    done = run.through(select, size=CHUNK_OF_JOB, wait=True, after=after, done=job.done, note=note)
    rows = [(label, moved[way]) for way, label in WAYS.items()]
    stayed = (_("Stayed where they were"), done - moved.total())
    return summary((_("Members looked at"), done), *rows, stayed, links=_back(job))


def _back(job: Job) -> tuple[tuple[Words, str], ...]:
    """To the ladder from which it was started."""
    ladder = job.params.get("tier_set")
    return ((_("Back to the ladder"), reverse("tiers:ladder", args=[ladder])),) if ladder else ()


@dataclass(frozen=True, slots=True)
class Run:
    """One way through members of a program. `moved`: how many rose and dropped on the ladder with the id `counted`."""

    program: Program
    sets: Sequence[Published]
    act: Act
    at: datetime
    cause: Cause
    alike: Alike = field(default_factory=Alike)
    counted: int | None = None
    moved: Counter[str] = field(default_factory=Counter)

    def through(self, select: str, *, size: int, wait: bool, after: UUID, done: int, note: Note) -> int:
        """All that `select` finds, chunk by chunk; how many members, with the `done` before."""
        for ids in self._chunks(select, after, size):
            done = self._one_chunk(ids, done, wait=wait, note=note)
        return done

    @retrying
    def _one_chunk(self, ids: Sequence[UUID], done: int, *, wait: bool, note: Note) -> int:
        before = dict(self.moved)
        try:
            with transaction.atomic():
                done += self.chunk(ids, wait=wait)
                note(done, ids[-1])
        except BaseException:
            self.moved.clear()
            self.moved.update(before)
            raise
        return done

    def chunk(self, ids: Sequence[UUID], *, wait: bool) -> int:
        """Lock these members, look at their standings and write them; how many. Within a transaction."""
        with prepared() as cursor:
            cursor.execute(_LOCK + ("" if wait else SKIPPING), [as_array(ids)], binary=True)
            people = [Person(*row) for row in cursor.fetchall()]
        standings = Standings({self.program.pk: self.sets}, at=self.at, alike=self.alike)
        standings.load(people, anew=self.act is recount)
        standings.write(self.cause, first=self._look)
        return len(people)

    def _look(self, line: Line, cause: Cause | None) -> None:
        before = line.state.tier
        self.act(line, cause)
        if line.tier_set.set_id == self.counted and (way := _way(line, before)):
            self.moved[way] += 1

    def _chunks(self, select: str, after: UUID, size: int) -> Iterator[Sequence[UUID]]:
        while page := self._page(select, after):
            for start in range(0, len(page), size):
                yield page[start : start + size]
            if len(page) < PAGE:
                return
            after = page[-1]

    def _page(self, select: str, after: UUID) -> list[UUID]:
        asked: dict[str, Any] = {
            "program": self.program.pk,
            "sets": [one.set_id for one in self.sets],
            "newest": [version.id for one in self.sets if (version := one.at(self.at))],
            "day": clock.local_date(self.at, self.program.zone),
            "after": after,
            "limit": PAGE,
        }
        with connection.cursor() as cursor:
            cursor.execute(select, asked)
            return [row[0] for row in cursor.fetchall()]


def _way(line: Line, before: str) -> str:
    """Whether a member rose or dropped from a tier; empty for neither."""
    after = line.state.tier
    if after == before:
        return ""
    if line.changes and line.changes[-1].kind in ("downgraded", "upgraded", "joined"):
        return "dropped" if line.changes[-1].kind == "downgraded" else "rose"
    ladder = line.course.ladder(line.state.version)
    return "rose" if ladder.rank(after) > ladder.rank(before) else "dropped"


def _in_force(program: Program, at: datetime) -> tuple[Published, ...]:
    return tuple(one for one in published.of_program(program.pk) if one.at(at) is not None)
