"""Some events on their way into points: everything they need is loaded once, they are rated in memory one after the
other, and all they cause is written in bulk. Runs inside one database transaction.

Events of a batch are taken in the order in which they occurred. Of each order only one event is taken: the next one
reads what this one wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from campaigns import context, inbox, orders, records, versions
from campaigns.basket import Basket
from campaigns.caps import Usage, Used
from campaigns.definitions import Terms
from campaigns.inbox import Claimed, MemberRow
from campaigns.orders import OrderState
from campaigns.rating import Rating, Rules, rate
from campaigns.records import AwardRow, TraceRow
from campaigns.subject import Facts, needs_of, remember, subject_of
from campaigns.usage import Counters
from campaigns.versions import Chosen
from loyalty.base.clock import local_date, write_instant
from loyalty.base.ids import uuid7
from loyalty.events import activity
from loyalty.events.activity import ActivityRow, Day
from loyalty.events.types import (
    AFTER_AN_ORDER,
    ORDER_AMENDED,
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_RETURNED,
    VISIT_CHECKED_IN,
)
from loyalty.ledger.books import Books, Posted, Reversal

ACTIVITY_PLACES = Decimal("0.0001")
PROCESSED, REJECTED, WAITING = "processed", "rejected", "waiting"


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
        self.events = sorted(events, key=lambda event: (event.occurred_at, event.id))
        self.members = members
        self.at = at
        self.outcomes: list[Outcome] = []
        self.orders = orders.load({(e.program_id, e.order_reference) for e in events if e.order_reference})
        self.programs = context.load(_spans(events))
        self.counters = Counters()
        self._days: dict[UUID, list[Day]] = {}
        self._awards: list[AwardRow] = []
        self._traces: list[TraceRow] = []
        self._activity: list[ActivityRow] = []
        self._new_orders: list[OrderState] = []
        self._changed_orders: list[OrderState] = []

    def run(self) -> list[Outcome]:
        """Everything, up to the last row; the caller commits."""
        self._load_usage()
        self._load_days()
        self.books = self._open_books()
        for event in self.events:
            self.outcomes.append(self._handle(event))
        self._write()
        return self.outcomes

    # --- loading ----------------------------------------------------------------------------------------

    def _moment(self, event: Claimed) -> datetime:
        """When the rules are asked: at the order's own time for whatever follows it."""
        order = self._order_of(event)
        return order.occurred_at if order and event.type in AFTER_AN_ORDER else event.occurred_at

    def _order_of(self, event: Claimed) -> OrderState | None:
        return self.orders.get((event.program_id, event.order_reference)) if event.order_reference else None

    def _chosen(self, event: Claimed) -> Chosen:
        """What to rate it under: for whatever follows an order the very versions that ran for the order."""
        order = self._order_of(event)
        if order is not None and event.type in AFTER_AN_ORDER:
            return Chosen(versions.compiled(order.version_ids), {})
        return self.programs[event.program_id].in_force.at(_trigger(event.type), event.occurred_at)

    def _followed(self, event: Claimed) -> OrderState | None:
        """The order of the same member that this event is to change."""
        order = self._order_of(event) if event.type in AFTER_AN_ORDER else None
        return order if order is not None and order.member_id == event.member_id else None

    def _terms(self, event: Claimed) -> tuple[Terms, ...]:
        return self._chosen(event).terms

    def _load_usage(self) -> None:
        """Counters of caps, and the budgets, locked, of all campaigns that may have a say."""
        capped: set[int] = set()
        budgets: set[int] = set()
        periods: set[str] = set()
        for event in self.events:
            limited = [terms for terms in self._terms(event) if terms.caps or terms.budget is not None]
            for terms in limited:
                if terms.caps:
                    capped.add(terms.campaign_id)
                    periods.update(terms.cap_keys(self._day(event, self._moment(event))))
                if terms.budget is not None:
                    budgets.add(terms.campaign_id)
        self.counters.load_caps(capped, list(self.members), periods)
        self.counters.lock_budgets(budgets)

    def _load_days(self) -> None:
        """Daily activity for the widest window that a condition asks for."""
        needed: dict[UUID, tuple[date, date]] = {}
        for event in self.events:
            widest = max((days for _, days in needs_of(self._terms(event)).windows), default=0)
            if widest and event.member_id:
                last = self._day(event, self._moment(event))
                first = last - timedelta(days=widest - 1)
                low, high = needed.get(event.member_id, (first, last))
                needed[event.member_id] = min(low, first), max(high, last)
        if needed:
            first, last = min(low for low, _ in needed.values()), max(high for _, high in needed.values())
            self._days = activity.days(needed, first, last)

    def _open_books(self) -> Books:
        """Every wallet that may be written, locked; with its lots where something may be taken."""
        pairs, taking, earned = set(), set(), set()
        for event in self.events:
            if event.member_id is None:
                continue
            types = {terms.point_type_id for terms in self._terms(event)}
            if order := self._followed(event):
                types |= {type_id for _, type_id in order.awarded}
                earned |= {transaction for ids in order.earnings.values() for transaction in ids}
            point_types = self.programs[event.program_id].point_types
            pairs |= {(event.member_id, point_types[type_id]) for type_id in types}
            if event.type in AFTER_AN_ORDER:
                taking |= {(event.member_id, type_id) for type_id in types}
        books = Books.open(pairs, with_lots=taking)
        books.load_originals(earned)
        return books

    # --- one event --------------------------------------------------------------------------------------

    def _handle(self, event: Claimed) -> Outcome:
        if event.type == ORDER_COMPLETED:
            return self._open_order(event)
        if event.type in AFTER_AN_ORDER and event.order_reference:
            return self._follow_order(event)
        if event.type == ORDER_RETURNED:
            return self._return_without_order(event)
        return self._plain(event)

    def _plain(self, event: Claimed) -> Outcome:
        rating = self._rate(event)
        transactions = self._earn(event, rating)
        self._award(event, rating, transactions)
        visits = int(event.type == VISIT_CHECKED_IN)
        self._count_day(
            event, event.occurred_at, visits=visits, points=self._default_points(event, rating.totals)
        )
        return self._done(event, self._points(event, rating.totals), rating.detail)

    def _open_order(self, event: Claimed) -> Outcome:
        before = self._order_of(event)
        if before is not None:
            return self._set_aside(event, "duplicate", "order_known", reference=before.reference)
        program = self.programs[event.program_id]
        basket = Basket.from_payload(event.payload, program.program.currency)
        chosen = self._chosen(event)
        facts = self._facts(event, event.payload, basket, event.occurred_at)
        subject = subject_of(facts, chosen.terms)
        may_earn = subject.member_may_earn and not program.in_force.program_paused(event.occurred_at)
        order = self._new_order(event, basket, chosen, remember(subject.view) | {"may_earn": may_earn})
        rating = rate(subject, chosen.terms, self._usage(event, chosen.terms, {}), self._rules(event, chosen))
        transactions = self._earn(event, rating)
        self._award(event, rating, transactions, order)
        self._count_day(
            event, event.occurred_at, orders=int(not basket.is_empty), spend=order.spend,
            points=self._default_points(event, rating.totals),
        )  # fmt: skip
        return self._done(event, self._points(event, rating.totals), rating.detail)

    def _new_order(
        self, event: Claimed, basket: Basket, chosen: Chosen, remembered: dict[str, Any]
    ) -> OrderState:
        assert event.member_id is not None
        order = OrderState(
            id=uuid7(), program_id=event.program_id, reference=event.order_reference, member_id=event.member_id,
            event_id=event.id, basket_event_id=event.id, revision=event.payload.get("revision") or 0, cancelled=False,
            returned={}, spend=_money(basket), version_ids=chosen.version_ids,
            context=remembered, occurred_at=event.occurred_at, basket=event.payload, channel_id=event.channel_id,
        )  # fmt: skip
        self.orders[order.key] = order
        self._new_orders.append(order)
        return order

    def _follow_order(self, event: Claimed) -> Outcome:
        """A return, a cancellation or a new basket: the order is rated anew as it stands now."""
        order = self._order_of(event)
        if order is None:
            return Outcome(event.id, event.member_id, WAITING, {}, {})
        if event.member_id != order.member_id:
            return self._set_aside(event, "rejected", "order_of_another_member", reference=order.reference)
        if event.type == ORDER_AMENDED and event.payload["revision"] <= order.revision:
            return self._set_aside(event, "duplicate", "stale_revision", reference=order.reference)
        terms = self._terms(event)
        spend, was_empty = order.spend, order.is_emptied()
        _apply(event, order)
        basket = self._basket(order)
        order.spend = _money(basket)
        rating = self._rate_order(event, order, basket, terms)
        points, detail = self._settle(event, order, rating)
        self._changed_orders.append(order)
        self._count_day(
            event, order.occurred_at, orders=int(was_empty) - int(order.is_emptied()), spend=order.spend - spend,
            points=self._default_points(event, points),
        )  # fmt: skip
        return self._done(event, self._points(event, points), detail)

    def _return_without_order(self, event: Claimed) -> Outcome:
        """Nobody knows what it was bought with: rated as a basket of its own, at its own time, and reversed."""
        if event.member_id is None:
            return Outcome(event.id, None, "guest", {}, {})
        program = self.programs[event.program_id]
        chosen = self._chosen(event)
        basket = Basket.from_payload(event.payload, program.program.currency)
        subject = subject_of(self._facts(event, event.payload, basket, event.occurred_at), chosen.terms)
        subject.member_may_earn = True
        rating = rate(subject, chosen.terms, _without_limits(chosen.terms), self._rules(event, chosen))
        changes = {type_id: -points for type_id, points in rating.totals.items()}
        ledger, transactions = self._take_back(event, changes, None)
        self._awards += [
            self._award_row(
                event, award.terms, -award.points, transactions.get(award.terms.point_type_id), None
            )
            for award in rating.awards
        ]
        detail = rating.detail | {"reversed": True, "points": self._points(event, changes), "ledger": ledger}
        self._count_day(
            event, event.occurred_at, spend=-_money(basket), points=self._default_points(event, changes)
        )
        return self._done(event, self._points(event, changes), detail)

    def _set_aside(self, event: Claimed, outcome: str, reason: str, **extra: str) -> Outcome:
        """Understood, and without effect: the trace says why."""
        detail = {"outcome": outcome, "points": {}, "campaigns": [], "notes": [{"code": reason, **extra}]}
        self._trace(event, 0, detail)
        status = REJECTED if outcome == "rejected" else PROCESSED
        return Outcome(event.id, event.member_id, status, {}, detail, reason if status == REJECTED else "")

    # --- rating -----------------------------------------------------------------------------------------

    def _rate(self, event: Claimed) -> Rating:
        chosen = self._chosen(event)
        subject = subject_of(self._facts(event, event.payload, None, event.occurred_at), chosen.terms)
        return rate(subject, chosen.terms, self._usage(event, chosen.terms, {}), self._rules(event, chosen))

    def _rate_order(
        self, event: Claimed, order: OrderState, basket: Basket, terms: tuple[Terms, ...]
    ) -> Rating:
        facts = self._facts(event, order.basket, basket, order.occurred_at, order)
        subject = subject_of(facts, terms)
        subject.member_may_earn = bool(order.context.get("may_earn", True))
        own = {campaign_id: points for (campaign_id, _), points in order.awarded.items()}
        usage = self._usage(event, terms, own, order.occurred_at)
        return rate(subject, terms, usage, self._rules(event, Chosen(terms, {}), paused=False))

    def _facts(
        self,
        event: Claimed,
        data: Mapping[str, Any],
        basket: Basket | None,
        at: datetime,
        order: OrderState | None = None,
    ) -> Facts:
        program = self.programs[event.program_id]
        channel = program.channel(order.channel_id if order else event.channel_id)
        return Facts(
            event_type=_trigger(event.type),
            occurred_at=at,
            local=at.astimezone(program.zone),
            data=data,
            member=self.members.get(event.member_id) if event.member_id else None,
            basket=basket,
            channel_code=channel.code,
            channel_kind=channel.kind,
            activity=self._windows(event, at),
            remembered=order.context if order else {},
        )

    def _rules(self, event: Claimed, chosen: Chosen, *, paused: bool | None = None) -> Rules:
        program = self.programs[event.program_id]
        if paused is None:
            paused = program.in_force.program_paused(event.occurred_at)
        return Rules(program.rounding, program.program.currency, chosen.standing, paused)

    def _windows(self, event: Claimed, at: datetime) -> dict[tuple[str, int], Decimal]:
        if event.member_id not in self._days:
            return {}
        last = self._day(event, at)
        windows = {}
        for measure, days in needs_of(self._terms(event)).windows:
            sums = activity.total(
                self._days[event.member_id], first=last - timedelta(days=days - 1), last=last
            )
            windows[measure, days] = Decimal(getattr(sums, measure.removeprefix("activity.")))
        return windows

    def _usage(
        self, event: Claimed, terms: tuple[Terms, ...], own: Mapping[int, int], at: datetime | None = None
    ) -> Usage:
        """What is used up, without what this order has (`own`, by campaign)."""
        used: dict[tuple[int, str], Used] = {}
        left: dict[int, int] = {}
        day = self._day(event, at or event.occurred_at)
        for one in terms:
            mine = own.get(one.campaign_id, 0)
            if one.caps and event.member_id:
                for key in one.cap_keys(day):
                    points, times = self.counters.cap((one.campaign_id, event.member_id, key))
                    used[one.campaign_id, key] = Used(points - mine, times - int(mine > 0))
            if one.budget is not None:
                left[one.campaign_id] = one.budget - self.counters.budgets.get(one.campaign_id, 0) + mine
        return Usage(used, left)

    # --- booking ----------------------------------------------------------------------------------------

    def _earn(self, event: Claimed, rating: Rating) -> dict[int, UUID]:
        """One transaction per point type; its dates go into the trace."""
        made = {}
        for type_id, points in rating.totals.items():
            posted = self._post_earning(event, type_id, points, event.occurred_at)
            made[type_id] = posted.id
            _say_dates(rating.detail, posted, event.occurred_at)
        return made

    def _post_earning(
        self, event: Claimed, type_id: int, points: int, occurred_at: datetime, *, correct: bool = False
    ) -> Posted:
        assert event.member_id is not None
        program = self.programs[event.program_id]
        return self.books.earn(
            event.member_id,
            program.point_types[type_id],
            points,
            occurred_at=occurred_at,
            recorded_at=self.at,
            actor=program.actor(event.channel_id),
            event_id=event.id,
            reference=event.order_reference,
            kind="correct" if correct else "earn",
        )

    def _settle(
        self, event: Claimed, order: OrderState, rating: Rating
    ) -> tuple[dict[int, int], dict[str, Any]]:
        """Bring what the order has earned to what it earns now; the differences by point type, and the trace."""
        target = {(a.terms.campaign_id, a.terms.point_type_id): a.points for a in rating.awards}
        terms = {one.campaign_id: one for one in self._terms(event)}
        before = {type_id: order.earned(type_id) for _, type_id in order.awarded | target}
        changes = {
            key: target.get(key, 0) - order.awarded.get(key, 0) for key in sorted(order.awarded | target)
        }
        net = dict.fromkeys(before, 0)
        for (_, type_id), change in changes.items():
            net[type_id] += change
        ledger, transactions = self._take_back(event, net, order)
        for type_id, change in net.items():
            if change > 0:
                transactions[type_id] = self._post_earning(
                    event, type_id, change, order.occurred_at, correct=True
                ).id
        for (campaign_id, type_id), change in changes.items():
            if change:
                self._awards.append(
                    self._award_row(event, terms[campaign_id], change, transactions.get(type_id), order)
                )
                self._count(event, terms[campaign_id], order, type_id, change)
        moved = {type_id: change for type_id, change in net.items() if change}
        detail = rating.detail | {
            "points": self._points(event, moved),
            "order": self._order_detail(event, order, before, net),
            "ledger": ledger,
        }
        return moved, detail

    def _take_back(
        self, event: Claimed, changes: Mapping[int, int], order: OrderState | None
    ) -> tuple[dict[str, int], dict[int, UUID]]:
        """Reverse the negative changes; what became of the points, and the transactions by point type."""
        ledger = dict.fromkeys(("taken", "forgiven", "already_expired", "debt"), 0)
        made: dict[int, UUID] = {}
        for type_id, change in changes.items():
            if change < 0:
                reversal = self._reverse(event, type_id, -change, order)
                made[type_id] = reversal.posted[0].id
                for name in ledger:
                    ledger[name] += getattr(reversal, name)
        return ledger, made

    def _reverse(self, event: Claimed, type_id: int, points: int, order: OrderState | None) -> Reversal:
        assert event.member_id is not None
        program = self.programs[event.program_id]
        return self.books.reverse(
            event.member_id,
            program.point_types[type_id],
            points,
            originals=[self.books.original(one) for one in order.earnings.get(type_id, [])] if order else [],
            at=event.occurred_at,
            recorded_at=self.at,
            actor=program.actor(event.channel_id),
            event_id=event.id,
            reference=event.order_reference,
            reason_code=event.type,
        )

    def _award(
        self,
        event: Claimed,
        rating: Rating,
        transactions: Mapping[int, UUID],
        order: OrderState | None = None,
    ) -> None:
        for award in rating.awards:
            terms = award.terms
            self._awards.append(
                self._award_row(event, terms, award.points, transactions[terms.point_type_id], order)
            )
            self._count(event, terms, None, terms.point_type_id, award.points)

    def _award_row(
        self, event: Claimed, terms: Terms, points: int, transaction_id: UUID | None, order: OrderState | None
    ) -> AwardRow:
        assert event.member_id is not None
        assert terms.version_id is not None
        return AwardRow(
            event.program_id, event.member_id, event.id, order.id if order else None, terms.campaign_id,
            terms.version_id, terms.point_type_id, transaction_id, points, event.occurred_at,
        )  # fmt: skip

    # --- counting ---------------------------------------------------------------------------------------

    def _count(
        self, event: Claimed, terms: Terms, order: OrderState | None, type_id: int, change: int
    ) -> None:
        """Caps and budgets follow what was given; an order that gives nothing any more was no award at all."""
        if terms.budget is not None:
            self.counters.count_budget(terms.campaign_id, change)
        if not terms.caps or event.member_id is None:
            return
        before = order.awarded.get((terms.campaign_id, type_id), 0) if order else 0
        times = int(before + change > 0) - int(before > 0)
        day = self._day(event, order.occurred_at if order else event.occurred_at)
        for key in terms.cap_keys(day):
            self.counters.count_cap((terms.campaign_id, event.member_id, key), change, times)

    def _count_day(
        self,
        event: Claimed,
        at: datetime,
        *,
        orders: int = 0,
        spend: Decimal = Decimal(0),
        visits: int = 0,
        points: int = 0,
    ) -> None:
        if event.member_id and (orders or spend or visits or points):
            day = self._day(event, at)
            row = ActivityRow(event.program_id, event.member_id, day, orders, spend, visits, points)
            self._activity.append(row)
            if event.member_id in self._days:
                self._days[event.member_id].append(Day(day, orders, spend, visits, points))

    def _day(self, event: Claimed, at: datetime) -> date:
        return local_date(at, self.programs[event.program_id].zone)

    # --- results ----------------------------------------------------------------------------------------

    def _points(self, event: Claimed, by_type: Mapping[int, int]) -> dict[str, int]:
        types = self.programs[event.program_id].point_types
        return {types[type_id].code: points for type_id, points in by_type.items() if points}

    def _default_points(self, event: Claimed, by_type: Mapping[int, int]) -> int:
        default = self.programs[event.program_id].default_type
        return by_type.get(default.pk, 0) if default else 0

    def _done(self, event: Claimed, points: dict[str, int], detail: dict[str, Any]) -> Outcome:
        default = self.programs[event.program_id].default_type
        self._trace(event, points.get(default.code, 0) if default else 0, detail)
        return Outcome(event.id, event.member_id, PROCESSED, points, detail)

    def _trace(self, event: Claimed, points: int, detail: dict[str, Any]) -> None:
        self._traces.append(TraceRow(event.id, points, detail, self.at))

    def _order_detail(
        self, event: Claimed, order: OrderState, before: Mapping[int, int], net: Mapping[int, int]
    ) -> dict[str, Any]:
        after = {type_id: points + net[type_id] for type_id, points in before.items()}
        return {
            "reference": order.reference,
            "before": self._points(event, before),
            "after": self._points(event, after),
            "change": self._points(event, net),
        }

    def _basket(self, order: OrderState) -> Basket:
        whole = Basket.from_payload(order.basket, self.programs[order.program_id].program.currency)
        return whole.empty() if order.cancelled else whole.kept(order.returned)

    def _write(self) -> None:
        self.books.write()
        orders.insert(self._new_orders)
        orders.update(self._changed_orders)
        records.write_awards(self._awards)
        records.write_traces(self._traces)
        self.counters.write()
        activity.add_many(self._activity)
        inbox.set_processed(((o.event_id, o.member_id, o.status, o.error) for o in self.outcomes), at=self.at)
        inbox.wake_waiting([order.key for order in self._new_orders], at=self.at)


