"""The lines of the timeline as whole sentences. Plain words: redeemed, not burned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.ids import is_uuid
from loyalty.base.words import Words
from loyalty.console.panels import fact_words
from loyalty.console.reasons import reason_label
from loyalty.console.words import points
from loyalty.events.models import Event
from loyalty.events.reasons import for_staff
from loyalty.ledger.models import Transaction
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType

Booked = Sequence[tuple[Transaction, PointType]]

EVENT_ICONS = {
    "order.completed": "shopping_bag",
    "order.amended": "edit_note",
    "order.returned": "assignment_return",
    "order.cancelled": "cancel",
    "review.submitted": "rate_review",
    "visit.checked_in": "place",
    "member.registered": "person_add",
    "member.updated": "manage_accounts",
    "referral.converted": "group_add",
}
BOOKING_ICONS = {
    "earn": "add_circle",
    "redeem": "redeem",
    "reverse": "undo",
    "refund": "replay",
    "expire": "event_busy",
    "adjust": "tune",
    "transfer": "swap_horiz",
    "activate": "lock_open",
    "correct": "published_with_changes",
}
HOLD_ICONS = {"open": "hourglass_top", "released": "lock_open"}
_EVENT_NAMES: dict[str, Words] = {
    "order.completed": gettext_lazy("order %(order)s"),
    "order.amended": gettext_lazy("order %(order)s changed"),
    "order.returned": gettext_lazy("return of order %(order)s"),
    "order.cancelled": gettext_lazy("order %(order)s cancelled"),
    "review.submitted": gettext_lazy("review"),
    "visit.checked_in": gettext_lazy("visit"),
    "member.registered": gettext_lazy("joined the program"),
    "member.updated": gettext_lazy("details changed"),
    "referral.converted": gettext_lazy("referral"),
}
_FACTS: dict[str, Words] = {
    "member.updated": gettext_lazy("Details changed"),
    "member.suspended": gettext_lazy("Suspended"),
    "member.reinstated": gettext_lazy("Reinstated"),
    "member.activated": gettext_lazy("Made active"),
    "member.closed": gettext_lazy("Closed"),
}


def event_icon(kind: str) -> str:
    return EVENT_ICONS.get(kind, "bolt")


def event_name(event: Event, names: Mapping[str, str]) -> str:
    """`order A-1042`, or the declared name of a custom event."""
    known = _EVENT_NAMES.get(event.type)
    if known is None:
        return names.get(event.type, event.type)
    if event.type == "order.returned" and not event.order_reference:
        return _("return without an order")
    return str(known) % {"order": event.order_reference} if "%(" in str(known) else str(known)


def event_title(event: Event, booked: Booked, names: Mapping[str, str]) -> str:
    """`Earned 96 points – order A-1042`; `No points – visit` says that it was looked at and gave none."""
    name = event_name(event, names)
    outcome = _outcome(event, booked)
    return (
        _("%(outcome)s – %(event)s") % {"outcome": outcome, "event": name}
        if outcome
        else name[:1].upper() + name[1:]
    )


def _outcome(event: Event, booked: Booked) -> str:
    moved = [(transaction, kind) for transaction, kind in booked if transaction.amount]
    if moved:
        return _(", ").join(_moved(transaction, kind) for transaction, kind in moved)
    if any(transaction.forgiven or transaction.already_expired for transaction, _kind in booked):
        return _("Nothing taken back")
    return {
        Event.Status.PROCESSED: _("No points"),
        Event.Status.REJECTED: _("Rejected"),
        Event.Status.FAILED: _("Failed"),
        Event.Status.WAITING: _("Waiting"),
        Event.Status.RECEIVED: _("Being processed"),
    }.get(Event.Status(event.status), "")


def _moved(transaction: Transaction, kind: PointType) -> str:
    told = {"points": points(abs(transaction.amount), kind)}
    match transaction.kind:
        case "redeem":
            return _("Redeemed %(points)s") % told
        case "refund":
            return _("Given back %(points)s") % told
    return (_("Earned %(points)s") if transaction.amount > 0 else _("Took back %(points)s")) % told


def event_meta(event: Event) -> list[str]:
    """Where it came from, what it was worth, and what went wrong."""
    parts = [_money(event), event.channel.name if event.channel else "", for_staff(event)]
    return [part for part in parts if part]


def _money(event: Event) -> str:
    total, currency = event.payload.get("total"), event.payload.get("currency")
    if not isinstance(total, str) or not isinstance(currency, str):
        return ""
    try:
        return f"{Decimal(total):,} {currency}"
    except InvalidOperation:
        return ""


def event_tone(event: Event) -> str:
    """How the state of an event is coloured; nothing for what went as it should."""
    tones = {"failed": "bad", "rejected": "bad", "waiting": "warn", "guest": "warn", "received": "info"}
    return tones.get(event.status, "")


def hold_state(booking: Transaction, at: datetime) -> str:
    """Of what was reserved, or of what a reservation gave back: open, captured or released; else nothing."""
    made = booking.reverses if booking.kind == "refund" else booking
    hold = getattr(made, "hold", None)
    state = hold.state_at(at) if hold is not None else ""
    return state if booking.kind == "redeem" or state == "released" else ""


def kind_words(booking: Transaction, at: datetime) -> str:
    """`Redeemed`, `Reserved`, `Released`: what a booking is, as it stands at `at`."""
    match hold_state(booking, at):
        case "open":
            return _("Reserved")
        case "released":
            return _("Released") if booking.amount > 0 else _("Reserved and released")
    return str(booking.get_kind_display())


def booking_title(booking: Transaction, released: int = 0, hold: str = "") -> str:
    """`Given 500 points by maria`, `Redeemed 300 points`; `released` is what an activation made spendable, `hold` the
    state of what was reserved."""
    told = {
        "points": points(abs(booking.amount) or released, booking.point_type),
        "who": booking.actor or _("the system"),
    }
    if booking.counterpart is not None:
        told["member"] = str(booking.counterpart)
    return _pattern(booking, hold) % told


def _pattern(booking: Transaction, hold: str) -> str:
    up = booking.amount > 0
    if hold == "open":
        return _("Reserved %(points)s")
    if hold == "released":
        return (
            _("Released %(points)s, which were reserved") if up else _("Reserved %(points)s, released again")
        )
    match booking.kind:
        case "adjust":
            return _("Given %(points)s by %(who)s") if up else _("%(points)s taken by %(who)s")
        case "transfer" if booking.counterpart is not None:
            return _("Received %(points)s from %(member)s") if up else _("Sent %(points)s to %(member)s")
        case "activate":
            return _("%(points)s became available")
        case "reverse":
            return _("Took back %(points)s")
    return _PATTERNS.get(booking.kind, gettext_lazy("%(points)s")) % {"points": "%(points)s"}


_PATTERNS: dict[str, Words] = {
    "earn": gettext_lazy("Earned %(points)s"),
    "correct": gettext_lazy("Corrected by %(points)s"),
    "redeem": gettext_lazy("Redeemed %(points)s"),
    "refund": gettext_lazy("Given back %(points)s"),
    "expire": gettext_lazy("%(points)s expired"),
    "transfer": gettext_lazy("Transferred %(points)s"),
}


def booking_meta(booking: Transaction, channels: Mapping[str, str]) -> list[str]:
    """Why, for what, and by whom; `channels` has the names of the program's channels by code."""
    parts = [
        reason_label(booking.reason_code),
        "" if is_uuid(booking.reference) else booking.reference,  # its page leads to what that is
        booking.note,
        _("%(points)s forgiven") % {"points": points(booking.forgiven, booking.point_type)}
        if booking.forgiven
        else "",
        booked_by(booking, channels) if booking.kind != Transaction.Kind.ADJUST else "",
    ]
    return [part for part in parts if part]


def booked_by(booking: Transaction, channels: Mapping[str, str]) -> str:
    """The name of the channel, or who else did it; empty for the system."""
    if booking.actor_kind == Transaction.Actor.CHANNEL:
        return channels.get(booking.actor, booking.actor)
    return booking.actor


def told_facts() -> list[str]:
    """The types of facts that stand in the timeline: those that somebody has words for."""
    return [*_FACTS, *fact_words.names()]


def fact_title(fact: Fact) -> str:
    own = fact_words.get(fact.type)
    return own.title(fact) if own else str(_FACTS[fact.type])


def fact_icon(fact: Fact) -> str:
    own = fact_words.get(fact.type)
    return own.icon if own else "person"


def booked_as(fact: Fact) -> str:
    """The reference of the bookings that a fact tells of; empty when it tells of none."""
    own = fact_words.get(fact.type)
    return own.booked_as(fact) if own and own.booked_as else ""
