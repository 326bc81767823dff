"""Facts: what happened here and is to be announced, written in the transaction of the change itself.

Ids are given out in the order of writing, but transactions may commit in another order: a reader that follows the
outbox must not skip an id for ever because it saw a higher one first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from loyalty.base.copying import Shared, copy_rows
from loyalty.base.strict_json import dumps

COLUMNS = ("program_id", "member_id", "type", "data", "occurred_at", "recorded_at")


class FactRow(NamedTuple):
    """One fact to record. `data` holds plain JSON values and references, never personal data."""

    program_id: int
    member_id: UUID | None
    type: str
    data: Mapping[str, object]
    occurred_at: datetime
    recorded_at: datetime


def record(
    program_id: int,
    member_id: UUID | None,
    kind: str,
    data: Mapping[str, object],
    *,
    occurred_at: datetime,
    recorded_at: datetime,
) -> None:
    """Record one fact, within the caller's transaction."""
    record_many([FactRow(program_id, member_id, kind, data, occurred_at, recorded_at)])


def record_many(rows: Iterable[FactRow]) -> None:
    """Record facts in this order with one COPY, within the caller's transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError("a fact is recorded in the transaction of its change")
    text = Shared(dumps)
    copy_rows("outbox_fact", COLUMNS, ((*row[:3], text(row.data), *row[4:]) for row in rows))


def complete(member_id: UUID, kind: str, more: Mapping[str, object]) -> None:
    """Add to the newest fact of this kind about a member what was known only after it was recorded, within the same
    transaction, which holds the member: nobody has read it yet."""
    if not connection.in_atomic_block:
        raise RuntimeError("a fact is complete when its transaction ends")
    with connection.cursor() as cursor:
        cursor.execute(_COMPLETE, [dumps(more), member_id, kind])


_COMPLETE: Final = """
    UPDATE outbox_fact SET data = data || %s::jsonb
    WHERE id = (SELECT id FROM outbox_fact WHERE member_id = %s AND type = %s ORDER BY -id LIMIT 1)
"""
