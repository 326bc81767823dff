"""Transactions that are to be undone: how much of each is left, and in which lots its points are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from loyalty.ledger import purses
from loyalty.ledger.lots import Held, Line, OpenLot
from loyalty.ledger.purses import Key, Purse

CREDITS = frozenset({"earn", "correct", "adjust"})


@dataclass(slots=True, eq=False)
class Original:
    """A transaction and what became of it. Amounts in smallest units, never negative but for `amount` itself."""

    id: UUID
    key: Key
    kind: str
    amount: int
    occurred_at: datetime
    undone: int = 0  # asked back by reversals, or given back by refunds, so far
    already_expired: int = 0  # part of `undone` that had lapsed before
    lots: list[OpenLot] = field(default_factory=list)  # of a credit: what it made
    taken: list[Line] = field(default_factory=list)  # of a redemption: what it took, in the order of taking
    hold: Held | None = None  # of a redemption that began as a reservation
    reference: str = ""

    @property
    def is_credit(self) -> bool:
        return self.kind in CREDITS and self.amount > 0

    @property
    def reversible(self) -> int:
        """How much of a credit can still be taken back."""
        return self.amount - self.undone if self.is_credit else 0

    @property
    def refundable(self) -> int:
        """How much of a redemption can still be given back."""
        return -self.amount - self.undone if self.kind == "redeem" else 0

    def lapsed(self, at: datetime) -> int:
        """Points of its lots that were lost to expiry and that no reversal has counted yet."""
        gone = sum(lot.expired + (lot.remaining if lot.lapsed(at) else 0) for lot in self.lots)
        return max(gone - self.already_expired, 0)

    def to_give_back(self, points: int) -> list[tuple[OpenLot, int]]:
        """The lots of a redemption that get the next `points` back: in the reverse order of taking."""
        skip, shares = self.undone, []
        for lot, change in reversed(self.taken):
            assert lot is not None  # a redemption never takes on debt
            part = min(max(-change - skip, 0), points)
            skip = max(skip + change, 0)
            if part:
                shares.append((lot, part))
                points -= part
        return shares


_TRANSACTIONS = """
    SELECT t.id, t.member_id, t.point_type_id, t.kind, t.amount, t.occurred_at,
        coalesce(sum(CASE r.kind WHEN 'refund' THEN r.amount
            ELSE r.forgiven + r.already_expired - r.amount END), 0)::bigint,
        coalesce(sum(r.already_expired), 0)::bigint, t.reference,
        h.points, h.lapses_at, h.state, h.closed_at
    FROM ledger_transaction t
    LEFT JOIN ledger_hold h ON h.transaction_id = t.id
    LEFT JOIN ledger_transaction r ON r.reverses_id = t.id AND r.kind IN ('reverse', 'refund')
    WHERE t.id = ANY(%s)
    GROUP BY t.id, h.transaction_id
"""
_TAKEN = """
    SELECT transaction_id, lot_id, amount FROM ledger_entry WHERE transaction_id = ANY(%s) AND amount < 0 ORDER BY id
"""


def load(ids: Collection[UUID], held: dict[Key, Purse]) -> list[Original]:
    """These transactions with all that was undone of them, their lots and takings, in four queries for any number.

    The wallets must be locked (`held`): what is read here stays true until the transaction ends.
    """
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_TRANSACTIONS, [list(ids)])
        rows = cursor.fetchall()
    found = [Original(row[0], (row[1], row[2]), *row[3:8]) for row in rows]
    for original, (reference, points, *terms) in zip(found, (row[8:] for row in rows), strict=True):
        original.reference = reference
        if points is not None:
            hold = Held(original.id, points, *terms)
            original.hold = held[original.key].holds.setdefault(original.id, hold)
    _load_made(found, held)
    _load_taken([original for original in found if original.kind == "redeem"], held)
    return found


def _load_made(found: Iterable[Original], held: dict[Key, Purse]) -> None:
    makers = {original.id: original for original in found if original.is_credit}
    for lot in purses.load_lots_made_by({held[one.key] for one in makers.values()}, makers):
        makers[lot.transaction_id].lots.append(lot)


def _load_taken(redeemed: list[Original], held: dict[Key, Purse]) -> None:
    if not redeemed:
        return
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, [[original.id for original in redeemed]])
        rows = cursor.fetchall()
    purses.load_lots({held[original.key] for original in redeemed}, {lot_id for _, lot_id, _ in rows})
    by_id = {original.id: original for original in redeemed}
    for transaction_id, lot_id, amount in rows:
        original = by_id[transaction_id]
        original.taken.append((held[original.key].lots[lot_id], amount))
