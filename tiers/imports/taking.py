"""Taking back what an import brought to one wallet: the books are open, nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from loyalty.ledger.acts import Actor
from loyalty.ledger.books import Books
from loyalty.ledger.reversing import OWN_LOTS
from loyalty.programs.models import PointType, Policy
from tiers.imports import batches

Spent = Literal["left", "owed"]
"""What to do about points that are no longer there: leave them, or take others, into debt if need be."""


@dataclass(slots=True)
class Brought:
    """One transaction of an import and what became of it, in smallest units: `paid` is what a lot paid of debt as it
    came, `taken` what its undoing moved, `repaid` what falls away on both sides: what a lot paid of a debt of the same
    import."""

    id: UUID
    member_id: UUID
    point_type: PointType
    amount: int
    reference: str
    paid: int = 0
    taken: int = 0
    lapsed: int = 0
    spent: int = 0
    repaid: int = 0


@dataclass(frozen=True, slots=True)
class Taker:
    """Undoes with open books, in the name of somebody."""

    books: Books
    spent: Spent
    actor: Actor
    at: datetime

    def take_back(self, wallet: Sequence[Brought]) -> None:
        """All that one wallet got from an import: its lots first, then its debts."""
        lots, debts = [one for one in wallet if one.amount > 0], [one for one in wallet if one.amount < 0]
        for one in lots:
            self._look(one)
        _settle(lots, debts)
        for one in lots:
            self._take(one)
        for one in debts:
            self._repay(one)

    def _look(self, one: Brought) -> None:
        """What is there of it, before anything is taken: one lot's undoing may draw on another's points."""
        original = self.books.original(one.id)
        open_points = original.reversible
        left = min(sum(lot.remaining for lot in original.lots if not lot.lapsed(self.at)), open_points)
        one.lapsed = min(original.lapsed(self.at), open_points - left)
        one.spent = open_points - left - one.lapsed

    def _take(self, one: Brought) -> None:
        """All is asked back but what was spent and is left, so that `lifetime` forgets it. What falls away with a debt
        is not taken from other points."""
        original, kept = self.books.original(one.id), one.spent
        if self.spent == "owed":
            self._reverse(one, original.reversible - one.repaid, Policy.UNLIMITED)
            kept = 0
        self._reverse(one, original.reversible - kept, OWN_LOTS)

    def _reverse(self, one: Brought, points: int, policy: str) -> None:
        if points:
            reversal = self.books.reverse(
                one.member_id, one.point_type, points,
                originals=[self.books.original(one.id)], policy=policy, at=self.at, actor=self.actor,
                reference=one.reference, reason_code=batches.REASON_UNDONE,
            )  # fmt: skip
            one.taken += reversal.taken

    def _repay(self, one: Brought) -> None:
        points = -one.amount - one.repaid
        if points:
            self.books.adjust(
                one.member_id, one.point_type, points,
                at=self.at, actor=self.actor, reference=one.reference, reason_code=batches.REASON_UNDONE,
                undoes=one.id,
            )  # fmt: skip
            one.taken = -points


def _settle(lots: Sequence[Brought], debts: Sequence[Brought]) -> None:
    """What paid debt of the same import as it came was not spent: both sides of it simply fall away."""
    for debt in debts:
        for one in lots:
            part = min(one.spent, one.paid - one.repaid, -debt.amount - debt.repaid)
            one.spent -= part
            one.repaid += part
            debt.repaid += part
