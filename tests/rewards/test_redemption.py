"""What was taken is used once, or comes back whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from loyalty.ledger import ledger
from loyalty.ledger.errors import NothingToRefund
from loyalty.ledger.models import Lot, Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import records, redemption, replacing, stock, sweep
from rewards.errors import (
    AlreadyUsed,
    NotEligible,
    NotEnoughValue,
    RedemptionExpired,
    RedemptionUnknown,
    ReservationLapsed,
    WrongState,
)
from rewards.models import Redemption, Reward
from tests.rewards.shop import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    OLGA,
    TILL,
    a_point_type,
    a_program,
    a_reward,
    available,
    earned,
    stock_of,
)

pytestmark = pytest.mark.django_db
LIMIT = NOON + 15 * MINUTE


# --- cancel -------------------------------------------------------------------------------------------------


def test_cancelling_a_reservation_undoes_all_of_it(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    row = redemption.cancel(row, at=NOON + MINUTE, actor=TILL, reason="changed her mind")
    assert (row.state, row.closed_at, row.reason) == ("cancelled", NOON + MINUTE, "changed her mind")
    assert (available(ada), stock_of(reward).left) == (1000, 3)
    assert redemption.cancel(row, at=NOON + DAY, actor=TILL).closed_at == NOON + MINUTE
    assert Transaction.objects.filter(kind="refund").count() == 1


def test_cancelling_what_is_not_used_revokes_the_code(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    row = redemption.cancel(row, at=NOON + DAY, actor=OLGA)
    assert row.code is not None
    row.code.refresh_from_db()
    assert row.code.state == "revoked"
    assert (available(ada), stock_of(reward).left, row.points_back) == (1000, 3, 100)
    with pytest.raises(WrongState):
        redemption.use(row, at=NOON + DAY, actor=TILL)


def test_the_points_go_back_into_the_very_lots(points: PointType, ada: Member) -> None:
    earned(ada, points, 60, expires_at=NOON + 10 * DAY)
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    first, second = Lot.objects.order_by("-expires_at")
    assert {first.remaining, second.remaining} == {0, 960}
    redemption.cancel(row, at=NOON + DAY, actor=TILL)
    assert sorted(Lot.objects.values_list("remaining", flat=True)) == [60, 1000]


def test_what_was_used_is_not_cancelled(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    redemption.use(row, at=NOON, actor=TILL)
    with pytest.raises(AlreadyUsed):
        redemption.cancel(row, at=NOON, actor=TILL)
    assert available(ada) == 900


def test_what_was_done_at_once_is_refunded_not_cancelled(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, "donation"), at=NOON, actor=TILL)
    assert (row.state, row.code) == ("fulfilled", None)
    with pytest.raises(WrongState):
        redemption.cancel(row, at=NOON, actor=TILL)
    assert redemption.refund(row, at=NOON, actor=OLGA).state == "refunded"
    assert available(ada) == 1000


# --- the limit of a reservation -----------------------------------------------------------------------------


def test_until_its_limit_it_is_confirmed_and_not_at_it(points: PointType, ada: Member, ben: Member) -> None:
    reward = a_reward(points)
    early = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    late = redemption.reserve(ben, reward, at=NOON, actor=TILL)
    assert redemption.confirm(early, at=LIMIT - timedelta(microseconds=1), actor=TILL).state == "confirmed"
    with pytest.raises(ReservationLapsed):
        redemption.confirm(late, at=LIMIT, actor=TILL)


def test_a_reservation_lapses_dated_with_its_instant_however_late_the_sweep(
    points: PointType, ada: Member
) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    assert redemption.lapse(row, at=LIMIT - timedelta(microseconds=1)) is None
    assert redemption.lapse(row, at=LIMIT + DAY) is not None
    assert redemption.lapse(row, at=LIMIT + DAY) is None
    row.refresh_from_db()
    assert (row.state, row.closed_at, row.points_back) == ("lapsed", LIMIT, 100)
    assert Transaction.objects.get(kind="refund").occurred_at == LIMIT
    assert (available(ada, LIMIT + DAY), stock_of(reward).left) == (1000, 3)


def test_cancelling_too_late_closes_it_as_lapsed(points: PointType, ada: Member) -> None:
    row = redemption.reserve(ada, a_reward(points), at=NOON, actor=TILL)
    assert redemption.cancel(row, at=LIMIT, actor=TILL).state == "lapsed"


def test_what_was_cancelled_is_not_confirmed(points: PointType, ada: Member) -> None:
    row = redemption.reserve(ada, a_reward(points), at=NOON, actor=TILL)
    redemption.cancel(row, at=NOON, actor=TILL)
    with pytest.raises(WrongState):
        redemption.confirm(row, at=NOON, actor=TILL)


@pytest.mark.parametrize("stop", [members.suspend, members.close])
def test_who_may_not_redeem_any_more_confirms_nothing(
    points: PointType, ada: Member, stop: Callable[..., Member]
) -> None:
    reward = a_reward(points, loaded=3)
    early, late = (redemption.reserve(ada, reward, at=NOON, actor=TILL) for _ in range(2))
    redemption.confirm(early, at=NOON, actor=TILL)
    stop(ada, at=NOON + MINUTE)
    with pytest.raises(NotEligible) as refused:
        redemption.confirm(late, at=NOON + MINUTE, actor=TILL)
    assert refused.value.code == "member_may_not_redeem"
    assert redemption.confirm(early, at=NOON + MINUTE, actor=TILL).state == "confirmed"  # as before
    assert sweep.run(LIMIT)["lapsed"] == 1
    assert (available(ada, LIMIT), stock_of(reward).left) == (900, 2)


def test_who_is_suspended_with_the_right_to_redeem_confirms(points: PointType, ada: Member) -> None:
    row = redemption.reserve(ada, a_reward(points), at=NOON, actor=TILL)
    members.suspend(ada, at=NOON, may_redeem=True)
    assert redemption.confirm(row, at=NOON, actor=TILL).state == "confirmed"


def test_points_of_a_lapsed_reservation_can_be_spent_before_it_is_closed(
    points: PointType, ada: Member
) -> None:
    dear = a_reward(points, cost=1000)
    first = redemption.reserve(ada, dear, at=NOON, actor=TILL)
    second = redemption.redeem(ada, dear, at=LIMIT, actor=TILL)
    assert second.state == "confirmed"
    closed = redemption.lapse(first, at=LIMIT + DAY)
    assert closed is not None
    assert closed.points_back == 1000
    assert available(ada, LIMIT + DAY) == 0
    assert Transaction.objects.filter(kind="refund").count() == 1


# --- a slot that is moved -----------------------------------------------------------------------------------


def moved(reward: Reward, by: timedelta) -> None:
    slot = stock_of(reward, "friday")
    assert slot.starts_at is not None
    assert slot.ends_at is not None
    stock.describe(slot, name="Later", starts_at=slot.starts_at + by, ends_at=slot.ends_at + by)


@pytest.mark.parametrize("days", [-2, 7])
def test_a_place_keeps_the_date_it_was_taken_for(points: PointType, ada: Member, days: int) -> None:
    reward = a_reward(points, "experience")
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    moved(reward, days * DAY)
    row = redemption.confirm(row, at=NOON + MINUTE, actor=TILL)
    assert (row.terms["starts_at"], row.terms["ends_at"]) == ("2026-03-13T12:00:00Z", "2026-03-13T13:00:00Z")
    assert row.expires_at == NOON + 3 * DAY + HOUR
    moved(reward, DAY)
    row = replacing.replace(row, at=NOON + 2 * MINUTE, actor=OLGA)
    assert row.expires_at == NOON + 3 * DAY + HOUR


def test_a_slot_without_an_end_lasts_to_the_end_of_its_day(points: PointType, ada: Member) -> None:
    reward = a_reward(points, "experience")
    slot = stock_of(reward, "friday")
    stock.describe(slot, name="Friday", starts_at=slot.starts_at)
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    stock.describe(slot, name="Later", starts_at=NOON + 9 * DAY)
    row = redemption.confirm(row, at=NOON, actor=TILL)
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == "2026-03-13T23:00:00+00:00"  # the end of the 13th in Madrid


def test_terms_that_do_not_tell_the_end_go_by_the_slot(points: PointType, ada: Member) -> None:
    reward = a_reward(points, "experience")
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    older = {name: told for name, told in row.terms.items() if name != "ends_at"}
    Redemption.objects.filter(pk=row.pk).update(terms=older)
    moved(reward, DAY)
    row = redemption.confirm(row, at=NOON, actor=TILL)
    assert row.expires_at == NOON + 4 * DAY + HOUR


# --- use ----------------------------------------------------------------------------------------------------


def test_a_code_is_used_once(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    row = redemption.use(row, at=NOON + MINUTE, actor=TILL, reference="order-1")
    assert (row.state, row.fulfilled_at) == ("fulfilled", NOON + MINUTE)
    assert row.code is not None
    assert row.code.state == "used"
    with pytest.raises(AlreadyUsed):
        redemption.use(row, at=NOON + MINUTE, actor=TILL)
    assert [step.kind for step in row.steps.all()] == ["confirmed", "used", "fulfilled"]


def test_what_is_only_reserved_has_no_code_to_use(points: PointType, ada: Member) -> None:
    row = redemption.reserve(ada, a_reward(points), at=NOON, actor=TILL)
    with pytest.raises(WrongState):
        redemption.use(row, at=NOON, actor=TILL)


def test_a_gift_value_is_used_in_parts(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, "gift"), at=NOON, actor=TILL)
    row = redemption.use(row, at=NOON, actor=TILL, amount=Decimal("12.50"), reference="order-1")
    assert (row.state, row.remaining) == ("confirmed", Decimal("7.50"))
    with pytest.raises(NotEnoughValue) as refused:
        redemption.use(row, at=NOON, actor=TILL, amount=Decimal("7.51"))
    assert refused.value.extra == {"asked": "7.51", "remaining": "7.50"}
    row = redemption.use(row, at=NOON, actor=TILL)
    assert (row.state, row.remaining) == ("fulfilled", Decimal(0))
    spent = [Decimal(step.data["amount"]) for step in row.steps.filter(kind="used")]
    assert sum(spent) == 20


def test_of_a_gift_value_partly_used_the_rest_is_refunded(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, "gift"), at=NOON, actor=TILL)
    redemption.use(row, at=NOON, actor=TILL, amount=Decimal("12.50"))
    with pytest.raises(AlreadyUsed):
        redemption.cancel(row, at=NOON, actor=TILL)
    row = redemption.refund(row, at=NOON, actor=OLGA)
    assert (row.state, row.points_back) == ("refunded", 37)  # 100 × 7.50 / 20.00, rounded down
    assert row.code is not None
    assert row.code.state == "revoked"


def test_of_a_gift_value_that_is_used_up_nothing_comes_back_by_itself(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, "gift"), at=NOON, actor=TILL)
    row = redemption.use(row, at=NOON, actor=TILL)
    with pytest.raises(NothingToRefund):
        redemption.refund(row, at=NOON, actor=OLGA)
    assert (records.find(row.program, row.pk).state, available(ada)) == ("fulfilled", 900)
    row = redemption.refund(row, at=NOON, actor=OLGA, points=30)
    assert (row.state, row.points_back, available(ada)) == ("refunded", 30, 930)


def test_what_is_left_but_worth_no_point_is_nothing(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, "gift"), at=NOON, actor=TILL)
    redemption.use(row, at=NOON, actor=TILL, amount=Decimal("19.99"))
    with pytest.raises(NothingToRefund):
        redemption.refund(row, at=NOON, actor=OLGA)


def test_a_free_gift_value_can_be_refunded_when_it_is_used_up(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, "gift", cost=0), at=NOON, actor=TILL)
    row = redemption.use(row, at=NOON, actor=TILL)
    assert redemption.refund(row, at=NOON, actor=OLGA).state == "refunded"


def test_a_code_runs_out_at_its_instant_however_late_the_sweep(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points, valid_days=1), at=NOON, actor=TILL)
    end = row.expires_at
    assert end is not None
    with pytest.raises(RedemptionExpired):
        redemption.use(row, at=end, actor=TILL)
    with pytest.raises(RedemptionExpired):
        redemption.cancel(row, at=end, actor=TILL)
    assert redemption.expire(row, at=end - timedelta(microseconds=1)) is None
    expired = redemption.expire(row, at=end + DAY)
    assert expired is not None
    assert (expired.state, expired.closed_at) == ("expired", end)
    assert available(ada, end + DAY) == 900
    assert redemption.expire(row, at=end + DAY) is None


# --- refund -------------------------------------------------------------------------------------------------


def test_what_was_used_is_refunded_once_and_the_stock_stays(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    with pytest.raises(WrongState):
        redemption.refund(row, at=NOON, actor=OLGA)
    redemption.use(row, at=NOON, actor=TILL)
    row = redemption.refund(row, at=NOON, actor=OLGA, reason="did not work")
    redemption.refund(row, at=NOON, actor=OLGA)
    assert (row.state, available(ada), stock_of(reward).left) == ("refunded", 1000, 2)


def test_goods_that_came_back_are_in_stock_again(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    redemption.use(row, at=NOON, actor=TILL)
    row = redemption.refund(row, at=NOON, actor=OLGA, points=40, restock=True)
    assert (row.points_back, available(ada), stock_of(reward).left) == (40, 940, 3)


def test_a_reward_of_points_credits_the_other_wallet_and_its_refund_takes_them_back(
    points: PointType, ada: Member
) -> None:
    stars = a_point_type(points.program, "stars")
    reward = a_reward(points, "points", into=stars, gives=7)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert (row.state, available(ada)) == ("fulfilled", 900)
    assert row.credit_id is not None
    assert Transaction.objects.get(pk=row.credit_id).amount == 7
    redemption.refund(row, at=NOON, actor=OLGA)
    assert available(ada) == 1000
    assert Lot.objects.get(transaction=row.credit_id).remaining == 0


def test_a_reserved_reward_of_points_gives_them_with_the_confirmation(points: PointType, ada: Member) -> None:
    stars = a_point_type(points.program, "stars")
    row = redemption.reserve(ada, a_reward(points, "points", into=stars, gives=7), at=NOON, actor=TILL)
    assert row.credit_id is None
    row = redemption.confirm(row, at=NOON, actor=TILL)
    assert row.state == "fulfilled"
    assert row.credit_id is not None
    assert Transaction.objects.get(pk=row.credit_id).point_type == stars


def test_points_given_back_in_the_books_are_not_given_twice(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    assert row.transaction_id is not None
    from_the_books = Transaction.objects.get(pk=row.transaction_id)
    ledger.refund(from_the_books, points=70, at=NOON, actor=OLGA)
    row = redemption.cancel(row, at=NOON, actor=OLGA)
    assert (row.points_back, available(ada)) == (30, 1000)


def test_another_programs_redemption_is_unknown(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    assert redemption.find(points.program, row.pk) == row
    other = a_point_type(a_program("bar")).program
    with pytest.raises(RedemptionUnknown):
        redemption.find(other, row.pk)
    assert Redemption.objects.count() == 1
