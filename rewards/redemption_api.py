"""Endpoints on what was taken: look, confirm, cancel, use, send, refund. Edges only.

What is kept of an answer holds neither a code nor where something is sent: the answer is kept with the code masked, and
the code is filled in each time it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from loyalty.base import clock, http
from loyalty.base.errors import Invalid
from loyalty.base.ids import is_uuid
from loyalty.base.schemas import money_at
from loyalty.ledger.acts import Actor
from loyalty.programs.auth import Caller
from loyalty.programs.endpoint import caller_of, endpoint, once
from loyalty.programs.models import Program, Scope
from rewards import deliveries, examples, fulfilment, records, redemption
from rewards.answers import about_the_body, as_told, with_code
from rewards.errors import RedemptionUnknown
from rewards.models import Redemption
from rewards.schemas import (
    CancelBody,
    ConfirmBody,
    FulfilBody,
    RedemptionLook,
    RedemptionShown,
    RefundBody,
    UseBody,
)
from rewards.sheet import shows_code, write_redemption, write_step

router = Router(tags=["Rewards"])

BY_CODE: Final = "code:"

Act = Callable[[Redemption, datetime, Actor], Redemption]


@endpoint(
    router,
    "POST",
    "/redemptions/{path:redemption}/confirm",
    scope=Scope.REWARDS_REDEEM,
    summary="Make a reservation final",
    answers={200: RedemptionShown},
    example=examples.CONFIRM_BODY,
    shows=examples.REDEMPTION,
    refuses=[404],
    idempotent=True,
)
def confirm(request: HttpRequest, redemption: str, body: ConfirmBody) -> HttpResponse:
    """The points stay spent, and the code is told. From the very instant of `reserved_until` on it is refused (409
    `reservation_lapsed`), and the points are the member's again; and before it where the member may not use points any
    more (409 `member_may_not_redeem`)."""
    return _done(
        request,
        redemption,
        "confirm",
        lambda row, at, actor: _confirmed(row, body, at, actor),
        complete=with_code,
    )


def _confirmed(row: Redemption, body: ConfirmBody, at: datetime, actor: Actor) -> Redemption:
    return redemption.confirm(row, at=at, actor=actor, details=body.details)


@endpoint(
    router,
    "POST",
    "/redemptions/{path:redemption}/cancel",
    scope=Scope.REWARDS_REDEEM,
    summary="Undo what has not been used",
    answers={200: RedemptionShown},
    example=examples.CANCEL_BODY,
    shows=examples.CANCELLED,
    refuses=[404],
    idempotent=True,
)
def cancel(request: HttpRequest, redemption: str, body: CancelBody) -> HttpResponse:
    """The points go back into the very lots they came from, the unit into the stock, the code is revoked, and it counts
    against no cap. What was used or sent is refused (409): refund it."""
    return _done(request, redemption, "cancel", lambda row, at, actor: _cancelled(row, body, at, actor))


def _cancelled(row: Redemption, body: CancelBody, at: datetime, actor: Actor) -> Redemption:
    return redemption.cancel(row, at=at, actor=actor, reason=body.reason)


@endpoint(
    router,
    "POST",
    "/redemptions/{path:redemption}/use",
    scope=Scope.REWARDS_FULFIL,
    summary="Mark a code as used",
    answers={200: RedemptionShown},
    example=examples.USE_BODY,
    shows=examples.USED,
    refuses=[404],
    idempotent=True,
)
def use(request: HttpRequest, redemption: str, body: UseBody) -> HttpResponse:
    """Once: whoever comes second gets 409 `already_used`. Of a gift value an `amount` may be used; `remaining` is what
    is left."""
    return _done(request, redemption, "use", lambda row, at, actor: _used(row, body, at, actor))


def _used(row: Redemption, body: UseBody, at: datetime, actor: Actor) -> Redemption:
    amount: Decimal | None = None
    if body.amount is not None:
        if row.terms["kind"] != "gift":
            raise Invalid.field("/amount", "amount_unexpected", "Only a gift value is used in parts.")
        amount = money_at("/amount", body.amount, row.terms["currency"])
        if amount <= 0:
            raise Invalid.field("/amount", "too_small", "Use more than nothing of it.")
    return redemption.use(row, at=at, actor=actor, amount=amount, reference=body.reference)


@endpoint(
    router,
    "POST",
    "/redemptions/{path:redemption}/fulfil",
    scope=Scope.REWARDS_FULFIL,
    summary="Say how far goods are",
    answers={200: RedemptionShown},
    example=examples.FULFIL_BODY,
    shows=examples.SENT,
    refuses=[404],
    idempotent=True,
)
def fulfil(request: HttpRequest, redemption: str, body: FulfilBody) -> HttpResponse:
    """Sent, delivered; or ready, picked up. Steps may be left out, not gone back. The same step again only notes
    another carrier or tracking number."""
    return _done(request, redemption, "fulfil", lambda row, at, actor: _advanced(row, body, at, actor))


def _advanced(row: Redemption, body: FulfilBody, at: datetime, actor: Actor) -> Redemption:
    return fulfilment.advance(
        row, body.step, at=at, actor=actor, carrier=body.carrier, tracking=body.tracking
    )


@endpoint(
    router,
    "POST",
    "/redemptions/{path:redemption}/refund",
    scope=Scope.REWARDS_FULFIL,
    summary="Give points back for what was used or sent",
    answers={200: RedemptionShown},
    example=examples.REFUND_BODY,
    shows=examples.REFUNDED,
    refuses=[404],
    idempotent=True,
)
def refund(request: HttpRequest, redemption: str, body: RefundBody) -> HttpResponse:
    """Into the very lots they came from. What can still be cancelled is not refunded (409)."""
    return _done(request, redemption, "refund", lambda row, at, actor: _refunded(row, body, at, actor))


def _refunded(row: Redemption, body: RefundBody, at: datetime, actor: Actor) -> Redemption:
    if body.points is not None and body.points > row.points:
        raise Invalid.field("/points", "amount_out_of_range", "It cost fewer points than that.")
    return redemption.refund(
        row, at=at, actor=actor, reason=body.reason, points=body.points, restock=body.restock
    )


# Comes last: a code may itself hold a slash.
@endpoint(
    router,
    "GET",
    "/redemptions/{path:redemption}",
    scope=Scope.REWARDS_READ,
    summary="What became of a redemption",
    answers={200: RedemptionLook},
    shows=examples.LOOK,
    refuses=[404],
)
def get_redemption(request: HttpRequest, redemption: str) -> HttpResponse:
    """As it counts now, with everything that happened to it. A till that has only the code asks for `code:…`."""
    caller, at = caller_of(request), clock.now()
    row = _found(caller.program, redemption)
    told = write_redemption(row, at)
    if Scope.REWARDS_REDEEM in caller.scopes:
        told = with_code(told)
    details = deliveries.of(row) if Scope.REWARDS_FULFIL in caller.scopes else None
    steps = [write_step(step) for step in row.steps.order_by("id")]
    return http.answer({**told, "details": details, "steps": steps})


# --- What they share ----------------------------------------------------------------------------------------


def _done(
    request: HttpRequest,
    ref: str,
    verb: str,
    act: Act,
    *,
    complete: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> HttpResponse:
    """Do it once. The address that is kept with the key names the redemption by its id, so that no code lies there."""
    caller = caller_of(request)
    row = _found(caller.program, ref)
    path = f"{request.path.partition('/redemptions/')[0]}/redemptions/{row.pk}/{verb}"
    return once(request, lambda: (200, _acted(caller, row, act, clock.now())), path=path, complete=complete)


def _acted(caller: Caller, row: Redemption, act: Act, at: datetime) -> dict[str, object]:
    try:
        done = act(row, at, Actor("channel", caller.channel.code))
    except Invalid as wrong:
        raise about_the_body(wrong) from wrong
    return as_told(done, at)


def _found(program: Program, ref: str) -> Redemption:
    """By its id, or by the code that the member shows. Raises RedemptionUnknown, also for another program's."""
    if ref.startswith(BY_CODE):
        found = fulfilment.find_by_code(program, ref.removeprefix(BY_CODE))
        if found is None or not shows_code(found):
            raise RedemptionUnknown
        return found
    if not is_uuid(ref):
        raise RedemptionUnknown
    return records.find(program, UUID(ref))