def _spans(events: list[Claimed]) -> dict[int, tuple[datetime, datetime]]:
    """Per program the first and the last instant of its events."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for event in events:
        first, last = spans.get(event.program_id, (event.occurred_at, event.occurred_at))
        spans[event.program_id] = min(first, event.occurred_at), max(last, event.occurred_at)
    return spans


def _trigger(event_type: str) -> str:
    """Whatever follows an order is rated as the order it is about."""
    return ORDER_COMPLETED if event_type in AFTER_AN_ORDER else event_type


def _apply(event: Claimed, order: OrderState) -> None:
    if event.type == ORDER_CANCELLED:
        order.cancelled = True
    elif event.type == ORDER_AMENDED:
        order.basket, order.basket_event_id = event.payload, event.id
        order.revision = event.payload["revision"]
    else:
        order.take_back(event.payload.get("lines") or None)


def _money(basket: Basket) -> Decimal:
    """The qualifying amount as activity keeps it."""
    qualifying = basket.qualifying
    return (Decimal(qualifying.numerator) / Decimal(qualifying.denominator)).quantize(ACTIVITY_PLACES)


def _without_limits(terms: tuple[Terms, ...]) -> Usage:
    """A return that names no order is measured by the rules alone: nobody knows what the limits cut then."""
    return Usage({}, {one.campaign_id: one.budget for one in terms if one.budget is not None})


def _say_dates(detail: dict[str, Any], posted: Posted, occurred_at: datetime) -> None:
    lot = posted.lot
    if lot is not None:
        if lot.available_at > occurred_at:
            detail["pending_until"] = write_instant(lot.available_at)
        if lot.expires_at is not None:
            detail["expires_at"] = write_instant(lot.expires_at)
