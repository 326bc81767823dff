"""A member's one timeline: events, points, and what staff and jobs did, newest first, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from loyalty.base.clock import parse_instant, write_instant
from loyalty.base.errors import Invalid
from loyalty.base.ids import is_uuid
from loyalty.console import sentences
from loyalty.events.models import Event, EventType
from loyalty.ledger.models import Entry, Lot, Transaction
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Channel, PointType

PAGE = 50
EVENT, FACT, BOOKING = "e", "f", "t"  # how keys of rows begin: so are those of one instant sorted


class Cursor(NamedTuple):
    """The last row that was shown: older ones follow, and of the same instant those with a lower key."""

    at: datetime
    key: str

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        instant, mark, key = text.partition("~")
        is_fact = key[:1] == FACT and key[1:].isdecimal() and len(key) == 21
        is_key = is_fact or (key[:1] in (EVENT, BOOKING) and is_uuid(key[1:]))
        try:
            return cls(parse_instant(instant), key) if mark and is_key else None
        except Invalid:
            return None

    def __str__(self) -> str:
        return f"{write_instant(self.at)}~{self.key}"


class Move(NamedTuple):
    """What one transaction did to a balance. `follows`: whether the balance is that of the row below, changed by it."""

    transaction: Transaction
    point_type: PointType
    balance_after: int | None
    pending_until: datetime | None = None
    follows: bool = True


@dataclass(slots=True)
class Row:
    """One line of the timeline."""

    at: datetime
    key: str
    icon: str
    title: str
    meta: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    event: Event | None = None
    booking: Transaction | None = None
    tone: str = ""
    state: str = ""

    @property
    def rank(self) -> tuple[datetime, str]:
        return self.at, self.key


def rows(
    member: Member, *, at: datetime, before: Cursor | None, only_points: bool, limit: int = PAGE
) -> tuple[list[Row], Cursor | None]:
    """Up to `limit` rows older than `before`, as things stand at `at`, and the cursor of the next ones, or None."""
    events = list(_older(EVENT, _events(member, only_points), before)[: 2 * limit])
    bookings = list(_older(BOOKING, _bookings(member, only_points), before)[: 2 * limit])
    facts = [] if only_points else list(_older(FACT, _facts(member), before)[: 2 * limit])
    told = _told_by(member, facts)
    said = {one.pk: one for own in told.values() for one in own}
    bookings = [one for one in bookings if one.pk not in said]
    moves = _moves(member, events, [*bookings, *said.values()])
    released = _released(bookings)
    names = dict(EventType.objects.filter(program_id=member.program_id).values_list("code", "name"))
    channels = dict(Channel.objects.filter(program_id=member.program_id).values_list("code", "name"))
    made = [_event_row(event, moves.get(event.pk, []), names) for event in events]
    made += [
        _booking_row(booking, moves[booking.pk], released.get(booking.pk, 0), at, channels)
        for booking in bookings
    ]
    made += [_fact_row(fact, told.get(fact.pk, []), moves, channels) for fact in facts]
    newest = sorted(made, key=lambda row: row.rank, reverse=True)
    _compare(newest[: limit + 1])
    page = newest[:limit]
    more = len(newest) > limit
    return page, Cursor(page[-1].at, page[-1].key) if more else None


def has_joined_event(member: Member) -> bool:
    return Event.objects.filter(member=member, type="member.registered").exists()


def _older(sort: str, found: QuerySet, before: Cursor | None) -> QuerySet:  # type: ignore[type-arg]
    """Rows of one sort that come after the cursor, newest first."""
    ordered = found.order_by("-occurred_at", "-id")
    if before is None:
        return ordered
    last = before.key[0]
    if sort == last:
        earlier = Q(occurred_at__lt=before.at) | Q(occurred_at=before.at, id__lt=before.key[1:])
        return ordered.filter(earlier, occurred_at__lte=before.at)
    return ordered.filter(**{"occurred_at__lte" if sort < last else "occurred_at__lt": before.at})


def _events(member: Member, only_points: bool) -> QuerySet[Event]:
    events = Event.objects.filter(member=member, program_id=member.program_id).select_related("channel")
    if only_points:
        events = events.filter(Exists(Transaction.objects.filter(event_id=OuterRef("pk"), member=member)))
    return events


def _bookings(member: Member, only_points: bool) -> QuerySet[Transaction]:
    """Transactions that no event of this member stands for. Becoming available changes no balance."""
    own = Event.objects.filter(pk=OuterRef("event_id"), member=member)
    found = Transaction.objects.filter(Q(event_id=None) | ~Exists(own), member=member)
    if only_points:
        found = found.exclude(kind=Transaction.Kind.ACTIVATE)
    return found.select_related("point_type", "counterpart", "hold", "reverses__hold")


def _facts(member: Member) -> QuerySet[Fact]:
    """What happened to the member other than points; joining is an event or the end of the list."""
    found = Fact.objects.filter(member_id=member.pk, type__in=sentences.told_facts())
    return found.select_related("program").prefetch_related("program__point_types")


def _told_by(member: Member, facts: Sequence[Fact]) -> dict[int, list[Transaction]]:
    """The bookings that facts tell of: those of the same instant under the fact's reference; of several facts the
    first one tells of them."""
    references = {fact.pk: sentences.booked_as(fact) for fact in facts}
    wanted = {reference for reference in references.values() if reference}
    if not wanted:
        return {}
    booked: dict[tuple[datetime, str], list[Transaction]] = {}
    own = _bookings(member, only_points=False).filter(program_id=member.program_id, reference__in=wanted)
    for one in own.order_by("id"):
        booked.setdefault((one.occurred_at, one.reference), []).append(one)
    return {
        fact.pk: booked.pop((fact.occurred_at, references[fact.pk]), [])
        for fact in sorted(facts, key=lambda fact: fact.pk)
    }


def _moves(
    member: Member, events: Sequence[Event], bookings: Iterable[Transaction]
) -> dict[UUID, list[Move]]:
    """Transactions by the event or booking that they are shown with, each with the balance after it."""
    of_events = Transaction.objects.filter(member=member, event_id__in=[event.pk for event in events])
    all_of_them = [*of_events.select_related("point_type").order_by("id"), *bookings]
    ids = [one.pk for one in all_of_them]
    after, pending = _balances_after(ids), _pending(ids)
    moves: dict[UUID, list[Move]] = {}
    shown_with_event = {event.pk for event in events}
    for one in all_of_them:
        place = one.event_id if one.event_id in shown_with_event else one.pk
        moves.setdefault(place, []).append(Move(one, one.point_type, after.get(one.pk), pending.get(one.pk)))
    return moves


def _compare(shown: Sequence[Row]) -> None:
    """Rows stand by when something happened; what came late was booked after what stands above it, and the balances
    of both do not follow from the row below."""
    below: dict[int, int] = {}
    for row in reversed(shown):
        for place, move in enumerate(row.moves):
            if move.balance_after is not None:
                before = move.balance_after - move.transaction.amount
                kind = move.point_type.pk
                row.moves[place] = move._replace(follows=below.get(kind, before) == before)
                below[kind] = move.balance_after


def _balances_after(ids: Sequence[UUID]) -> dict[UUID, int]:
    entries = (
        Entry.objects.filter(transaction__in=ids)
        .order_by("id")
        .values_list("transaction_id", "balance_after")
    )
    return dict(entries)  # of several lines the last one stays


def _pending(ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When what was earned can be spent, for what cannot be spent yet."""
    waiting = Lot.objects.filter(transaction__in=ids, is_pending=True, remaining__gt=0)
    return dict(waiting.order_by("-available_at").values_list("transaction_id", "available_at"))


