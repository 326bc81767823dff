"""Random interleavings of everything that can happen to rewards, act by act against the oracle: neither a unit nor a
point is ever lost or made."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty.base import clock, job_runs
from loyalty.base.clock import add_days, local_date, midnight
from loyalty.base.errors import LaurelError
from loyalty.ledger import proof
from rewards import options, redemption, replacing, stock, sweep, vouchers
from rewards.models import Redemption, Reward
from tests.examples import examples
from tests.rewards.oracle import Oracle, Refused, Shelf, Taken
from tests.rewards.shop import (
    NOON,
    OLGA,
    TILL,
    a_member,
    a_point_type,
    a_program,
    a_reward,
    available,
    stock_of,
)

pytestmark = pytest.mark.django_db
programs = (f"shop-{number}" for number in itertools.count())
VALID_DAYS = 1
START = 200

KINDS = (
    ["reserve", "redeem"] * 3
    + ["confirm", "cancel", "use"] * 2
    + ["edge"] * 3
    + ["refund", "replace", "restock", "wait", "sweep", "lapse", "upload"]
)
acts = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 1),  # whose
    st.integers(0, 2),  # which reward
    st.integers(0, 7),  # which redemption, how many, how long
)


class Shop:
    """The same story told to the product and to the oracle: a discount, a pool of codes, a gift value."""

    def __init__(self) -> None:
        points = a_point_type(a_program(next(programs)))
        self.members = [a_member(points, START, name) for name in ("Ada", "Ben")]
        self.rewards: list[Reward] = [
            a_reward(points, "discount", cost=40, loaded=1, valid_days=VALID_DAYS),
            a_reward(points, "voucher", cost=25),
            a_reward(points, "gift", cost=30, loaded=1),
        ]
        lasts = timedelta(days=VALID_DAYS)
        shelves = [Shelf(40, 1, lasts=lasts), Shelf(25, 0, is_pool=True), Shelf(30, 1, value=20)]
        self.oracle = Oracle([START, START], shelves, NOON)
        self.rows: list[Redemption] = []
        self.codes = itertools.count()
        self.upload(0, 0, 0)

    def step(self, act: str, who: int, which: int, number: int) -> None:
        getattr(self, act)(who, which, number)
        self.oracle.settle()
        self.check()

    def check(self) -> None:
        at = self.oracle.now
        assert [available(member, at) for member in self.members] == self.oracle.points
        for reward, shelf in zip(self.rewards, self.oracle.shelves, strict=True):
            assert options.of_reward(reward.pk, at=at)[0].left == self.oracle.left(shelf)
        for row, one in zip(self.rows, self.oracle.taken, strict=True):
            row.refresh_from_db()
            assert redemption.state_at(row, at) == one.state
            assert row.remaining is None or row.remaining == one.rest

    def both(self, model: Callable[[], Any], real: Callable[[], Any]) -> Any:
        """Run both; what the oracle refuses must be refused with the same code."""
        try:
            model()
        except Refused as refused:
            code = str(refused)
        else:
            return real()
        with pytest.raises(LaurelError) as error:
            real()
        assert error.value.code == code
        return None

    # --- acts ---

    def reserve(self, who: int, which: int, _number: int) -> None:
        shelf, now = self.oracle.shelves[which], self.oracle.now
        row = self.both(
            lambda: self.oracle.reserve(who, shelf),
            lambda: redemption.reserve(self.members[who], self.rewards[which], at=now, actor=TILL),
        )
        self.rows += [row] if row else []

    def redeem(self, who: int, which: int, _number: int) -> None:
        shelf, now = self.oracle.shelves[which], self.oracle.now
        row = self.both(
            lambda: self.oracle.redeem(who, shelf, self._ends(shelf)),
            lambda: redemption.redeem(self.members[who], self.rewards[which], at=now, actor=TILL),
        )
        self.rows += [row] if row else []

    def _ends(self, shelf: Shelf) -> Any:
        zone = self.members[0].program.zone
        days = VALID_DAYS + 1
        return midnight(add_days(local_date(self.oracle.now, zone), days), zone) if shelf.lasts else None

    def _one(self, number: int) -> tuple[Redemption, Taken] | None:
        if not self.rows:
            return None
        place = number % len(self.rows)
        return self.rows[-1 - place], self.oracle.taken[-1 - place]

    def _with_one(self, number: int, model: Callable[[Taken], Any], real: Callable[..., Any]) -> None:
        if found := self._one(number):
            row, one = found
            self.both(lambda: model(one), lambda: real(row, at=self.oracle.now))

    def confirm(self, _who: int, _which: int, number: int) -> None:
        self._with_one(
            number,
            lambda one: self.oracle.confirm(one, self._ends(one.shelf)),
            lambda row, at: redemption.confirm(row, at=at, actor=TILL),
        )

    def cancel(self, _who: int, _which: int, number: int) -> None:
        self._with_one(number, self.oracle.cancel, lambda row, at: redemption.cancel(row, at=at, actor=TILL))

    def replace(self, _who: int, _which: int, number: int) -> None:
        self._with_one(number, self.oracle.replace, lambda row, at: replacing.replace(row, at=at, actor=OLGA))

    def use(self, _who: int, which: int, number: int) -> None:
        amount = (8, 12, 20)[which]
        self._with_one(
            number,
            lambda one: self.oracle.use(one, amount),
            lambda row, at: redemption.use(row, at=at, actor=TILL, amount=Decimal(amount)),
        )

    def refund(self, who: int, _which: int, number: int) -> None:
        self._with_one(
            number,
            lambda one: self.oracle.refund(one, bool(who)),
            lambda row, at: redemption.refund(row, at=at, actor=OLGA, restock=bool(who)),
        )

    def lapse(self, _who: int, _which: int, number: int) -> None:
        """Neither closing what is due nor trying to close what is not changes what anybody has."""
        if found := self._one(number):
            redemption.lapse(found[0], at=self.oracle.now)
            redemption.expire(found[0], at=self.oracle.now)

    def restock(self, _who: int, which: int, number: int) -> None:
        shelf, own = self.oracle.shelves[which], stock_of(self.rewards[which])
        if not shelf.is_pool:
            self.both(
                lambda: self.oracle.restock(shelf, number),
                lambda: stock.set_loaded(own, number, by="olga", at=self.oracle.now),
            )

    def upload(self, _who: int, _which: int, number: int) -> None:
        content = "\n".join(f"CODE-{next(self.codes)}" for _ in range(number % 3 + 1))
        vouchers.start(self.rewards[1], content.encode(), name="", by="olga", at=self.oracle.now)
        with clock.pinned(self.oracle.now):
            job_runs.run_waiting(clock.now)
        self.oracle.shelves[1].loaded += number % 3 + 1

    def wait(self, _who: int, which: int, number: int) -> None:
        self.oracle.now += (number + 1) * (timedelta(minutes=2), timedelta(minutes=9), timedelta(hours=6))[
            which
        ]

    def edge(self, _who: int, which: int, _number: int) -> None:
        """To just before, exactly, or just after the next instant at which something runs out."""
        limits = [one.until if one.state == "reserved" else one.ends for one in self.oracle.taken]
        ahead = [limit for limit in limits if limit is not None and limit > self.oracle.now]
        if ahead:
            self.oracle.now = max(self.oracle.now, min(ahead) + timedelta(microseconds=which - 1))

    def sweep(self, _who: int, _which: int, _number: int) -> None:
        sweep.run(self.oracle.now)


# The last unit lapses, and another member takes it before the reservation is closed: of a number, and of a pool.
@example(story=[("reserve", 0, 0, 0), ("wait", 0, 1, 7), ("redeem", 1, 0, 0), ("sweep", 0, 0, 0)])
@example(story=[("reserve", 0, 1, 0), ("wait", 0, 1, 7), ("redeem", 1, 1, 0), ("lapse", 0, 0, 1)])
# For the last code of a pool there is no other, and for the last but one there is.
@example(story=[("redeem", 0, 1, 0), ("replace", 0, 0, 0), ("upload", 0, 0, 0), ("replace", 0, 0, 0)])
# A code that was seen is lost to its pool; of a gift value the rest comes back.
@example(story=[("redeem", 0, 1, 0), ("cancel", 0, 0, 0), ("redeem", 1, 1, 0)])
@example(story=[("redeem", 0, 2, 0), ("use", 0, 0, 0), ("cancel", 0, 0, 0), ("refund", 0, 0, 0)])
# Confirmed again after its time has run out, whether or not that is booked.
@example(
    story=[
        ("redeem", 0, 0, 0),
        ("edge", 0, 1, 0),
        ("confirm", 0, 0, 0),
        ("lapse", 0, 0, 0),
        ("confirm", 0, 0, 0),
    ]
)
@given(story=st.lists(acts, min_size=1, max_size=25))
@settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_happens_stock_and_points_are_those_of_the_oracle(
    story: list[tuple[str, int, int, int]],
) -> None:
    shop = Shop()
    for act in story:
        shop.step(*act)
    assert proof.verify(program=shop.members[0].program, at=shop.oracle.now).breaches == []
    sweep.run(shop.oracle.now)
    shop.check()
    assert proof.verify(program=shop.members[0].program, at=shop.oracle.now).breaches == []
