"""From ratings to rows: points booked, awards recorded, limits and activity counted; written together at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from campaigns import orders, records
from campaigns.definitions import Terms
from campaigns.inbox import Claimed
from campaigns.known import Known
from campaigns.orders import OrderState
from campaigns.paying import Paying
from campaigns.rating import Rating
from campaigns.records import AwardRow, TraceRow
from campaigns.subject import tier_of
from loyalty.base.clock import write_instant
from loyalty.events import activity
from loyalty.events.activity import ActivityRow, Day
from loyalty.events.types import AFTER_AN_ORDER
from loyalty.ledger.acts import DEFAULT, Default
from loyalty.ledger.books import Books, Original, Posted, Reversal
from loyalty.ledger.terms import available_at
from loyalty.programs.models import PointType
from tiers import benefits
from tiers.lines import Cause
from tiers.standings import done

NO_MONEY = Decimal(0)


@dataclass(slots=True)
class TakenBack:
    """What became of points of one type that were asked back. `taken_before`: by hand, before."""

    taken: int = 0
    forgiven: int = 0
    already_expired: int = 0
    debt: int = 0
    taken_before: int = 0

    def told(self) -> dict[str, int]:
        return {name: points for name, points in asdict(self).items() if points or name != "taken_before"}


class Settlement:
    """The books of a batch, opened for every wallet that its events may touch."""

    def __init__(self, known: Known, *, at: datetime) -> None:
        self.known = known
        self.at = at
        self.new_orders: list[OrderState] = []
        self.changed_orders: list[OrderState] = []
        self._awards: list[AwardRow] = []
        self._traces: list[TraceRow] = []
        self._activity: list[ActivityRow] = []
        self._books = self._open_books()
        self.paying = Paying(self._books, known, at=at)

    def earn(self, event: Claimed, rating: Rating, order: OrderState | None = None) -> None:
        """Give what was rated: one transaction per point type, one award per campaign."""
        transactions = {}
        for type_id, points in rating.totals.items():
            posted = self._post(event, type_id, points, event.occurred_at)
            transactions[type_id] = posted.id
            _say_dates(rating.detail, posted, event.occurred_at)
        for award in rating.awards:
            self._award(event, award.terms, award.points, transactions[award.terms.point_type_id], order)
            self._count(event, award.terms, award.points, before=0)

    def settle(
        self, event: Claimed, order: OrderState, rating: Rating
    ) -> tuple[dict[int, int], dict[str, Any]]:
        """Bring what an order has earned to what it earns now. The change per point type id, and what the trace tells
        of it."""
        target = {
            (award.terms.campaign_id, award.terms.point_type_id): award.points for award in rating.awards
        }
        keys = sorted(order.awarded.keys() | target.keys())
        changes = {key: target.get(key, 0) - order.awarded.get(key, 0) for key in keys}
        before = {type_id: order.earned(type_id) for _, type_id in keys}
        net = {type_id: sum(c for key, c in changes.items() if key[1] == type_id) for type_id in before}
        taken, transactions = self.take_back(event, net, order)
        for type_id, change in net.items():
            if change > 0:
                transactions[type_id] = self._post(
                    event, type_id, change, order.occurred_at, kind="correct"
                ).id
        terms = {one.campaign_id: one for one in self.known.chosen(event).terms}
        for (campaign_id, type_id), change in changes.items():
            if change:
                self._award(event, terms[campaign_id], change, transactions.get(type_id), order)
                self._count(
                    event, terms[campaign_id], change, before=order.awarded.get((campaign_id, type_id), 0)
                )
        return net, {"order": self._order_detail(event, order, before, net), "ledger": taken}

    def reverse_basket(self, event: Claimed, rating: Rating) -> tuple[dict[int, int], dict[str, Any]]:
        """Take back what a basket would have earned, of which nobody knows the order."""
        net = {type_id: -points for type_id, points in rating.totals.items()}
        taken, transactions = self.take_back(event, net, None)
        for award in rating.awards:
            self._award(event, award.terms, -award.points, transactions[award.terms.point_type_id], None)
        return net, {"reversed": True, "ledger": taken}

    def take_back(
        self, event: Claimed, net: Mapping[int, int], order: OrderState | None
    ) -> tuple[dict[str, dict[str, int]], dict[int, UUID]]:
        """Reverse the negative changes: what became of the points by code of their type, and a transaction per type.

        What somebody has taken back of the order by hand is not taken twice.
        """
        told, made = {}, {}
        for type_id, change in net.items():
            if change < 0:
                earned = order.earnings.get(type_id, []) if order else []
                originals = [self._books.original(transaction_id) for transaction_id in earned]
                points = min(-change, sum(one.reversible for one in originals)) if originals else -change
                result = TakenBack(taken_before=-change - points)
                if points:
                    back = self._reverse(event, type_id, points, originals)
                    made[type_id] = back.posted[0].id
                    result = TakenBack(
                        back.taken, back.forgiven, back.already_expired, back.debt, result.taken_before
                    )
                told[self.known.point_type(event, type_id).code] = result.told()
        return told, made

    def count_day(
        self,
        event: Claimed,
        *,
        points: Mapping[int, int],
        orders: int = 0,
        spend: Decimal = NO_MONEY,
        visits: int = 0,
    ) -> None:
        """Add to the member's day: that of the order, for whatever follows one. Points net, by id of their type."""
        if event.member_id is None:
            return
        day, default = self.known.day(event), self.known.default_points(event, points)
        if orders or spend or visits or default:
            self._activity.append(
                ActivityRow(event.program_id, event.member_id, day, orders, spend, visits, default)
            )
            self.known.add_day(event, Day(day, orders, spend, visits, default))
        if event.member_id in self.known.standings.lines:
            counted = done(orders=orders, spend=spend, visits=visits, points=points)
            self.known.standings.add(
                event.member_id, day, counted, Cause(at=event.occurred_at, event_id=event.id)
            )

    def trace(self, event: Claimed, points: int, detail: dict[str, Any]) -> None:
        self._traces.append(TraceRow(event.id, points, detail, self.at))

    def write(self) -> None:
        self._books.write()
        orders.insert(self.new_orders)
        orders.update(self.changed_orders)
        self.known.payments.write()
        records.write_awards(self._awards)
        records.write_traces(self._traces)
        self.known.counters.write()
        activity.add_many(self._activity)
        self.known.standings.write()

    def _open_books(self) -> Books:
        pairs: set[tuple[UUID, PointType]] = set()
        taking: set[tuple[UUID, int]] = set()
        earned: set[UUID] = set()  # what may have to be undone
        for event in self.known.events:
            if event.member_id is None:
                continue
            types = {terms.point_type_id for terms in self.known.chosen(event).terms}
            if order := self.known.followed(event):
                types |= {type_id for _, type_id in order.awarded}
                earned |= _transactions(order)
            payments = self.known.payments.of(event, self.known.followed(event))
            paid = {one.point_type_id for one in payments}
            earned |= {one.id for one in payments}
            pairs |= {(event.member_id, self.known.point_type(event, type_id)) for type_id in types | paid}
            if event.type in AFTER_AN_ORDER:
                taking |= {(event.member_id, type_id) for type_id in types}
            taking |= {(event.member_id, type_id) for type_id in paid}
        books = Books.open(pairs, with_lots=taking)
        books.load_originals(earned)
        return books

    def _post(
        self, event: Claimed, type_id: int, points: int, occurred_at: datetime, *, kind: Any = "earn"
    ) -> Posted:
        assert event.member_id is not None
        point_type = self.known.point_type(event, type_id)
        return self._books.earn(
            event.member_id,
            point_type,
            points,
            occurred_at=occurred_at,
            recorded_at=self.at,
            actor=self.known.programs[event.program_id].actor(event.channel_id),
            event_id=event.id,
            reference=event.order_reference,
            kind=kind,
            expires_at=self._lapse(event, point_type, occurred_at),
        )

    def _lapse(self, event: Claimed, point_type: PointType, earned_at: datetime) -> datetime | Default | None:
        """When points lapse: as their type says, or for default points as the tier says in which they were earned."""
        order = self.known.followed(event)
        held = tier_of(order.context) if order else self.known.held(event)
        if held is None or held.benefits.expiry is None or not point_type.is_default:
            return DEFAULT
        zone = self.known.programs[event.program_id].zone
        starts = available_at(point_type, earned_at, zone)
        return benefits.expires_at(held.benefits.expiry, starts, zone)

    def _reverse(self, event: Claimed, type_id: int, points: int, originals: Sequence[Original]) -> Reversal:
        assert event.member_id is not None
        return self._books.reverse(
            event.member_id,
            self.known.point_type(event, type_id),
            points,
            originals=originals,
            at=event.occurred_at,
            recorded_at=self.at,
            actor=self.known.programs[event.program_id].actor(event.channel_id),
            event_id=event.id,
            reference=event.order_reference,
            reason_code=event.type,
        )

    def _award(
        self, event: Claimed, terms: Terms, points: int, transaction_id: UUID | None, order: OrderState | None
    ) -> None:
        assert event.member_id is not None
        assert terms.version_id is not None
        self._awards.append(
            AwardRow(
                event.program_id,
                event.member_id,
                event.id,
                order.id if order else None,
                terms.campaign_id,
                terms.version_id,
                terms.point_type_id,
                transaction_id,
                points,
                event.occurred_at,
            )
        )

    def _count(self, event: Claimed, terms: Terms, change: int, *, before: int) -> None:
        """Caps and budgets follow what was given; an order that gives nothing any more was no award at all."""
        if terms.budget is not None:
            self.known.counters.count_budget(terms.campaign_id, change)
        if terms.caps and event.member_id:
            times = int(before + change > 0) - int(before > 0)
            for key in terms.cap_keys(self.known.day(event)):
                self.known.counters.count_cap((terms.campaign_id, event.member_id, key), change, times)

    def _order_detail(
        self, event: Claimed, order: OrderState, before: Mapping[int, int], net: Mapping[int, int]
    ) -> dict[str, Any]:
        after = {type_id: points + net[type_id] for type_id, points in before.items()}
        told = {"before": before, "after": after, "change": net}
        return {"reference": order.reference} | {
            name: self.known.points(event, part) for name, part in told.items()
        }


def _transactions(order: OrderState) -> set[UUID]:
    return {transaction_id for ids in order.earnings.values() for transaction_id in ids}


def _say_dates(detail: dict[str, Any], posted: Posted, occurred_at: datetime) -> None:
    lot = posted.lot
    if lot is not None:
        if lot.available_at > occurred_at:
            detail["pending_until"] = write_instant(lot.available_at)
        if lot.expires_at is not None:
            detail["expires_at"] = write_instant(lot.expires_at)
