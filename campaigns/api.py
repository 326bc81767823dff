"""Endpoints that take in events and say what they earned. Edges only."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import Router

from campaigns import examples, schemas
from campaigns.earning import process, process_now
from campaigns.models import Trace
from campaigns.quotes import quote
from campaigns.schemas import AccrueBody, BatchShown, EventShown, QuoteBody, QuoteShown, ReceiptShown
from campaigns.waking import wake
from campaigns.words.wording import explained, voice_of
from loyalty.base import clock, http
from loyalty.base.clock import write_instant
from loyalty.base.errors import Busy, FieldError, Invalid, LaurelError
from loyalty.base.ids import is_uuid
from loyalty.base.numbers import MAX_UNITS
from loyalty.base.schemas import at_path, instant_at, money_at
from loyalty.events import orders, reasons, types
from loyalty.events.errors import EventUnknown
from loyalty.events.intake import Receipt, receive
from loyalty.events.models import Event
from loyalty.events.reading import money
from loyalty.ledger.balances import balances_now
from loyalty.ledger.checkout import most, worth
from loyalty.ledger.sheet import write_balance, write_tier
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.auth import Caller
from loyalty.programs.endpoint import caller_of, endpoint, once, read_object
from loyalty.programs.errors import refuse
from loyalty.programs.models import Program, Scope

router = Router(tags=["Events"])
logger = logging.getLogger(__name__)

BATCH_BYTES = 2 * 1024 * 1024


@endpoint(
    router,
    "POST",
    "/events",
    scope=Scope.EVENTS_WRITE,
    summary="Send one event",
    answers={200: EventShown, 202: ReceiptShown},
    body=schemas.EVENT,
    example=examples.EVENT,
    shows=examples.DECIDED,
    shows_at={202: examples.RECEIPT},
    headers=[schemas.PREFER],
    refuses=[409],
)
def send_event(request: HttpRequest) -> HttpResponse:
    """202: it is kept, and will be processed within seconds. With `Prefer: wait` it is processed at once, and the
    answer (200) carries points, tier and trace; 202 even so when it could not be decided yet, the member being busy
    for example. The same event again gets its first answer and changes nothing."""
    caller = caller_of(request)
    receipt = _received(caller, read_object(request), clock.now())
    if not _waits(request):
        wake()
        return http.answer(_write_receipt(receipt), status=202)
    shown = _processed(caller.program, receipt, clock.now())
    if shown is None or shown["status"] == Event.Status.RECEIVED:  # not decided yet: it will be tried again
        wake()
        return http.answer(_write_receipt(receipt), status=202)
    return http.answer(shown, headers={"Preference-Applied": "wait"})


@endpoint(
    router,
    "POST",
    "/events/batch",
    scope=Scope.EVENTS_WRITE,
    summary="Send up to 500 events",
    answers={202: BatchShown},
    body=schemas.BATCH,
    example={"events": [examples.EVENT, examples.VISIT]},
    shows=examples.BATCH,
    max_bytes=BATCH_BYTES,
)
def send_events(request: HttpRequest) -> HttpResponse:
    """A result for each event: a bad one does not stop the others. Safe to send again as a whole. Up to 2 MiB."""
    body = read_object(request)
    if unknown := sorted(body.keys() - {"events"}):
        raise Invalid.field(f"/{unknown[0][:80]}", "unknown_field", "There is no such field here.")
    items = body.get("events")
    if not isinstance(items, list):
        raise Invalid.field("/events", "list_expected", "Send a list of events.")
    receipts = receive(caller_of(request).channel, items, at=clock.now())
    wake()
    refused = sum(receipt.fault is not None for receipt in receipts)
    duplicates = sum(receipt.duplicate for receipt in receipts)
    return http.answer(
        {
            "received": len(receipts) - refused - duplicates,
            "duplicates": duplicates,
            "refused": refused,
            "results": [_write_result(receipt) for receipt in receipts],
        },
        status=202,
    )


@endpoint(
    router,
    "GET",
    "/events/{event}",
    scope=Scope.MEMBERS_READ,
    summary="What became of an event, and why",
    answers={200: EventShown},
    shows=examples.DECIDED,
    refuses=[404],
)
def get_event(request: HttpRequest, event: str) -> HttpResponse:
    """The trace names every campaign that was considered, what it gave, and what was missing where it gave nothing;
    `error` says why it was rejected, or could not be processed."""
    return http.answer(_write_event(caller_of(request).program, event, clock.now()))


@endpoint(
    router,
    "POST",
    "/transactions/accrue",
    scope=Scope.EVENTS_WRITE,
    summary="Give points for a sale, at once",
    answers={200: EventShown},
    example=examples.ACCRUE,
    shows=examples.DECIDED,
    idempotent=True,
)
def accrue(request: HttpRequest, body: AccrueBody) -> HttpResponse:
    """For tills: an order, or just an amount, sent and processed in one call. The same as an order.completed event, but
    that it is kept only with what it gave: after a 503 there is no event, and the same key may be used again."""
    return once(request, lambda: (200, _accrue(request, body, clock.now())))


def _accrue(request: HttpRequest, body: AccrueBody, at: datetime) -> dict[str, object]:
    caller = caller_of(request)
    unnamed = f"{caller.channel.pk}:{request.headers['Idempotency-Key']}"
    order = _order_of(body, body.order_id or _short(unnamed), caller.program)
    event = {
        "id": body.id or f"accrue:{order.get('order_id')}"[:200],
        "type": types.ORDER_COMPLETED,
        "occurred_at": body.occurred_at or write_instant(at),
        "member": body.member,
        "data": order,
    }
    try:
        receipt = _received(caller, event, at)
    except Invalid as wrong:
        raise _about_the_sale(wrong) from wrong
    assert receipt.event_id is not None
    process([receipt.event_id], at=at)  # what cannot be decided is refused, and nothing of it is kept
    return _write_event(caller.program, receipt.event_id, at, duplicate=receipt.duplicate)


def _short(name: str) -> str:
    return f"till-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _order_of(body: AccrueBody | QuoteBody, order_id: str, program: Program) -> Mapping[str, Any]:
    """The order as sent, or one line of the amount. Raises Invalid `order_or_amount`."""
    if (body.order is None) == (body.amount is None):
        raise Invalid("Send either an order or an amount.", code="order_or_amount")
    if body.order is not None:
        return body.order
    amount = money_at("/amount", body.amount, program.currency)
    lines = [{"sku": "amount", "unit_price": amount}]
    return {"order_id": order_id, "currency": program.currency, "lines": lines}


def _about_the_sale(wrong: Invalid) -> Invalid:
    """The same faults, at the places where the till has the fields."""
    faults = [
        FieldError("/order" + fault.path.removeprefix("/data"), fault.code, fault.message)
        if fault.path.startswith("/data")
        else fault
        for fault in wrong.errors
    ]
    return Invalid(wrong.detail, code=wrong.code, errors=faults, extra=wrong.extra)


@endpoint(
    router,
    "POST",
    "/quotes",
    scope=Scope.MEMBERS_READ,
    summary="What a basket would earn, and how many points could pay for it",
    answers={200: QuoteShown},
    example=examples.QUOTE_BODY,
    shows=examples.QUOTE,
    refuses=[404],
)
def quotes(request: HttpRequest, body: QuoteBody) -> HttpResponse:
    """Asks the same rules as a real order and writes nothing."""
    return http.answer(_quoted(caller_of(request), body, clock.now()))


def _quoted(caller: Caller, body: QuoteBody, now: datetime) -> dict[str, object]:
    program = caller.program
    at = now if body.at is None else instant_at("/at", body.at)
    member = (
        None if body.member is None else at_path("/member", lambda: members.find(program, str(body.member)))
    )
    faults: list[FieldError] = []
    sent = {"order_id": "quote", **_order_of(body, "quote", program)}
    order = orders.order(sent, "/order", money(program.currency), faults, amended=False)
    refuse(faults)
    rating = quote(caller.channel, member, order, at=at)
    total = Decimal(order["total"]) - Decimal(order["points_paid"])
    return {
        "points": rating.detail.get("points", {}),
        "trace": explained(rating.detail, voice_of(program, types.ORDER_COMPLETED)),
        "payable": _payable(program, member, total, now),
        "total": str(total),
        "currency": program.currency,
    }


def _payable(
    program: Program, member: Member | None, total: Decimal, at: datetime
) -> list[dict[str, object]]:
    """What each point type could pay of `total`: of what the member has and may redeem, or of any number of points."""
    may_pay = member is None or member.may_redeem
    has = {one.point_type.id: one.available for one in balances_now(member.pk, at=at)} if member else {}
    shown = []
    for point_type in program.point_types.exclude(redeem_rate=None):
        point_type.program = program
        pays = most(point_type, has.get(point_type.pk, MAX_UNITS), total) if may_pay else None
        shown.append(
            {
                "point_type": point_type.code,
                "points": pays.points if pays else 0,
                "money_off": str(pays.money if pays else worth(point_type, 0)),
                "minimum": point_type.redeem_minimum,
                "increment": point_type.redeem_increment,
                "max_percent": point_type.redeem_max_percent,
                "available": has.get(point_type.pk),
            }
        )
    return shown


def _waits(request: HttpRequest) -> bool:
    preferences = request.headers.get("Prefer", "").lower().replace(";", ",").split(",")
    return any(one.partition("=")[0].strip() == "wait" for one in preferences)


def _received(caller: Caller, item: object, at: datetime) -> Receipt:
    """One event, taken in. Raises what was wrong with it."""
    [receipt] = receive(caller.channel, [item], at=at)
    if receipt.fault is not None:
        raise receipt.fault
    return receipt


def _processed(program: Program, receipt: Receipt, at: datetime) -> dict[str, object] | None:
    """What became of an event that was taken in; None when its member is busy, or the database away: the event is
    kept all the same, so that this is no failure of the request."""
    assert receipt.event_id is not None
    try:
        process_now(receipt.event_id, at=at)
        return _write_event(program, receipt.event_id, at, duplicate=receipt.duplicate)
    except (Busy, OperationalError, InterfaceError):
        logger.warning("an event is left to the workers", exc_info=True)
        return None


def _write_receipt(receipt: Receipt) -> dict[str, object]:
    return {
        "event": receipt.event_id,
        "id": receipt.external_id,
        "status": receipt.status,
        "duplicate": receipt.duplicate,
    }


def _write_result(receipt: Receipt) -> dict[str, object]:
    fault = receipt.fault
    return {
        **_write_receipt(receipt),
        "status": "refused" if fault else receipt.status,
        "problem": _write_fault(fault) if fault else None,
    }


def _write_fault(fault: LaurelError) -> dict[str, object]:
    errors = [{"path": one.path, "code": one.code, "message": one.message} for one in fault.errors]
    return {"status": fault.status, "code": fault.code, "detail": fault.detail, "errors": errors}


def _write_reason(event: Event) -> dict[str, str] | None:
    wrong = reasons.reason(event)
    return {"code": wrong.code, "message": wrong.words} if wrong else None


def _write_event(
    program: Program, event: UUID | str, at: datetime, *, duplicate: bool = False
) -> dict[str, object]:
    """An event as it stands. Raises EventUnknown, also for another program's."""
    if not is_uuid(str(event)):
        raise EventUnknown
    found = Event.objects.select_related("member").filter(program=program, pk=event).first()
    if found is None:
        raise EventUnknown
    detail: Any = Trace.objects.filter(event_id=found.pk).values_list("detail", flat=True).first()
    trace = explained(detail, voice_of(program, found.type)) if detail else None
    member = found.member
    balances = balances_now(member.pk, at=at) if member else []
    return {
        "event": found.pk,
        "id": found.external_id,
        "source": found.source,
        "type": found.type,
        "status": found.status,
        "duplicate": duplicate,
        "occurred_at": found.occurred_at,
        "received_at": found.received_at,
        "processed_at": found.processed_at,
        "member": found.member_id,
        "order": found.order_reference,
        "points": detail.get("points", {}) if detail else {},
        "trace": trace,
        "error": _write_reason(found),
        "tier": write_tier(member) if member else None,
        "balances": [write_balance(balance) for balance in balances],
    }
