"""What orders are paid with in points: redemptions at checkout, found by the order's number or by the id that the order
names. Each pays one order, whose it stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from campaigns.inbox import Claimed
from campaigns.orders import OrderKey, OrderState
from loyalty.base.copying import as_array, as_arrays, copy_rows
from loyalty.events.types import ABOUT_AN_ORDER
from loyalty.ledger.checkout import CHECKOUT


class Payment(NamedTuple):
    """A redemption at checkout. `reference` is the number of the order it was made for, `order_id` the order that it
    pays, once that has come."""

    id: UUID
    program_id: int
    member_id: UUID
    point_type_id: int
    reference: str
    points: int
    order_id: UUID | None


_SELECT = """
    SELECT t.id, t.program_id, t.member_id, t.point_type_id, t.reference, -t.amount, p.order_id
    FROM ledger_transaction t LEFT JOIN campaigns_orderpayment p ON p.transaction_id = t.id
"""
_OF_ORDERS = f"""
    {_SELECT} JOIN unnest(%s::bigint[], %s::text[]) AS k(program_id, reference) USING (program_id, reference)
    WHERE t.reference <> '' AND t.kind = 'redeem' AND t.reason_code = %s ORDER BY t.id
"""
_THESE = f"""
    {_SELECT} WHERE t.id = ANY(%s::uuid[]) AND t.kind = 'redeem' AND t.reason_code = %s ORDER BY t.id
"""
_LINKED = "SELECT transaction_id FROM campaigns_orderpayment WHERE order_id = ANY(%s::uuid[])"


class Payments:
    """The payments of the orders that some events are about."""

    def __init__(self, found: Iterable[Payment]) -> None:
        self._by_id = {one.id: one for one in found}
        self._orders = {one.id: one.order_id for one in self._by_id.values() if one.order_id}
        self._new: dict[UUID, UUID] = {}
        self._by_order: dict[tuple[OrderKey, UUID], list[Payment]] = {}
        for one in self._by_id.values():
            key = (one.program_id, one.reference), one.member_id
            self._by_order.setdefault(key, []).append(one)

    @classmethod
    def load(cls, events: Collection[Claimed], orders: Iterable[OrderState]) -> Payments:
        about = [event for event in events if event.type in ABOUT_AN_ORDER and event.order_reference]
        keys = {(event.program_id, event.order_reference) for event in about}
        ids = {one for event in about if (one := named_by(event))}
        ids |= _linked_to({order.id for order in orders})
        return cls([*_of_orders(keys), *_these(ids)])

    def of(self, event: Claimed, order: OrderState | None = None) -> list[Payment]:
        """What the event's member may have paid its order with, the latest last: also what turns out to have paid for
        another one."""
        if not self._by_id or event.member_id is None:
            return []
        found = {
            one.id: one
            for one in self._by_order.get(((event.program_id, event.order_reference), event.member_id), ())
        }
        ids = [one for one, order_id in self._orders.items() if order and order_id == order.id]
        for payment_id in [*ids, named_by(event)]:
            named = self._by_id.get(payment_id) if payment_id else None
            if named and (named.program_id, named.member_id) == (event.program_id, event.member_id):
                found[named.id] = named
        return sorted(found.values(), key=lambda one: one.id)

    def order_of(self, payment: Payment) -> UUID | None:
        """The order that it pays, as far as is known by now."""
        return self._orders.get(payment.id)

    def keep(self, transaction_id: UUID, order: OrderState) -> None:
        """From now on it pays this order and no other one."""
        if transaction_id not in self._orders:
            self._orders[transaction_id] = self._new[transaction_id] = order.id

    def write(self) -> None:
        copy_rows("campaigns_orderpayment", ("transaction_id", "order_id"), self._new.items())


def named_by(event: Claimed) -> UUID | None:
    """The redemption that an order names."""
    named = event.payload.get("redemption")
    return UUID(named) if named else None


def _linked_to(order_ids: Collection[UUID]) -> set[UUID]:
    if not order_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_LINKED, [as_array(order_ids)])
        return {row[0] for row in cursor.fetchall()}


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
