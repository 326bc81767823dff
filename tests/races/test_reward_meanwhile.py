"""Rewards while others are at them too: sweeps, cancellations, managers, uploads, a code at two tills.

Each race has a control: without the lock, or without the condition, the same race does go wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings

from loyalty.base import job_runs
from loyalty.base.errors import LaurelError
from loyalty.base.models import Job
from loyalty.ledger import expiry, ledger
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import redemption, stock, sweep, units, vouchers
from rewards.errors import NotEligible
from rewards.models import Code, Redemption, Reward, Stock
from tests.races.racing import codes, race
from tests.races.rewarding import (
    LIMIT,
    attempt,
    in_order,
    members,
    redeeming,
)
from tests.rewards.shop import DAY, MINUTE, NOON, TILL, a_member, a_reward, available, earned, stock_of

pytestmark = pytest.mark.django_db(transaction=True)


def taken(results: list[Any]) -> list[Redemption]:
    return [one for one in results if isinstance(one, Redemption)]


def refused_by_the_database(results: list[Any]) -> list[str]:
    return [one for one in results if isinstance(one, str)]


# --- reservations that lapse --------------------------------------------------------------------------------


def after_the_lapse(points: PointType, code: str, crowd: list[Member]) -> tuple[Redemption, list[Any]]:
    """The only unit is reserved and has lapsed: it is closed, swept and reached for at once."""
    reward = a_reward(points, code=code, loaded=1)
    held = redemption.reserve(crowd[0], reward, at=NOON, actor=TILL)
    takers = [partial(redemption.redeem, member, reward, at=LIMIT, actor=TILL) for member in crowd[1:]]
    acts: list[Callable[[], Any]] = [
        partial(redemption.lapse, held, at=LIMIT),
        *takers,
        partial(sweep.run, LIMIT),
    ]
    return held, race([partial(attempt, act) for act in acts])


def test_a_unit_that_lapses_goes_to_one_and_is_counted_once(points: PointType) -> None:
    crowd = members(points, 12)
    for number in range(4):
        held, results = after_the_lapse(points, f"last-{number}", [crowd[number], *crowd[4:]])
        redemption.lapse(held, at=LIMIT)
        won = [one for one in taken(results) if one.pk != held.pk]
        own = stock_of(held.reward)
        assert (own.reserved, own.used, len(won)) == (0, len(won), own.used)
        assert len(won) <= 1
        assert not refused_by_the_database(results)
        assert available(crowd[number], LIMIT) == 100
    assert in_order()


@pytest.mark.usefixtures("widened", "unchecked")
def test_control_without_its_lock_a_lapsed_unit_is_freed_several_times(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "_LAPSED", units._LAPSED.replace("FOR NO KEY UPDATE SKIP LOCKED", ""))
    crowd = members(points, 12)
    wrong = 0
    for number in range(4):
        held, results = after_the_lapse(points, f"last-{number}", [crowd[number], *crowd[4:]])
        own = stock_of(held.reward)
        wrong += bool(refused_by_the_database(results)) or own.reserved < 0 or own.used > 1
    assert wrong


def test_sweeps_at_once_close_everything_once(points: PointType) -> None:
    reward = a_reward(points, loaded=50)
    crowd = members(points, 15)
    for member in crowd:
        redemption.reserve(member, reward, at=NOON, actor=TILL)
    closed = sum(done["lapsed"] for done in race([partial(sweep.run, LIMIT)] * 3))
    closed += sweep.run(LIMIT)["lapsed"]
    assert closed == 15
    assert {available(member, LIMIT) for member in crowd} == {100}
    assert Transaction.objects.filter(kind="refund").count() == 15
    assert stock_of(reward).left == 50
    assert in_order()


@pytest.mark.usefixtures("widened", "unlocked")
def test_control_without_the_locks_sweeps_close_the_same_one(points: PointType) -> None:
    [ada] = members(points, 1)
    row = redemption.reserve(ada, a_reward(points, loaded=5), at=NOON, actor=TILL)
    outcomes = race([partial(attempt, partial(redemption.lapse, row, at=LIMIT))] * 3)
    assert None not in outcomes  # each took it for its own


# --- cancelling ---------------------------------------------------------------------------------------------


def insisting(member: Member, reward: Reward) -> Callable[[], Redemption | str]:
    """Reserves as soon as there is one, for a while."""

    def run() -> Redemption | str:
        for _ in range(150):
            try:
                return redemption.reserve(member, reward, at=NOON, actor=TILL)
            except NotEligible:
                time.sleep(0.01)
        return "gave up"

    return run


def while_she_cancels(points: PointType, reward: Reward, crowd: list[Member]) -> list[Redemption]:
    held = redemption.reserve(crowd[0], reward, at=NOON, actor=TILL)

    def cancel() -> None:
        time.sleep(0.1)
        redemption.cancel(held, at=NOON, actor=TILL)

    return taken(race([cancel, *(insisting(member, reward) for member in crowd[1:])]))


@pytest.mark.usefixtures("widened")
def test_who_cancels_while_others_reserve_leaves_the_unit_to_one_of_them(points: PointType) -> None:
    crowd = members(points, 10)
    reward = a_reward(points, loaded=1)
    [won] = while_she_cancels(points, reward, crowd)
    assert stock_of(reward).reserved == 1
    assert {available(member) for member in crowd if member.pk != won.member_id} == {100}
    assert in_order()


@pytest.mark.usefixtures("widened", "unchecked")
def test_control_without_the_condition_what_she_leaves_goes_to_several(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = a_reward(points, loaded=1)
    monkeypatch.setattr(units, "_TAKE", units._TAKE.replace("reserved + used < loaded", "true"))
    assert len(while_she_cancels(points, reward, members(points, 10))) > 1


# --- a manager at the stock ---------------------------------------------------------------------------------


def test_a_manager_who_lowers_the_stock_meanwhile_never_goes_below_what_is_taken(points: PointType) -> None:
    crowd = members(points, 20, has=1_000)
    for number in range(3):
        reward = a_reward(points, code=f"some-{number}", loaded=10)
        lower = partial(stock.set_loaded, stock_of(reward), 5, by="olga", at=NOON)
        lowered, *results = race([lower, *(redeeming(member, reward) for member in crowd)])
        own = stock_of(reward)
        assert own.used == len(taken(results))
        if isinstance(lowered, LaurelError):
            assert (lowered.code, own.loaded, own.used) == ("stock_below_issued", 10, 10)
            assert lowered.extra["asked"] == 5
        else:
            assert (own.loaded, own.used) == (5, 5)
    assert in_order()


def read_only(own: Stock) -> Stock:
    """The row of a stock, without its lock, and looked at for a while."""
    found = Stock.objects.select_related("reward").get(pk=own.pk)
    time.sleep(1)
    return found


@pytest.mark.usefixtures("unchecked")
def test_control_without_the_lock_of_the_stock_a_manager_does_go_below(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, reward = members(points, 8), a_reward(points, loaded=8)
    monkeypatch.setattr(stock, "_locked", read_only)
    lower = partial(stock.set_loaded, stock_of(reward), 5, by="olga", at=NOON)
    race([lower, *(redeeming(member, reward) for member in crowd)])
    own = stock_of(reward)
    assert own.loaded is not None
    assert own.used > own.loaded


# --- one lot ------------------------------------------------------------------------------------------------


def all_on_one_lot(points: PointType, reward: Reward, number: int) -> list[Any]:
    """Cancelled, redeemed, taken back and expired at once."""
    ada = a_member(points, 0, f"Ada {number}")
    earned(ada, points, 100, expires_at=NOON + DAY)
    order = Transaction.objects.get(member=ada, kind="earn")
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    acts: list[Callable[[], Any]] = [
        partial(redemption.cancel, row, at=NOON + MINUTE, actor=TILL),
        partial(redemption.redeem, ada, reward, at=NOON + MINUTE, actor=TILL),
        partial(ledger.reverse_transaction, order, at=NOON + MINUTE, actor=TILL),
        partial(expiry.expire_program, points.program, at=NOON + DAY),
    ]
    return race([partial(attempt, act) for act in acts])


def test_a_lot_that_is_redeemed_expires_and_is_taken_back_at_once_adds_up(points: PointType) -> None:
    reward = a_reward(points)
    for number in range(6):
        assert not refused_by_the_database(all_on_one_lot(points, reward, number))
    assert in_order()
    expiry.expire_program(points.program, at=NOON + DAY)
    assert in_order()


@pytest.mark.usefixtures("widened", "unlocked")
def test_control_without_the_locks_the_lot_does_not_add_up(points: PointType) -> None:
    reward = a_reward(points)
    refused = [
        one for number in range(3) for one in refused_by_the_database(all_on_one_lot(points, reward, number))
    ]
    assert refused or not in_order()


# --- uploads ------------------------------------------------------------------------------------------------


@pytest.fixture
def many_jobs(settings: LazySettings) -> None:
    """Workers take up several jobs at a time."""
    settings.JOBS_AT_ONCE = 4


def files_at_once(pool: Reward, *files: range) -> None:
    for numbers in files:
        content = "\n".join(f"CODE-{number:06d}" for number in numbers).encode()
        vouchers.start(pool, content, name="", by="olga", at=NOON)
    race([partial(job_runs.run_waiting, lambda: NOON)] * len(files))


@pytest.mark.usefixtures("many_jobs")
def test_the_same_file_uploaded_twice_at_once_is_loaded_once(points: PointType) -> None:
    pool = a_reward(points, "voucher")
    files_at_once(pool, range(2_500), range(2_500))
    assert Code.objects.count() == 2_500
    assert stock_of(pool).loaded == 2_500
    assert in_order()


@pytest.mark.usefixtures("many_jobs")
def test_control_without_looking_for_known_codes_the_same_file_fails(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = a_reward(points, "voucher")
    careless = vouchers._ADD.replace("ON CONFLICT (program_id, digest) DO NOTHING", "")
    monkeypatch.setattr(vouchers, "_ADD", careless)
    files_at_once(pool, range(500), range(500))
    assert Counter(Job.objects.values_list("state", flat=True))["done"] < 2


@pytest.mark.usefixtures("many_jobs")
def test_two_files_at_once_are_both_counted(points: PointType) -> None:
    pool = a_reward(points, "voucher")
    files_at_once(pool, range(1_500), range(1_500, 2_500))
    assert stock_of(pool).loaded == 2_500
    assert in_order()


@pytest.mark.usefixtures("many_jobs")
def test_control_without_the_lock_of_the_stock_one_of_two_files_is_not_counted(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = a_reward(points, "voucher")
    monkeypatch.setattr(stock, "_locked", read_only)
    files_at_once(pool, range(500), range(500, 1_000))
    assert stock_of(pool).loaded == 500
    assert not in_order()


# --- a code at two tills ------------------------------------------------------------------------------------


@pytest.fixture
def dwelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses a code dwells between looking and writing."""
    save = Redemption.save

    def slowly(self: Redemption, *args: Any, **terms: Any) -> None:
        time.sleep(0.05)
        save(self, *args, **terms)

    monkeypatch.setattr(Redemption, "save", slowly)


