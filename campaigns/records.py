"""What rating leaves behind: awards and traces, written in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.base.copying import copy_rows
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
    copy_rows("campaigns_award", AwardRow._fields, rows)


def write_traces(rows: Iterable[TraceRow]) -> None:
    """A retried event has one trace: the one of the attempt that was committed."""
    written = ((row.event_id, row.points, dumps(row.detail), row.decided_at) for row in rows)
    copy_rows("campaigns_trace", TraceRow._fields, written)
