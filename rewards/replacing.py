"""Codes that staff hand out: shown when a member cannot find his, and replaced when one does not work."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from loyalty.base.locking import retrying
from loyalty.ledger.acts import Actor
from rewards import codes, issuing, records, stock
from rewards.eligibility import sold_out
from rewards.errors import NotEligible, WrongState
from rewards.models import Code, Redemption, RedemptionStep, StockChange
from rewards.snapshot import expiry_of, from_pool

State = Redemption.State


@transaction.atomic
def reveal(redemption: Redemption, *, at: datetime, actor: Actor) -> str:
    """The whole code. That it was shown, and to whom, is written into the redemption.

    Raises WrongState where there is no code, CodeUnreadable.
    """
    row = records.locked(redemption)
    if row.code is None:
        raise WrongState("There is no code to show.", extra={"state": row.state})
    text = codes.reveal(row.code)
    RedemptionStep.objects.create(
        redemption=row, kind="revealed", state=row.state, occurred_at=at, recorded_at=at, actor_kind=actor.kind,
        actor=actor.name,
    )  # fmt: skip
    return text


@retrying
@transaction.atomic
def replace(redemption: Redemption, *, at: datetime, actor: Actor, reason: str = "") -> Redemption:
    """Another code instead of the one that the member has, which is revoked. What is left on a gift stays on it.

    Raises WrongState for what is not open or has no code, and NotEligible `sold_out` when the pool is empty.
    """
    row = records.locked(redemption)
    state = records.state_at(row, at)
    if state != State.CONFIRMED or row.code is None or row.confirmed_at is None:
        raise WrongState("It has no code that could be replaced.", extra={"state": state})
    old = row.code
    records.set_code(old, Code.State.REVOKED, at)
    if not from_pool(row.terms):
        row.code = issuing.make_code(row, at)
    elif not issuing.take_code(row, Code.State.ISSUED, at=at):
        raise NotEligible([sold_out()])
    row.expires_at = expiry_of(row, row.confirmed_at)
    row.save(update_fields=["code", "expires_at"])
    records.note(row, "new_code", at=at, actor=actor, words=reason, data={"old_code_id": old.pk})
    if from_pool(row.terms):
        stock.count_codes(row.stock, -1, StockChange.Reason.REVOKED, by=actor.name, at=at, note=reason)
    return row
