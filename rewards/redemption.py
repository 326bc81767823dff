"""What becomes of a redemption: reserved → confirmed → fulfilled; or cancelled, refunded, lapsed, expired.

Each change is one function. Doing it again changes nothing and answers the same; what no longer fits is refused with
a typed error. `reserve` and `redeem` are in `claiming`, the steps of sending goods in `fulfilment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.base.locking import retrying
from loyalty.ledger.acts import SYSTEM, Actor
from loyalty.ledger.books import Books
from loyalty.ledger.errors import HoldLapsed, NothingToRefund
from loyalty.programs.models import PointType
from rewards import deliveries, issuing, records, units
from rewards.claiming import REASON, give_points, redeem, reserve
from rewards.eligibility import MAY_NOT_REDEEM
from rewards.errors import (
    AlreadySent,
    AlreadyUsed,
    NotEligible,
    NotEnoughValue,
    RedemptionExpired,
    ReservationLapsed,
    WrongState,
)
from rewards.models import Code, Redemption
from rewards.records import find, state_at
from rewards.snapshot import done_at_once, expiry_of, from_pool, gives_code, money

__all__ = [
    "cancel",
    "confirm",
    "expire",
    "find",
    "lapse",
    "redeem",
    "refund",
    "refundable",
    "reserve",
    "state_at",
    "use",
]

State, Step = Redemption.State, Redemption.Step
GONE = (Step.SENT, Step.DELIVERED, Step.PICKED_UP)


@retrying
@transaction.atomic
def confirm(
    redemption: Redemption, *, at: datetime, actor: Actor, details: Mapping[str, Any] | None = None
) -> Redemption:
    """Make a reservation final: the points stay spent, the code is issued. Confirming again changes nothing,
    also when its time has run out since.

    Raises ReservationLapsed from the very instant of its limit on, WrongState, NotEligible `member_may_not_redeem`,
    Invalid `details_required`.
    """
    member = records.lock_member(redemption.member_id)
    row = records.reread(redemption.pk)
    if row.state in (State.CONFIRMED, State.FULFILLED, State.EXPIRED):
        return row
    _check_reserved(row, at)
    if member is None or not member.may_redeem:
        raise NotEligible([MAY_NOT_REDEEM])
    asks, known = row.terms.get("asks", []), deliveries.of(row)
    deliveries.keep(row, deliveries.check(asks, {**known, **(details or {})}, all_required=True))
    _capture(row, at=at, actor=actor)
    issuing.complete(row, at=at)
    row.save()
    records.note(row, "confirmed", at=at, actor=actor, data={"was_reserved": True})
    if row.state == State.FULFILLED:
        records.note(row, "fulfilled", at=at, actor=actor)
    units.confirm(row.stock_id)
    return row


def _check_reserved(row: Redemption, at: datetime) -> None:
    if state_at(row, at) == State.LAPSED:
        raise ReservationLapsed
    if row.state != State.RESERVED:
        raise WrongState(extra={"state": row.state})
    if _lost_its_unit(row):
        raise ReservationLapsed
    ends = expiry_of(row, at)
    if (
        ends is not None and ends <= at
    ):  # what it was reserved for is over: there is nothing to be had for the points
        raise ReservationLapsed


def _lost_its_unit(row: Redemption) -> bool:
    """By somebody's clock it had lapsed, while whoever asks now had to wait, and another member has the unit."""
    return row.state == State.RESERVED and not row.holds_stock


def _capture(row: Redemption, *, at: datetime, actor: Actor) -> None:
    into = _into(row)
    types = [row.point_type, *([into] if into is not None else [])]
    books = Books.open([(row.member_id, one) for one in types], with_lots="all")
    if row.transaction_id is not None:
        try:
            books.capture(row.transaction_id, at=at, reference=str(row.pk))
        except HoldLapsed as late:
            raise ReservationLapsed from late
    if into is not None:
        row.credit_id = give_points(books, row, into, at=at, actor=actor)
    books.write()


def _into(row: Redemption) -> PointType | None:
    """The points that it gives, by its own terms."""
    if "into" not in row.terms:
        return None
    return PointType.objects.select_related("program").get(program=row.program_id, code=row.terms["into"])


