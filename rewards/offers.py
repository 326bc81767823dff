"""What a member can have now, and what is nearly in reach: for the till, the app and the member page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final, Literal

from loyalty.base.clock import parse_instant
from loyalty.conditions.compiler import NOTHING, Needs
from loyalty.ledger.balances import balances_now
from loyalty.members.models import Member
from rewards import audience, options, shelf, takings
from rewards.eligibility import PASSING, Asking, Option, Reason, Verdict, judge
from rewards.models import Reward
from rewards.shelf import Item, Shelf
from tiers import benefits

NEAR_SHARE: Final = 2
"""Nearly in reach: the member has at least half of the points."""
NEAR_TIME: Final = timedelta(days=14)

State = Literal["available", "near", "out"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One reward for one member. `state`: can be had now; nearly, with what is missing; or not."""

    item: Item
    options: Sequence[Option]
    verdict: Verdict
    state: State

    @property
    def reward(self) -> Reward:
        return self.item.reward


def available(member: Member, at: datetime) -> list[Offer]:
    """The offers that the member can have at `at`, and those nearly in reach, in the order of the catalogue."""
    return [offer for offer in every(member, at) if offer.state != "out"]


def every(member: Member, at: datetime) -> list[Offer]:
    """All rewards but drafts and ended ones, judged for one member. A handful of queries for any number of them."""
    known = shelf.of_program(member.program_id)
    items = [item for item in known.items.values() if item.reward.status != Reward.Status.ENDED]
    balances = {one.point_type.id: one.available for one in balances_now(member.pk, at=at)}
    asking = asking_of(member, known, reduce(or_, (item.needs for item in items), NOTHING), balances, at)
    left = options.of_program(member.program_id, at=at)
    taken = takings.of_member(member.pk, at=at) if any(item.counts_takings for item in items) else {}
    return [
        _offer(item, left.get(item.reward.pk, []), asking, taken.get(item.reward.pk, ())) for item in items
    ]


def of_one(member: Member, reward: Reward, at: datetime) -> Offer | None:
    """The same for one reward; None for a draft."""
    known = shelf.of_program(member.program_id)
    item = known.items.get(reward.pk)
    if item is None:
        return None
    balances = {one.point_type.id: one.available for one in balances_now(member.pk, at=at)}
    asking = asking_of(member, known, item.needs, balances, at)
    taken = takings.of_member(member.pk, at=at, reward_id=reward.pk)
    return _offer(item, options.of_reward(reward.pk, at=at), asking, taken.get(reward.pk, ()))


def asking_of(
    member: Member, known: Shelf, needs: Needs, balances: Mapping[int, int], at: datetime
) -> Asking:
    """What the rules need to know of a member."""
    local = at.astimezone(known.zone)
    tier = benefits.of_program(member.program_id, at=at).get(member.tier_code, benefits.NOTHING)
    return Asking(
        at=at,
        zone=known.zone,
        rounding=known.rounding,
        may_redeem=member.may_redeem,
        tier=member.tier_code,
        price_factor=tier.price_factor,
        early_days=tier.early_access_days,
        view=audience.view_of(member, needs, known.declared, local),
        available=balances,
    )


def _offer(item: Item, left: Sequence[Option], asking: Asking, taken_at: Sequence[datetime]) -> Offer:
    verdict = judge(item, asking, left, taken_at)
    to_come = [one for one in left if not one.is_over(asking.at)]
    return Offer(item, to_come, verdict, _state(verdict, asking.at))


def _state(verdict: Verdict, at: datetime) -> State:
    if verdict.ok:
        return "available"
    return "near" if all(_is_near(reason, at) for reason in verdict.reasons) else "out"


def _is_near(reason: Reason, at: datetime) -> bool:
    if reason.code not in PASSING:
        return False
    numbers = reason.numbers
    if reason.code == "insufficient_points":
        return int(str(numbers["has"])) * NEAR_SHARE >= int(str(numbers["needed"]))
    if reason.code == "outside_hours":
        return True
    opens = numbers.get("opens_at")
    return opens is not None and parse_instant(opens) - at <= NEAR_TIME
