"""Where a member stands on a ladder, from what they did: one pure rule, day by day. No query, no clock.

A local day has two parts. *At midnight*, what the days before it brought: a period closes, a version takes effect, an
imported tier begins, the review, the end of grace, the fall of a tier that is held while the member qualifies. *On the
day*, what was done on it: an upgrade, or a tier kept in its grace. A version that was published in the middle of a day
comes after that, and the same day's activity then counts under the new ladder too.

Walking from the first day over everything that is known gives the standing; walking on from a stored state, when only
later days have been added, gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from loyalty.base.clock import add_days
from tiers.counting import Counting
from tiers.course import Change, Course, Kind, Part, Source, State, beginning
from tiers.ladder import Ladder
from tiers.models import Downgrade, Upgrade, Validity
from tiers.published import Version
from tiers.windows import DAY, Number, Tally

Protection = tuple[int, str]
"""The number of an older version that still keeps what it gives, and up to which tier."""
ZERO = Decimal(0)
NOT_PROTECTED: Final[Protection] = (0, "")


def replay(course: Course, tallies: Mapping[Source, Tally], until: date) -> tuple[State, list[Change]]:
    """The standing at the end of `until`, from everything that is known, and all that happened on the way."""
    return advance(course, beginning(course), tallies, until)


def advance(
    course: Course, state: State, tallies: Mapping[Source, Tally], until: date, *, again: bool = False
) -> tuple[State, list[Change]]:
    """Walk on from a state to the end of `until`. The state given stays as it is.

    `again`: something was added to the very day that the state ends with (see `walks_on`).
    """
    walk = Walk(course, replace(state), tallies)
    walk.resume(again=again)
    walk.to(until)
    return walk.state, walk.changes


def foresee(course: Course, state: State, tallies: Mapping[Source, Tally], until: date) -> Walk:
    """The walk at the end of `until` if nothing more is done."""
    walk = Walk(course, replace(state), tallies)
    walk.to(until)
    return walk


def coming_drop(
    course: Course, state: State, tallies: Mapping[Source, Tally], turn: date
) -> dict[str, Any] | None:
    """The numbers of the drop, or of the grace before it, that the day `turn` brings if nothing more is done."""
    walk = foresee(course, state, tallies, turn)
    ladder = course.ladder(walk.state.version)
    lost = ladder.rank(walk.state.tier) < ladder.rank(state.tier)
    if not lost and walk.state.grace_until is None:
        return None
    value, before = walk.judged(turn), Counting(course, state, tallies)
    if before.guard():
        ladder, value = before.nearest(turn, turn - DAY)
    return {
        "tier": state.tier,
        "review_on": turn.isoformat(),
        "drops_on": (walk.state.grace_until or turn).isoformat(),
        "value": ladder.shown(value),
        "needed": ladder.shown(ladder.bar(state.tier)),
    }


def walks_on(course: Course, state: State, day: date, *, less: bool) -> bool:
    """Whether activity that is added on `day` can be counted from the state on, or everything has to be counted anew:
    what is added before its end, taken off its last day (`less`), or done on the day of a new version."""
    if day > state.through:
        return True
    began = any(one.first_day == day == one.last_day_before for one in course.versions[1:])
    return day == state.through and not less and not began


def is_behind(course: Course, state: State) -> bool:
    """Whether a version or an imported tier took effect before the end of the state, which it has not seen: then
    everything is counted anew. A version of the very last day is not: the walk takes it up."""
    unseen = course.versions[state.seen :] if state.version else ()
    return any(
        one.first_day < state.through
        or (one.first_day == state.through and one.last_day_before != one.first_day)
        for one in unseen
    )


@dataclass(slots=True)
class Walk(Counting):
    """A state on its way through the days."""

    changes: list[Change] = field(default_factory=list)

    def to(self, until: date) -> None:
        """Through the end of `until`, stopping only on days on which something can happen."""
        while (day := self.next_stop()) is not None and day <= until:
            self.midnight(day)
            self.on_the_day(day)
            self.state.through = day
        self.state.through = max(self.state.through, until)

    def resume(self, *, again: bool) -> None:
        """What came after the state was stored, and belongs to its last day."""
        if self.state.version:
            last = self.state.through
            if again:
                self._count(last)
            self._take_up_versions(last, "version")

    def midnight(self, day: date) -> None:
        self._close_period(day)
        self._take_up_versions(day, "midnight")
        self._seed(day)
        if self.state.valid_until == day and self.state.grace_until is None:
            self._review(day)
        if self.state.grace_until == day:
            self._end_grace(day)
        self._fall(day)

    def on_the_day(self, day: date) -> None:
        self._count(day)
        self._take_up_versions(day, "version")

    # --- midnight -------------------------------------------------------------------------------------------

    def _close_period(self, day: date) -> None:
        """Roll the surplus over, and give what waited for the new period."""
        state = self.state
        if not state.version or not self.opens(self.ladder, day):
            return
        ladder, held = self.ladder, self.ladder.rank(state.tier)
        value = self.value(day - DAY, day - DAY)
        waits = ladder.upgrade == Upgrade.NEXT_PERIOD
        fit = ladder.fit(value)
        if state.grace_until is None:
            state.carried_before = state.carried
        state.carried = (
            _surplus(ladder, value, max(held, fit) if waits else held) if ladder.rollover else ZERO
        )
        if waits and fit > held:
            self._move(day, "upgraded", fit, value, self.validity(ladder, fit, day))

    def _take_up_versions(self, day: date, part: Part) -> None:
        """Look at versions that are new on this day. What was done on it counts under each that was published in it."""
        for version in self._new_versions(day, part):
            self.state.seen = version.number
            if not (version.waits_for_review and self.has_review()):
                self._place(version, day, part)
                if part == "version":
                    self._count(day)

    def _new_versions(self, day: date, part: Part) -> Sequence[Version]:
        """Those that take effect on this part of the day; for a new member, the last of those in force before."""
        begun = [
            version
            for version in self.course.versions[self.state.seen :]
            if version.first_day <= day and not (part == "midnight" and version.last_day_before >= day)
        ]
        return begun[-1:] if part == "midnight" and not self.state.version else begun

    def _place(self, version: Version, day: date, part: Part) -> None:
        """Move to a version: to the tier that fits; a protected one is not lost before its end."""
        state, old = self.state, self.state.version
        new, last = version.ladder, day - DAY if part == "midnight" else day
        floor, removed = self.floor(new)
        held, held_tier = self._protected(version, day, last)
        self._turn_to(version.number)
        value = self.placing_value(new, day, last)
        fit = new.fit(value)
        protect = version.protect or not old
        to = max(floor, fit) if protect else fit
        if removed or to != floor or not old:
            kind: Kind = "upgraded" if to > floor else "downgraded"
            if new.at_rank(to) != state.tier:
                self._move(day, kind, to, value, self.validity(new, to, day), part=part)
        elif self._gets_another_end(short=fit < floor):
            self._keep(day, value, self.validity(new, to, day), part=part)
        if state.valid_until is None:
            state.held, state.held_tier = held, held_tier

    def _gets_another_end(self, *, short: bool) -> bool:
        """Whether the version just taken up says until when a kept tier lasts: one without an end, or in its grace. A
        tier for which there is too little (`short`) goes on lasting while it is protected, if it can."""
        state = self.state
        if short:
            return state.valid_until is None and self.ladder.validity != Validity.WHILE_QUALIFIED
        return state.valid_until is None or state.grace_until is not None

    def _turn_to(self, number: int) -> None:
        """Be judged by a version from now on. What was rolled over stays only while the periods are the same."""
        state = self.state
        new = self.course.ladder(number)
        if not state.version or not _same_periods(self.ladder, new):
            state.carried = state.carried_before = ZERO
        state.version, state.held, state.held_tier = number, 0, ""

    def _protected(self, version: Version, day: date, last: date) -> Protection:
        """Which ladder protects a tier without an end from a version that asks for more: the one so far, or the older
        one that protects it already, as long as that gives it; and up to which tier."""
        state, new = self.state, version.ladder
        lasting = state.version and state.tier and state.valid_until is None
        if not (version.protect and lasting and new.validity == Validity.WHILE_QUALIFIED):
            return NOT_PROTECTED
        older = self.course.ladder(state.held) if state.held else None
        if not _asks_no_more(new, self.ladder, state.tier):
            stays = older and state.tier in older.by_code and self.gives(older, state.tier, day, last)
            return (state.held if stays else state.version), state.tier
        if older and not _asks_no_more(new, older, state.held_tier):
            return state.held, state.held_tier
        return NOT_PROTECTED

    def _seed(self, day: date) -> None:
        """Begin with an imported tier, unless the member has reached a higher one."""
        state = self.state
        for seed in self.course.seeds:
            if max(seed.day, self.course.begins) != day:
                continue
            ladder = self.ladder if state.version else self.course.ladder(1)
            rank = ladder.rank(seed.tier)
            if not rank or rank < ladder.rank(state.tier):
                continue
            until = max(seed.valid_until, day + DAY) if seed.valid_until else self.validity(ladder, rank, day)
            number = state.version or 1
            self._note(Change(day, "midnight", "imported", state.tier, seed.tier, until, number, {}))
            self._set(seed.tier, seed.since, until)

    def _review(self, day: date) -> None:
        """The tier has ended: it is kept, or dropped by the rules of the ladder that is new by now."""
        state = self.state
        floor, removed = self._turn_at_review()
        ladder = self.ladder
        value = self.judged(day)
        fit = ladder.fit(value)
        if removed or fit > floor:
            to = fit if removed and ladder.downgrade == Downgrade.FIT else max(fit, floor)
            kind: Kind = "upgraded" if to > floor else "downgraded"
            self._move(day, kind, to, value, self.validity(ladder, to, day))
        elif fit == floor or ladder.downgrade == Downgrade.NEVER or self.is_guarded(day, day - DAY):
            self._keep(day, value, self.renewed(day), short=fit < floor)
        elif ladder.grace_days:
            if not self.opens(ladder, day):
                state.carried_before = state.carried
            state.grace_from, state.grace_until = day, add_days(day, ladder.grace_days)
        else:
            self._drop(day, day, fit, value)

    def _turn_at_review(self) -> tuple[int, bool]:
        """Move to the version that waited for this review, if there is one."""
        state = self.state
        newest = self.course.versions[state.seen - 1]
        floor, removed = self.floor(newest.ladder)
        if state.seen != state.version:
            held, held_tier = state.held, state.held_tier
            self._turn_to(state.seen)
            if newest.protect and newest.ladder.validity == Validity.WHILE_QUALIFIED:
                state.held, state.held_tier = held, held_tier
        return floor, removed

    def _end_grace(self, day: date) -> None:
        state = self.state
        assert state.grace_from is not None
        value = self.in_grace(day - DAY, day)
        fit, held, since = self.ladder.fit(value), self.ladder.rank(state.tier), state.grace_from
        if fit >= held or self.is_guarded(day, day - DAY):
            self._keep(day, value, self._lasting(self.renewed(since), day), short=fit < held)
        else:
            self._drop(day, since, fit, value)

    def _fall(self, day: date) -> None:
        """A tier that is held while the member qualifies ends when the window holds too little for it."""
        if self.hangs_on_value():
            tier, last = self.state.tier, day - DAY
            if not any(self.gives(judge, tier, day, last) for judge in self.judges()):
                self._review(day)

    # --- on the day -----------------------------------------------------------------------------------------

    def _count(self, day: date) -> None:
        """Keep a tier in its grace, or climb."""
        state = self.state
        if not state.version:
            return
        ladder = self.ladder
        value, held = self.value(day, day), ladder.rank(state.tier)
        if state.grace_until is not None:
            best = self.in_grace(day, day)
            short = ladder.fit(best) < held
            if not short or self.is_guarded(day, day):
                assert state.grace_from is not None
                until = self._lasting(self.renewed(state.grace_from), day)
                self._keep(day, best, until, part="day", short=short)
        fit = ladder.fit(value)
        if ladder.upgrade == Upgrade.AT_ONCE and fit > held:
            self._move(day, "upgraded", fit, value, self.validity(ladder, fit, day), part="day")

    # --- changing -------------------------------------------------------------------------------------------

    def _drop(self, day: date, review: date, fit: int, value: Number) -> None:
        ladder = self.ladder
        held = ladder.rank(self.state.tier)
        kept = min(self.guarded(day, day - DAY), held - 1)
        to = held - 1 if ladder.downgrade == Downgrade.ONE_STEP else max(fit, kept)
        until = self.validity(ladder, to, review - DAY if ladder.validity == Validity.NEXT_PERIOD else day)
        if until is not None and until <= day:
            until = self.validity(ladder, to, day)
        self._move(day, "downgraded", to, value, until)
        if kept:
            self.state.held_tier = ladder.at_rank(kept)
        else:
            self.state.held, self.state.held_tier = NOT_PROTECTED

    def _lasting(self, until: date | None, day: date) -> date | None:
        """An end that a long grace has not overtaken."""
        if until is None or until > day:
            return until
        return self.validity(self.ladder, self.ladder.rank(self.state.tier), day)

    def _move(
        self, day: date, kind: Kind, to: int, value: Number, until: date | None, *, part: Part = "midnight"
    ) -> None:
        """To the tier of that rank."""
        ladder, before = self.ladder, self.state.tier
        code = ladder.at_rank(to)
        if kind == "upgraded" and not before:
            kind = "joined"
        judged = before if kind == "downgraded" and before in ladder.by_code else code
        numbers = self.numbers(judged, value, day)
        self._note(Change(day, part, kind, before, code, until, self.state.version, numbers))
        self._set(code, day, until)

    def _keep(
        self,
        day: date,
        value: Number,
        until: date | None,
        *,
        part: Part = "midnight",
        short: bool = False,
    ) -> None:
        """The same tier, with another end. `short`: the value alone would not have kept it."""
        state = self.state
        if until != state.valid_until or state.grace_until is not None:
            numbers = self.numbers(state.tier, value, day)
            if short:
                numbers["kept"] = "never_drops" if self.ladder.downgrade == Downgrade.NEVER else "protected"
            self._note(Change(day, part, "retained", state.tier, state.tier, until, state.version, numbers))
        self._set(state.tier, state.since, until)

    def _set(self, code: str, since: date | None, until: date | None) -> None:
        state = self.state
        state.tier, state.since, state.valid_until = code, since, until
        state.grace_from = state.grace_until = None

    def _note(self, change: Change) -> None:
        self.changes.append(change)


def _surplus(ladder: Ladder, value: Number, rank: int) -> Number:
    """What exceeds the threshold of the tier held. A tier that needs nothing leaves no surplus."""
    bar = ladder.rungs[rank - 1].bar if rank else ZERO
    return max(value - bar, ZERO) if bar > 0 else ZERO


def _same_periods(one: Ladder, other: Ladder) -> bool:
    return (one.window, one.source, one.rollover, other.rollover) == (other.window, other.source, True, True)


def _asks_no_more(new: Ladder, old: Ladder, tier: str) -> bool:
    """Whether what keeps a tier, or one below it, by the old ladder keeps it by the new one."""
    if (new.window, new.span, new.source, new.rollover) != (old.window, old.span, old.source, old.rollover):
        return False
    if new.downgrade != Downgrade.NEVER and old.downgrade == Downgrade.NEVER:
        return False
    return all(new.bar(rung.code) <= rung.bar for rung in old.rungs[: old.rank(tier)])
