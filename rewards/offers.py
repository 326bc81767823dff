"""What a member can have now, and what is nearly in reach: for the till, the app and the member page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple, cast

from loyalty.base.clock import parse_instant
from loyalty.base.prepared import ask_together
from loyalty.conditions.compiler import Needs
from loyalty.events import activity
from loyalty.events.activity import Window
from loyalty.ledger.balances import Balance, balances_now, question_now
from loyalty.members.models import Member
from rewards import audience, options, shelf, takings
from rewards.eligibility import PASSING, Asking, Option, Reason, Verdict, judge, listed
from rewards.models import Reward
from rewards.shelf import Item, Shelf
from rewards.takings import Takings
from tiers import benefits, progress

NEAR_SHARE: Final = 2
"""Nearly in reach: the member has at least half of the points."""
NEAR_TIME: Final = timedelta(days=14)

State = Literal["available", "near", "out"]


class Offer(NamedTuple):
    """One reward for one member. `state`: can be had now; nearly, with what is missing; or not."""

    item: Item
    verdict: Verdict
    state: State

    @property
    def reward(self) -> Reward:
        return self.item.reward

    @property
    def options(self) -> Sequence[Option]:
        """The variants and slots that are still to come."""
        return self.verdict.to_come


def available(member: Member, at: datetime) -> list[Offer]:
    """The offers that the member can have at `at`, and those nearly in reach, in the order of the catalogue."""
    seen = _look(member, at)
    near = list(_in_reach(seen.shelf.on_offer, seen.asking))
    return [offer for offer in _offers(near, seen, at) if offer.state != "out"]


def every(member: Member, at: datetime) -> list[Offer]:
    """All rewards but drafts and ended ones, judged for one member. A handful of queries for any number of them."""
    seen = _look(member, at)
    return _offers(seen.shelf.on_offer, seen, at)


class _Seen(NamedTuple):
    """What there is to know before the stock: the catalogue, the member, and what the member had when."""

    shelf: Shelf
    asking: Asking
    taken: Takings


def _look(member: Member, at: datetime) -> _Seen:
    """Everything in one go. What to ask of the member depends on the catalogue: when that has changed, once more."""
    known = shelf.last_read(member.program_id)
    while True:
        current, balances, taken, lately = ask_together(
            shelf.question(member.program_id),
            question_now(member.pk, at=at),
            takings.question(member.pk, at=at),
            activity.windows_question(member.pk, known.needs.windows, at.astimezone(known.zone).date()),
        )
        if current is known:
            asking = asking_of(member, known, known.needs, _available(balances), at, lately=lately)
            return _Seen(known, asking, taken)
        known = current


def _available(balances: Iterable[Balance]) -> dict[int, int]:
    return {one.point_type.id: one.available for one in balances}


def _in_reach(items: Iterable[Item], asking: Asking) -> Iterator[Item]:
    """Those with a price that the points come near, which most often decides and is cheap to know."""
    reach = {type_id: NEAR_SHARE * max(0, has) for type_id, has in asking.available.items()}
    for item in items:
        for type_id, least in listed(item, asking).least:
            if reach.get(type_id, 0) >= least:
                yield item
                break


def _offers(items: Sequence[Item], seen: _Seen, at: datetime) -> list[Offer]:
    left = options.of_rewards(seen.shelf.program.pk, [item.reward.id for item in items], at=at)
    return [
        _offer(item, seen.asking, left.get(item.reward.id, ()), seen.taken.get(item.reward.id, ()))
        for item in items
    ]


def of_one(member: Member, reward: Reward, at: datetime) -> Offer | None:
    """The same for one reward; None for a draft."""
    known = shelf.of_program(member.program_id)
    item = known.items.get(reward.pk)
    if item is None:
        return None
    asking = asking_of(member, known, item.needs, _available(balances_now(member.pk, at=at)), at)
    taken = takings.of_member(member.pk, at=at, reward_id=reward.pk)
    return _offer(item, asking, options.of_reward(reward.pk, at=at), taken.get(reward.pk, ()))


def asking_of(
    member: Member,
    known: Shelf,
    needs: Needs,
    balances: Mapping[int, int],
    at: datetime,
    *,
    lately: Mapping[Window, Decimal] | None = None,
) -> Asking:
    """What the rules need to know of a member."""
    local = at.astimezone(known.zone)
    code = progress.code_of(member, at=at)
    if code != member.tier_code:
        member = copy(member)
        member.tier_code = code
    tier = benefits.of_set(known.ladder, at).get(code, benefits.NOTHING)
    return Asking(
        at=at,
        zone=known.zone,
        rounding=known.rounding,
        may_redeem=member.may_redeem,
        tier=code,
        price_factor=tier.price_factor,
        early_days=tier.early_access_days,
        view=audience.view_of(member, needs, known.declared, local, lately),
        available=balances,
    )


def _offer(item: Item, asking: Asking, left: Sequence[Option], taken_at: Sequence[datetime]) -> Offer:
    verdict = judge(item, asking, left, taken_at)
    return Offer(item, verdict, _state(verdict, asking.at))


def _state(verdict: Verdict, at: datetime) -> State:
    if verdict.ok:
        return "available"
    return "near" if all(_is_near(reason, at) for reason in verdict.reasons) else "out"


def _is_near(reason: Reason, at: datetime) -> bool:
    if reason.code not in PASSING:
        return False
    numbers = reason.numbers
    if reason.code == "insufficient_points":
        return cast(int, numbers["has"]) * NEAR_SHARE >= cast(int, numbers["needed"])
    if reason.code == "outside_hours":
        return True
    opens = numbers.get("opens_at")
    return opens is not None and parse_instant(opens) - at <= NEAR_TIME
