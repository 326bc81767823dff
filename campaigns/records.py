"""What rating leaves behind: awards and traces, written in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from loyalty.base.strict_json import dumps


class AwardRow(NamedTuple):
    """What one event got from one campaign; points in smallest units, negative when a return takes them back."""

    program_id: int
    member_id: UUID
    event_id: UUID
    order_id: UUID | None
    campaign_id: int
    version_id: int
    point_type_id: int
    transaction_id: UUID | None
    points: int
    occurred_at: datetime


class TraceRow(NamedTuple):
    """Why an event earned what it earned; `points` are net points of the default type."""

    event_id: UUID
    points: int
    detail: dict[str, Any]
    decided_at: datetime


def write_awards(rows: Iterable[AwardRow]) -> None:
    rows = list(rows)
    if not rows:
        return
    columns = ", ".join(AwardRow._fields)
    with connection.cursor() as cursor, cursor.copy(f"COPY campaigns_award ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def write_traces(rows: Iterable[TraceRow]) -> None:
    """A retried event has one trace: the one of the attempt that was committed."""
    rows = list(rows)
    if not rows:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY campaigns_trace (event_id, points, detail, decided_at) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row((row.event_id, row.points, dumps(row.detail), row.decided_at))
