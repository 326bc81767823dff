"""Endpoints on members' points: look, redeem, transfer, reverse. Edges only."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field

from loyalty.base import clock, http
from loyalty.base.errors import Invalid, NotFound
from loyalty.base.ids import is_uuid
from loyalty.base.paging import DEFAULT_LIMIT, Cursor, Limit
from loyalty.base.schemas import at_path, instant_at, money_at
from loyalty.ledger import balances, examples, ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.balances import balances_now
from loyalty.ledger.checkout import CHECKOUT, payment
from loyalty.ledger.history import Line, history
from loyalty.ledger.models import Transaction
from loyalty.ledger.schemas import (
    BalancesShown,
    HistoryShown,
    RedeemBody,
    RedeemShown,
    ReverseBody,
    ReverseShown,
    TransferBody,
    TransferShown,
)
from loyalty.ledger.sheet import write_balance
from loyalty.members import identifiers, members
from loyalty.members.errors import MemberUnknown
from loyalty.members.models import Member
from loyalty.programs.auth import Caller
from loyalty.programs.endpoint import caller_of, endpoint, once
from loyalty.programs.models import PointType, Program, Scope

router = Router(tags=["Members and points"])


class TransactionUnknown(NotFound):
    code = "transaction_unknown"
    title = "There is no such transaction"


@endpoint(
    router,
    "GET",
    "/members/{path:member}/balances",
    scope=Scope.MEMBERS_READ,
    summary="What a member has, now or as of a moment",
    answers={200: BalancesShown},
    shows=examples.BALANCES,
    refuses=[404],
)
def get_balances(request: HttpRequest, member: str, at: str | None = None) -> HttpResponse:
    """Balances of every point type. With `at`, as they were at that moment."""
    now = clock.now()
    moment = now if at is None else instant_at("?at", at)
    program = caller_of(request).program
    member_id = _member_id(program, member)
    look = balances_now if moment >= now else balances.balances_as_of
    shown = look(member_id, at=moment, program_id=program.pk)
    if not shown:  # a program has a point type at least: so it has no such member
        raise MemberUnknown
    return http.answer(
        {"member": member_id, "at": moment, "balances": [write_balance(balance) for balance in shown]}
    )


def _member_id(program: Program, member: str) -> UUID:
    """Whom a reference names. An own id is taken as it is: whoever reads asks within the program."""
    ref = identifiers.parse_ref(member, program.phone_region)
    if ref.kind == identifiers.MEMBER:
        return UUID(ref.value)
    found = identifiers.resolve(program.pk, [ref]).get(ref)
    if found is None or found.member_id is None:
        raise MemberUnknown
    return found.member_id


@endpoint(
    router,
    "GET",
    "/members/{path:member}/history",
    scope=Scope.MEMBERS_READ,
    summary="What happened to a member's points, newest first",
    answers={200: HistoryShown},
    shows=examples.HISTORY,
    refuses=[404],
)
def get_history(
    request: HttpRequest,
    member: str,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor | None = None,
    point_type: Annotated[str | None, Field(max_length=50)] = None,
) -> HttpResponse:
    """Every transaction with its reason, the balance after it, and the redemption that it belongs to; rewards that were
    free are among them."""
    program = caller_of(request).program
    found = members.find(program, member)
    kind = None if point_type is None else _point_type(program, point_type, "?point_type").pk
    page = history(found.pk, limit=limit, cursor=cursor, point_type_id=kind)
    return http.answer(page.written(partial(_write_line, at=clock.now())))


@endpoint(
    router,
    "POST",
    "/transactions/redeem",
    scope=Scope.POINTS_REDEEM,
    summary="Pay with points at checkout",
    answers={201: RedeemShown},
    example=examples.REDEEM_BODY,
    shows=examples.REDEEM,
    refuses=[404],
    idempotent=True,
)
def redeem(request: HttpRequest, body: RedeemBody) -> HttpResponse:
    """Takes points for money off, by the point type's rate, minimum, steps and share of an order: the answer says how
    many points were taken and what they pay. With `hold` they are reserved until the order comes."""
    return once(request, lambda: (201, _redeem(caller_of(request), body, clock.now())))


def _redeem(caller: Caller, body: RedeemBody, at: datetime) -> dict[str, object]:
    program = caller.program
    member = _member(program, body.member, "/member")
    point_type = _point_type(program, body.point_type, "/point_type")
    total = None if body.order_total is None else money_at("/order_total", body.order_total, program.currency)
    _check_hold(body)
    pays = payment(point_type, body.points, total)
    lapses_at = at + timedelta(minutes=point_type.hold_minutes) if body.hold else None
    done = ledger.redeem(
        member, point_type, pays.points, at=at, actor=_actor(caller), reference=body.reference,
        reason_code=CHECKOUT, lapses_at=lapses_at,
    )  # fmt: skip
    return {
        "transaction": _write(done, point_type),
        "points": pays.points,
        "money_off": str(pays.money),
        "currency": program.currency,
        "lapses_at": lapses_at,
        "available": _available(member, point_type, at),
    }


def _check_hold(body: RedeemBody) -> None:
    """Points are reserved for an order: its number finds them when it comes."""
    if body.hold and body.order_total is None:
        raise Invalid.field(
            "/order_total", "required", "Points are reserved for an order: say what it comes to."
        )
    if body.hold and not body.reference:
        raise Invalid.field("/reference", "required", "Points are reserved for an order: give its number.")


@endpoint(
    router,
    "POST",
    "/transactions/transfer",
    scope=Scope.POINTS_TRANSFER,
    summary="Give points to another member",
    answers={201: TransferShown},
    example=examples.TRANSFER_BODY,
    shows=examples.TRANSFER,
    refuses=[404],
    idempotent=True,
)
def transfer(request: HttpRequest, body: TransferBody) -> HttpResponse:
    """The points keep the dates on which they lapse."""
    return once(request, lambda: (201, _transfer(caller_of(request), body, clock.now())))


def _transfer(caller: Caller, body: TransferBody, at: datetime) -> dict[str, object]:
    member = _member(caller.program, body.member, "/member")
    to = _member(caller.program, body.to, "/to")
    point_type = _point_type(caller.program, body.point_type, "/point_type")
    done = ledger.transfer(
        member,
        to,
        point_type,
        body.points,
        at=at,
        actor=_actor(caller),
        reference=body.reference,
        note=body.note,
    )
    return {"transaction": _write(done, point_type), "available": _available(member, point_type, at)}


@endpoint(
    router,
    "POST",
    "/transactions/{transaction}/reverse",
    scope=Scope.POINTS_REVERSE,
    summary="Undo a transaction, all of it or a part",
    answers={201: ReverseShown},
    example=examples.REVERSE_BODY,
    shows=examples.REVERSE,
    refuses=[404],
    idempotent=True,
)
def reverse(request: HttpRequest, transaction: str, body: ReverseBody) -> HttpResponse:
    """Earned points are taken back by the program's policy; redeemed points come back with their dates, reserved ones
    all at once. What belongs to a reward or the like, and is undone with it, is refused (409 `undone_elsewhere`)."""
    return once(request, lambda: (201, _reverse(caller_of(request), transaction, body, clock.now())))


def _reverse(caller: Caller, transaction: str, body: ReverseBody, at: datetime) -> dict[str, object]:
    original = _transaction(caller.program, transaction)
    done = ledger.reverse_transaction(
        original,
        points=body.points,
        at=at,
        actor=_actor(caller),
        reason_code=body.reason_code,
        note=body.note,
    )
    available = _available(original.member, original.point_type, at)
    return {"transaction": _write(done, original.point_type), "available": available}


def _actor(caller: Caller) -> Actor:
    return Actor("channel", caller.channel.code)


def _member(program: Program, ref: str, path: str) -> Member:
    return at_path(path, lambda: members.find(program, ref))


def _point_type(program: Program, code: str | None, path: str) -> PointType:
    """The point type of that code, or the program's default."""
    wanted = {"is_default": True} if code is None else {"code": code}
    found = PointType.objects.filter(program=program, **wanted).first()
    if found is None:
        raise Invalid.field(path, "point_type_unknown", "There is no such point type in this program.")
    found.program = program
    return found


