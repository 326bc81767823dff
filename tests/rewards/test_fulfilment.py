"""Goods go their way step by step, and two people never pack the same."""

from __future__ import annotations

import pytest

from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import codes, deliveries, fulfilment, redemption
from rewards.claiming import Wish
from rewards.errors import AlreadySent, ClaimedByOther, WrongState
from rewards.models import Delivery, Redemption
from tests.rewards.shop import DAY, HOUR, MINUTE, NOON, OLGA, TILL, a_reward, available

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug(points: PointType, ada: Member) -> Redemption:
    return redemption.redeem(ada, a_reward(points, "product", loaded=5), at=NOON, actor=TILL)


@pytest.fixture
def waiting(points: PointType, ada: Member) -> Redemption:
    reward = a_reward(points, "product", code="cake", delivery="pick_up", loaded=5)
    return redemption.redeem(ada, reward, at=NOON, actor=TILL)


def tab_of(row: Redemption, at: object = NOON) -> list[str]:
    return [tab for tab in fulfilment.TABS if row in fulfilment.queue(row.program, tab, at=at)]  # type: ignore[arg-type]


def test_goods_are_ordered_sent_and_delivered(mug: Redemption) -> None:
    assert (mug.step, mug.due_at, mug.code) == ("ordered", NOON + 48 * HOUR, None)
    row = fulfilment.advance(mug, "sent", at=NOON + HOUR, actor=OLGA, carrier="Post", tracking="X1")
    assert (row.state, row.step, row.tracking) == ("confirmed", "sent", "X1")
    row = fulfilment.advance(mug, "delivered", at=NOON + DAY, actor=TILL)
    assert (row.state, row.step, row.fulfilled_at) == ("fulfilled", "delivered", NOON + DAY)
    assert [step.kind for step in row.steps.all()] == ["confirmed", "sent", "delivered", "fulfilled"]


def test_a_step_again_changes_nothing_but_the_tracking(mug: Redemption) -> None:
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA, tracking="X1")
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA, tracking="X1")
    row = fulfilment.advance(mug, "sent", at=NOON, actor=OLGA, tracking="X2")
    assert row.tracking == "X2"
    assert [step.kind for step in row.steps.all()] == ["confirmed", "sent", "tracking"]


def test_no_step_goes_back_and_none_is_of_another_way(mug: Redemption) -> None:
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA)
    for step in ("ordered", "ready", "picked_up", "lost"):
        with pytest.raises(WrongState):
            fulfilment.advance(mug, step, at=NOON, actor=OLGA)


def test_what_is_picked_up_is_found_by_its_code(waiting: Redemption) -> None:
    assert waiting.code is not None
    shown = codes.reveal(waiting.code)
    fulfilment.advance(waiting, "ready", at=NOON, actor=OLGA)
    found = fulfilment.find_by_code(waiting.program, shown.lower())
    assert found == waiting
    row = redemption.use(waiting, at=NOON, actor=TILL)
    assert (row.state, row.step) == ("fulfilled", "picked_up")
    assert fulfilment.find_by_code(waiting.program, "nothing") is None


def test_handing_over_uses_the_code(waiting: Redemption) -> None:
    row = fulfilment.advance(waiting, "picked_up", at=NOON, actor=OLGA)
    assert row.state == "fulfilled"
    assert row.code is not None
    assert row.code.state == "used"


def test_what_is_ordered_can_be_cancelled_and_what_is_sent_cannot(mug: Redemption, ada: Member) -> None:
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA)
    with pytest.raises(AlreadySent):
        redemption.cancel(mug, at=NOON, actor=OLGA)
    row = redemption.refund(mug, at=NOON, actor=OLGA, reason="lost on the way")
    assert (row.state, available(ada)) == ("refunded", 1000)


def test_who_takes_it_up_has_it_for_a_quarter_of_an_hour(mug: Redemption) -> None:
    fulfilment.take_up(mug, by="olga", at=NOON)
    with pytest.raises(ClaimedByOther):
        fulfilment.take_up(mug, by="paul", at=NOON + 14 * MINUTE)
    with pytest.raises(ClaimedByOther):
        fulfilment.let_go(mug, by="paul", at=NOON + 14 * MINUTE)
    assert fulfilment.take_up(mug, by="olga", at=NOON + MINUTE).claimed_until == NOON + 16 * MINUTE
    assert fulfilment.take_up(mug, by="paul", at=NOON + 16 * MINUTE).claimed_by == "paul"
    assert fulfilment.let_go(mug, by="paul", at=NOON + 17 * MINUTE).claimed_by == ""


def test_staff_does_not_send_what_a_colleague_packs(mug: Redemption) -> None:
    fulfilment.take_up(mug, by="paul", at=NOON)
    with pytest.raises(ClaimedByOther):
        fulfilment.advance(mug, "sent", at=NOON, actor=OLGA)
    assert fulfilment.advance(mug, "sent", at=NOON, actor=TILL).step == "sent"


def test_each_order_stands_in_one_tab(mug: Redemption, waiting: Redemption) -> None:
    assert tab_of(mug) == ["new"]
    fulfilment.take_up(mug, by="olga", at=NOON)
    assert tab_of(mug) == ["in_progress"]
    assert tab_of(mug, NOON + HOUR) == ["new"]
    fulfilment.set_problem(mug, "no such street", at=NOON, actor=OLGA)
    assert tab_of(mug) == ["problem"]
    fulfilment.set_problem(mug, "", at=NOON, actor=OLGA)
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA)
    assert tab_of(mug) == ["sent"]
    fulfilment.advance(waiting, "ready", at=NOON, actor=OLGA)
    assert tab_of(waiting) == ["in_progress"]
    fulfilment.advance(waiting, "picked_up", at=NOON, actor=OLGA)
    assert tab_of(waiting) == []


def test_overdue_is_what_should_have_gone(mug: Redemption) -> None:
    assert fulfilment.overdue(mug.program, at=NOON + 47 * HOUR) == 0
    assert fulfilment.overdue(mug.program, at=NOON + 48 * HOUR) == 1
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA)
    assert fulfilment.overdue(mug.program, at=NOON + 48 * HOUR) == 0


def test_where_it_was_sent_is_forgotten_three_months_after_it_arrived(points: PointType, ada: Member) -> None:
    asks = [{"code": "address", "label": "Address", "required": True}]
    reward = a_reward(points, "product", delivery_attributes=asks)
    wish = Wish(details={"address": "Calle Mayor 1"})
    sent, _waiting = (redemption.redeem(ada, reward, wish, at=NOON, actor=TILL) for _ in range(2))
    fulfilment.advance(sent, "delivered", at=NOON, actor=OLGA)
    assert deliveries.forget(points.program, at=NOON + 90 * DAY) == 0
    assert deliveries.forget(points.program, at=NOON + 91 * DAY) == 1
    assert deliveries.of(sent) == {}
    assert Delivery.objects.count() == 1
