"""A redemption in hand: its member and itself locked, and how what happens to it is written down.

Every change goes the same way: lock the member, then the redemption, then the wallets; check; write; and move the
stock last.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Final
from uuid import UUID

from loyalty.base.clock import write_instant
from loyalty.ledger.acts import Actor
from loyalty.ledger.books import Books
from loyalty.members.models import Member
from loyalty.outbox import facts
from loyalty.programs.models import Program
from rewards import units
from rewards.errors import RedemptionUnknown
from rewards.models import Code, Redemption, RedemptionStep, StockChange

State = Redemption.State
LOCK = " FOR NO KEY UPDATE"
ENDS_ANEW: Final = frozenset({"confirmed", "new_code"})
"""Steps that set when it runs out, and say so."""
UNTOLD: Final = frozenset({"revealed", "details"})
"""Steps that are for staff alone and are not announced."""
SIGNED: Final = (
    "currency", "listed_points", "unit_cost", "off", "value", "minimum_order", "valid_days", "delivery", "sku", "hours",
    "beneficiary", "partner", "partner_name", "into", "gives", "starts_at", "ends_at",
)  # fmt: skip
"""The terms that say what a redemption is worth."""
_MEMBER: Final = "SELECT * FROM members_member WHERE id = %s"
_RELATED: Final = ("reward", "stock", "code", "point_type", "program")


def find(program: Program, redemption_id: UUID) -> Redemption:
    """The redemption with this id. Raises RedemptionUnknown, also for another program's."""
    rows = Redemption.objects.filter(program=program, pk=redemption_id)
    found = rows.select_related(*_RELATED).first()
    if found is None:
        raise RedemptionUnknown
    return found


def state_at(row: Redemption, at: datetime) -> str:
    """The state as it counts at `at`: what has lapsed or expired by then is so, whether or not that is booked."""
    if row.state == State.RESERVED and row.reserved_until is not None and row.reserved_until <= at:
        return State.LAPSED
    if row.state == State.CONFIRMED and row.expires_at is not None and row.expires_at <= at:
        return State.EXPIRED
    return row.state


def lock_member(member_id: UUID, *, wait: bool = True) -> Member | None:
    """The member as he is now. Whatever moves his points or rewards waits from here on. Without `wait`, None when he
    is busy."""
    found = Member.objects.raw(_MEMBER + LOCK + ("" if wait else " SKIP LOCKED"), [member_id])
    return next(iter(found), None)


def locked(redemption: Redemption) -> Redemption:
    """The redemption as it is in the database now; it and its member are locked to the end of the transaction."""
    lock_member(redemption.member_id)
    return reread(redemption.pk)


def reread(redemption_id: UUID) -> Redemption:
    """The same when the member is locked already."""
    rows = Redemption.objects.select_for_update(no_key=True, of=["self"])
    row = rows.select_related(*_RELATED).get(pk=redemption_id)
    # What they have in common is read once: to plan a join of ten tables takes PostgreSQL longer than all the rest.
    row.stock.reward, row.point_type.program = row.reward, row.program
    return row


def books_of(row: Redemption) -> Books | None:
    """The books of the wallet that paid, with the payment loaded; None for what was free."""
    if row.transaction_id is None:
        return None
    books = Books.open([(row.member_id, row.point_type)], with_lots="all")
    books.load_originals([row.transaction_id])
    return books


def note(
    row: Redemption,
    kind: str,
    *,
    at: datetime,
    actor: Actor,
    occurred_at: datetime | None = None,
    words: str = "",
    data: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Write down what happened, and announce it. `occurred_at` when that was before now."""
    happened = occurred_at or at
    if kind in ENDS_ANEW:
        data = {**data, "expires_at": row.expires_at and write_instant(row.expires_at)}
    RedemptionStep.objects.create(
        redemption=row, kind=kind, state=row.state, occurred_at=happened, recorded_at=at, actor_kind=actor.kind,
        actor=actor.name, note=words[:500], data=dict(data),
    )  # fmt: skip
    told = {**_told(row), **data}
    if kind in ("reserved", "confirmed"):
        told["signed"] = signature(row)
    facts.record(
        row.program_id, row.member_id, f"redemption.{kind}", told, occurred_at=happened, recorded_at=at
    )


def _told(row: Redemption) -> dict[str, object]:
    told: dict[str, object] = {
        "redemption": str(row.pk),
        "reward": row.terms["reward"],
        "name": row.terms["name"],
        "kind": row.terms["kind"],
        "state": row.state,
        "points": row.points,
        "point_type": row.point_type.code,
    }
    if row.stock.code:
        told["stock"] = row.stock.code
        told["stock_name"] = row.terms["stock"]["name"]
    if row.reserved_until is not None and row.state == State.RESERVED:
        told["reserved_until"] = write_instant(row.reserved_until)
    if row.reference:
        told["reference"] = row.reference
    return told


def signature(row: Redemption) -> str:
    """What it is worth by its terms, as a digest: enough to prove that nobody changed them since."""
    values = (row.terms.get(name) for name in SIGNED)
    return sha256("\x1f".join("" if one is None else str(one) for one in values).encode()).hexdigest()


def set_code(code: Code, state: str, at: datetime) -> None:
    """What became of a code."""
    code.state, code.changed_at = state, at
    code.save(update_fields=["state", "changed_at"])


def return_unit(row: Redemption, *, was_reserved: bool, at: datetime, is_lost: bool = False) -> None:
    """Give the unit back to the stock: the last write of a transaction. `row.holds_stock` says before whether it has
    one, and is for the caller to save."""
    level = units.give_back(row.stock_id, was_reserved=was_reserved, is_lost=is_lost)
    if is_lost and level.loaded is not None:
        StockChange.objects.create(
            stock=row.stock,
            before=level.loaded + 1,
            after=level.loaded,
            reason=StockChange.Reason.REVOKED,
            at=at,
        )