def using(row: Redemption, amount: int | None = None) -> Callable[[], Redemption]:
    return partial(
        redemption.use, row, at=NOON, actor=TILL, amount=None if amount is None else Decimal(amount)
    )


@pytest.mark.usefixtures("dwelling")
def test_a_code_shown_at_eight_tills_at_once_is_used_once(points: PointType) -> None:
    [ada] = members(points, 1)
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    results = race([using(row)] * 8)
    assert Counter(codes(results)) == {"already_used": 7}
    assert row.steps.filter(kind="used").count() == 1
    assert in_order()


@pytest.mark.usefixtures("dwelling", "unlocked")
def test_control_without_the_locks_several_tills_take_the_code(points: PointType) -> None:
    [ada] = members(points, 1)
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    race([using(row)] * 4)
    assert row.steps.filter(kind="used").count() > 1


@pytest.mark.usefixtures("dwelling")
def test_a_gift_value_is_not_spent_twice_by_tills_at_once(points: PointType) -> None:
    [ada] = members(points, 1)
    row = redemption.redeem(ada, a_reward(points, "gift", value=Decimal(20)), at=NOON, actor=TILL)
    results = race([using(row, 5)] * 10)
    assert len(taken(results)) == 4
    row.refresh_from_db()
    assert (row.remaining, row.state) == (Decimal(0), "fulfilled")


@pytest.mark.usefixtures("dwelling", "unlocked")
def test_control_without_the_locks_a_gift_value_is_spent_twice(points: PointType) -> None:
    [ada] = members(points, 1)
    row = redemption.redeem(ada, a_reward(points, "gift", value=Decimal(20)), at=NOON, actor=TILL)
    race([using(row, 5)] * 4)
    row.refresh_from_db()
    assert row.remaining is not None
    assert row.remaining > 0
