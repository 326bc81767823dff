"""Paying orders with points: what was reserved is redeemed when the order comes, and comes back as the goods do.

Pure arithmetic over locked books; `settlement` opens them for every payment of the events in hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from campaigns.basket import Basket
from campaigns.inbox import Claimed
from campaigns.known import Known
from campaigns.orders import OrderState
from campaigns.payments import Payment, named_by
from loyalty.ledger.books import Books, Original
from loyalty.ledger.checkout import CHECKOUT

Told = list[dict[str, Any]]


class Paying:
    """The points that the orders of a batch are paid with."""

    def __init__(self, books: Books, known: Known, *, at: datetime) -> None:
        self._books = books
        self._known = known
        self._at = at

    def pay(self, event: Claimed, order: OrderState) -> Told:
        """Redeem what was reserved for a new order, and keep with the order what it was paid with. What of it there is
        to tell, for the trace.

        A reservation that lapsed before its order came is the member's again. If the order says that it was paid with
        points, they are taken anew as far as they are there; the rest is told, and nobody owes it. What pays this order
        pays no other one, and an order that comes to nothing is paid with nothing.
        """
        found = self._known.payments.of(event)
        named = next((one for one in found if one.id == named_by(event)), None)
        misnamed = self._misnamed(event, named)
        payments = [one for one in found if not self._is_of_another(one, order)]
        paid = [one for one in payments if self._is_paid(one)]
        reserved = [one for one in payments if self._is_reserved(one)]
        others = [
            one for one in found if one not in payments and (self._is_paid(one) or self._has_lapsed(one))
        ]
        told = [
            self._tell(one, "of_another_order" if one in others else "paid")
            for one in found
            if one in paid + others
        ]
        if not self._known.basket_of(event).total:  # there is nothing to pay
            told += [self._let_go(event, one) for one in reserved]
            reserved = []
        if named is not None and named in reserved:
            told += [self._let_go(event, one) for one in reserved if one is not named]
            reserved = [named]
        told += [self._capture(event, one) for one in reserved]
        for one in paid + reserved:
            self._known.payments.keep(one.id, order)
        is_paid = bool(paid or reserved) or self._take_again(event, order, payments, named, told)
        told += misnamed
        if is_paid:
            order.context = order.context | {"points_paid": event.payload.get("points_paid")}
        return told

    def give_back(self, event: Claimed, order: OrderState, whole: Basket, kept: Basket) -> Told:
        """Give back, into their very lots, the points that paid for what an order does not hold any more.

        Counted from the whole payment each time, so that any returns in any order come to the same; what was given
        back before, also by hand, is taken into account.
        """
        found = self._known.payments.of(event, order)
        payments = [one for one in found if not self._is_of_another(one, order)]
        if not payments:
            return []
        gone = 1 - kept_share(order, whole, kept)
        back = [self._return(event, order, one, int(gone * one.points)) for one in payments]
        let_go = [self._let_go(event, one) for one in payments if gone == 1 and self._is_reserved(one)]
        return [one for one in back if one] + let_go

    def _original(self, payment: Payment) -> Original:
        return self._books.original(payment.id)

    def _is_paid(self, payment: Payment) -> bool:
        original = self._original(payment)
        final = original.hold is None or original.hold.state == "captured"
        return final and original.refundable > 0

    def _is_of_another(self, payment: Payment, order: OrderState) -> bool:
        """What is redeemed pays for one order: the first that came with its number or named it."""
        if (paid := self._known.payments.order_of(payment)) is not None:
            return paid != order.id
        hold = self._original(payment).hold
        return payment.reference != order.reference and hold is not None and hold.state == "captured"

    def _misnamed(self, event: Claimed, named: Payment | None) -> Told:
        """What the order names, and what is no payment of its member, or not any more."""
        if named is not None and not self._original(named).refundable and not self._has_lapsed(named):
            return [self._tell(named, "withdrawn")]
        wanted = event.payload.get("redemption")
        return [{"outcome": "unknown", "transaction": wanted}] if wanted and named is None else []

    def _is_reserved(self, payment: Payment) -> bool:
        hold = self._original(payment).hold
        return hold is not None and hold.is_open and not hold.lapsed(self._at)

    def _has_lapsed(self, payment: Payment) -> bool:
        """By itself, not because somebody let it go."""
        hold = self._original(payment).hold
        return (
            hold is not None
            and hold.state != "captured"
            and (hold.is_open or hold.closed_at == hold.lapses_at)
        )

    def _capture(self, event: Claimed, payment: Payment) -> dict[str, Any]:
        self._books.capture(payment.id, at=self._at, event_id=event.id, reference=event.order_reference)
        return self._tell(payment, "captured")

    def _let_go(self, event: Claimed, payment: Payment) -> dict[str, Any]:
        """Reserved for an order that was paid otherwise, or that is no more."""
        actor = self._known.programs[event.program_id].actor(event.channel_id)
        self._books.release(
            payment.id, at=self._at, actor=actor, event_id=event.id, reason_code=event.type,
            reference=event.order_reference,
        )  # fmt: skip
        return self._tell(payment, "released")

    def _take_again(
        self,
        event: Claimed,
        order: OrderState,
        payments: Sequence[Payment],
        named: Payment | None,
        told: Told,
    ) -> bool:
        """Redeem anew what a reservation had held that lapsed, the last of several; whether anything was there."""
        says_so = Decimal(event.payload.get("points_paid") or 0) > 0
        lapsed = [one for one in payments if self._has_lapsed(one) and (says_so or one is named)]
        if not lapsed:
            return False
        for one in lapsed:
            self._known.payments.keep(one.id, order)
        payment = named if named in lapsed else lapsed[-1]
        assert event.member_id is not None
        assert payment is not None
        point_type = self._known.point_type(event, payment.point_type_id)
        available = self._books.available(event.member_id, point_type, at=self._at)
        points = max(0, min(payment.points, available))
        told.append(self._tell(payment, "taken_again", points) | {"missing": payment.points - points})
        if not points:
            return False
        posted = self._books.redeem(
            event.member_id, point_type, points,
            at=self._at, actor=self._known.programs[event.program_id].actor(event.channel_id), event_id=event.id,
            reference=event.order_reference, reason_code=CHECKOUT,
        )  # fmt: skip
        self._known.payments.keep(posted.id, order)
        return True

    def _return(
        self, event: Claimed, order: OrderState, payment: Payment, points: int
    ) -> dict[str, Any] | None:
        """Bring what came back of a payment to `points`; what is there already stays."""
        original = self._original(payment)
        due = points - original.undone
        if not self._is_paid(payment) or due <= 0:
            return None
        self._known.payments.keep(payment.id, order)
        self._books.refund(
            original, due,
            at=self._at, actor=self._known.programs[event.program_id].actor(event.channel_id), event_id=event.id,
            reference=event.order_reference, reason_code=event.type,
        )  # fmt: skip
        return self._tell(payment, "given_back", due)

    def _tell(self, payment: Payment, outcome: str, points: int | None = None) -> dict[str, Any]:
        point_type = self._known.programs[payment.program_id].point_types[payment.point_type_id]
        return {
            "outcome": outcome,
            "transaction": str(payment.id),
            "point_type": point_type.code,
            "points": payment.points if points is None else points,
        }


def kept_share(order: OrderState, whole: Basket, kept: Basket) -> Fraction:
    """How much of what was paid with points the kept basket still holds, exactly, from 0 to 1.

    By the `points_paid` of the order when it came, if it said so; an amended order says it anew. Else by the amounts
    of the lines.
    """
    if kept.is_empty:
        return Fraction(0)
    paid: Fraction = Fraction(order.context.get("points_paid") or 0) * 10**kept.decimals
    if paid:
        return min(Fraction(kept.points_paid) / paid, Fraction(1))
    whole_amount = Fraction(whole.amount)
    return Fraction(kept.amount) / whole_amount if whole_amount else Fraction(1)
