"""Bodies and answers of the endpoints that take in events and say what they earn."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from loyalty.base.schemas import Body, MemberRef, Money, Reference, Shown
from loyalty.events.intake import MAX_BATCH
from loyalty.ledger.schemas import BalanceShown, TierShown

_REF = "Our id, or ext:…, email:…, phone:…, card:…. Not known yet: the event waits for that person."
EVENT: dict[str, Any] = {
    "type": "object",
    "title": "Event",
    "required": ["id", "type", "occurred_at"],
    "additionalProperties": False,
    "properties": {
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "Unique for its source, for ever.",
        },
        "source": {"type": "string", "maxLength": 100, "description": "Left out: the channel's code."},
        "type": {
            "type": "string",
            "maxLength": 60,
            "description": "order.completed, order.amended, order.returned, order.cancelled, member.registered, "
            "member.updated, referral.converted, review.submitted, visit.checked_in, or a type of your own.",
        },
        "occurred_at": {"type": "string", "format": "date-time"},
        "member": {"type": "string", "maxLength": 300, "description": _REF},
        "data": {"type": "object"},
    },
}
BATCH: dict[str, Any] = {
    "type": "object",
    "title": "Batch",
    "required": ["events"],
    "additionalProperties": False,
    "properties": {"events": {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": EVENT}},
}
PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait`: process the event in this request and answer 200 with points, tier and trace.",
    "schema": {"type": "string", "enum": ["wait"]},
}


class ReceiptShown(Shown):
    event: UUID = Field(description="Our id of the event: ask GET /events/{event} what became of it.")
    id: str
    status: str = Field(description="received, waiting (for its order), guest (for its member), processed, …")
    duplicate: bool = Field(description="The same event was received before; this is its first answer.")


class FaultShown(Shown):
    path: str
    code: str
    message: str


class RefusalShown(Shown):
    status: int
    code: str
    detail: str
    errors: list[FaultShown]


class ResultShown(Shown):
    event: UUID | None
    id: str
    status: str
    duplicate: bool
    problem: RefusalShown | None


class BatchShown(Shown):
    received: int
    duplicates: int
    refused: int
    results: list[ResultShown] = Field(
        description="One for each event, in the order in which they were sent."
    )


class ReasonShown(Shown):
    code: str
    message: str


class EventShown(Shown):
    event: UUID
    id: str
    source: str
    type: str
    status: str
    duplicate: bool
    occurred_at: datetime
    received_at: datetime
    processed_at: datetime | None
    member: UUID | None
    order: str
    points: dict[str, int] = Field(description="Net points by point type, in smallest units.")
    trace: dict[str, Any] | None = Field(
        description="Why: every campaign that was considered, in sentences too."
    )
    error: ReasonShown | None = Field(
        description="Why it was rejected, failed, or could not be processed so far; else null."
    )
    tier: TierShown | None
    balances: list[BalanceShown]


class AccrueBody(Body):
    member: MemberRef
    id: Reference | None = Field(
        None, min_length=1, description="Unique id of this sale. Left out: its order number."
    )
    order: dict[str, Any] | None = Field(None, description="The order, as in the data of order.completed.")
    amount: Money = Field(None, description="Instead of an order: what was paid.")
    order_id: Reference | None = Field(None, min_length=1, description="With `amount`: the receipt's number.")
    occurred_at: str | None = Field(None, description="RFC 3339. Left out: now.")


class QuoteBody(Body):
    member: MemberRef | None = Field(None, description="Left out: what anybody would earn.")
    order: dict[str, Any] | None = Field(None, description="The basket, as in the data of order.completed.")
    amount: Money = Field(None, description="Instead of a basket: what would be paid.")
    at: str | None = Field(None, description="RFC 3339. Left out: now.")


class PayableShown(Shown):
    point_type: str
    points: int = Field(description="The most points that could be used for this basket.")
    money_off: str = Field(description="What they would pay.")
    minimum: int
    increment: int
    max_percent: int = Field(description="The most of an order that points may pay.")
    available: int | None = Field(description="What the member has; null without a member.")


class QuoteShown(Shown):
    points: dict[str, int] = Field(
        description="What the basket would earn, by point type, in smallest units."
    )
    trace: dict[str, Any]
    payable: list[PayableShown]
    total: str
    currency: str
