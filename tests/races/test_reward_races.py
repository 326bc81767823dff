"""Of many who reach for the last one, one gets it; nothing is over-issued and nobody loses points.

Each race has a control: without the lock, or without the condition, the same race does go wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from loyalty.base import clock, job_runs
from loyalty.base.errors import LaurelError
from loyalty.ledger import expiry, ledger, proof, purses
from loyalty.ledger.books import Books
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import issuing, records, redemption, stock, sweep, units, vouchers
from rewards.models import Code, Redemption, Reward, Stock
from tests.races.racing import codes, race
from tests.rewards.shop import (
    DAY,
    MINUTE,
    NOON,
    TILL,
    a_member,
    a_point_type,
    a_program,
    a_reward,
    available,
    earned,
    stock_of,
)

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = NOON + 15 * MINUTE
BLINK = timedelta(microseconds=1)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def widened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every act dwells between its checks and its writing, so that a race cannot be missed by luck."""
    write = Books.write

    def slowly(self: Books) -> None:
        time.sleep(0.05)
        write(self)

    monkeypatch.setattr(Books, "write", slowly)


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither members nor wallets are locked."""
    monkeypatch.setattr(purses, "LOCK", "")
    monkeypatch.setattr(records, "LOCK", " --")


@pytest.fixture
def unchecked() -> Iterator[None]:
    """The database has no last line of defence."""
    name, table = "stock_never_over_issued", Stock._meta.db_table
    [check] = [one for one in Stock._meta.constraints if one.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(Stock, check)
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")
    with connection.schema_editor() as editor:
        editor.add_constraint(Stock, check)


def members(points: PointType, count: int, has: int = 100) -> list[Member]:
    made = [a_member(points, 0, f"member {number}") for number in range(count)]
    with transaction.atomic():
        books = Books.open([(member.pk, points) for member in made])
        for member in made:
            books.earn(member.pk, points, has, occurred_at=NOON, recorded_at=NOON, actor=TILL)
        books.write()
    return made


def redeeming(member: Member, reward: Reward) -> Callable[[], Redemption]:
    return partial(redemption.redeem, member, reward, at=NOON, actor=TILL)


def one_after_the_other(acts: Sequence[Callable[[], Any]]) -> Callable[[], list[Any]]:
    """What one connection does in a race of more clients than there are connections."""

    def run() -> list[Any]:
        done = []
        for act in acts:
            try:
                done.append(act())
            except LaurelError as error:
                done.append(error)
        return done

    return run


def in_order() -> bool:
    return proof.verify(at=NOON).ok


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


def a_pool(points: PointType, count: int) -> Reward:
    pool = a_reward(points, "voucher")
    content = "\n".join(f"CODE-{number:06d}" for number in range(count)).encode()
    vouchers.start(pool, content, name="", by="olga", at=NOON)
    with clock.pinned(NOON):
        assert job_runs.run_waiting(lambda: NOON) == 1
    return pool


def test_control_without_the_lock_of_codes_one_is_reached_for_by_several(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That no two then have it is left to the constraint, which costs the loser an error instead of another code."""
    pool = a_pool(points, 8)
    monkeypatch.setattr(issuing, "_TAKE", issuing._TAKE.replace("FOR NO KEY UPDATE SKIP LOCKED", ""))

    def attempt(member: Member) -> str:
        try:
            redemption.redeem(member, pool, at=NOON, actor=TILL)
        except DatabaseError as error:
            return type(error).__name__
        return "done"

    outcomes = race([partial(attempt, member) for member in members(points, 8)])
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
def test_control_without_the_locks_it_is_confirmed_and_lapsed(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two then runs into what the database guards by itself: an error where there should be an answer."""
    [ada] = members(points, 1)
    row = redemption.reserve(ada, a_reward(points, loaded=3), at=NOON, actor=TILL)
    related = Redemption.objects.select_related(*records._RELATED)
    monkeypatch.setattr(records, "reread", lambda pk: related.get(pk=pk))

    def attempt(act: Callable[[], Any]) -> str:
        try:
            act()
        except DatabaseError:
            return "error"
        return "done"

    confirm = partial(redemption.confirm, row, at=LIMIT - BLINK, actor=TILL)
    lapse = partial(redemption.lapse, row, at=LIMIT)
    assert sorted(race([partial(attempt, confirm), partial(attempt, lapse)])) == ["done", "error"]


def test_a_unit_that_lapses_goes_to_one_and_is_counted_once(points: PointType) -> None:
    crowd = members(points, 12)
    for number in range(4):
        reward = a_reward(points, code=f"last-{number}", loaded=1)
        held = redemption.reserve(crowd[number], reward, at=NOON, actor=TILL)
        takers = [partial(redemption.redeem, member, reward, at=LIMIT, actor=TILL) for member in crowd[4:]]
        results = race([partial(redemption.lapse, held, at=LIMIT), *takers, partial(sweep.run, LIMIT)])
        redemption.lapse(held, at=LIMIT)
        won = [one for one in results if isinstance(one, Redemption) and one.pk != held.pk]
        own = stock_of(reward)
        assert (own.reserved, own.used, len(won)) == (0, len(won), own.used)
        assert len(won) <= 1
        assert available(crowd[number], LIMIT) == 100
    assert in_order()


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


# --- others meanwhile ---------------------------------------------------------------------------------------


def test_who_cancels_while_others_reserve_leaves_the_unit_to_one_of_them(points: PointType) -> None:
    ada, *crowd = members(points, 16)
    for number in range(3):
        reward = a_reward(points, code=f"last-{number}", loaded=1)
        held = redemption.reserve(ada, reward, at=NOON, actor=TILL)
        cancel = partial(redemption.cancel, held, at=NOON, actor=TILL)
        takers = [partial(redemption.reserve, member, reward, at=NOON, actor=TILL) for member in crowd[:15]]
        _, *results = race([cancel, *takers])
        won = [one for one in results if isinstance(one, Redemption)]
        assert len(won) <= 1
        assert set(codes(results)) <= {"sold_out"}
        assert stock_of(reward).reserved == len(won)
        for row in won:
            redemption.cancel(row, at=NOON, actor=TILL)
    assert {available(member) for member in (ada, *crowd)} == {100}
    assert in_order()


def test_a_manager_who_lowers_the_stock_meanwhile_never_goes_below_what_is_taken(points: PointType) -> None:
    crowd = members(points, 20, has=1_000)
    for number in range(3):
        reward = a_reward(points, code=f"some-{number}", loaded=10)
        lower = partial(stock.set_loaded, stock_of(reward), 5, by="olga", at=NOON)
        lowered, *results = race([lower, *(redeeming(member, reward) for member in crowd)])
        own = stock_of(reward)
        assert own.used == len([one for one in results if isinstance(one, Redemption)])
        if isinstance(lowered, LaurelError):
            assert (lowered.code, own.loaded, own.used) == ("stock_below_issued", 10, 10)
            assert lowered.extra["asked"] == 5
        else:
            assert (own.loaded, own.used) == (5, 5)
    assert in_order()


@pytest.mark.usefixtures("unchecked")
def test_control_without_the_lock_of_the_stock_a_manager_does_go_below(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, reward = members(points, 8), a_reward(points, loaded=8)

    def read_only(own: Stock) -> Stock:
        found = Stock.objects.select_related("reward").get(pk=own.pk)
        time.sleep(1)
        return found

    monkeypatch.setattr(stock, "_locked", read_only)
    lower = partial(stock.set_loaded, stock_of(reward), 5, by="olga", at=NOON)
    race([lower, *(redeeming(member, reward) for member in crowd)])
    own = stock_of(reward)
    assert own.loaded is not None
    assert own.used > own.loaded


def test_a_lot_that_is_redeemed_expires_and_is_taken_back_at_once_adds_up(points: PointType) -> None:
    reward = a_reward(points)
    for number in range(6):
        ada = a_member(points, 0, f"Ada {number}")
        earned(ada, points, 100, expires_at=NOON + DAY)
        order = Transaction.objects.get(member=ada, kind="earn")
        row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
        race(
            [
                partial(redemption.cancel, row, at=NOON + MINUTE, actor=TILL),
                partial(redemption.redeem, ada, reward, at=NOON + MINUTE, actor=TILL),
                partial(ledger.reverse_transaction, order, at=NOON + MINUTE, actor=TILL),
                partial(expiry.expire_program, points.program, at=NOON + DAY),
            ]
        )
    assert in_order()
    expiry.expire_program(points.program, at=NOON + DAY)
    assert in_order()


def test_the_same_file_uploaded_twice_at_once_is_loaded_once(points: PointType) -> None:
    pool = a_reward(points, "voucher")
    content = "\n".join(f"CODE-{number:06d}" for number in range(2_500)).encode()
    for _ in range(2):
        vouchers.start(pool, content, name="", by="olga", at=NOON)
    race([partial(job_runs.run_waiting, lambda: NOON)] * 2)
    assert Code.objects.count() == 2_500
    assert stock_of(pool).loaded == 2_500
    assert in_order()


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
