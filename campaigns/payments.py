"""What orders are paid with in points: redemptions at checkout, found by the order's number or by the id that the order
names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from campaigns.inbox import Claimed
from campaigns.orders import OrderKey, OrderState
from loyalty.base.copying import as_array, as_arrays
from loyalty.events.types import ABOUT_AN_ORDER
from loyalty.ledger.checkout import CHECKOUT


class Payment(NamedTuple):
    """A redemption at checkout. `reference` is the number of the order it was made for."""

    id: UUID
    program_id: int
    member_id: UUID
    point_type_id: int
    reference: str
    points: int


_COLUMNS = "t.id, t.program_id, t.member_id, t.point_type_id, t.reference, -t.amount"
_OF_ORDERS = f"""
    SELECT {_COLUMNS} FROM ledger_transaction t
    JOIN unnest(%s::bigint[], %s::text[]) AS k(program_id, reference) USING (program_id, reference)
    WHERE t.reference <> '' AND t.kind = 'redeem' AND t.reason_code = %s ORDER BY t.id
"""
_THESE = f"""
    SELECT {_COLUMNS} FROM ledger_transaction t
    WHERE t.id = ANY(%s::uuid[]) AND t.kind = 'redeem' AND t.reason_code = %s ORDER BY t.id
"""


class Payments:
    """The payments of the orders that some events are about."""

    def __init__(self, found: Iterable[Payment]) -> None:
        self._by_id = {one.id: one for one in found}
        self._by_order: dict[tuple[OrderKey, UUID], list[Payment]] = {}
        for one in self._by_id.values():
            key = (one.program_id, one.reference), one.member_id
            self._by_order.setdefault(key, []).append(one)

    @classmethod
    def load(cls, events: Collection[Claimed], orders: Iterable[OrderState]) -> Payments:
        about = [event for event in events if event.type in ABOUT_AN_ORDER and event.order_reference]
        keys = {(event.program_id, event.order_reference) for event in about}
        ids = {one for event in about if (one := named_by(event))}
        ids |= {payment for order in orders for payment in linked_to(order)}
        return cls([*_of_orders(keys), *_these(ids)])

    def of(self, event: Claimed, order: OrderState | None = None) -> list[Payment]:
        """What the event's member paid its order with, the latest last."""
        if not self._by_id or event.member_id is None:
            return []
        found = {
            one.id: one
            for one in self._by_order.get(((event.program_id, event.order_reference), event.member_id), ())
        }
        ids = [*linked_to(order), named_by(event)] if order else [named_by(event)]
        for payment_id in ids:
            named = self._by_id.get(payment_id) if payment_id else None
            if named and (named.program_id, named.member_id) == (event.program_id, event.member_id):
                found[named.id] = named
        return sorted(found.values(), key=lambda one: one.id)


def named_by(event: Claimed) -> UUID | None:
    """The redemption that an order names."""
    named = event.payload.get("redemption")
    return UUID(named) if named else None


def linked_to(order: OrderState) -> list[UUID]:
    """The redemptions that were found to pay an order when it came."""
    return [UUID(one) for one in order.context.get("payments", ())]


def _of_orders(keys: Collection[OrderKey]) -> list[Payment]:
    if not keys:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OF_ORDERS, [*as_arrays(keys), CHECKOUT])
        return [Payment(*row) for row in cursor.fetchall()]


def _these(ids: Collection[UUID]) -> list[Payment]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_THESE, [as_array(ids), CHECKOUT])
        return [Payment(*row) for row in cursor.fetchall()]
