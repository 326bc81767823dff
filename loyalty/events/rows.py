"""The inbox's rows: events in, set-based, and what is there already."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from loyalty.base.prepared import prepared
from loyalty.base.strict_json import dumps
from loyalty.events.models import Event
from loyalty.members import identifiers
from loyalty.members.identifiers import Ref
from loyalty.programs.models import Channel

Key = tuple[str, str]  # source, external id: unique within a program, for ever

RECEIVED, GUEST, REJECTED = (
    status.value for status in (Event.Status.RECEIVED, Event.Status.GUEST, Event.Status.REJECTED)
)


class NewEvent(NamedTuple):
    """One event as it is to be written. `data` holds JSON values without personal data."""

    id: UUID
    source: str
    external_id: str
    type: str
    member_id: UUID | None
    identifier_id: int | None
    order_reference: str
    occurred_at: datetime
    data: dict[str, Any]
    content_hash: bytes
    status: str

    @property
    def key(self) -> Key:
        return self.source, self.external_id


class Known(NamedTuple):
    """What matters of an event that is there already."""

    id: UUID
    content_hash: bytes
    status: str


_INSERT = """
INSERT INTO events_event (id, source, external_id, type, member_id, identifier_id, order_reference, occurred_at,
       payload, content_hash, status, program_id, channel_id, received_at, next_attempt_at, attempts, error)
SELECT new.*, %b::bigint, %b::bigint, %b::timestamptz, %b::timestamptz, 0, ''
  FROM {rows} AS new
ON CONFLICT (program_id, source, external_id) DO NOTHING
RETURNING id
"""
_TYPES = ["uuid", "text", "text", "text", "uuid", "bigint", "text", "timestamptz", "jsonb", "bytea", "text"]
_INSERT_MANY = _INSERT.format(rows=f"unnest({', '.join(f'%b::{one}[]' for one in _TYPES)})")
_INSERT_ONE = _INSERT.format(rows=f"(VALUES ({', '.join(f'%b::{one}' for one in _TYPES)}))")
# The member in place of a value. Nobody there, or a guest: nothing is written.
_WHOSE = [
    {"member_id": "whose.member_id"}.get(name, f"%b::{one}")
    for name, one in zip(NewEvent._fields, _TYPES, strict=True)
]
_INSERT_OF = _INSERT.format(
    rows=f"(SELECT {', '.join(_WHOSE)} FROM ({{}}) AS whose (member_id) WHERE whose.member_id IS NOT NULL)"
)


def insert(
    program_id: int, channel: Channel | None, events: Iterable[NewEvent], *, at: datetime
) -> set[UUID]:
    """Write events in one statement; the ids of those that were new. Sorted by key, so that two writers of
    overlapping batches wait for each other instead of dead-locking."""
    ordered = sorted(events, key=lambda event: event.key)
    if not ordered:
        return set()
    written = [(*event[:8], dumps(event.data), *event[9:]) for event in ordered]
    params: list[object] = [program_id, channel.pk if channel else None, at, at]
    # Bound by the server, in binary: half the cost of the arrays as literals in the statement; one event needs none.
    if len(written) == 1:
        statement = _INSERT_ONE
        params += written[0]
    else:
        statement = _INSERT_MANY
        params += map(list, zip(*written, strict=True))
    with prepared() as cursor:
        cursor.execute(statement, params, prepare=True)
        return {row[0] for row in cursor.fetchall()}


def insert_of(program_id: int, channel: Channel, event: NewEvent, ref: Ref, *, at: datetime) -> bool:
    """Write one event, about whoever is the member that `ref` names. False when there is no such member, and when the
    event is there already: nothing was written then."""
    whose, named = identifiers.whose(program_id, ref)
    written = (*event[:4], *event[5:8], dumps(event.data), *event[9:])
    with prepared() as cursor:
        cursor.execute(
            _INSERT_OF.format(whose), [program_id, channel.pk, at, at, *written, *named], prepare=True
        )
        return cursor.fetchone() is not None


_KNOWN = """
SELECT e.source, e.external_id, e.id, e.content_hash, e.status
  FROM unnest(%s::text[], %s::text[]) AS asked (source, external_id)
  JOIN events_event e ON e.program_id = %s AND e.source = asked.source AND e.external_id = asked.external_id
"""


def known(program_id: int, keys: Collection[Key]) -> dict[Key, Known]:
    """The events of these keys that are in the inbox, in one query."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [[key[0] for key in keys], [key[1] for key in keys], program_id])
        return {
            (source, external_id): Known(event_id, bytes(content_hash), status)
            for source, external_id, event_id, content_hash, status in cursor.fetchall()
        }
