"""What time decides is booked once, dated with its own instant; and what a program wants done by itself is done."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from loyalty.base import jobs
from loyalty.base.errors import Busy
from loyalty.ledger import proof
from loyalty.ledger.balances import balances_now
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from loyalty.programs.nightly import Night
from rewards import automatic, catalogue, redemption, settlement, sweep
from rewards.models import Redemption, Stock
from tests.rewards.shop import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    OLGA,
    TILL,
    a_member,
    a_point_type,
    a_reward,
    available,
    earned,
    stock_of,
)

pytestmark = pytest.mark.django_db
NOTHING = {"lapsed": 0, "expired": 0, "codes": 0}


def test_the_sweep_closes_what_has_run_out_and_nothing_else(
    points: PointType, ada: Member, ben: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "AT_ONCE", 2)
    reward = a_reward(points, loaded=10, valid_days=1)
    for member in (ada, ben) * 2:
        redemption.reserve(member, reward, at=NOON, actor=TILL)
    redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert sweep.run(NOON + 14 * MINUTE) == NOTHING
    assert sweep.run(NOON + HOUR) == {**NOTHING, "lapsed": 4}
    assert sweep.run(NOON + 3 * DAY) == {**NOTHING, "expired": 1}
    assert sweep.run(NOON + 3 * DAY) == NOTHING
    assert (available(ada, NOON + 3 * DAY), available(ben, NOON + 3 * DAY)) == (900, 1000)
    assert (stock_of(reward).reserved, stock_of(reward).used) == (0, 1)
    closed = Redemption.objects.filter(state="lapsed").values_list("closed_at", flat=True)
    assert set(closed) == {NOON + 15 * MINUTE}


def test_one_that_cannot_be_closed_now_keeps_none_of_the_others(
    points: PointType, ada: Member, ben: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = a_reward(points)
    first = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    redemption.reserve(ben, reward, at=NOON, actor=TILL)
    real = redemption.lapse

    def busy(row: Redemption, *, at: datetime, wait: bool) -> Redemption | None:
        if row.pk == first.pk:
            raise Busy
        return real(row, at=at, wait=wait)

    monkeypatch.setattr(redemption, "lapse", busy)
    assert sweep.run(NOON + HOUR)["lapsed"] == 1
    monkeypatch.setattr(redemption, "lapse", real)
    assert sweep.run(NOON + HOUR)["lapsed"] == 1


@pytest.mark.parametrize("take", [redemption.reserve, redemption.redeem])
def test_a_cancellation_that_had_to_wait_until_its_unit_was_taken_by_another_returns_no_unit(
    take: Any, points: PointType, ada: Member, ben: Member
) -> None:
    reward = a_reward(points, loaded=1)
    held = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    taken = take(ben, reward, at=NOON + 15 * MINUTE, actor=TILL)
    cancelled = redemption.cancel(held, at=NOON + 14 * MINUTE, actor=TILL)
    assert (cancelled.state, cancelled.points_back) == ("lapsed", held.points)
    level = stock_of(reward)
    assert level.reserved + level.used == 1
    assert available(ada, NOON + 15 * MINUTE) == 1_000
    assert proof.verify(at=NOON + HOUR).ok
    redemption.cancel(taken, at=NOON + 16 * MINUTE, actor=TILL)
    assert (stock_of(reward).reserved, stock_of(reward).used) == (0, 0)
    assert proof.verify(at=NOON + HOUR).ok


def test_one_that_the_database_refuses_keeps_none_of_the_others(
    points: PointType, ada: Member, ben: Member
) -> None:
    reward, other = a_reward(points, loaded=2), a_reward(points, code="other", loaded=1)
    redemption.reserve(ada, reward, at=NOON, actor=TILL)
    redemption.reserve(ben, other, at=NOON, actor=TILL)
    Stock.objects.filter(reward=reward).update(
        reserved=0
    )  # books that do not add up: it cannot go below zero
    assert sweep.run(NOON + HOUR)["lapsed"] == 1
    assert Redemption.objects.get(member=ben).state == "lapsed"
    Stock.objects.filter(reward=reward).update(reserved=1)
    assert sweep.run(NOON + HOUR)["lapsed"] == 1


# --- redeemed by itself -------------------------------------------------------------------------------------


def a_night(points: PointType, at: datetime) -> Night:
    job = jobs.claim("nightly", points.program.code, at.date().isoformat(), at=at)
    assert job is not None
    return Night(points.program, at, at.date(), None, job)


def test_at_a_threshold_it_is_redeemed_by_itself_up_to_the_limit_of_the_day(points: PointType) -> None:
    a_reward(points, cost=100, auto_redeem_at=250, auto_redeem_per_day=2)
    rich, some, poor = (a_member(points, has, str(has)) for has in (1000, 250, 249))
    night = a_night(points, NOON)
    assert automatic.step(night) == 3
    assert [available(member) for member in (rich, some, poor)] == [800, 150, 249]
    again = Redemption.objects.filter(is_automatic=True)
    assert set(again.values_list("actor_kind", flat=True)) == {"system"}


def test_a_night_that_goes_on_redeems_for_nobody_twice(
    points: PointType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic, "PAGE", 1)
    a_reward(points, cost=100, auto_redeem_at=100)
    members = [a_member(points, 1000, str(number)) for number in range(3)]
    night, real, seen = a_night(points, NOON), automatic._rich, []

    def dies(*args: object) -> list[UUID]:
        seen.append(args)
        if len(seen) == 3:
            raise RuntimeError("killed")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(automatic, "_rich", dies)
    with pytest.raises(RuntimeError):
        automatic.step(night)
    night.job.refresh_from_db()
    monkeypatch.setattr(automatic, "_rich", real)
    assert automatic.step(night) == 3
    assert [available(member) for member in members] == [900, 900, 900]
    tomorrow = a_night(points, NOON + DAY)
    assert automatic.step(tomorrow) == 3


def test_whom_a_rule_keeps_from_it_holds_up_nobody(points: PointType) -> None:
    a_reward(points, cost=100, auto_redeem_at=100, loaded=1)
    for number in range(3):
        a_member(points, 500, str(number))
    a_member(points, 500, "held", state="suspended")
    assert automatic.step(a_night(points, NOON)) == 1


def test_by_itself_only_points_of_the_first_price_are_spent(points: PointType) -> None:
    miles = a_point_type(points.program, "miles")
    for_gold = {"point_type": points, "points": 100, "tiers": ["gold"]}
    a_reward(points, prices=[for_gold, {"point_type": miles, "points": 100}], auto_redeem_at=250)
    plain, gold = a_member(points, 300, "plain"), a_member(points, 300, "gold", tier_code="gold")
    for member in (plain, gold):
        earned(member, miles, 500)
    assert automatic.step(a_night(points, NOON)) == 1
    left = {(one.point_type.code, one.available) for one in balances_now(gold.pk, at=NOON)}
    assert left == {("points", 200), ("miles", 500)}
    Member.objects.filter(pk=plain.pk).update(tier_code="gold")
    assert automatic.step(a_night(points, NOON + DAY)) == 1  # asked again


def test_what_is_not_live_is_not_redeemed_by_itself(points: PointType, ada: Member) -> None:
    catalogue.pause(a_reward(points, auto_redeem_at=100), by="olga", at=NOON)
    assert automatic.step(a_night(points, NOON)) == 0


# --- for people ---------------------------------------------------------------------------------------------


@pytest.fixture
def flights(points: PointType, ada: Member) -> None:
    """Two on the last evening of March, local time, one of which is refunded in April; and one in April."""
    reward = a_reward(points, "partner", code="flight")
    late = datetime.fromisoformat("2026-03-31T21:30:00+00:00")
    first = redemption.redeem(ada, reward, at=late, actor=TILL)
    redemption.redeem(ada, reward, at=late, actor=TILL)
    redemption.redeem(ada, reward, at=late + HOUR, actor=TILL)
    redemption.refund(first, at=late + DAY, actor=OLGA)


@pytest.mark.usefixtures("flights")
def test_partners_are_settled_by_local_month_and_a_paid_month_never_changes(points: PointType) -> None:
    [march] = settlement.totals(settlement.lines(points.program, date(2026, 3, 15)))
    assert (march.partner, march.count, march.amount) == ("air", 2, Decimal("3.00"))
    [april] = settlement.totals(settlement.lines(points.program, date(2026, 4, 1)))
    assert (april.count, april.amount) == (0, Decimal(0))
    lines = settlement.lines(points.program, date(2026, 4, 1), partner="air")
    assert [line.count for line in lines] == [1, -1]
    assert settlement.lines(points.program, date(2026, 4, 1), partner="rail") == []


@pytest.mark.usefixtures("flights")
def test_a_settlement_is_exported_line_by_line(points: PointType) -> None:
    text = settlement.as_csv(settlement.lines(points.program, date(2026, 3, 1))).decode()
    header, *rows = text.strip().split("\r\n")
    assert header == "redemption,reward,at,count,unit_cost,amount,currency"
    assert [row.split(",", 1)[1] for row in rows] == ["flight,2026-03-31T21:30:00Z,1,1.50,1.50,EUR"] * 2