def _event_row(event: Event, moves: list[Move], names: dict[str, str]) -> Row:
    totals = [(move.transaction, move.point_type) for move in moves]
    return Row(
        at=event.occurred_at,
        key=f"{EVENT}{event.pk}",
        icon=sentences.event_icon(event.type),
        title=sentences.event_title(event, totals, names),
        meta=sentences.event_meta(event),
        moves=[move for move in moves if move.transaction.amount],
        event=event,
        tone=sentences.event_tone(event),
        state="" if event.status == Event.Status.PROCESSED else event.get_status_display(),
    )


def _released(bookings: Iterable[Transaction]) -> dict[UUID, int]:
    """How many points each activation made spendable: what its lots held then."""
    ids = [one.pk for one in bookings if one.kind == Transaction.Kind.ACTIVATE]
    found = (
        Entry.objects.filter(transaction__in=ids).values_list("transaction_id").annotate(sum=Sum("lot_after"))
    )
    return dict(found.order_by())


def _booking_row(
    booking: Transaction, moves: list[Move], released: int, at: datetime, channels: Mapping[str, str]
) -> Row:
    hold = sentences.hold_state(booking, at)
    return Row(
        at=booking.occurred_at,
        key=f"{BOOKING}{booking.pk}",
        icon=sentences.HOLD_ICONS.get(hold) or sentences.BOOKING_ICONS[booking.kind],
        title=sentences.booking_title(booking, released, hold),
        meta=sentences.booking_meta(booking, channels),
        moves=[move for move in moves if move.transaction.amount],
        booking=booking,
    )


def _fact_row(
    fact: Fact,
    bookings: Sequence[Transaction],
    moves: Mapping[UUID, list[Move]],
    channels: Mapping[str, str],
) -> Row:
    return Row(
        at=fact.occurred_at,
        key=f"{FACT}{fact.pk:020d}",
        icon=sentences.fact_icon(fact),
        title=sentences.fact_title(fact),
        meta=[who for one in bookings[:1] if (who := sentences.booked_by(one, channels))],
        moves=[move for one in bookings for move in moves[one.pk] if move.transaction.amount],
        booking=bookings[0] if bookings else None,
    )
