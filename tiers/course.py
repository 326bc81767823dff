"""The values a standing is computed with and from: what it follows, what it is, what happened to it. No query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from tiers.ladder import Ladder
from tiers.published import Version
from tiers.windows import DAY, Number

Source = tuple[str, int | None]
Kind = Literal["joined", "upgraded", "retained", "downgraded", "corrected", "imported"]
Part = Literal["midnight", "day", "version"]
"""As the day began, by what was done on it, or when a version was published in the middle of it."""
ZERO = Decimal(0)


class Seed(NamedTuple):
    """A tier that was brought along: counts from the midnight of `day`, held since `since`, reviewed on
    `valid_until` (None: as the ladder says, from `day`)."""

    day: date
    tier: str
    since: date
    valid_until: date | None


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What a member's standing follows besides activity: all published versions of the set, the local day of the
    enrolment, and what was imported."""

    versions: Sequence[Version]
    enrolled: date
    seeds: Sequence[Seed] = ()

    def ladder(self, number: int) -> Ladder:
        return self.versions[number - 1].ladder

    @property
    def begins(self) -> date:
        """The first day that is looked at."""
        return max(self.versions[0].first_day, self.enrolled)


@dataclass(slots=True)
class State:
    """A standing at the end of the day `through`. Versions by number; 0: none yet.

    `version` judges the member, `seen` is the newest that was looked at (one may wait for the review), `held` an older
    one that still keeps what it gives, up to `held_tier`: that was protected when a later one asked for more.
    """

    version: int
    seen: int
    tier: str
    since: date | None
    valid_until: date | None
    grace_from: date | None
    grace_until: date | None
    carried: Number
    carried_before: Number
    held: int
    held_tier: str
    through: date

    def held_since(self, since: date | None) -> State:
        """The same state with a tier that is held since another day."""
        return State(
            self.version, self.seen, self.tier, since, self.valid_until, self.grace_from, self.grace_until,
            self.carried, self.carried_before, self.held, self.held_tier, self.through,
        )  # fmt: skip

    def likeness(self) -> tuple[object, ...]:
        """All that decides over what comes: everything but since when the tier is held."""
        return (
            self.version, self.seen, self.tier, self.valid_until, self.grace_from, self.grace_until, self.carried,
            self.carried_before, self.held, self.held_tier, self.through,
        )  # fmt: skip


class Change(NamedTuple):
    """One step of the walk that changed the tier or prolonged it, on which part of the day."""

    day: date
    part: Part
    kind: Kind
    from_code: str
    to_code: str
    valid_until: date | None
    version: int
    numbers: dict[str, Any]


@lru_cache(maxsize=8192)
def course_of(versions: tuple[Version, ...], enrolled: date, seeds: tuple[Seed, ...]) -> Course:
    """One course for all who share it."""
    return Course(versions, enrolled, seeds)


def beginning(course: Course) -> State:
    """The state before the first day."""
    return State(0, 0, "", None, None, None, None, ZERO, ZERO, 0, "", course.begins - DAY)