@retrying
@transaction.atomic
def cancel(redemption: Redemption, *, at: datetime, actor: Actor, reason: str = "") -> Redemption:
    """Undo what has not been used: the points go back into the very lots, the unit into the stock, its code is
    revoked, and it counts against no cap. Cancelling again changes nothing; a reservation that had lapsed by `at` is
    closed as lapsed.

    Raises AlreadyUsed, AlreadySent, RedemptionExpired, WrongState.
    """
    row = records.locked(redemption)
    if row.state in (State.CANCELLED, State.LAPSED):
        return row
    if state_at(row, at) == State.LAPSED or _lost_its_unit(row):
        return _lapse(row, at)
    _check_unused(row, at)
    was_reserved = row.state == State.RESERVED
    _give_back(row, row.points, at=at, actor=actor, note=reason)
    is_lost = _leave_code(row, at) if not was_reserved else _free_code(row, at)
    _close(row, State.CANCELLED, at, reason)
    records.note(row, "cancelled", at=at, actor=actor, words=reason, data=_back(row))
    records.return_unit(row, was_reserved=was_reserved, is_lost=is_lost, at=at)
    return row


def _check_unused(row: Redemption, at: datetime) -> None:
    if row.state == State.RESERVED:
        return
    if state_at(row, at) == State.EXPIRED:
        raise RedemptionExpired
    if row.state == State.FULFILLED and not done_at_once(row.terms):
        raise AlreadySent if row.step in GONE else AlreadyUsed
    if row.state != State.CONFIRMED:
        raise WrongState(extra={"state": row.state})
    if row.remaining is not None and row.remaining < Decimal(row.terms["value"]):
        raise AlreadyUsed
    if row.step in GONE:
        raise AlreadySent


@retrying
@transaction.atomic
def refund(
    redemption: Redemption,
    *,
    at: datetime,
    actor: Actor,
    reason: str = "",
    points: int | None = None,
    restock: bool = False,
) -> Redemption:
    """Give points back for what was used or sent: all of them, for a gift value those for what is left on it, or
    `points`. With `restock` the unit came back too. Refunding again changes nothing.

    Raises WrongState for what can still be cancelled and for what is over, NothingToRefund for a gift value that is
    used up unless `points` are named, Invalid `amount_out_of_range`, Conflict `exceeds_original`.
    """
    row = records.locked(redemption)
    if row.state == State.REFUNDED:
        return row
    if row.state == State.RESERVED or state_at(row, at) != row.state or not _is_used(row):
        raise WrongState(extra={"state": state_at(row, at)})
    if points is None and row.points and not refundable(row):
        raise NothingToRefund(_("Nothing is left on it. Say how many points to give back all the same."))
    _give_back(row, refundable(row) if points is None else points, at=at, actor=actor, note=reason)
    _take_back_credit(row, at=at, actor=actor, note=reason)
    if row.code is not None and row.code.state == Code.State.ISSUED:
        records.set_code(row.code, Code.State.REVOKED, at)
    restocked = restock and row.holds_stock and not from_pool(row.terms)
    _close(row, State.REFUNDED, at, reason, holds_stock=not restocked)
    told = {**_back(row), "restocked": restocked}
    records.note(row, "refunded", at=at, actor=actor, words=reason, data=told)
    if restocked:
        records.return_unit(row, was_reserved=False, at=at)
    return row


def _is_used(row: Redemption) -> bool:
    """Whether it is past cancelling, and not over."""
    if row.state == State.FULFILLED:
        return True
    partly = row.remaining is not None and row.remaining < Decimal(row.terms["value"])
    return row.state == State.CONFIRMED and (partly or row.step in GONE)


def refundable(row: Redemption) -> int:
    """The points that come back unless others are named: all, of a gift value those for what is left, rounded down."""
    if row.remaining is None:
        return row.points
    share = row.points * row.remaining / Decimal(row.terms["value"])
    return int(share.to_integral_value(ROUND_DOWN))


@retrying
@transaction.atomic
def lapse(redemption: Redemption, *, at: datetime, wait: bool = True) -> Redemption | None:
    """Close a reservation whose time has run out: points and unit come back, dated with that instant. None when it is
    not to be lapsed, or, without `wait`, when its member is busy."""
    if records.lock_member(redemption.member_id, wait=wait) is None:
        return None
    row = records.reread(redemption.pk)
    if row.state != State.RESERVED or state_at(row, at) != State.LAPSED:
        return None
    return _lapse(row, at)


def _lapse(row: Redemption, at: datetime) -> Redemption:
    assert row.reserved_until is not None
    at = max(at, row.reserved_until)
    _give_back(row, row.points, at=at, actor=SYSTEM, note="")
    held = row.holds_stock
    _free_code(row, at)
    _close(row, State.LAPSED, row.reserved_until)
    records.note(row, "lapsed", at=at, occurred_at=row.reserved_until, actor=SYSTEM, data=_back(row))
    if held:
        records.return_unit(row, was_reserved=True, at=at)
    return row


