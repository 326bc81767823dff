"""The only writer of points. `Books` holds some locked wallets, does any number of acts on them in memory, and
writes them set by set; one redemption and a batch of hundreds of awards go the same way.

Every act checks first and changes after, so that a refused one leaves the books as they were. Only what the calendar
brings about (expiry, activation) is booked elsewhere, wallet by wallet in SQL: see `sweep`.
Amounts are whole numbers of the point type's smallest unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from loyalty.base.ids import uuid7
from loyalty.ledger import reversing
from loyalty.ledger.acts import DEFAULT, SYSTEM, Act, Actor, Default, Posted, Reversal
from loyalty.ledger.errors import InsufficientPoints, ReasonRequired, SameMember
from loyalty.ledger.giving_back import GivingBack
from loyalty.ledger.lots import Held, Line, OpenLot, spendable, take, total
from loyalty.ledger.originals import Original
from loyalty.ledger.posting import HELD, check_amount, check_room, owed
from loyalty.ledger.purses import Purse
from loyalty.programs.models import PointType

__all__ = ["DEFAULT", "SYSTEM", "Actor", "Books", "Original", "Posted", "Reversal"]


class Books(GivingBack):
    """Locked wallets and every act on them, within one database transaction: open, act, write."""

    def available(self, member_id: UUID, point_type: PointType, *, at: datetime) -> int:
        """What can be spent at `at`; below zero while debt exceeds what is active."""
        purse = self.purse(member_id, point_type)
        return total(spendable(self.usable_lots(purse, at), at)) - purse.debt

    # --- earning ----------------------------------------------------------------------------------------

    def earn(
        self,
        member_id: UUID,
        point_type: PointType,
        points: int,
        *,
        occurred_at: datetime,
        recorded_at: datetime,
        actor: Actor,
        event_id: UUID | None = None,
        reference: str = "",
        kind: Literal["earn", "correct"] = "earn",
        available_at: datetime | None = None,
        expires_at: datetime | Default | None = DEFAULT,
        reason_code: str = "",
        note: str = "",
    ) -> Posted:
        """Give points: one lot, which repays debt first. Without dates of its own it gets those of the point type.

        Raises AmountOutOfRange.
        """
        purse = self.purse(member_id, point_type)
        check_amount(points)
        check_room(purse, points)
        act = Act(kind, occurred_at, recorded_at, actor, event_id, reference, reason_code, note)
        kept_alive = self._be_active(purse, occurred_at, recorded_at)
        starts = available_at or purse.terms.available_at(occurred_at)
        posted = self.credit(purse, points, act, starts, _lapse(purse, starts, expires_at))
        self.extend(purse, posted.id, kept_alive)
        return posted

    def correct(
        self,
        member_id: UUID,
        point_type: PointType,
        points: int,
        *,
        occurred_at: datetime,
        recorded_at: datetime,
        actor: Actor,
        event_id: UUID | None = None,
        reference: str = "",
        reason_code: str = "",
        note: str = "",
    ) -> Posted:
        """Give what a new look at an order adds to what it had earned. Raises AmountOutOfRange."""
        return self.earn(
            member_id, point_type, points, occurred_at=occurred_at, recorded_at=recorded_at, actor=actor,
            event_id=event_id, reference=reference, kind="correct", reason_code=reason_code, note=note,
        )  # fmt: skip

    def _be_active(self, purse: Purse, at: datetime, now: datetime) -> list[tuple[OpenLot, datetime]]:
        """Under inactivity expiry, to earn or redeem keeps alive all that has not lapsed at that moment: the lots, and
        their later ends."""
        purse.last_active_at = max(purse.last_active_at or at, at)
        if not purse.terms.lapses_by_inactivity:
            return []
        kept_alive = []
        for lot in self.usable_lots(purse, now):
            later = purse.terms.expires_at(max(purse.last_active_at, lot.available_at))
            if lot.remaining and lot.expires_at and later and at < lot.expires_at < later:
                kept_alive.append((lot, later))
        return kept_alive

    def bring(
        self,
        member_id: UUID,
        point_type: PointType,
        points: int,
        *,
        earned_at: datetime,
        expires_at: datetime | None,
        recorded_at: datetime,
        actor: Actor,
        reason_code: str,
        reference: str = "",
    ) -> Posted:
        """Bring in what a member has (+) or owes (-) elsewhere: a lot with the dates given, spendable since it was
        earned, or debt as of now. Other lots keep their dates, whatever the point type says of activity.

        Raises AmountOutOfRange, ReasonRequired.
        """
        purse = self.purse(member_id, point_type)
        check_amount(abs(points))
        check_room(purse, points)
        if not reason_code or not actor.name:
            raise ReasonRequired
        if points < 0:
            act = Act("adjust", recorded_at, recorded_at, actor, None, reference, reason_code)
            return self.post(purse, act, [(None, points)])
        purse.last_active_at = max(purse.last_active_at or earned_at, earned_at)
        act = Act("adjust", earned_at, recorded_at, actor, None, reference, reason_code)
        return self.credit(purse, points, act, earned_at, expires_at)

    # --- spending ---------------------------------------------------------------------------------------

    def redeem(
        self,
        member_id: UUID,
        point_type: PointType,
        points: int,
        *,
        at: datetime,
        actor: Actor,
        event_id: UUID | None = None,
        reference: str = "",
        reason_code: str = "",
        note: str = "",
        lapses_at: datetime | None = None,
    ) -> Posted:
        """Spend points, earliest expiry first. With `lapses_at` they are only reserved: at that instant they are the
        member's again, unless `capture` came before.

        Raises AmountOutOfRange, InsufficientPoints.
        """
        purse = self.purse(member_id, point_type)
        check_amount(points)
        if lapses_at is not None and lapses_at <= at:
            raise ValueError("a reservation lapses after it was made")
        lines = self._spend(purse, points, at)
        kept_alive = self._be_active(purse, at, at)  # what is drawn on, too: it may come back
        act = Act("redeem", at, at, actor, event_id, reference, reason_code, note)
        if lapses_at is not None:
            act = act._replace(fact=HELD, lapses_at=lapses_at)
        posted = self.post(purse, act, lines)
        self.extend(purse, posted.id, kept_alive)
        hold = Held(posted.id, points, lapses_at) if lapses_at is not None else None
        if hold is not None:
            self.hold(purse, hold)
        key = (member_id, point_type.pk)
        self._originals[posted.id] = Original(
            posted.id, key, "redeem", -points, at, taken=lines, hold=hold, reference=reference
        )
        return posted

    def _spend(self, purse: Purse, points: int, at: datetime) -> list[Line]:
        lots = spendable(self.usable_lots(purse, at), at)
        has = total(lots) - purse.debt
        if points > has:
            raise InsufficientPoints(points, has)
        return take(lots, points)

    # --- adjusting, transferring ------------------------------------------------------------------------

    def adjust(
        self,
        member_id: UUID,
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
        undoes: UUID | None = None,
    ) -> Posted:
        """Give (+) or take (-) points by hand; what is given can be spent at once. With `allow_debt`, what is not
        there becomes debt. What is given to undo an adjustment that took (`undoes`) was not earned: it does not count
        in `lifetime`. Raises AmountOutOfRange, ReasonRequired, InsufficientPoints."""
        purse = self.purse(member_id, point_type)
        check_amount(abs(points))
        check_room(purse, points)
        if not reason_code or not actor.name:
            raise ReasonRequired
        act = Act("adjust", at, at, actor, None, reference, reason_code, note, undoes)
        if points > 0:
            return self.credit(purse, points, act, at, _lapse(purse, at, expires_at))
        if not allow_debt:
            return self.post(purse, act, self._spend(purse, -points, at))
        lines = take(spendable(self.usable_lots(purse, at), at), -points)
        return self.post(purse, act, [*lines, *owed(-points, lines)])

    def transfer(
        self,
        member_id: UUID,
        to: UUID,
        point_type: PointType,
        points: int,
        *,
        at: datetime,
        actor: Actor,
        reference: str = "",
        note: str = "",
    ) -> tuple[Posted, Posted]:
        """Move points to another member, with their dates. The receiver's debt is repaid first.

        Raises AmountOutOfRange, SameMember, InsufficientPoints.
        """
        if member_id == to:
            raise SameMember
        check_amount(points)
        giver, receiver = self.purse(member_id, point_type), self.purse(to, point_type)
        check_room(receiver, points)
        lines = self._spend(giver, points, at)
        act = Act("transfer", at, at, actor, reference=reference, note=note, counterpart=to)
        sent = self.post(giver, act, lines)
        received_id = uuid7()
        gained = [
            (self._moved(receiver, lot, -change, received_id, at), -change) for lot, change in lines if lot
        ]
        both = [*gained, *self.repayment(receiver, gained, at)]
        return sent, self.post(
            receiver, act._replace(counterpart=member_id), both, transaction_id=received_id
        )

    def _moved(self, purse: Purse, lot: OpenLot, points: int, transaction_id: UUID, at: datetime) -> OpenLot:
        return self.new_lot(
            purse, transaction_id, points, at, origin_id=lot.id,
            earned_at=lot.earned_at, available_at=lot.available_at, expires_at=lot.expires_at,
        )  # fmt: skip

    # --- taking back ------------------------------------------------------------------------------------

    def points_reversible(self, original: Original) -> int:
        """How much of a credit no reversal has asked back yet."""
        return original.reversible

    def reverse(
        self,
        member_id: UUID,
        point_type: PointType,
        points: int,
        *,
        originals: Sequence[Original] = (),
        policy: str | None = None,
        at: datetime,
        recorded_at: datetime | None = None,
        actor: Actor,
        event_id: UUID | None = None,
        reference: str = "",
        reason_code: str = "",
        note: str = "",
    ) -> Reversal:
        """Take earned points back: from what the originals made, latest first, then by `policy` (None: the point
        type's; `OWN_LOTS`: what is not in the originals' lots any more is forgiven). Without originals (a return that
        names no order) by policy alone. `at` is when it happened, and decides what was pending or had lapsed.

        Raises AmountOutOfRange, AlreadyReversed, ExceedsOriginal.
        """
        check_amount(points)
        purse = self.purse(member_id, point_type)
        check_room(purse, -points)
        lots, rule = self.usable_lots(purse, recorded_at or at), policy or purse.terms.returns
        act = Act("reverse", at, recorded_at or at, actor, event_id, reference, reason_code, note)
        reversal = Reversal()
        if not originals:
            taking = reversing.take_loose(points, rule, at=at, purse=purse, lots=lots)
            reversal.add(self._take_back(purse, act, taking, None))
            return reversal
        if any(original.key != (member_id, point_type.pk) for original in originals):
            raise ValueError("an original belongs to another wallet")
        for original, part in reversing.shares(set(originals), points):
            taking = reversing.take_from(original, part, rule, at=at, purse=purse, lots=lots)
            reversal.add(self._take_back(purse, act._replace(reverses=original.id), taking, original.lots[0]))
            original.undone += part
            original.already_expired += taking.already_expired
        return reversal

    def _take_back(self, purse: Purse, act: Act, taking: reversing.Taking, own: OpenLot | None) -> Posted:
        purse.lifetime -= taking.asked
        forgiven, expired = taking.forgiven, taking.already_expired
        lines = taking.lines or [(own, 0)]  # when nothing moved, a line of 0 still says when that was decided
        return self.post(purse, act, lines, forgiven=forgiven, already_expired=expired)


def _lapse(purse: Purse, starts: datetime, expires_at: datetime | Default | None) -> datetime | None:
    """The given expiry, else that of the point type; under inactivity counted from the last activity."""
    if not isinstance(expires_at, Default):
        return expires_at
    if purse.terms.lapses_by_inactivity and purse.last_active_at:
        starts = max(starts, purse.last_active_at)
    return purse.terms.expires_at(starts)
