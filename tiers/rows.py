"""Standings and their changes as rows: read for some members at once, written in a handful of statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.base.copying import Shared, as_array, as_arrays
from loyalty.base.prepared import prepared
from loyalty.base.strict_json import dumps
from tiers.windows import Number


class StandingRow(NamedTuple):
    program_id: int
    tier_set_id: int
    member_id: UUID
    version_id: int
    seen_version_id: int
    held_version_id: int | None
    held_tier_code: str
    tier_code: str
    since: date | None
    since_at: datetime | None
    valid_until: date | None
    grace_from: date | None
    grace_until: date | None
    carried: Number
    carried_before: Number
    placement_id: int | None
    computed_through: date
    review_on: date | None
    warned_for: date | None
    updated_at: datetime


class ChangeRow(NamedTuple):
    program_id: int
    tier_set_id: int
    member_id: UUID
    kind: str
    from_code: str
    to_code: str
    at: datetime
    decided_at: datetime
    valid_until: date | None
    numbers: Mapping[str, Any]
    version_id: int
    placement_id: int | None
    beneath: bool
    event_id: UUID | None
    job_id: UUID | None
    actor: str
    reason: str


class PlacementRow(NamedTuple):
    id: int
    tier_set_id: int
    member_id: UUID
    kind: str
    tier_code: str
    starts_on: date
    ends_on: date | None
    since: date | None
    created_at: datetime
    ended_at: datetime | None
    ended_by: str
    created_by: str
    reason_code: str
    note: str


_TYPES = {
    "program_id": "bigint", "tier_set_id": "bigint", "member_id": "uuid", "version_id": "bigint",
    "seen_version_id": "bigint", "held_version_id": "bigint", "held_tier_code": "text", "tier_code": "text",
    "since_at": "timestamptz", "carried": "numeric", "carried_before": "numeric", "placement_id": "bigint",
    "updated_at": "timestamptz",
}  # fmt: skip
_KEY = ("program_id", "tier_set_id", "member_id")
_ARRAYS = ", ".join(f"%s::{_TYPES.get(name, 'date')}[]" for name in StandingRow._fields)
_COLUMNS = ", ".join(StandingRow._fields)
_CHANGE_TYPES = _TYPES | {
    "kind": "text", "from_code": "text", "to_code": "text", "at": "timestamptz", "decided_at": "timestamptz",
    "numbers": "jsonb", "beneath": "bool", "event_id": "uuid", "job_id": "uuid", "actor": "text", "reason": "text",
}  # fmt: skip
_CHANGE_ARRAYS = ", ".join(f"%s::{_CHANGE_TYPES.get(name, 'date')}[]" for name in ChangeRow._fields)
_APPEND = f"""
INSERT INTO tiers_tierchange ({", ".join(ChangeRow._fields)}) SELECT * FROM unnest({_CHANGE_ARRAYS})"""
_INSERT = f"INSERT INTO tiers_standing ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS})"
# The member is locked, so nobody else writes the row: an upsert would lock it once more.
_UPDATE = """
UPDATE tiers_standing s SET {changed} FROM unnest({arrays}) AS new ({columns})
WHERE s.member_id = new.member_id AND s.tier_set_id = new.tier_set_id
""".format(
    changed=", ".join(f"{name} = new.{name}" for name in StandingRow._fields if name not in _KEY),
    arrays=_ARRAYS,
    columns=_COLUMNS,
)


def standings(member_ids: Collection[UUID]) -> list[StandingRow]:
    """The standings of these members on all ladders."""
    rows = _of_members(f"SELECT {', '.join(StandingRow._fields)} FROM tiers_standing", member_ids)
    return list(map(StandingRow._make, rows))


def placements(member_ids: Collection[UUID]) -> list[PlacementRow]:
    """Manual tiers and imported ones of these members, oldest first."""
    columns = ", ".join(PlacementRow._fields)
    rows = _of_members(f"SELECT {columns} FROM tiers_placement", member_ids, "ORDER BY id")
    return [PlacementRow(*row) for row in rows]


def history(member_ids: Collection[UUID]) -> dict[tuple[UUID, int], list[tuple[datetime, str]]]:
    """When the computed tiers of these members took effect, in the order in which that was decided."""
    rows = _of_members(
        "SELECT member_id, tier_set_id, at, to_code FROM tiers_tierchange",
        member_ids,
        "AND kind NOT IN ('manual', 'manual_ended') ORDER BY id",
    )
    found: dict[tuple[UUID, int], list[tuple[datetime, str]]] = {}
    for member_id, tier_set_id, at, code in rows:
        found.setdefault((member_id, tier_set_id), []).append((at, code))
    return found


def _of_members(select: str, member_ids: Collection[UUID], rest: str = "") -> list[tuple[Any, ...]]:
    if not member_ids:
        return []
    with prepared() as cursor:
        cursor.execute(
            f"{select} WHERE member_id = ANY(%s::uuid[]) {rest}", [as_array(member_ids)], binary=True
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def insert_standings(rows: Sequence[StandingRow]) -> None:
    _write(_INSERT, rows)


def update_standings(rows: Sequence[StandingRow]) -> None:
    _write(_UPDATE, rows)


def _write(statement: str, rows: Sequence[StandingRow]) -> None:
    if rows:
        with prepared() as cursor:
            cursor.execute(statement, as_arrays(rows))


def append_changes(rows: Sequence[ChangeRow]) -> None:
    """In this order. Members who are alike share their numbers, whose text is made once."""
    if rows:
        columns = dict(zip(ChangeRow._fields, zip(*rows, strict=True), strict=True))
        columns["numbers"] = tuple(map(Shared(dumps), columns["numbers"]))
        with prepared() as cursor:
            cursor.execute(_APPEND, [as_array(column) for column in columns.values()])
