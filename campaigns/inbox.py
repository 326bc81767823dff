"""The worker's side of the inbox: claim events, put them back, set them aside. Rows are the queue; nothing else is.

An event is claimed by locking its row and its member's row, in that order, both with SKIP LOCKED: a member who is
busy elsewhere holds up nobody but themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from loyalty.base.copying import as_array, as_arrays
from loyalty.base.prepared import prepared
from loyalty.base.strict_json import loads_trusted

MAX_ATTEMPTS = 5
ORDER_FOLLOW_UPS = frozenset({"order.returned", "order.cancelled", "order.amended"})

_COLUMNS = """e.id, e.program_id, e.channel_id, e.external_id, e.type, e.member_id, e.order_reference, e.occurred_at,
    e.received_at, e.payload::text, e.attempts"""

_CLAIM = f"""
    SELECT {_COLUMNS} FROM events_event e
    WHERE e.status = 'received' AND e.next_attempt_at <= %s
    ORDER BY e.next_attempt_at, e.id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED"""

_CLAIM_THESE = f"""
    SELECT {_COLUMNS} FROM events_event e
    WHERE e.id = ANY(%s::uuid[]) AND e.status = 'received' ORDER BY e.id FOR NO KEY UPDATE"""


@dataclass(slots=True)
class Claimed:
    """An event in hand: its row is locked until the transaction ends."""

    id: UUID
    program_id: int
    channel_id: int | None
    external_id: str
    type: str
    member_id: UUID | None
    order_reference: str
    occurred_at: datetime
    received_at: datetime
    payload: dict[str, Any]
    attempts: int


@dataclass(slots=True)
class MemberRow:
    """What rating reads of a member. The row is locked, so that whatever moves its points waits."""

    id: UUID
    program_id: int
    state: str
    suspended_may_earn: bool
    birthday: Any
    attributes: dict[str, Any]
    enrolled_at: datetime
    tier_code: str

    @property
    def may_earn(self) -> bool:
        return self.state in ("pending", "active") or (self.state == "suspended" and self.suspended_may_earn)


def claim(limit: int, *, at: datetime) -> list[Claimed]:
    """Up to `limit` due events that nobody else holds, oldest attempt first."""
    return _read(_CLAIM, [at, limit])


def claim_these(event_ids: Collection[UUID]) -> list[Claimed]:
    """These events, as far as they are still to be processed; waits for whoever holds them."""
    return _read(_CLAIM_THESE, [as_array(event_ids)])


def _read(sql: str, params: Sequence[Any]) -> list[Claimed]:
    with prepared() as cursor:
        rows = cursor.execute(sql, params, binary=True).fetchall()
    return [Claimed(*(*row[:9], loads_trusted(row[9]), row[10])) for row in rows]


def lock_members(member_ids: Collection[UUID], *, wait: bool) -> dict[UUID, MemberRow]:
    """Lock these members in id order and read them; without `wait`, those that are busy are left out."""
    if not member_ids:
        return {}
    with prepared() as cursor:
        cursor.execute(
            f"""SELECT id, program_id, state, suspended_may_earn, birthday, attributes::text, enrolled_at, tier_code
                FROM members_member WHERE id = ANY(%s::uuid[]) ORDER BY id
                FOR NO KEY UPDATE {"" if wait else "SKIP LOCKED"}""",
            [as_array(member_ids)],
            binary=True,
        )
        return {row[0]: MemberRow(*(*row[:5], loads_trusted(row[5]), *row[6:])) for row in cursor.fetchall()}


def members_of_orders(keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], UUID]:
    """Whose orders these (program id, reference) are; unknown ones are left out."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.program_id, o.reference, o.member_id FROM campaigns_order o
               JOIN unnest(%s::bigint[], %s::text[]) AS k(program_id, reference) USING (program_id, reference)""",
            as_arrays(keys),
        )
        return {(program_id, reference): member_id for program_id, reference, member_id in cursor.fetchall()}


def put_back(event_ids: Collection[UUID], *, until: datetime) -> None:
    """Leave these for later: their member or order is in somebody else's hands."""
    _update("next_attempt_at = %s", [until], event_ids)


def set_processed(events: Iterable[tuple[UUID, UUID | None, str, str]], *, at: datetime) -> None:
    """Close (event id, member id, status, error) rows. `status` is processed, rejected or waiting."""
    rows = list(events)
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE events_event e SET status = d.status, member_id = d.member_id, error = d.error,
                      processed_at = CASE WHEN d.status = 'waiting' THEN NULL ELSE %s::timestamptz END
               FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) AS d(id, member_id, status, error)
               WHERE e.id = d.id""",
            [at, *as_arrays(rows)],
        )


def wake_waiting(keys: Collection[tuple[int, str]], *, at: datetime) -> None:
    """The orders (program id, reference) are known now: what waited for them is due."""
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE events_event e SET status = 'received', next_attempt_at = %s
               FROM unnest(%s::bigint[], %s::text[]) AS k(program_id, reference)
               WHERE e.program_id = k.program_id AND e.order_reference = k.reference AND e.status = 'waiting'""",
            [at, *as_arrays(keys)],
        )


def wake_overlooked(*, at: datetime) -> int:
    """Waiting events whose order has come meanwhile: both were in hand at once, and neither saw the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE events_event e SET status = 'received', next_attempt_at = %s
               FROM campaigns_order o
               WHERE e.status = 'waiting' AND o.program_id = e.program_id AND o.reference = e.order_reference""",
            [at],
        )
        return int(cursor.rowcount)


def record_failure(event_id: UUID, *, error: str, at: datetime) -> None:
    """One more failed attempt: tried again after 10 s, 40 s, 90 s, …; parked as failed after the fifth."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE events_event SET attempts = attempts + 1, error = %s,
                      status = CASE WHEN attempts + 1 >= %s THEN 'failed' ELSE status END,
                      next_attempt_at = %s::timestamptz + make_interval(secs => 10 * (attempts + 1) * (attempts + 1))
               WHERE id = %s AND status = 'received'""",
            [error[:500], MAX_ATTEMPTS, at, event_id],
        )


def retry_later(at: datetime) -> datetime:
    return at + timedelta(seconds=0.25)


def _update(assignment: str, params: Sequence[Any], event_ids: Collection[UUID]) -> None:
    if event_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE events_event SET {assignment} WHERE id = ANY(%s::uuid[])",
                [*params, as_array(event_ids)],
            )
