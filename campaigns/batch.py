"""Some events on their way into points: everything they need is loaded once, they are rated in memory one after the
other, and all they cause is written in bulk. Runs inside one database transaction.

Events of a batch are taken in the order in which they occurred. Of each order only one event is taken: the next one
reads what this one wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from campaigns import inbox, referrals
from campaigns.basket import Basket
from campaigns.inbox import Claimed, MemberRow
from campaigns.known import Known, without_limits
from campaigns.orders import OrderState
from campaigns.rating import rate
from campaigns.settlement import Settlement
from campaigns.subject import remember, subject_of
from campaigns.versions import Chosen
from loyalty.base.ids import uuid7
from loyalty.events.models import Event
from loyalty.events.reasons import ORDER_OF_ANOTHER, SELF_REFERRAL
from loyalty.events.types import (
    AFTER_AN_ORDER,
    ORDER_AMENDED,
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_RETURNED,
    VISIT_CHECKED_IN,
)

ACTIVITY_PLACES = Decimal("0.0001")
Status = Event.Status


class Outcome(NamedTuple):
    """What became of one event. `points` are net, by code of the point type, in smallest units."""

    event_id: UUID
    member_id: UUID | None
    status: str
    points: dict[str, int]
    detail: dict[str, Any]
    error: str = ""


class Batch:
    """Rate and settle these events. Their rows and their members' rows are locked."""

    def __init__(self, events: list[Claimed], members: Mapping[UUID, MemberRow], *, at: datetime) -> None:
        self.at = at
        ordered = sorted(events, key=lambda event: (event.occurred_at, event.id))
        self.known = Known(ordered, members, at=at)
        self.settlement = Settlement(self.known, at=at)
        self._self_referrals = referrals.of_oneself(ordered)

    def run(self) -> list[Outcome]:
        """Everything, up to the last row; the caller commits."""
        outcomes = [self._handle(event) for event in self.known.events]
        self.settlement.write()
        inbox.set_processed(((o.event_id, o.member_id, o.status, o.error) for o in outcomes), at=self.at)
        inbox.wake_waiting([order.key for order in self.settlement.new_orders], at=self.at)
        return outcomes

    def _handle(self, event: Claimed) -> Outcome:
        if event.type == ORDER_COMPLETED:
            return self._open_order(event)
        if event.type in AFTER_AN_ORDER and event.order_reference:
            return self._follow_order(event)
        if event.type == ORDER_RETURNED:
            return self._return_without_order(event)
        if event.id in self._self_referrals:
            return self._set_aside(event, "rejected", SELF_REFERRAL)
        return self._plain(event)

    def _plain(self, event: Claimed) -> Outcome:
        chosen = self.known.chosen(event)
        subject = subject_of(self.known.facts(event, None), chosen.terms)
        rating = rate(subject, chosen.terms, self.known.usage(event, chosen), self.known.rules(event, chosen))
        self.settlement.earn(event, rating)
        visits = int(event.type == VISIT_CHECKED_IN)
        self.settlement.count_day(event, visits=visits, points=rating.totals)
        return self._done(event, rating.totals, rating.detail)

    def _open_order(self, event: Claimed) -> Outcome:
        known, before = self.known, self.known.order_of(event)
        if before is not None:
            return self._set_aside(event, "duplicate", "order_known", reference=before.reference)
        basket, chosen = known.basket_of(event), known.chosen(event)
        subject, rules = subject_of(known.facts(event, basket), chosen.terms), known.rules(event, chosen)
        may_earn = subject.member_may_earn and not rules.program_paused
        remembered = remember(subject.view) | {"may_earn": may_earn, "day": known.day(event).isoformat()}
        order = self._new_order(event, basket, chosen, remembered)
        rating = rate(subject, chosen.terms, known.usage(event, chosen), rules)
        self.settlement.earn(event, rating, order)
        if told := self.settlement.paying.pay(event, order):
            rating.detail["payments"] = told
        self.settlement.count_day(
            event,
            orders=int(not order.is_emptied()),
            spend=order.spend,
            points=rating.totals,
        )
        return self._done(event, rating.totals, rating.detail)

    def _new_order(
        self, event: Claimed, basket: Basket, chosen: Chosen, remembered: dict[str, Any]
    ) -> OrderState:
        assert event.member_id is not None
        order = OrderState(
            id=uuid7(),
            program_id=event.program_id,
            reference=event.order_reference,
            member_id=event.member_id,
            event_id=event.id,
            basket_event_id=event.id,
            revision=event.payload.get("revision") or 0,
            cancelled=False,
            returned={},
            spend=_money(basket),
            version_ids=chosen.version_ids,
            context=remembered,
            occurred_at=event.occurred_at,
            basket=event.payload,
            channel_id=event.channel_id,
        )
        self.known.orders[order.key] = order
        self.settlement.new_orders.append(order)
        return order

    def _follow_order(self, event: Claimed) -> Outcome:
        """A return, a cancellation or a new basket: the order is rated anew as it stands now.

        One that names no member is its order's. Whose that is was asked for before the members were locked; an order
        that was committed since then is not in our hands, and the event waits for it as if it were unknown.
        """
        known, order = self.known, self.known.order_of(event)
        if order is None or event.member_id is None:
            return Outcome(event.id, event.member_id, Status.WAITING, {}, {})
        if event.member_id != order.member_id:
            return self._set_aside(event, "rejected", ORDER_OF_ANOTHER, reference=order.reference)
        if event.type == ORDER_AMENDED and event.payload["revision"] <= order.revision:
            return self._set_aside(event, "duplicate", "stale_revision", reference=order.reference)
        if event.type == ORDER_RETURNED and order.knows_return(event.payload.get("return_id")):
            return self._set_aside(event, "duplicate", "return_known", reference=order.reference)
        spend, was_empty = order.spend, order.is_emptied()
        notes = _notes(event, order)
        _apply(event, order)
        basket, chosen = known.kept_basket(order), known.chosen(event)
        order.spend = _money(basket)
        subject = subject_of(known.facts(event, basket), chosen.terms)
        subject.member_may_earn = bool(order.context.get("may_earn", True))
        rating = rate(subject, chosen.terms, known.usage(event, chosen), known.rules(event, chosen))
        net, told = self.settlement.settle(event, order, rating)
        if back := self.settlement.paying.give_back(event, order, known.whole_basket(order), basket):
            told["payments"] = back
        self.settlement.changed_orders.append(order)
        self.settlement.count_day(
            event,
            orders=int(was_empty) - int(order.is_emptied()),
            spend=order.spend - spend,
            points=net,
        )
        outcome = "given" if any(net.values()) else "nothing"
        return self._done(event, net, rating.detail | told | notes | {"outcome": outcome})

    def _return_without_order(self, event: Claimed) -> Outcome:
        """Nobody knows what it was bought with: rated as a basket of its own, at its own time, and reversed."""
        if event.member_id is None:
            return Outcome(event.id, None, Status.GUEST, {}, {})
        basket, chosen = self.known.basket_of(event), self.known.chosen(event)
        subject = subject_of(self.known.facts(event, basket), chosen.terms)
        subject.member_may_earn = True
        rating = rate(subject, chosen.terms, without_limits(chosen), self.known.rules(event, chosen))
        net, told = self.settlement.reverse_basket(event, rating)
        self.settlement.count_day(event, spend=-_money(basket), points=net)
        return self._done(event, net, rating.detail | told)

    def _set_aside(self, event: Claimed, outcome: str, reason: str, **extra: str) -> Outcome:
        """Understood, and without effect: the trace says why."""
        detail = {"outcome": outcome, "points": {}, "campaigns": [], "notes": [{"code": reason, **extra}]}
        self.settlement.trace(event, 0, detail)
        if outcome == "rejected":
            return Outcome(event.id, event.member_id, Status.REJECTED, {}, detail, reason)
        return Outcome(event.id, event.member_id, Status.PROCESSED, {}, detail)

    def _done(self, event: Claimed, net: Mapping[int, int], detail: dict[str, Any]) -> Outcome:
        points = self.known.points(event, net)
        detail["points"] = points
        self.settlement.trace(event, self.known.default_points(event, net), detail)
        return Outcome(event.id, event.member_id, Status.PROCESSED, points, detail)


def _apply(event: Claimed, order: OrderState) -> None:
    """What the event says of the order. A cancelled order stays so."""
    if event.type == ORDER_CANCELLED:
        order.cancelled = True
    elif event.type == ORDER_AMENDED:
        order.basket, order.basket_event_id = event.payload, event.id
        order.revision = event.payload["revision"]
    else:
        order.take_back(event.payload.get("lines") or None, event.payload.get("return_id"))


def _notes(event: Claimed, order: OrderState) -> dict[str, Any]:
    """What the trace remarks of a return that names lines which the order never had."""
    if event.type != ORDER_RETURNED:
        return {}
    unknown = order.unknown_lines(event.payload.get("lines"))
    if not unknown:
        return {}
    return {
        "notes": [{"code": "line_unknown", "line": line, "reference": order.reference} for line in unknown]
    }


def _money(basket: Basket) -> Decimal:
    """The qualifying amount as activity keeps it."""
    qualifying = basket.qualifying
    return (Decimal(qualifying.numerator) / Decimal(qualifying.denominator)).quantize(ACTIVITY_PLACES)
