"""Giving spent points back: refunds of redemptions, and reservations, which are redemptions that may still be undone as
a whole until they lapse."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from loyalty.base.ids import uuid7
from loyalty.ledger.acts import SYSTEM, Act, Actor, Posted
from loyalty.ledger.errors import (
    ExceedsOriginal,
    HoldCaptured,
    HoldLapsed,
    HoldOpen,
    NotHeld,
    NothingToRefund,
)
from loyalty.ledger.lots import Held, Line, OpenLot
from loyalty.ledger.originals import Original
from loyalty.ledger.posting import CAPTURED, RELEASED, Posting, check_amount, check_room
from loyalty.ledger.purses import Purse
from loyalty.outbox.facts import FactRow


class GivingBack(Posting):
    """Locked wallets, and how points return into their lots."""

    def refund(
        self,
        original: Original,
        points: int,
        *,
        at: datetime,
        recorded_at: datetime | None = None,
        actor: Actor,
        event_id: UUID | None = None,
        reference: str = "",
        reason_code: str = "",
        note: str = "",
    ) -> Posted:
        """Give back what a redemption took: into the very lots, with their expiry; what has lapsed by `at` into new
        lots with the program's grace days. Debt is not repaid: these are points that the member had spent.

        Raises AmountOutOfRange, NothingToRefund, ExceedsOriginal; HoldOpen for what is only reserved.
        """
        check_amount(points)
        if not original.refundable:
            raise NothingToRefund
        if points > original.refundable:
            raise ExceedsOriginal(points, original.refundable)
        if original.hold is not None and original.hold.is_open:
            raise HoldOpen
        check_room(self._held[original.key], points)
        act = Act("refund", at, recorded_at or at, actor, event_id, reference, reason_code, note)
        return self._give_back(original, points, act)

    def capture(
        self, transaction_id: UUID, *, at: datetime, event_id: UUID | None = None, reference: str = ""
    ) -> bool:
        """Make a reservation final: its points stay spent, and nothing moves. False when that was done before.

        Raises NotHeld, HoldLapsed (also when it was released).
        """
        original, hold = self._reserved(transaction_id)
        if hold.state == "captured":
            return False
        if not hold.is_open or hold.lapsed(at):
            raise HoldLapsed
        at = max(at, original.occurred_at)  # by a clock that is behind: nothing ends before it began
        self.close(hold, "captured", at)
        self.announce(_captured(self._held[original.key], hold, at, event_id, reference))
        return True

    def release(
        self,
        transaction_id: UUID,
        *,
        at: datetime,
        actor: Actor = SYSTEM,
        event_id: UUID | None = None,
        reference: str = "",
        reason_code: str = "",
        note: str = "",
    ) -> Posted | None:
        """Give the points of a reservation back; if it has lapsed, dated with that instant. None when that was booked
        before.

        Raises NotHeld, HoldCaptured.
        """
        original, hold = self._reserved(transaction_id)
        if hold.state == "released":
            return None
        if hold.state == "captured":
            raise HoldCaptured
        told = reference or original.reference
        at = max(at, original.occurred_at)
        act = Act("refund", at, at, actor, event_id, told, reason_code, note, fact=RELEASED)
        if hold.lapsed(at):
            act = act._replace(occurred_at=hold.lapses_at, actor=SYSTEM, event_id=None, reason_code="lapsed")
        self.close(hold, "released", act.occurred_at)
        return self._give_back(original, hold.points, act)

    def release_lapsed(self, *, at: datetime) -> list[Posted]:
        """Book what reservations have lapsed by `at`, of the wallets whose lots are loaded."""
        held = [hold for purse in self._held.values() for hold in purse.holds.values()]
        due = [hold for hold in held if hold.is_open and hold.lapsed(at)]
        self.load_originals(hold.transaction_id for hold in due)
        due.sort(key=lambda hold: (hold.lapses_at, hold.transaction_id))
        posted = [self.release(hold.transaction_id, at=at) for hold in due]
        return [one for one in posted if one]

    def usable_lots(self, purse: Purse, at: datetime) -> Collection[OpenLot]:
        """The lots of a wallet after everything that had lapsed by `at` came back: what may be drawn on."""
        lots = self.lots(purse)
        if any(hold.is_open and hold.lapsed(at) for hold in purse.holds.values()):
            self.release_lapsed(at=at)
        return lots

    def _reserved(self, transaction_id: UUID) -> tuple[Original, Held]:
        self.load_originals([transaction_id])
        original = self.original(transaction_id)
        if original.hold is None:
            raise NotHeld
        return original, original.hold

    def _give_back(self, original: Original, points: int, act: Act) -> Posted:
        purse, transaction_id = self._held[original.key], uuid7()
        parts = original.to_give_back(points)
        lines = [self._into(purse, lot, part, transaction_id, act) for lot, part in parts]
        original.undone += points
        return self.post(purse, act._replace(reverses=original.id), lines, transaction_id=transaction_id)

    def _into(self, purse: Purse, lot: OpenLot, points: int, transaction_id: UUID, act: Act) -> Line:
        at = act.occurred_at
        if not lot.lapsed(at):
            return lot, points
        fresh = self.new_lot(
            purse, transaction_id, points, act.recorded_at, origin_id=lot.id,
            earned_at=lot.earned_at, available_at=at, expires_at=purse.terms.grace_ends_at(at),
        )  # fmt: skip
        return fresh, points


def _captured(purse: Purse, hold: Held, at: datetime, event_id: UUID | None, reference: str) -> FactRow:
    data: dict[str, object] = {
        "transaction": str(hold.transaction_id),
        "point_type": purse.terms.code,
        "points": hold.points,
    }
    if event_id:
        data["event"] = str(event_id)
    if reference:
        data["reference"] = reference
    return FactRow(purse.terms.program_id, purse.member_id, CAPTURED, data, at, at)
