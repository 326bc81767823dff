"""What is known of some events before they are rated: loaded once for all of them, changed in memory as one after the
other is settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from campaigns import context, orders, versions
from campaigns.basket import Basket
from campaigns.caps import Usage, Used
from campaigns.inbox import Claimed, MemberRow
from campaigns.orders import OrderState
from campaigns.payments import Payments
from campaigns.runs import Rules
from campaigns.subject import Facts, needs_of, tier_of
from campaigns.usage import Counters
from campaigns.versions import Chosen
from loyalty.base.clock import local_date
from loyalty.events import activity
from loyalty.events.activity import Day
from loyalty.events.types import AFTER_AN_ORDER, ORDER_COMPLETED
from loyalty.programs.models import PointType
from tiers.standings import Held, Standings


class Known:
    """Programs, versions, orders, counters, daily activity and tiers for these events at `at`. The members are locked
    by the caller; with `lock`, budgets are too."""

    def __init__(
        self,
        events: Sequence[Claimed],
        members: Mapping[UUID, MemberRow],
        *,
        at: datetime,
        lock: bool = True,
    ) -> None:
        self.events = events
        self.members = members
        self.orders = orders.load({(e.program_id, e.order_reference) for e in events if e.order_reference})
        self.payments = Payments.load(events, self.orders.values())
        self.programs = context.load(event.program_id for event in events)
        self.counters = Counters()
        self._load_counters(lock=lock)
        self._days = self._load_days()
        self.standings = self._load_standings(at)
        self._held: dict[UUID, Held | None] = {}

    def order_of(self, event: Claimed) -> OrderState | None:
        return self.orders.get((event.program_id, event.order_reference)) if event.order_reference else None

    def followed(self, event: Claimed) -> OrderState | None:
        """The order of the same member that this event is to change."""
        order = self.order_of(event) if event.type in AFTER_AN_ORDER else None
        return order if order is not None and order.member_id == event.member_id else None

    def chosen(self, event: Claimed) -> Chosen:
        """What to rate it under: for whatever follows an order the very versions that ran for the order."""
        if order := self.followed(event):
            return Chosen(versions.compiled(order.version_ids), {})
        return self.programs[event.program_id].in_force.at(trigger(event.type), event.occurred_at)

    def rules(self, event: Claimed, chosen: Chosen) -> Rules:
        program = self.programs[event.program_id]
        paused = self.followed(event) is None and program.in_force.program_paused(event.occurred_at)
        return Rules(program.rounding, program.program.currency, chosen.standing, paused)

    def facts(self, event: Claimed, basket: Basket | None) -> Facts:
        """For whatever follows an order: the facts of the order, as they were remembered."""
        order = self.followed(event)
        program = self.programs[event.program_id]
        channel = program.channel(order.channel_id if order else event.channel_id)
        at = self.moment(event)
        return Facts(
            event_type=trigger(event.type),
            occurred_at=at,
            local=at.astimezone(program.zone),
            data=order.basket if order else event.payload,
            member=self.members.get(event.member_id) if event.member_id else None,
            basket=basket,
            channel_code=channel.code,
            channel_kind=channel.kind,
            activity=self._windows(event),
            remembered=order.context if order else {},
            tier=tier_of(order.context) if order else self.held(event),
        )

    def held(self, event: Claimed) -> Held | None:
        """The member's tier when it happened; None in a program without a ladder, and for whatever follows an order:
        that keeps the tier of its day."""
        if event.member_id is None or self.followed(event) is not None:
            return None
        if event.id not in self._held:
            self._held[event.id] = self.standings.tier_at(event.member_id, event.occurred_at)
        return self._held[event.id]

    def usage(self, event: Claimed, chosen: Chosen) -> Usage:
        """What caps and budgets have given, without what the order that is rated anew has itself."""
        used: dict[tuple[int, str], Used] = {}
        left: dict[int, int] = {}
        order, day = self.followed(event), self.day(event)
        own = {campaign_id: points for (campaign_id, _), points in order.awarded.items()} if order else {}
        for one in chosen.terms:
            mine = own.get(one.campaign_id, 0)
            if one.caps and event.member_id:
                for key in one.cap_keys(day):
                    points, times = self.counters.cap((one.campaign_id, event.member_id, key))
                    used[one.campaign_id, key] = Used(points - mine, times - int(mine > 0))
            if one.budget is not None:
                left[one.campaign_id] = one.budget - self.counters.budgets.get(one.campaign_id, 0) + mine
        return Usage(used, left)

    def basket_of(self, event: Claimed) -> Basket:
        return Basket.from_payload(event.payload, self.programs[event.program_id].program.currency)

    def whole_basket(self, order: OrderState) -> Basket:
        return Basket.from_payload(order.basket, self.programs[order.program_id].program.currency)

    def kept_basket(self, order: OrderState) -> Basket:
        whole = self.whole_basket(order)
        return whole.empty() if order.cancelled else whole.kept(order.returned)

    def point_type(self, event: Claimed, type_id: int) -> PointType:
        return self.programs[event.program_id].point_types[type_id]

    def points(self, event: Claimed, by_type: Mapping[int, int]) -> dict[str, int]:
        """Points other than zero by code of their type."""
        types = self.programs[event.program_id].point_types
        return {types[type_id].code: points for type_id, points in by_type.items() if points}

    def default_points(self, event: Claimed, by_type: Mapping[int, int]) -> int:
        default = self.programs[event.program_id].default_type
        return by_type.get(default.pk, 0) if default else 0

    def moment(self, event: Claimed) -> datetime:
        """When the rules are asked: at the order's own time for whatever follows it."""
        order = self.followed(event)
        return order.occurred_at if order else event.occurred_at

    def day(self, event: Claimed) -> date:
        """The program's day on which it counts: for whatever follows an order the day the order was counted on, also
        when the program's time zone has changed since."""
        if (order := self.followed(event)) and (kept := order.context.get("day")):
            return date.fromisoformat(kept)
        return local_date(self.moment(event), self.programs[event.program_id].zone)

    def add_day(self, event: Claimed, day: Day) -> None:
        """Later events of the batch see what this one added to the member's activity."""
        if event.member_id in self._days:
            self._days[event.member_id].append(day)

    def _load_counters(self, *, lock: bool) -> None:
        capped: set[int] = set()
        budgets: set[int] = set()
        periods: set[str] = set()
        for event in self.events:
            for terms in self.chosen(event).terms:
                if terms.caps:
                    capped.add(terms.campaign_id)
                    periods.update(terms.cap_keys(self.day(event)))
                if terms.budget is not None:
                    budgets.add(terms.campaign_id)
        self.counters.load_caps(capped, list(self.members), periods)
        self.counters.load_budgets(budgets, lock=lock)

    def _load_days(self) -> dict[UUID, list[Day]]:
        """Daily activity over the widest window that a condition asks for."""
        needed: dict[UUID, tuple[date, date]] = {}
        for event in self.events:
            widest = max((days for _, days in needs_of(self.chosen(event).terms).windows), default=0)
            if widest and event.member_id:
                last = self.day(event)
                first = last - timedelta(days=widest - 1)
                low, high = needed.get(event.member_id, (first, last))
                needed[event.member_id] = min(low, first), max(high, last)
        if not needed:
            return {}
        return activity.days(
            needed, min(low for low, _ in needed.values()), max(high for _, high in needed.values())
        )

    def _load_standings(self, at: datetime) -> Standings:
        """Tiers of the members, and the first day on which each may get something added or taken off."""
        standings = Standings({key: program.ladders for key, program in self.programs.items()}, at=at)
        if not standings.ladders:
            return standings
        since: dict[UUID, date] = {}
        for event in self.events:
            if event.member_id is not None:
                taking = timedelta(days=1 if event.type in AFTER_AN_ORDER else 0)
                since[event.member_id] = min(self.day(event) - taking, since.get(event.member_id, date.max))
        standings.load((member for key, member in self.members.items() if key in since), since)
        return standings

    def _windows(self, event: Claimed) -> dict[tuple[str, int], Decimal]:
        if event.member_id is None or event.member_id not in self._days:
            return {}
        last, windows = self.day(event), {}
        default = self.programs[event.program_id].default_type
        for measure, days in needs_of(self.chosen(event).terms).windows:
            sums = activity.total(
                self._days[event.member_id], first=last - timedelta(days=days - 1), last=last
            )
            windows[measure, days] = activity.measured(sums, measure, default.decimals if default else 0)
        return windows


def trigger(event_type: str) -> str:
    """Whatever follows an order is rated as the order it is about."""
    return ORDER_COMPLETED if event_type in AFTER_AN_ORDER else event_type


def without_limits(chosen: Chosen) -> Usage:
    """A return that names no order is measured by the rules alone: nobody knows what limits had cut then."""
    return Usage({}, {one.campaign_id: one.budget for one in chosen.terms if one.budget is not None})
