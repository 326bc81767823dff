"""What races of rewards share: members with points, a pool of codes, and fixtures that take a lock or a check away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from loyalty.base import clock, job_runs
from loyalty.base.errors import LaurelError
from loyalty.ledger import proof, purses
from loyalty.ledger.books import Books
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import records, redemption, vouchers
from rewards.models import Redemption, Reward, Stock
from tests.rewards.shop import MINUTE, NOON, TILL, a_member, a_point_type, a_program, a_reward

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
    """Neither members nor redemptions nor wallets are locked."""
    related = Redemption.objects.select_related(*records._RELATED)
    monkeypatch.setattr(purses, "LOCK", "")
    monkeypatch.setattr(records, "LOCK", " --")
    monkeypatch.setattr(records, "reread", lambda pk: related.get(pk=pk))


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


def attempt(act: Callable[[], Any]) -> Any:
    """What the act gives, or the name of what the database refused: a last guard, which no caller should meet."""
    try:
        return act()
    except DatabaseError as error:
        return type(error).__name__


def a_pool(points: PointType, count: int) -> Reward:
    pool = a_reward(points, "voucher")
    content = "\n".join(f"CODE-{number:06d}" for number in range(count)).encode()
    vouchers.start(pool, content, name="", by="olga", at=NOON)
    with clock.pinned(NOON):
        assert job_runs.run_waiting(lambda: NOON) == 1
    return pool