def _transaction(program: Program, transaction: str) -> Transaction:
    if not is_uuid(transaction):
        raise TransactionUnknown
    found = Transaction.objects.select_related("member", "point_type__program").filter(program=program)
    original = found.filter(pk=transaction).first()
    if original is None:
        raise TransactionUnknown
    return original


def _available(member: Member, point_type: PointType, at: datetime) -> int:
    found = balances_now(member.pk, at=at)
    return next(balance.available for balance in found if balance.point_type.id == point_type.pk)


def _write(done: Transaction, point_type: PointType) -> dict[str, object]:
    return {
        "id": done.pk,
        "kind": done.kind,
        "member": done.member_id,
        "point_type": point_type.code,
        "points": done.amount,
        "reference": done.reference,
        "reverses": done.reverses_id,
        "counterpart": done.counterpart_id,
        "forgiven": done.forgiven,
        "already_expired": done.already_expired,
        "occurred_at": done.occurred_at,
    }


def _write_line(line: Line, *, at: datetime) -> dict[str, object]:
    hold = line.hold(at)
    return {
        "id": line.id,
        "kind": line.kind,
        "point_type": line.point_type,
        "points": line.amount,
        "balance_after": line.balance_after,
        "hold": hold,
        "lapses_at": line.hold_lapses_at if hold == "open" else None,
        "reason": line.said(at),
        "reason_code": line.reason_code,
        "note": line.note,
        "reference": line.reference,
        "event": line.event_id,
        "about": line.about._asdict() if line.about else None,
        "reverses": line.reverses_id,
        "counterpart": line.counterpart_id,
        "forgiven": line.forgiven,
        "already_expired": line.already_expired,
        "available_at": line.available_at,
        "expires_at": line.expires_at,
        "actor": {"kind": line.actor_kind, "name": line.actor},
        "occurred_at": line.occurred_at,
        "recorded_at": line.recorded_at,
    }
