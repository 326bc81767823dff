"""Of many who reach for the last one, one gets it; nothing is over-issued and nobody loses points.

Each race has a control: without the lock, or without the condition, the same race does go wrong.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection

from loyalty.base.errors import LaurelError
from loyalty.programs.models import PointType
from rewards import issuing, records, redemption, units
from rewards.models import Code, Redemption
from tests.races.racing import codes, race
from tests.races.rewarding import (
    BLINK,
    LIMIT,
    a_pool,
    attempt,
    in_order,
    members,
    one_after_the_other,
    redeeming,
)
from tests.rewards.shop import NOON, TILL, a_member, a_reward, available, stock_of

pytestmark = pytest.mark.django_db(transaction=True)


# --- the last unit ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("widened")
@pytest.mark.parametrize("wanted", ["redeem", "reserve"])
def test_of_two_hundred_on_the_last_unit_one_gets_it_and_the_others_keep_their_points(
    points: PointType, wanted: str
) -> None:
    crowd = members(points, 200)
    act = {"redeem": redemption.redeem, "reserve": redemption.reserve}[wanted]
    for number in range(3):
        reward = a_reward(points, code=f"last-{number}", loaded=1)
        acts = [partial(act, member, reward, at=NOON, actor=TILL) for member in crowd]
        results = [
            one for done in race([one_after_the_other(acts[n::40]) for n in range(40)]) for one in done
        ]
        assert Counter(codes(results)) == {"sold_out": 199}
        [winner] = [one for one in results if isinstance(one, Redemption)]
        assert Redemption.objects.filter(reward=reward).count() == 1
        assert stock_of(reward).left == 0
        crowd = [member for member in crowd if member.pk != winner.member_id]
        assert {available(member) for member in crowd} == {100}
        crowd.append(a_member(points, 100, f"newcomer {number}"))
    assert in_order()


@pytest.mark.usefixtures("widened", "unchecked")
def test_control_without_the_condition_the_last_unit_is_given_to_several(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = a_reward(points, loaded=1)
    monkeypatch.setattr(units, "_TAKE", units._TAKE.replace("reserved + used < loaded", "true"))
    results = race([redeeming(member, reward) for member in members(points, 8)])
    assert len([one for one in results if isinstance(one, Redemption)]) > 1


@pytest.mark.usefixtures("widened")
def test_the_last_codes_of_a_pool_are_given_once_each(points: PointType) -> None:
    pool = a_pool(points, 5)
    results = race([redeeming(member, pool) for member in members(points, 20)])
    assert Counter(codes(results)) == {"sold_out": 15}
    given = [one.code_id for one in results if isinstance(one, Redemption)]
    assert len(set(given)) == 5
    assert stock_of(pool).left == 0
    assert in_order()


def test_control_without_the_lock_of_codes_one_is_reached_for_by_several(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That no two then have it is left to the constraint, which costs the loser an error instead of another code."""
    pool = a_pool(points, 8)
    monkeypatch.setattr(issuing, "_TAKE", issuing._TAKE.replace("FOR NO KEY UPDATE SKIP LOCKED", ""))
    outcomes = race([partial(attempt, redeeming(member, pool)) for member in members(points, 8)])
    assert "IntegrityError" in outcomes


# --- one member, many hands ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("widened")
def test_ten_rewards_on_one_balance_are_paid_once(points: PointType) -> None:
    [ada] = members(points, 1)
    rewards = [a_reward(points, code=f"reward-{number}") for number in range(10)]
    results = race([redeeming(ada, reward) for reward in rewards])
    assert Counter(codes(results)) == {"insufficient_points": 9}
    assert available(ada) == 0
    assert in_order()


@pytest.mark.usefixtures("widened", "unlocked")
def test_control_without_the_locks_one_balance_pays_for_several(points: PointType) -> None:
    [ada] = members(points, 1)
    rewards = [a_reward(points, code=f"reward-{number}") for number in range(4)]
    race([redeeming(ada, reward) for reward in rewards])
    assert Redemption.objects.count() > 1


@pytest.mark.usefixtures("widened")
def test_a_cap_of_one_holds_against_fifty_at_once(points: PointType) -> None:
    [ada] = members(points, 1, has=10_000)
    reward = a_reward(points, caps=[{"times": 1, "per": "month"}])
    results = race([redeeming(ada, reward)] * 50)
    assert Counter(codes(results)) == {"cap_reached": 49}
    assert available(ada) == 9_900
    assert in_order()


@pytest.mark.usefixtures("widened", "unlocked")
def test_control_without_the_locks_a_cap_of_one_lets_several_through(points: PointType) -> None:
    [ada] = members(points, 1, has=10_000)
    reward = a_reward(points, caps=[{"times": 1, "per": "month"}])
    race([redeeming(ada, reward)] * 5)
    assert Redemption.objects.count() > 1


# --- the limit of a reservation -----------------------------------------------------------------------------


def test_who_confirms_in_the_instant_of_the_lapse_has_it_or_not_but_never_half(points: PointType) -> None:
    reward = a_reward(points, loaded=30)
    for number, member in enumerate(members(points, 12)):
        row = redemption.reserve(member, reward, at=NOON, actor=TILL)
        confirm = partial(redemption.confirm, row, at=LIMIT - BLINK, actor=TILL)
        lapse = partial(redemption.lapse, row, at=LIMIT)
        confirmed, _ = race([confirm, lapse] if number % 2 else [lapse, confirm])[:: 1 if number % 2 else -1]
        row.refresh_from_db()
        if isinstance(confirmed, LaurelError):
            assert (row.state, confirmed.code) == ("lapsed", "reservation_lapsed")
            assert available(member, LIMIT) == 100
        else:
            assert (row.state, available(member, LIMIT)) == ("confirmed", 0)
    kept = Redemption.objects.filter(state="confirmed").count()
    own = stock_of(reward)
    assert (own.reserved, own.used) == (0, kept)
    assert in_order()


@pytest.mark.usefixtures("widened", "unlocked")
def test_control_without_the_locks_it_is_confirmed_and_lapsed(points: PointType) -> None:
    """One of the two then runs into what the database guards by itself: an error where there should be an answer."""
    [ada] = members(points, 1)
    row = redemption.reserve(ada, a_reward(points, loaded=3), at=NOON, actor=TILL)
    confirm = partial(redemption.confirm, row, at=LIMIT - BLINK, actor=TILL)
    lapse = partial(redemption.lapse, row, at=LIMIT)
    outcomes = race([partial(attempt, confirm), partial(attempt, lapse)])
    assert sorted(isinstance(one, str) for one in outcomes) == [False, True]


# --- a crash between two writes -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["complete", "note"])
def test_a_code_taken_by_somebody_who_dies_is_neither_lost_nor_given_twice(
    points: PointType, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    pool = a_pool(points, 1)
    ada, ben = members(points, 2)

    def die(*args: Any, **terms: Any) -> None:
        assert Code.objects.get().state != "free"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def killed() -> str:
        try:
            redemption.redeem(ada, pool, at=NOON, actor=TILL)
        except OperationalError:
            return "killed"
        return "survived"

    with monkeypatch.context() as dying:
        dying.setattr(issuing if where == "complete" else records, where, die)
        assert race([killed]) == ["killed"]
    assert Code.objects.get().state == "free"
    assert (available(ada), stock_of(pool).left) == (100, 1)
    row = redemption.redeem(ben, pool, at=NOON, actor=TILL)
    assert row.code_id == Code.objects.get().pk
    assert in_order()
