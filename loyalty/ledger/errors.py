"""What the ledger refuses, each with a stable code. A refusal on the facts of the books is a 409; an amount or a
pair of members that can never be right is a 422."""

from __future__ import annotations

from loyalty.base.errors import Conflict, Invalid


class InsufficientPoints(Conflict):
    """Not enough spendable points. `extra` holds needed, has and missing, in smallest units."""

    code = "insufficient_points"
    title = "Not enough points"

    def __init__(self, needed: int, has: int) -> None:
        has = max(has, 0)
        super().__init__(
            "There are not enough points for this.",
            extra={"needed": needed, "has": has, "missing": needed - has},
        )
        self.needed, self.has, self.missing = needed, has, needed - has


class MemberMayNotRedeem(Conflict):
    code = "member_may_not_redeem"
    title = "This member may not use points now"


class MemberMayNotReceive(Conflict):
    code = "member_may_not_receive"
    title = "This member cannot receive points now"


class AlreadyReversed(Conflict):
    code = "already_reversed"
    title = "All of this has been taken back before"


class NothingToRefund(Conflict):
    code = "nothing_to_refund"
    title = "There is nothing left to give back"


class ExceedsOriginal(Conflict):
    """More than is left of the original. `extra` holds asked and left, in smallest units."""

    code = "exceeds_original"
    title = "More than is left of the original"

    def __init__(self, asked: int, left: int) -> None:
        super().__init__(extra={"asked": asked, "left": left})


class NotHeld(Conflict):
    code = "not_held"
    title = "These points were not reserved, but redeemed at once"


class HoldLapsed(Conflict):
    code = "hold_lapsed"
    title = "The reservation has lapsed or was released; its points are the member's again"


class HoldCaptured(Conflict):
    code = "hold_captured"
    title = "The reserved points are redeemed; they can be given back, not released"


class HoldOpen(Conflict):
    code = "hold_open"
    title = "Reserved points are released all at once"


class NotReversible(Conflict):
    code = "not_reversible"
    title = "Transactions of this kind cannot be reversed"


class UndoneElsewhere(Conflict):
    """The points belong to something of an upper app, which is undone as a whole; `extra["about"]` says to what."""

    code = "undone_elsewhere"
    title = "These points are part of something that is undone as a whole"


class AmountOutOfRange(Invalid):
    code = "amount_out_of_range"
    title = "The amount must be above zero and within what can be booked at once"


class SameMember(Invalid):
    code = "same_member"
    title = "Points are transferred between two different members"


class OtherProgram(Invalid):
    code = "other_program"
    title = "The members and the points must belong to the same program"


class ReasonRequired(Invalid):
    code = "reason_required"
    title = "A manual adjustment needs a reason and the name of the person"
