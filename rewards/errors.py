"""What rewards refuse, each with a stable code. A refusal on how things stand is a 409."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty.base.errors import Conflict, LaurelError, NotFound, PreconditionFailed
from loyalty.base.words import Words


class RewardUnknown(NotFound):
    code = "reward_unknown"
    title = "There is no such reward"


class RedemptionUnknown(NotFound):
    code = "redemption_unknown"
    title = "There is no such redemption"


class CodeUnreadable(LaurelError):
    """The key that the code was encrypted with is neither LAUREL_CODE_KEY nor one of its fallbacks."""

    code = "code_unreadable"
    title = "The code cannot be decrypted with the present keys"


# --- The catalogue ------------------------------------------------------------------------------------------


class StaleReward(PreconditionFailed):
    """Someone saved the reward in the meantime; `extra` has `by`, `at`, `revision` and the `changes` field by field."""

    code = "stale_draft"
    title = "Someone else changed this reward in the meantime"


class RewardEnded(Conflict):
    code = "reward_ended"
    title = "The reward has ended"


class WrongStatus(Conflict):
    """What was asked does not follow from the present status; `extra` has it."""

    code = "reward_status"
    title = "The reward is not in a state for this"


class BelowIssued(Conflict):
    """More is taken than the stock would hold. `extra` has asked, issued, reserved and used."""

    code = "stock_below_issued"
    title = "More than that is taken already"

    def __init__(self, asked: int, reserved: int, used: int) -> None:
        issued = reserved + used
        super().__init__(
            f"{issued} are taken already ({used} redeemed, {reserved} reserved): the stock cannot be {asked}.",
            extra={"asked": asked, "issued": issued, "reserved": reserved, "used": used},
        )


class PoolStock(Conflict):
    code = "stock_is_pool"
    title = "The stock of a voucher reward is its codes: upload more of them"


# --- Redemptions --------------------------------------------------------------------------------------------


class NotEligible(Conflict):
    """The member cannot have it now. The code is that of the first reason; `extra["reasons"]` holds all of them."""

    title = "The member cannot have this reward now"

    def __init__(self, reasons: Sequence[tuple[str, Words, dict[str, object]]]) -> None:
        self.reasons = list(reasons)
        code, sentence, numbers = reasons[0]
        told = [{"code": one, "message": str(words), **more} for one, words, more in reasons]
        super().__init__(str(sentence), code=code, extra={**numbers, "reasons": told})


class WrongState(Conflict):
    """What was asked does not follow from the present state; `extra` has `state`."""

    code = "redemption_state"
    title = "The redemption is not in a state for this"


class ReservationLapsed(Conflict):
    code = "reservation_lapsed"
    title = "The reservation has run out"


class AlreadyUsed(Conflict):
    code = "already_used"
    title = "It has been used already"


class AlreadySent(Conflict):
    code = "already_sent"
    title = "It has been sent or handed over already"


class RedemptionExpired(Conflict):
    code = "redemption_expired"
    title = "Its time has run out"


class NotEnoughValue(Conflict):
    """`extra` has asked and remaining."""

    code = "not_enough_value"
    title = "There is less left on it"


class ClaimedByOther(Conflict):
    """Somebody else is working on it; `extra` has `by` and `until`."""

    code = "claimed_by_other"
    title = "Somebody else is working on it"
