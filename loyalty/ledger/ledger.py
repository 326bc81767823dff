"""One act on points at a time, for tills, people and screens: `ledger.redeem(member, point_type, 100, at=…)`.

Each is atomic and goes through `Books`, as batches do: lock, check, write, return. What it raises left nothing behind.
Beside the errors named below, all raise Busy when the member's wallet is not free within the lock timeout.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from loyalty.base.locking import retrying
from loyalty.ledger.acts import DEFAULT, Actor, Default
from loyalty.ledger.books import Books
from loyalty.ledger.errors import (
    AlreadyReversed,
    MemberMayNotReceive,
    MemberMayNotRedeem,
    NothingToRefund,
    NotReversible,
    OtherProgram,
    SameMember,
)
from loyalty.ledger.history import check_stands_alone
from loyalty.ledger.models import Transaction
from loyalty.ledger.originals import CREDITS, Original
from loyalty.members.models import Member
from loyalty.programs.models import PointType

_STANDING: Final = ("id", "program_id", "state", "suspended_may_earn", "suspended_may_redeem")


@retrying
@transaction.atomic
def redeem(
    member: Member,
    point_type: PointType,
    points: int,
    *,
    at: datetime,
    actor: Actor,
    reference: str = "",
    reason_code: str = "",
    note: str = "",
    lapses_at: datetime | None = None,
) -> Transaction:
    """Spend `points` smallest units, earliest expiry first; with `lapses_at` only until then, as `hold` does.

    Raises MemberMayNotRedeem, InsufficientPoints, AmountOutOfRange, OtherProgram.
    """
    _check_program(point_type, member)
    books = Books.open([(member.pk, point_type)], with_lots="all")
    if not _present(member).may_redeem:
        raise MemberMayNotRedeem
    posted = books.redeem(
        member.pk, point_type, points,
        at=at, actor=actor, reference=reference, reason_code=reason_code, note=note, lapses_at=lapses_at,
    )  # fmt: skip
    return _written(books, posted.id)


def hold(
    member: Member,
    point_type: PointType,
    points: int,
    *,
    lapses_at: datetime,
    at: datetime,
    actor: Actor,
    reference: str = "",
    reason_code: str = "",
    note: str = "",
) -> Transaction:
    """Reserve points: they are taken at once, and at `lapses_at` are the member's again unless captured before.

    Raises what `redeem` raises.
    """
    return redeem(
        member, point_type, points,
        at=at, actor=actor, reference=reference, reason_code=reason_code, note=note, lapses_at=lapses_at,
    )  # fmt: skip


@retrying
@transaction.atomic
def capture(reservation: Transaction, *, at: datetime) -> bool:
    """Make a reservation final. False when it was before. Raises NotHeld, HoldLapsed."""
    books = _open_for(reservation)
    captured = books.capture(reservation.pk, at=at)
    books.write()
    return captured


@retrying
@transaction.atomic
def release(
    reservation: Transaction, *, at: datetime, actor: Actor, reason_code: str = "", note: str = ""
) -> Transaction | None:
    """Give the points of a reservation back into their lots. None when it was released, or had lapsed, before.

    Raises NotHeld, HoldCaptured.
    """
    books = _open_for(reservation)
    original = books.original(reservation.pk)
    lapsed = original.hold is not None and original.hold.lapsed(at)
    posted = books.release(reservation.pk, at=at, actor=actor, reason_code=reason_code, note=note)
    books.write()
    return Transaction.objects.get(pk=posted.id) if posted and not lapsed else None


@retrying
@transaction.atomic
def adjust(
    member: Member,
    point_type: PointType,
    points: int,
    *,
    at: datetime,
    actor: Actor,
    reason_code: str,
    note: str = "",
    reference: str = "",
    expires_at: datetime | Default | None = DEFAULT,
    allow_debt: bool = False,
) -> Transaction:
    """Give (+) or take (-) `points` smallest units by hand. Without `expires_at` they lapse as earned ones would; None
    means never. Taking goes into debt only with `allow_debt`.

    Raises ReasonRequired, MemberMayNotReceive (closed), InsufficientPoints, AmountOutOfRange, OtherProgram.
    """
    _check_program(point_type, member)
    books = Books.open([(member.pk, point_type)], with_lots="all")
    if points > 0 and _present(member).state == Member.State.CLOSED:
        raise MemberMayNotReceive
    posted = books.adjust(
        member.pk, point_type, points,
        at=at, actor=actor, reason_code=reason_code, note=note, reference=reference,
        expires_at=expires_at, allow_debt=allow_debt,
    )  # fmt: skip
    return _written(books, posted.id)


@retrying
@transaction.atomic
def transfer(
    member: Member,
    to: Member,
    point_type: PointType,
    points: int,
    *,
    at: datetime,
    actor: Actor,
    reference: str = "",
    note: str = "",
) -> Transaction:
    """Move `points` smallest units to another member; they keep their dates. Returns the giver's transaction.

    Raises SameMember, OtherProgram, MemberMayNotRedeem, MemberMayNotReceive, InsufficientPoints, AmountOutOfRange.
    """
    if member.pk == to.pk:
        raise SameMember
    _check_program(point_type, member, to)
    books = Books.open([(member.pk, point_type), (to.pk, point_type)], with_lots=[(member.pk, point_type.pk)])
    if not _present(member).may_redeem:
        raise MemberMayNotRedeem
    if not _present(to).may_earn:
        raise MemberMayNotReceive
    sent, _ = books.transfer(
        member.pk, to.pk, point_type, points, at=at, actor=actor, reference=reference, note=note
    )
    return _written(books, sent.id)


@retrying
@transaction.atomic
def refund(
    redemption: Transaction,
    *,
    points: int | None = None,
    at: datetime,
    actor: Actor,
    reference: str = "",
    reason_code: str = "",
    note: str = "",
) -> Transaction:
    """Give a redemption's points back, all that is left of it or a part. What is only reserved is released, as a
    whole.

    Raises NotReversible (it is no redemption), NothingToRefund, ExceedsOriginal, AmountOutOfRange, HoldOpen.
    """
    if redemption.kind != Transaction.Kind.REDEEM:
        raise NotReversible
    books = _open_for(redemption)
    original = books.original(redemption.pk)
    if not original.refundable or _is_over(original, at):
        raise NothingToRefund
    if original.hold and original.hold.is_open and points in (None, original.hold.points):
        released = books.release(
            original.id, at=at, actor=actor,
            reference=reference or redemption.reference, reason_code=reason_code, note=note,
        )  # fmt: skip
        assert released is not None  # it is open, and the wallet is locked
        return _written(books, released.id)
    posted = books.refund(
        original, original.refundable if points is None else points,
        at=at, actor=actor, reference=reference or redemption.reference, reason_code=reason_code, note=note,
    )  # fmt: skip
    return _written(books, posted.id)


@retrying
@transaction.atomic
def reverse_transaction(
    original: Transaction,
    *,
    points: int | None = None,
    at: datetime,
    actor: Actor,
    reason_code: str = "",
    note: str = "",
    reference: str = "",
    policy: str | None = None,
) -> Transaction:
    """Undo a transaction, all that is left of it or a part: what was given is taken back, by `policy` (None: the point
    type's); what was redeemed is given back.

    Raises NotReversible (other kinds, and what was taken by hand), AlreadyReversed or NothingToRefund,
    ExceedsOriginal, AmountOutOfRange; UndoneElsewhere for what an upper app undoes as a whole.
    """
    check_stands_alone(original.pk)
    if original.kind == Transaction.Kind.REDEEM:
        return refund(
            original,
            points=points,
            at=at,
            actor=actor,
            reference=reference,
            reason_code=reason_code,
            note=note,
        )
    if original.kind not in CREDITS or original.amount <= 0:
        raise NotReversible
    books = _open_for(original)
    found = books.original(original.pk)
    if not found.reversible:
        raise AlreadyReversed
    reversal = books.reverse(
        original.member_id, original.point_type, found.reversible if points is None else points,
        originals=[found], policy=policy, at=at, actor=actor,
        reference=reference or original.reference, reason_code=reason_code, note=note,
    )  # fmt: skip
    return _written(books, reversal.posted[0].id)


def _is_over(original: Original, at: datetime) -> bool:
    """Whether these points were reserved and have come back by themselves, booked or not."""
    return original.hold is not None and original.hold.is_open and original.hold.lapsed(at)


def _open_for(original: Transaction) -> Books:
    books = Books.open([(original.member_id, original.point_type)], with_lots="all")
    books.load_originals([original.pk])
    return books


def _check_program(point_type: PointType, *members: Member) -> None:
    if any(member.program_id != point_type.program_id for member in members):
        raise OtherProgram


def _present(member: Member) -> Member:
    """The member as committed now: what the caller read may be older than a suspension."""
    return Member.objects.only(*_STANDING).get(pk=member.pk)


def _written(books: Books, transaction_id: UUID) -> Transaction:
    books.write()
    return Transaction.objects.get(pk=transaction_id)
