"""Taking a reward: reserving it, or redeeming it at once.

In this order: a look at the stock, which sends away whoever comes too late without locking anything; the member's row;
every rule; the points; the code; the redemption; and the unit of the stock as the last write. Of many on the last unit
one gets it. The others' points come back with their transaction, which leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.base.errors import Invalid
from loyalty.base.locking import retrying
from loyalty.ledger.acts import Actor
from loyalty.ledger.books import Books
from loyalty.members.models import Member
from loyalty.outbox import facts
from loyalty.programs.models import PointType
from rewards import deliveries, issuing, options, records, shelf, takings, units
from rewards.eligibility import Asking, Cost, Option, costs, judge, sold_out
from rewards.errors import NotEligible, RewardUnknown
from rewards.models import Code, PointsReward, Redemption, Reward, Stock
from rewards.offers import asking_of
from rewards.shelf import Item
from rewards.snapshot import from_pool, terms_of

REASON: Final = "reward"
"""Reason code of the transactions that pay for rewards."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: `stock` is the code of a variant or slot, `details` are where to send it."""

    stock: str = ""
    point_type: PointType | None = None
    details: Mapping[str, Any] | None = None
    reference: str = ""
    is_automatic: bool = False


NOTHING_SPECIAL: Final = Wish()


@retrying
@transaction.atomic
def reserve(
    member: Member, reward: Reward, wish: Wish = NOTHING_SPECIAL, *, at: datetime, actor: Actor
) -> Redemption:
    """Take points and stock at once, until the reward's time limit; then they are free again unless it was confirmed.
    A place is kept until its slot begins at most.

    Raises NotEligible with all reasons, RewardUnknown, and Invalid `stock_required`, `stock_unknown` or about
    `details`.
    """
    return _claim(member, reward, wish, at=at, actor=actor, reserve=True)


@retrying
@transaction.atomic
def redeem(
    member: Member, reward: Reward, wish: Wish = NOTHING_SPECIAL, *, at: datetime, actor: Actor
) -> Redemption:
    """Reserve and confirm in one step. Raises what `reserve` raises, and Invalid `details_required`."""
    return _claim(member, reward, wish, at=at, actor=actor, reserve=False)


def _claim(
    member: Member, reward: Reward, wish: Wish, *, at: datetime, actor: Actor, reserve: bool
) -> Redemption:
    known = shelf.of_program(member.program_id)
    item = known.items.get(reward.pk)
    if item is None:
        raise RewardUnknown
    option = _chosen(options.of_reward(reward.pk, at=at), wish.stock, at)
    if option.left is not None and option.left < 1:
        raise NotEligible([sold_out()])
    details = deliveries.checked(item.reward, wish.details, all_required=not reserve)
    present = records.lock_member(member.pk)
    assert present is not None  # members are never deleted
    books, cost = _judged(asking_of(present, known, item.needs, {}, at), present.pk, item, option, wish)
    row = _row(member, item, option, cost, at=at, actor=actor)
    row.reference, row.is_automatic = wish.reference, wish.is_automatic
    if reserve:
        row.reserved_until = _kept_until(item.reward, option, at)
    _pay(books, row, item.reward, at=at, actor=actor)
    _write(row, reserve=reserve, details=details, at=at, actor=actor)
    _take_unit(row, item.reward, at, reserve=reserve)
    return row


def _chosen(left: Sequence[Option], code: str, at: datetime) -> Option:
    """The variant or slot that was asked for; the only one there is when none was named."""
    if code:
        found = next((one for one in left if one.code == code), None)
        if found is None:
            raise Invalid.field("stock", "stock_unknown", _("There is no such variant or date."))
        return found
    if not left:
        raise NotEligible([sold_out()])
    to_come = [one for one in left if not one.is_over(at)]
    if len(to_come) > 1:
        raise Invalid.field("stock", "stock_required", _("Choose a variant or a date."))
    return to_come[0] if to_come else left[0]


def _kept_until(reward: Reward, option: Option, at: datetime) -> datetime:
    """When the reservation lapses: after the reward's minutes, and for a place not after its slot has begun."""
    limit = at + timedelta(minutes=reward.reserve_minutes)
    return limit if option.starts_at is None else min(limit, option.starts_at)


