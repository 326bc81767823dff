"""Orders as they stand: what was bought, what came back, and what it has earned so far.

Rows are read once per batch, changed in memory and written back in bulk by `save`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from campaigns.basket import returning
from loyalty.base.copying import as_array, as_arrays, copy_rows
from loyalty.base.strict_json import dumps, loads_trusted

OrderKey = tuple[int, str]
ZERO: Final = Decimal(0)
_COLUMNS: Final = (
    "id", "program_id", "reference", "member_id", "event_id", "basket_event_id", "revision", "cancelled", "returned",
    "spend", "version_ids", "context", "occurred_at",
)  # fmt: skip


@dataclass(slots=True)
class OrderState:
    """One order. `awarded` is what each campaign has given net, by (campaign id, point type id), in smallest units;
    `earnings` are the transactions that gave it, per point type, latest first."""

    id: UUID
    program_id: int
    reference: str
    member_id: UUID
    event_id: UUID
    basket_event_id: UUID
    revision: int
    cancelled: bool
    returned: dict[str, dict[str, str]]
    spend: Decimal
    version_ids: list[int]
    context: dict[str, Any]
    occurred_at: datetime
    basket: dict[str, Any]
    channel_id: int | None = None
    awarded: dict[tuple[int, int], int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    earnings: dict[int, list[UUID]] = field(default_factory=dict)

    @property
    def key(self) -> OrderKey:
        return self.program_id, self.reference

    def earned(self, point_type_id: int) -> int:
        return sum(points for (_, type_id), points in self.awarded.items() if type_id == point_type_id)

    def is_emptied(self) -> bool:
        return self.cancelled or self.spend == ZERO

    def knows_return(self, return_id: str | None) -> bool:
        """Whether this very return was taken off before, under whatever event."""
        return return_id is not None and return_id in self.context.get("returns", ())

    def take_back(self, lines: list[dict[str, Any]] | None, return_id: str | None = None) -> None:
        """Add returned lines; None means everything that is left. The basket cuts what exceeds it."""
        if return_id is not None:
            self.context = self.context | {"returns": [*self.context.get("returns", ()), return_id]}
        if lines is None:
            self.cancelled = True
        else:
            self.returned = returning(self.returned, lines)

    def unknown_lines(self, lines: list[dict[str, Any]] | None) -> list[str]:
        """What a return names that the order never had."""
        ids = {str(line.get("id") or number) for number, line in enumerate(self.basket["lines"], 1)}
        skus = {line["sku"] for line in self.basket["lines"]}
        named = [(str(line.get("id") or ""), line.get("sku", "")) for line in lines or ()]
        return [own or sku for own, sku in named if (own not in ids if own else sku not in skus)]


def load(keys: Collection[OrderKey]) -> dict[OrderKey, OrderState]:
    """The orders with these (program id, reference), with their baskets and what they have earned."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.program_id, o.reference, o.member_id, o.event_id, o.basket_event_id, o.revision,
                      o.cancelled, o.returned::text, o.spend, o.version_ids, o.context::text, o.occurred_at,
                      b.payload::text, b.channel_id
               FROM campaigns_order o
               JOIN unnest(%s::bigint[], %s::text[]) AS k(program_id, reference) USING (program_id, reference)
               JOIN events_event b ON b.id = o.basket_event_id""",
            as_arrays(keys),
        )
        orders = [_state(row) for row in cursor.fetchall()]
    _load_awards({order.id: order for order in orders})
    return {order.key: order for order in orders}


def _state(row: tuple[Any, ...]) -> OrderState:
    returned, remembered, basket = (loads_trusted(row[index]) for index in (8, 11, 13))
    return OrderState(*(*row[:8], returned, row[9], row[10], remembered, row[12], basket, row[14]))


def _load_awards(orders: dict[UUID, OrderState]) -> None:
    if not orders:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT order_id, campaign_id, point_type_id, max(version_id), sum(points)::bigint FROM campaigns_award
               WHERE order_id = ANY(%s::uuid[]) GROUP BY 1, 2, 3""",
            [as_array(orders)],
        )
        for order_id, campaign_id, point_type_id, version_id, points in cursor.fetchall():
            orders[order_id].awarded[campaign_id, point_type_id] = points
            orders[order_id].versions[campaign_id] = version_id
        cursor.execute(
            """SELECT DISTINCT a.order_id, t.point_type_id, t.id FROM campaigns_award a
               JOIN ledger_transaction t ON t.id = a.transaction_id
               WHERE a.order_id = ANY(%s::uuid[]) AND t.kind IN ('earn', 'correct') ORDER BY t.id DESC""",
            [as_array(orders)],
        )
        for order_id, point_type_id, transaction_id in cursor.fetchall():
            orders[order_id].earnings.setdefault(point_type_id, []).append(transaction_id)


def insert(orders: Iterable[OrderState]) -> None:
    copy_rows("campaigns_order", _COLUMNS, map(_row, orders))


def _row(o: OrderState) -> Sequence[object]:
    return (
        o.id, o.program_id, o.reference, o.member_id, o.event_id, o.basket_event_id, o.revision, o.cancelled,
        dumps(o.returned), o.spend, o.version_ids, dumps(o.context), o.occurred_at,
    )  # fmt: skip


def update(orders: Iterable[OrderState]) -> None:
    rows = list(orders)
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_order o SET basket_event_id = d.basket_event_id, revision = d.revision,
                      cancelled = d.cancelled, returned = d.returned::jsonb, spend = d.spend,
                      context = d.context::jsonb
               FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::bool[], %s::text[], %s::numeric[], %s::text[])
                    AS d(id, basket_event_id, revision, cancelled, returned, spend, context)
               WHERE o.id = d.id""",
            as_arrays(
                (
                    o.id,
                    o.basket_event_id,
                    o.revision,
                    o.cancelled,
                    dumps(o.returned),
                    o.spend,
                    dumps(o.context),
                )
                for o in rows
            ),
        )
