"""Who would move if a draft were published: every member, exactly, without moving anybody.

One statement counts members by what decides over them (their tier, the version that judges them, whether a review is to
come, which tier of the draft fits what they have done); the decision itself is taken once for each such group, by the
rule of publishing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import product
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from loyalty.base import clock
from loyalty.base.job_kinds import JobKind, job_kinds, summary
from loyalty.base.models import Job
from tiers import published
from tiers.counting import Counting
from tiers.course import Course, State
from tiers.errors import NotReady
from tiers.faults import faults
from tiers.ladder import Ladder, definition_of
from tiers.models import TierSet, Validity
from tiers.previewing import COUNT, LIST, Asked, asked_of
from tiers.published import Version
from tiers.versions import Rollout

KIND: Final = "tiers_preview"
NOTHING: Final = Decimal(0)
STRETCH: Final = 5_000
_STRETCH: Final = """SELECT (array_agg(id ORDER BY id DESC))[1] FROM (SELECT id FROM members_member
WHERE program_id = %(program)s AND id > %(follows)s ORDER BY id LIMIT %(size)s) stretch"""


class Group(NamedTuple):
    """Members over whom the same is decided. `fit` is the rank on the draft that they reach; `manual` the tier that was
    set by hand, if any."""

    tier: str
    version_id: int | None
    has_end: bool
    manual: str
    fit: int


class Verdict(NamedTuple):
    """What becomes of a group: the tier now, the one after, that which the draft would give without protection, and
    whether the change is one for the better."""

    before: str
    after: str
    unprotected: str
    rises: bool = False


@dataclass(slots=True)
class Preview:
    """The matrix: how many members go from each tier to each; codes, empty for no tier. `later` is the same once
    nothing is protected or waits for a review any more."""

    tiers_before: list[str]
    tiers_after: list[str]
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    later: Counter[tuple[str, str]] = field(default_factory=Counter)
    total: int = 0
    up: int = 0
    down: int = 0
    stay: int = 0
    protected: int = 0
    manual: int = 0
    extra_points: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "before": self.tiers_before,
            "after": self.tiers_after,
            "moves": _cells(self.moves),
            "later": _cells(self.later),
            **{
                name: getattr(self, name)
                for name in ("total", "up", "down", "stay", "protected", "manual", "extra_points")
            },
        }


class Mover(NamedTuple):
    """One member of the list, with what was counted as people write it."""

    member_id: UUID
    before: str
    after: str
    value: str


def preview(tier_set: TierSet, *, rollout: Rollout = "now", protect: bool = True, at: datetime) -> Preview:
    """What publishing the draft at `at` would do to all members. `date` is looked at as if it were today.

    `extra_points` is what the members' points of the last year would at most be more (or less) by the new earning
    multipliers, had campaigns multiplied all of them by the tier; in smallest units. Raises NotReady.
    """
    case = _case(tier_set, rollout, protect, at)
    found = Preview(_codes(case.old), _codes(case.draft))
    for group, count, points in _groups(case):
        verdict = _decide(case, group)
        _add(found, group, verdict, count)
        found.extra_points += _extra(case, verdict, points)
    return found


def movers(
    tier_set: TierSet,
    before: str,
    after: str,
    *,
    rollout: Rollout = "now",
    protect: bool = True,
    at: datetime,
    follows: UUID | None = None,
    limit: int = 50,
) -> list[Mover]:
    """The members of one cell of the matrix, by id, those after `follows`. Raises NotReady."""
    case = _case(tier_set, rollout, protect, at)
    groups = [group for group in _possible(case) if _is_in(_decide(case, group), before, after)]
    found: list[Mover] = []
    for first, last in _stretches(tier_set.program_id, follows or UUID(int=0)):
        params = case.asked.params | {"after_id": first, "last_id": last, "limit": limit - len(found)}
        columns = {f"g{index}": list(column) for index, column in enumerate(zip(*groups, strict=True))}
        rows = _run(case.asked.statement(LIST, stretch=True), params | columns) if groups else []
        found += [Mover(member_id, before, after, case.draft.shown(value)) for member_id, value in rows]
        if len(found) == limit:
            break
    return found


def _is_in(verdict: Verdict, before: str, after: str) -> bool:
    return (verdict.before, verdict.after) == (before, after)


def _stretches(program_id: int, follows: UUID) -> Iterator[tuple[UUID, UUID]]:
    """Members by id in stretches that grow: the first page comes at once where many are in a cell, and looking for the
    few takes no more than a pass over all."""
    size = STRETCH
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_STRETCH, {"program": program_id, "follows": follows, "size": size})
            last = cursor.fetchone()[0]
        if last is None:
            return
        yield follows, last
        follows, size = last, size * 8


def register() -> None:
    """The preview as a job, for programs where a person should not wait."""
    job_kinds.register(KIND, JobKind(_("Preview of a tier ladder"), _work, "tiers.view_tierset"))


def _work(job: Job) -> dict[str, Any]:
    asked = job.params
    tier_set = TierSet.objects.select_related("program", "point_type").get(
        program__code=job.scope, code=asked["tier_set"]
    )
    found = preview(tier_set, rollout=asked["rollout"], protect=asked["protect"], at=clock.now())
    told = summary((_("Up"), found.up), (_("Down"), found.down), (_("Stay"), found.stay))
    return told | {"preview": found.as_json()}


@dataclass(frozen=True, slots=True)
class _Case:
    """A draft against what is in force."""

    draft: Ladder
    old: Ladder | None
    versions: Mapping[int, Version]
    course: Course
    rollout: Rollout
    protect: bool
    asked: Asked


def _case(tier_set: TierSet, rollout: Rollout, protect: bool, at: datetime) -> _Case:
    if found := faults(tier_set):
        raise NotReady(errors=found)
    known = next(
        (one for one in published.of_program(tier_set.program_id) if one.set_id == tier_set.pk), None
    )
    draft = Ladder.parse(definition_of(tier_set))
    in_force = known.at(at) if known else None
    course = Course(known.versions if known else (), date.min)
    versions = {version.id: version for version in course.versions}
    asked = asked_of(tier_set, draft, in_force, at)
    return _Case(draft, in_force.ladder if in_force else None, versions, course, rollout, protect, asked)


def _codes(ladder: Ladder | None) -> list[str]:
    return ["", *(rung.code for rung in ladder.rungs)] if ladder else [""]


def _possible(case: _Case) -> Iterator[Group]:
    """All groups that there can be, without looking whether anybody is in them."""
    codes = {rung.code for version in case.versions.values() for rung in version.ladder.rungs}
    manual, fits = ["", *codes], range(len(case.draft.rungs) + 1)
    for tier, version_id in (("", None), *product(["", *codes], case.versions)):
        for has_end, by_hand, fit in product((False, True), manual, fits):
            yield Group(tier, version_id, has_end, by_hand, fit)


def _groups(case: _Case) -> Iterator[tuple[Group, int, int]]:
    """Each group with how many members it has and what they earned in the last year."""
    for *key, count, points in _run(case.asked.statement(COUNT), case.asked.params):
        yield Group(*key), count, int(points or 0)


def _run(statement: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(statement, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _decide(case: _Case, group: Group) -> Verdict:
    """The rule of publishing, for one group: see `evaluation.Walk`."""
    version = case.versions[group.version_id] if group.version_id else None
    if group.manual:
        return Verdict(group.manual, group.manual, group.manual)
    fits = case.draft.at_rank(group.fit)
    if case.rollout == "review" and version and _waits(version.ladder, group):
        return Verdict(group.tier, group.tier, fits)
    floor = _floor(case, group, version)
    to = max(floor, group.fit) if case.protect or version is None else group.fit
    return Verdict(group.tier, case.draft.at_rank(to), fits, to > floor)


def _floor(case: _Case, group: Group, version: Version | None) -> int:
    number = version.number if version else 0
    state = State(number, number, group.tier, None, None, None, None, NOTHING, NOTHING, 0, "", date.min)
    return Counting(case.course, state, {}).floor(case.draft)[0]


def _waits(ladder: Ladder, group: Group) -> bool:
    """Whether a review is to come, at which the member moves to the new ladder."""
    lasting = ladder.validity == Validity.WHILE_QUALIFIED and ladder.bar(group.tier) > 0
    return bool(group.tier) and (group.has_end or lasting)


def _add(found: Preview, group: Group, verdict: Verdict, count: int) -> None:
    found.total += count
    found.moves[verdict.before, verdict.after] += count
    found.later[verdict.before, verdict.unprotected] += count
    found.manual += count if group.manual else 0
    found.protected += count if verdict.after != verdict.unprotected else 0
    if verdict.before == verdict.after:
        found.stay += count
    elif verdict.rises:
        found.up += count
    else:
        found.down += count


def _extra(case: _Case, verdict: Verdict, points: int) -> int:
    """What the points of a group would at most be more by the multiplier of the tier it goes to."""
    old, new = (
        _multiplier(ladder, code)
        for ladder, code in ((case.old, verdict.before), (case.draft, verdict.after))
    )
    return int(points * new / old) - points


def _multiplier(ladder: Ladder | None, code: str) -> Decimal:
    rung = ladder.by_code.get(code) if ladder else None
    return rung.benefits.earning_multiplier if rung else Decimal(1)


def _cells(matrix: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"from": one, "to": other, "members": count} for (one, other), count in sorted(matrix.items())]
