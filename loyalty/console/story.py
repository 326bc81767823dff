"""The history of one setting as a story: each saving with everything that it changed, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Model

from loyalty.base.words import Words
from loyalty.console.changes import Change, Child, Comparer, Told
from loyalty.programs.models import Program

MOST = 1000  # rows of one table; what is older is not read
TOGETHER = timedelta(seconds=2)  # rows written this close together by one person are one saving


@dataclass(frozen=True, slots=True)
class Part:
    """What a saving did to one row: the setting itself, or one of the rows that belong to it."""

    kind: str
    """`added`, `changed` or `removed`."""
    title: Words
    """Empty for the setting itself."""
    name: str
    changes: list[Change]


@dataclass(slots=True)
class Saving:
    """Everything that one person saved at one time."""

    at: datetime
    by: str
    reason: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Step:
    """One row of a history with the one before it."""

    record: Any
    before: Any
    child: Child | None

    @property
    def row(self) -> tuple[type, Any]:
        return type(self.record), self.record.instance.pk


def story(told: Told, row: Model, program: Program) -> list[Saving]:
    """All savings of a setting and of what belongs to it, newest first; those that changed nothing to tell are left
    out."""
    steps = list(_steps(told.model.history.filter(**{told.model._meta.pk.name: row.pk}), None))  # type: ignore[attr-defined]
    for child in told.children:
        steps += _steps(child.model.history.filter(**{child.parent: row.pk}), child)  # type: ignore[attr-defined]
    steps.sort(key=lambda step: step.record.history_date)
    return _savings(steps, Comparer(told, program))


def _steps(records: Any, child: Child | None) -> Iterator[_Step]:
    """Of each row its states in their order."""
    newest = list(records.select_related("history_user").order_by("-history_date", "-history_id")[:MOST])
    by_row: dict[Any, list[Any]] = {}
    for record in reversed(newest):
        by_row.setdefault(record.instance.pk, []).append(record)
    for states in by_row.values():
        if states[0].history_type == "+":
            yield _Step(states[0], None, child)
        yield from (_Step(after, before, child) for before, after in pairwise(states))


def _savings(steps: Iterable[_Step], comparer: Comparer) -> list[Saving]:
    """A row that is there already was saved again: that is another saving."""
    found: list[Saving] = []
    rows: set[tuple[type, Any]] = set()
    for step in steps:
        part = _part(step, comparer)
        if part is None:
            continue
        by, at, row = _who(step.record), step.record.history_date, step.row
        if not found or row in rows or found[-1].by != by or at - found[-1].at > TOGETHER:
            found.append(Saving(at, by, step.record.history_change_reason or ""))
            rows.clear()
        found[-1].parts.append(part)
        rows.add(row)
    return found[::-1]


def _part(step: _Step, comparer: Comparer) -> Part | None:
    kind = {"+": "added", "~": "changed", "-": "removed"}[step.record.history_type]
    model = step.child.model if step.child else comparer.told.model
    before = step.before.instance if step.before else None
    now = step.record.instance
    changes = [] if kind == "removed" else comparer.changes(model, before, now)
    if kind == "changed" and not changes:
        return None
    return Part(kind, step.child.title if step.child else "", str(now), changes)


def _who(record: Any) -> str:
    """The signed-in person, or whose name the row itself holds; empty for the system."""
    if record.history_user:
        return str(record.history_user.get_username())
    return str(getattr(record, "updated_by", "") or "")
