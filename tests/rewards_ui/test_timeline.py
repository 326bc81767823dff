"""What became of a member's rewards, as sentences on their timeline."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty.console import timeline
from loyalty.console.timeline import Cursor, Row
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import fulfilment, redemption, replacing, stock, sweep
from rewards.claiming import Wish
from rewards.models import Redemption, Reward
from rewards.screens import timeline_words
from rewards.screens.redemption_words import HAPPENED
from tests.rewards.shop import DAY, MINUTE, NOON, OLGA, TILL, a_reward, earned

pytestmark = pytest.mark.django_db

LATER = NOON + 2 * MINUTE


def lines(member: Member, at: Any = NOON + 90 * DAY) -> list[Row]:
    found, _cursor = timeline.rows(member, at=at, before=None, only_points=False)
    return [row for row in found if row.at > NOON]


def titles(member: Member) -> list[str]:
    return [row.title for row in lines(member)]


def take(member: Member, reward: Reward, how: str = "redeem", option: str = "") -> Redemption:
    act = {"redeem": redemption.redeem, "reserve": redemption.reserve}[how]
    return act(member, reward, Wish(option), at=NOON + MINUTE, actor=TILL)


def test_the_last_one_reserved_is_called_so_with_its_price_and_its_limit(
    points: PointType, ada: Member
) -> None:
    mug = a_reward(points, "product", name="Mug", cost=300)
    stock.make(mug, "terracotta", name="terracotta", loaded=2, by="olga", at=NOON)
    first, last = take(ada, mug, "reserve"), take(ada, mug, "reserve")
    assert titles(ada) == [
        "Reserved the last Mug, terracotta for 300 points until 13:16",
        "Reserved Mug, terracotta for 300 points until 13:16",
    ]
    redemption.cancel(last, at=LATER, actor=TILL)
    sweep.run(NOON + DAY)
    row = lines(ada)[0]
    assert (row.title, row.icon) == (
        "The reservation of Mug, terracotta ran out: 300 points are back",
        "event_busy",
    )
    assert row.at == first.reserved_until
    assert titles(ada)[1] == "Cancelled Mug, terracotta: 300 points are back"


def test_a_line_on_a_reward_carries_what_it_did_to_the_points(points: PointType, ada: Member) -> None:
    row = take(ada, a_reward(points))
    [line] = lines(ada)
    assert (line.title, line.icon) == ("Redeemed 100 points for Discount", "check_circle")
    assert [(move.transaction.pk, move.transaction.amount, move.balance_after) for move in line.moves] == [
        (row.transaction_id, -100, 900)
    ]
    assert line.booking is not None
    assert line.meta == ["till-1"]
    only_points, _cursor = timeline.rows(ada, at=LATER, before=None, only_points=True)
    assert [one.title for one in only_points] == ["Redeemed 100 points", "Earned 1,000 points"]


def test_points_for_points_are_one_line_with_both_moves(points: PointType, ada: Member) -> None:
    miles = PointType.objects.create(program=points.program, code="miles", name_one="mile", name_many="miles")
    take(ada, a_reward(points, "points", into=miles, gives=7))
    [line] = lines(ada)
    assert [move.transaction.amount for move in line.moves] == [-100, 7]


def test_goods_are_followed_step_by_step(points: PointType, ada: Member) -> None:
    row = take(ada, a_reward(points, "product", name="Mug"))
    for minutes, step, told in (
        (2, "sent", {"carrier": "Correos", "tracking": "PQ1"}), (3, "sent", {"tracking": "PQ2"}), (4, "delivered", {}),
    ):  # fmt: skip
        fulfilment.advance(row, step, at=NOON + minutes * MINUTE, actor=OLGA, **told)
    redemption.refund(row, at=NOON + 5 * MINUTE, actor=OLGA)
    assert titles(ada) == [
        "Given back 100 points for Mug", "Mug delivered", "Mug can be followed: Correos PQ2", "Mug sent: Correos PQ1",
        "Redeemed 100 points for Mug",
    ]  # fmt: skip


def test_what_is_picked_up_and_what_goes_wrong(points: PointType, ada: Member) -> None:
    row = take(ada, a_reward(points, "product", name="Mug", delivery="pick_up", loaded=1))
    for minutes, problem in ((2, "It is cracked"), (3, "")):
        fulfilment.set_problem(row, problem, at=NOON + minutes * MINUTE, actor=OLGA)
    for minutes, step in ((4, "ready"), (5, "picked_up")):
        fulfilment.advance(row, step, at=NOON + minutes * MINUTE, actor=OLGA)
    assert titles(ada) == [
        "Picked up Mug", "Mug is ready to be picked up", "The problem with Mug is solved", "A problem with Mug",
        "Redeemed 100 points for the last Mug",
    ]  # fmt: skip


def test_codes_used_in_parts_replaced_and_run_out(points: PointType, ada: Member) -> None:
    gift = take(ada, a_reward(points, "gift", name="Gift", cost=0, valid_days=30), "reserve")
    redemption.confirm(gift, at=LATER, actor=TILL)
    redemption.use(gift, at=NOON + 3 * MINUTE, actor=TILL, amount=Decimal("12.50"))
    replacing.replace(gift, at=NOON + 4 * MINUTE, actor=OLGA)
    redemption.use(gift, at=NOON + 5 * MINUTE, actor=TILL)
    other = take(ada, a_reward(points, "discount", name="Five off", valid_days=30))
    sweep.run(NOON + 60 * DAY)
    other.refresh_from_db()
    assert other.state == "expired"
    assert titles(ada) == [
        "Five off ran out unused", "Used 7.50 EUR of Gift, 0.00 EUR left", "A new code for Gift",
        "Used 12.50 EUR of Gift, 7.50 EUR left", "Confirmed the reservation of Gift",
        "Redeemed 100 points for Five off", "Reserved Gift until 13:16",
    ]  # fmt: skip


def test_a_limit_on_another_day_says_which_and_what_is_free_has_no_price(
    points: PointType, ada: Member
) -> None:
    reward = a_reward(points, name="Tea", cost=0, reserve_minutes=24 * 60, loaded=1)
    row = take(ada, reward, "reserve")
    redemption.cancel(row, at=LATER, actor=TILL)
    take(ada, reward)
    assert titles(ada) == [
        "Cancelled Tea", "Took the last Tea", "Reserved the last Tea until 11 Mar 2026, 13:01",
    ]  # fmt: skip


def test_the_timeline_pages_exactly_over_rewards(points: PointType, ada: Member) -> None:
    reward = a_reward(points)
    for number in range(8):
        row = take(ada, reward, "reserve" if number % 2 else "redeem")
        if number % 3 == 0:
            redemption.cancel(row, at=LATER, actor=TILL)
    earned(ada, points, 5, at=NOON + MINUTE)
    whole = [row.key for row in timeline.rows(ada, at=LATER, before=None, only_points=False)[0]]
    paged: list[str] = []
    cursor: Cursor | None = None
    while True:
        page, cursor = timeline.rows(ada, at=LATER, before=cursor, only_points=False, limit=2)
        paged += [row.key for row in page]
        if cursor is None:
            break
    assert paged == whole
    assert len(whole) == 8 + 3 + 2


def test_every_fact_of_a_redemption_has_its_words() -> None:
    silent = {"revealed", "details"}  # no fact
    assert set(timeline_words.TOLD) | silent | {"fulfilled"} == set(HAPPENED)