def _judged(asking: Asking, member_id: UUID, item: Item, option: Option, wish: Wish) -> tuple[Books, Cost]:
    """Every rule, over what is locked from here on. Raises NotEligible."""
    at = asking.at
    books, has = _open(member_id, item, asking, at)
    taken = takings.of_member(member_id, at=at, reward_id=item.reward.pk) if item.counts_takings else {}
    asked_type = wish.point_type.pk if wish.point_type is not None else None
    verdict = judge(
        item,
        replace(asking, available=has),
        [option],
        taken.get(item.reward.pk, ()),
        point_type_id=asked_type,
    )
    cost = verdict.cost_in(asked_type)
    if not verdict.ok or cost is None:
        raise NotEligible(verdict.reasons)
    return books, cost


def _open(member_id: UUID, item: Item, asking: Asking, at: datetime) -> tuple[Books, dict[int, int]]:
    """The member's wallets that may pay or gain, locked, and what each can pay."""
    types = {one.point_type.pk: one.point_type for one in costs(item, asking)}
    paying = list(types.values())
    if isinstance(item.reward, PointsReward):
        types[item.reward.into_id] = item.reward.into
    books = Books.open([(member_id, one) for one in types.values()], with_lots="all")
    return books, {one.pk: books.available(member_id, one, at=at) for one in paying}


def _row(member: Member, item: Item, option: Option, cost: Cost, *, at: datetime, actor: Actor) -> Redemption:
    reward = item.reward
    return Redemption(
        program=reward.program, member_id=member.pk, reward=reward, stock=_stock_of(option),
        point_type=cost.point_type, points=cost.points, state=Redemption.State.RESERVED,
        terms=terms_of(reward, option, cost, reward.program), actor_kind=actor.kind, actor=actor.name, created_at=at,
    )  # fmt: skip


def _stock_of(option: Option) -> Stock:
    """As much of the stock's row as a redemption reads; its counters are nobody's to keep."""
    return Stock(id=option.id, code=option.code)


def _pay(books: Books, row: Redemption, reward: Reward, *, at: datetime, actor: Actor) -> None:
    """Take the points, only until the reservation lapses if there is one; a reward of points is given with them."""
    if row.points:
        posted = books.redeem(
            row.member_id, row.point_type, row.points, at=at, actor=actor, lapses_at=row.reserved_until,
            reference=str(row.pk), reason_code=REASON, note=reward.name,
        )  # fmt: skip
        row.transaction_id = posted.id
    if isinstance(reward, PointsReward) and row.reserved_until is None:
        row.credit_id = give_points(books, row, reward.into, at=at, actor=actor)
    books.write()


def give_points(books: Books, row: Redemption, into: PointType, *, at: datetime, actor: Actor) -> UUID:
    """What a reward of points gives, by the terms of the redemption. The books hold that wallet too."""
    posted = books.earn(
        row.member_id, into, row.terms["gives"], occurred_at=at, recorded_at=at, actor=actor,
        reference=str(row.pk), reason_code=REASON, note=row.terms["name"],
    )  # fmt: skip
    return posted.id


def _write(row: Redemption, *, reserve: bool, details: dict[str, str], at: datetime, actor: Actor) -> None:
    if from_pool(row.terms) and not issuing.take_code(row, Code.State.RESERVED, at=at):
        raise NotEligible([sold_out()])
    if not reserve:
        issuing.complete(row, at=at)
    row.save(force_insert=True)
    deliveries.keep(row, details)
    records.note(row, "reserved" if reserve else "confirmed", at=at, actor=actor)
    if row.state == Redemption.State.FULFILLED:
        records.note(row, "fulfilled", at=at, actor=actor)


def _take_unit(row: Redemption, reward: Reward, at: datetime, *, reserve: bool) -> None:
    """The last write. Reservations that have lapsed make room, whether or not a sweep has closed them."""
    level = units.take(row.stock_id, reserve=reserve)
    if level is None and units.release_lapsed(row.stock_id, at=at):
        level = units.take(row.stock_id, reserve=reserve)
    if level is None:
        raise NotEligible([sold_out()])
    if level.left == 0:
        facts.complete(row.member_id, f"redemption.{'reserved' if reserve else 'confirmed'}", {"left": 0})
    if level.left is not None and level.left in (0, reward.low_stock_at):
        kind = "reward.sold_out" if level.left == 0 else "reward.stock_low"
        data = {"reward": reward.code, "stock": row.stock.code, "left": level.left}
        facts.record(row.program_id, None, kind, data, occurred_at=at, recorded_at=at)
