"""One member on one ladder, in memory: loaded, moved by what is added, and told what to write of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from loyalty.base.clock import local_date, midnight
from tiers import deeds, evaluation, rows
from tiers.alike import Alike, coming, tallies_of
from tiers.course import Change, Course, Source, State, beginning
from tiers.deeds import Days, Wanted
from tiers.published import Published
from tiers.reach import reach
from tiers.rows import ChangeRow
from tiers.windows import DAY, Number, Tally


class Person(Protocol):
    """What a line reads of a member: a Member, or a row with the same names."""

    @property
    def id(self) -> UUID: ...
    @property
    def program_id(self) -> int: ...
    @property
    def enrolled_at(self) -> datetime: ...


class Cause(NamedTuple):
    """What made somebody look: an event with its time, a job, a person with a reason."""

    at: datetime | None = None
    event_id: UUID | None = None
    job_id: UUID | None = None
    actor: str = ""
    reason: str = ""


class Overlay(NamedTuple):
    """A manual tier: it lies over the computed one in [starts_at, ends_at)."""

    id: int
    tier: str
    starts_at: datetime
    ends_at: datetime | None
    actor: str
    reason: str
    ended_by: str

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(slots=True)
class Line:
    """`state` is the computation's; `since_at` the instant of its last change; `over` the manual tier that was written
    as lying over it. `days` holds what was done from `known_from` on. `counts_balance`: a ladder judges a balance; only
    days that are over are counted then, as it goes up and down."""

    tier_set: Published
    person: Person
    course: Course
    state: State
    at: datetime
    today: date
    counts_balance: bool = False
    alike: Alike | None = None
    since_at: datetime | None = None
    over_id: int | None = None
    warned_for: date | None = None
    overlays: Sequence[Overlay] = ()
    days: dict[Source, Days] = field(default_factory=dict)
    known_from: date = deeds.SINCE_EVER
    is_new: bool = False
    touched: bool = False
    history: list[tuple[datetime, str]] | None = None
    changes: list[ChangeRow] = field(default_factory=list)
    _tallies: dict[Source, Tally] | None = None
    _coming: tuple[date | None, date | None] | None = None

    # --- reading --------------------------------------------------------------------------------------------

    @property
    def tallies(self) -> dict[Source, Tally]:
        if self._tallies is None:
            self._tallies = tallies_of(self.days)
        return self._tallies

    def overlay(self, at: datetime) -> Overlay | None:
        """The manual tier in force at an instant."""
        if not self.overlays:
            return None
        return next((one for one in reversed(self.overlays) if one.holds(at)), None)

    def tier_at(self, at: datetime) -> str:
        """The code of the tier as it was at an instant: the manual one, or what the decisions taken so far say."""
        over = self.overlay(at)
        if over is not None:
            return over.tier
        self.advance(local_date(at, self.tier_set.zone))
        if self.since_at is None or at >= self.since_at:
            return self.state.tier
        if self.history is None:
            decided = rows.history([self.person.id]).get((self.person.id, self.tier_set.set_id), [])
            self.history = decided + [(change.at, change.to_code) for change in self.changes]
        return next((code for took_effect, code in reversed(self.history) if took_effect <= at), "")

    # --- moving ---------------------------------------------------------------------------------------------

    def advance(self, until: date, cause: Cause | None = None) -> None:
        """Walk on to the end of a day with what is known."""
        unseen = len(self.course.versions) > self.state.seen
        if self.counts_balance:
            until = min(until, self.today - DAY)
        if until <= self.state.through and not unseen:
            return
        if unseen and evaluation.is_behind(self.course, self.state):
            self.recount(cause)
        self._walk(max(until, self.state.through), cause)

    def add(self, day: date, done: Mapping[Source, Number], cause: Cause) -> None:
        """Count something that was done on a day, wherever that day lies."""
        added = {source: value for source, value in done.items() if value and source in self._sources()}
        if not added:
            return
        self.advance(min(day, self.state.through), cause)
        walks_on = evaluation.walks_on(self.course, self.state, day, less=min(added.values()) < 0)
        if not walks_on:
            self._know_all()
        for source, value in added.items():
            own = self.days.setdefault(source, {})
            own[day] = own.get(day, 0) + value
        self._tallies, self._coming, self.touched = None, None, True
        if walks_on:
            self._walk(max(day, self.state.through), cause, again=day == self.state.through)
        else:
            self.recount(cause)

    def recount(self, cause: Cause | None = None) -> None:
        """Everything anew. What was stored and turns out otherwise is corrected."""
        self._know_all()
        anew = beginning(self.course)
        until = max(self.state.through, anew.through)
        state, walked = evaluation.advance(self.course, anew, self.tallies, until)
        before, self.state, self._coming = self.state, state, None
        if before.version == 0:
            self._note(walked, cause)
        else:
            self._correct(before, walked, cause)
        self.touched = True

    def _walk(self, until: date, cause: Cause | None, *, again: bool = False) -> None:
        version, seen = self.state.version, self.state.seen
        if self.alike is not None and not again:
            self.state, walked, *coming = self.alike.walk(self.course, self.state, self.days, until)
            self._coming = coming[0], coming[1]
        else:
            self.state, walked = evaluation.advance(self.course, self.state, self.tallies, until, again=again)
            self._coming = None
        self.touched = self.touched or (version, seen) != (self.state.version, self.state.seen)
        self._note(walked, cause)

    def _sources(self) -> set[Source]:
        return {version.ladder.source for version in self.course.versions}

    def _know_all(self) -> None:
        """Load what was done before what is known, keeping what was added here."""
        asked = reach(self.course, beginning(self.course))
        if asked.first >= self.known_from:
            return
        wanted = Wanted(self.person.id, asked.first)
        (older,) = deeds.load(self.tier_set, asked.sources, [wanted], at=self.at, whole=asked.since_ever)
        for source, loaded in older.items():
            own = self.days.get(source, {})
            kept = {day: value for day, value in own.items() if day >= self.known_from}
            self.days[source] = {day: value for day, value in loaded.items() if day < self.known_from} | kept
        self.known_from, self._tallies = asked.first, None

    # --- what is written of it ------------------------------------------------------------------------------

    def _note(self, walked: Sequence[Change], cause: Cause | None) -> None:
        for change in walked:
            why = cause
            if cause is not None and cause.event_id is not None and change.part != "day":
                why = cause._replace(event_id=None)
            self._append(change.kind, change, self._instant(change, cause), why)

    def _correct(self, before: State, walked: Sequence[Change], cause: Cause | None) -> None:
        """One row from what was stored to what is right; none where there was no tier and is none."""
        state, ladder = self.state, self.course.ladder(self.state.version)
        if not before.tier and not state.tier:
            return
        if (before.tier, before.since, before.valid_until) == (state.tier, state.since, state.valid_until):
            return
        rose = ladder.rank(state.tier) > ladder.rank(before.tier)
        last = next((one for one in reversed(walked) if one.to_code == state.tier != one.from_code), None)
        numbers = dict(walked[-1].numbers) if walked else {}
        kind = ("upgraded" if before.tier else "joined") if rose else "corrected"
        if last and last.kind == "imported":
            kind = last.kind
        row = Change(
            state.through,
            "day",
            "corrected",
            before.tier,
            state.tier,
            state.valid_until,
            state.version,
            numbers,
        )
        at = self._instant(last, cause) if rose and last else (cause and cause.at) or self.at
        self._append(kind, row, at, cause)

    def _append(self, kind: str, change: Change, at: datetime, cause: Cause | None) -> None:
        covered = bool(self.overlays) and (self.overlay(self.at) or self.overlay(at)) is not None
        cause = cause or Cause()
        self.changes.append(
            ChangeRow(
                self.tier_set.program_id, self.tier_set.set_id, self.person.id, kind, change.from_code,
                change.to_code, at, self.at, change.valid_until, change.numbers,
                self.course.versions[change.version - 1].id, None, covered, cause.event_id, cause.job_id,
                cause.actor, cause.reason,
            )
        )  # fmt: skip
        self.since_at, self.touched = at, True
        if self.history is not None:
            self.history.append((at, change.to_code))

    def _instant(self, change: Change, cause: Cause | None) -> datetime:
        """When a change took effect: the midnight, the publication, or the event that brought it; on the day of the
        enrolment not before that."""
        zone = self.tier_set.zone
        if change.part == "day" and cause and cause.at and local_date(cause.at, zone) == change.day:
            return cause.at
        begins = midnight_of(change.day, zone)
        if change.part == "version":
            begins = self.course.versions[change.version - 1].effective_from
        return max(begins, self.person.enrolled_at) if change.day == self.course.enrolled else begins

    # --- what comes next ------------------------------------------------------------------------------------

    def next_turn(self) -> date | None:
        """The next day on which the tier is judged, as far as is known."""
        return self._next()[0]

    def next_rise(self) -> date | None:
        """The next day on which the tier may rise without anything being done."""
        return self._next()[1]

    def _next(self) -> tuple[date | None, date | None]:
        if self._coming is None:
            self._coming = coming(self.course, self.state, self.tallies)
        return self._coming

    def would_drop(self, turn: date) -> dict[str, Any] | None:
        """The numbers of the drop, or of the grace before it, that the day `turn` brings if nothing more is done."""
        if self.alike is not None:
            return self.alike.drop(self.course, self.state, self.days, turn)
        return evaluation.coming_drop(self.course, self.state, self.tallies, turn)


@lru_cache(maxsize=8192)
def midnight_of(day: date, zone: ZoneInfo) -> datetime:
    return midnight(day, zone)