@retrying
@transaction.atomic
def expire(redemption: Redemption, *, at: datetime, wait: bool = True) -> Redemption | None:
    """Close what was not used in time; nothing comes back. None when it is not to be expired, or the member is busy."""
    if records.lock_member(redemption.member_id, wait=wait) is None:
        return None
    row = records.reread(redemption.pk)
    if row.state != State.CONFIRMED or state_at(row, at) != State.EXPIRED:
        return None
    assert row.expires_at is not None
    if row.code is not None:
        records.set_code(row.code, Code.State.EXPIRED, at)
    _close(row, State.EXPIRED, row.expires_at, holds_stock=True)
    records.note(row, "expired", at=at, occurred_at=row.expires_at, actor=SYSTEM)
    return row


@retrying
@transaction.atomic
def use(
    redemption: Redemption, *, at: datetime, actor: Actor, amount: Decimal | None = None, reference: str = ""
) -> Redemption:
    """Mark its code as used, once; of a gift value `amount`, or all that is left.

    Raises AlreadyUsed, RedemptionExpired, NotEnoughValue, WrongState.
    """
    row = records.locked(redemption)
    if row.state == State.FULFILLED:
        raise AlreadyUsed
    if state_at(row, at) == State.EXPIRED:
        raise RedemptionExpired
    if row.state != State.CONFIRMED or not gives_code(row.terms):
        raise WrongState(extra={"state": state_at(row, at)})
    data: dict[str, object] = {"reference": reference} if reference else {}
    if row.remaining is not None:
        data |= _spend(row, amount)
    if not row.remaining:
        finish(row, at=at)
    row.save()
    records.note(row, "used", at=at, actor=actor, data=data)
    if row.state == State.FULFILLED:
        records.note(row, "fulfilled", at=at, actor=actor)
    return row


def _spend(row: Redemption, amount: Decimal | None) -> dict[str, object]:
    """Take an amount off a gift value."""
    assert row.remaining is not None
    spent = row.remaining if amount is None else amount
    if not 0 < spent <= row.remaining:
        raise NotEnoughValue(extra={"asked": money(spent, row), "remaining": money(row.remaining, row)})
    row.remaining -= spent
    return {"amount": money(spent, row), "remaining": money(row.remaining, row)}


def finish(row: Redemption, *, at: datetime) -> None:
    """Nothing is left to do: fulfilled in memory, its code used."""
    row.state, row.fulfilled_at = State.FULFILLED, at
    row.claimed_by, row.claimed_until, row.problem = "", None, ""
    if row.step == Step.READY or row.terms.get("delivery") == "pick_up":
        row.step = Step.PICKED_UP
    if row.code is not None:
        records.set_code(row.code, Code.State.USED, at)


def _back(row: Redemption) -> dict[str, object]:
    return {"points_back": row.points_back}


# --- What comes back ----------------------------------------------------------------------------------------


def _give_back(row: Redemption, points: int, *, at: datetime, actor: Actor, note: str) -> None:
    """Points into the lots they came from: as the release of a reservation, or as a refund."""
    books = records.books_of(row)
    if books is None or row.transaction_id is None or not points:
        return
    original = books.original(row.transaction_id)
    if original.hold is not None and row.state == State.RESERVED:
        books.release(row.transaction_id, at=at, actor=actor, reason_code=REASON, note=note[:500])
        row.points_back = row.points
    elif part := min(points, original.refundable):  # not what somebody gave back in the books themselves
        books.refund(
            original, part, at=at, actor=actor, reference=str(row.pk), reason_code=REASON, note=note[:500]
        )
        row.points_back += part
    books.write()


def _take_back_credit(row: Redemption, *, at: datetime, actor: Actor, note: str) -> None:
    """The points that a reward of points gave go back where they came from, by the policy of their type."""
    if row.credit is None:
        return
    into = row.credit.point_type
    books = Books.open([(row.member_id, into)], with_lots="all")
    books.load_originals([row.credit.pk])
    given = books.original(row.credit.pk)
    if given.reversible:
        books.reverse(
            row.member_id, into, given.reversible, originals=[given], at=at, actor=actor,
            reference=str(row.pk), reason_code=REASON, note=note[:500],
        )  # fmt: skip
        books.write()


def _free_code(row: Redemption, at: datetime) -> bool:
    """A code that nobody has seen can be given to somebody else."""
    if row.code is not None:
        records.set_code(row.code, Code.State.FREE, at)
        row.code = None
    return False


def _leave_code(row: Redemption, at: datetime) -> bool:
    """A code that the member has seen is revoked. True when it was one of a pool, which then has one less."""
    if row.code is not None:
        records.set_code(row.code, Code.State.REVOKED, at)
    return from_pool(row.terms)


def _close(row: Redemption, state: str, at: datetime, reason: str = "", *, holds_stock: bool = False) -> None:
    row.state, row.closed_at, row.reason, row.holds_stock = state, at, reason[:200], holds_stock
    row.claimed_by, row.claimed_until = "", None
    row.save()
