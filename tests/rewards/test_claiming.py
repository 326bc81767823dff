"""A reward is taken with points and a unit together, or not at all."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.base.errors import Invalid
from loyalty.events.activity import ActivityRow, add_many
from loyalty.ledger.models import Hold, Transaction
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from rewards import catalogue, codes, redemption, stock
from rewards.claiming import Wish
from rewards.errors import NotEligible, ReservationLapsed, RewardUnknown
from rewards.models import Code, Delivery, Redemption, Stock
from tests.rewards.shop import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    TILL,
    a_draft,
    a_member,
    a_point_type,
    a_reward,
    available,
    stock_of,
)

pytestmark = pytest.mark.django_db


def refusal(*args: Any, **terms: Any) -> NotEligible:
    with pytest.raises(NotEligible) as refused:
        redemption.redeem(*args, at=terms.pop("at", NOON), actor=TILL, **terms)
    return refused.value


def test_a_reservation_takes_points_and_stock_at_once(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    assert (row.state, row.points, row.reserved_until) == ("reserved", 100, NOON + 15 * MINUTE)
    assert available(ada) == 900
    assert (stock_of(reward).reserved, stock_of(reward).left) == (1, 2)
    assert Hold.objects.get().transaction_id == row.transaction_id
    assert row.code is None


def test_a_confirmed_reservation_is_final_and_shows_its_code(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3, valid_days=30)
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    row = redemption.confirm(row, at=NOON + MINUTE, actor=TILL)
    assert (row.state, row.confirmed_at) == ("confirmed", NOON + MINUTE)
    assert (stock_of(reward).reserved, stock_of(reward).used) == (0, 1)
    assert Hold.objects.get().state == "captured"
    assert available(ada) == 900
    assert row.code is not None
    assert len(codes.reveal(row.code)) == 14
    assert row.expires_at is not None
    assert row.expires_at.isoformat() == "2026-04-09T22:00:00+00:00"  # the end of 9 April in Madrid


def test_at_once_is_the_same_in_one_step(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=3)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert (row.state, row.reserved_until) == ("confirmed", None)
    assert (stock_of(reward).used, available(ada)) == (1, 900)
    assert not Hold.objects.exists()
    paid = Transaction.objects.get(kind="redeem")
    assert (paid.amount, paid.reason_code, paid.reference) == (-100, "reward", str(row.pk))


def test_each_change_is_a_step_and_a_fact(points: PointType, ada: Member) -> None:
    row = redemption.reserve(ada, a_reward(points), at=NOON, actor=TILL)
    redemption.confirm(row, at=NOON + MINUTE, actor=TILL)
    redemption.confirm(row, at=NOON + 2 * MINUTE, actor=TILL)
    assert list(row.steps.values_list("kind", "state", "actor")) == [
        ("reserved", "reserved", "till-1"), ("confirmed", "confirmed", "till-1"),
    ]  # fmt: skip
    told = Fact.objects.filter(type__startswith="redemption.").order_by("id")
    assert [fact.type for fact in told] == ["redemption.reserved", "redemption.confirmed"]
    assert told[0].data["reserved_until"] == "2026-03-10T12:15:00Z"
    assert told[1].data["redemption"] == str(row.pk)


def test_what_it_was_then_stays_with_it(points: PointType, ada: Member) -> None:
    reward = a_reward(points)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    catalogue.save(reward, {"name": "Six off", "value": 6}, revision=reward.revision, by="olga", at=NOON)
    row.refresh_from_db()
    assert (row.terms["name"], row.terms["value"], row.terms["currency"]) == ("Discount", "5.00", "EUR")


# --- refused: and nothing is left behind --------------------------------------------------------------------


def test_too_few_points_leave_nothing_behind(points: PointType) -> None:
    reward = a_reward(points, loaded=3)
    ada = a_member(points, 99)
    refused = refusal(ada, reward)
    assert refused.code == "insufficient_points"
    assert (refused.extra["needed"], refused.extra["has"], refused.extra["missing"]) == (100, 99, 1)
    assert (stock_of(reward).used, available(ada)) == (0, 99)
    assert not Redemption.objects.exists()


def test_sold_out_keeps_the_points(points: PointType, ada: Member, ben: Member) -> None:
    reward = a_reward(points, loaded=1)
    redemption.reserve(ada, reward, at=NOON, actor=TILL)
    assert refusal(ben, reward).code == "sold_out"
    assert available(ben) == 1000


def test_all_reasons_come_with_the_refusal(points: PointType) -> None:
    reward = a_reward(points, starts_at=NOON + DAY)
    poor = a_member(points, state="suspended")
    told = refusal(poor, reward).extra["reasons"]
    assert [reason["code"] for reason in told] == [  # type: ignore[attr-defined]
        "not_yet", "member_may_not_redeem", "insufficient_points",
    ]  # fmt: skip
    assert all(reason["message"] for reason in told)  # type: ignore[attr-defined]


def test_a_draft_and_another_programs_reward_are_unknown(points: PointType, ada: Member) -> None:
    with pytest.raises(RewardUnknown):
        redemption.redeem(ada, a_draft(points), at=NOON, actor=TILL)


def test_the_points_may_be_chosen(points: PointType, ada: Member) -> None:
    stars = a_point_type(points.program, "stars")
    prices = [{"point_type": points, "points": 100}, {"point_type": stars, "points": 5}]
    reward = a_reward(points, prices=prices)
    refused = refusal(ada, reward, wish=Wish(point_type=stars))
    assert (refused.code, refused.extra["point_type"]) == ("insufficient_points", "stars")
    assert redemption.redeem(ada, reward, at=NOON, actor=TILL).point_type == points


def test_what_is_free_moves_no_points(points: PointType, ada: Member) -> None:
    row = redemption.reserve(ada, a_reward(points, cost=0), at=NOON, actor=TILL)
    assert (row.transaction_id, available(ada)) == (None, 1000)
    assert redemption.confirm(row, at=NOON, actor=TILL).state == "confirmed"
    assert redemption.cancel(row, at=NOON, actor=TILL).state == "cancelled"


def test_a_cap_counts_what_is_reserved_and_not_what_was_given_back(points: PointType, ada: Member) -> None:
    reward = a_reward(points, caps=[{"times": 1, "per": "month"}])
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    assert refusal(ada, reward).code == "cap_reached"
    redemption.cancel(row, at=NOON, actor=TILL)
    assert redemption.redeem(ada, reward, at=NOON, actor=TILL).state == "confirmed"


def test_a_reservation_that_has_lapsed_counts_no_more(points: PointType, ada: Member) -> None:
    reward = a_reward(points, caps=[{"times": 1, "per": "month"}])
    redemption.reserve(ada, reward, at=NOON, actor=TILL)
    assert refusal(ada, reward, at=NOON + 15 * MINUTE - timedelta(microseconds=1)).code == "cap_reached"
    assert redemption.redeem(ada, reward, at=NOON + 15 * MINUTE, actor=TILL).state == "confirmed"


def test_a_waiting_time_holds(points: PointType, ada: Member) -> None:
    reward = a_reward(points, cooldown_hours=24)
    redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert refusal(ada, reward, at=NOON + DAY - MINUTE).code == "cooldown"
    assert redemption.redeem(ada, reward, at=NOON + DAY, actor=TILL).state == "confirmed"


# --- variants, slots, places to send to ---------------------------------------------------------------------


def test_of_several_variants_one_is_chosen(points: PointType, ada: Member) -> None:
    reward = a_reward(points, "product", loaded=3)
    for colour in ("red", "blue"):
        stock.make(reward, colour, name=colour.title(), loaded=1, by="olga", at=NOON)
    with pytest.raises(Invalid) as refused:
        redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert refused.value.code == "stock_required"
    row = redemption.redeem(ada, reward, Wish(stock="red"), at=NOON, actor=TILL)
    assert row.terms["stock"] == {"code": "red", "name": "Red"}
    assert refusal(ada, reward, wish=Wish(stock="red")).code == "sold_out"
    with pytest.raises(Invalid) as refused:
        redemption.redeem(ada, reward, Wish(stock="green"), at=NOON, actor=TILL)
    assert refused.value.code == "stock_unknown"


def test_a_place_is_taken_until_the_slot_begins(points: PointType, ada: Member) -> None:
    reward = a_reward(points, "experience", slots=2)
    row = redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert row.terms["starts_at"] == "2026-03-13T12:00:00Z"
    assert row.expires_at == stock_of(reward, "friday").ends_at
    assert refusal(ada, reward, at=NOON + 3 * DAY).code == "ended"


def test_a_place_is_reserved_until_the_slot_begins_at_most(points: PointType, ada: Member) -> None:
    reward = a_reward(points, "experience", slots=2, reserve_minutes=60)
    start = NOON + 3 * DAY
    early = redemption.reserve(ada, reward, at=start - 2 * HOUR, actor=TILL)
    assert early.reserved_until == start - HOUR
    late = redemption.reserve(ada, reward, at=start - 10 * MINUTE, actor=TILL)
    assert late.reserved_until == start
    assert Hold.objects.get(transaction=late.transaction_id).lapses_at == start
    with pytest.raises(ReservationLapsed):
        redemption.confirm(late, at=start, actor=TILL)
    assert available(ada, start) == 1000


def test_what_is_over_is_not_confirmed(points: PointType, ada: Member) -> None:
    reward = a_reward(points, "experience", slots=2)
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    Redemption.objects.filter(pk=row.pk).update(terms={**row.terms, "ends_at": "2026-03-10T12:05:00Z"})
    with pytest.raises(ReservationLapsed):
        redemption.confirm(row, at=NOON + 5 * MINUTE, actor=TILL)
    row = redemption.cancel(row, at=NOON + 5 * MINUTE, actor=TILL)
    assert (row.state, available(ada), stock_of(reward, "friday").left) == ("cancelled", 1000, 2)


def test_goods_need_to_know_where_to_go(points: PointType, ada: Member) -> None:
    asks = [{"code": "address", "label": "Address", "required": True}, {"code": "size", "label": "Size"}]
    reward = a_reward(points, "product", delivery_attributes=asks)
    with pytest.raises(Invalid) as refused:
        redemption.redeem(ada, reward, at=NOON, actor=TILL)
    assert (refused.value.code, refused.value.errors[0].path) == ("details_required", "details/address")
    with pytest.raises(Invalid) as refused:
        redemption.redeem(ada, reward, Wish(details={"door": "4"}), at=NOON, actor=TILL)
    assert refused.value.code == "details_invalid"
    row = redemption.reserve(ada, reward, at=NOON, actor=TILL)
    with pytest.raises(Invalid):
        redemption.confirm(row, at=NOON, actor=TILL)
    row = redemption.confirm(row, at=NOON, actor=TILL, details={"address": "Calle Mayor 1"})
    assert Delivery.objects.get().details == {"address": "Calle Mayor 1"}
    assert "Calle" not in str([row.terms, *row.steps.values_list("data"), *Fact.objects.values_list("data")])


# --- the very instant of the limit --------------------------------------------------------------------------


def test_at_its_limit_a_reservation_frees_its_unit_before_any_sweep(
    points: PointType, ada: Member, ben: Member
) -> None:
    reward = a_reward(points, loaded=1)
    redemption.reserve(ada, reward, at=NOON, actor=TILL)
    late = NOON + 15 * MINUTE
    assert refusal(ben, reward, at=late - timedelta(microseconds=1)).code == "sold_out"
    assert redemption.redeem(ben, reward, at=late, actor=TILL).state == "confirmed"
    assert (stock_of(reward).reserved, stock_of(reward).used) == (0, 1)
    assert available(ada, late) == 1000
    row = Redemption.objects.get(member=ada)
    assert (row.state, row.holds_stock) == ("reserved", False)
    assert redemption.state_at(row, late) == "lapsed"
    closed = redemption.lapse(row, at=late + DAY)
    assert closed is not None
    assert closed.closed_at == late
    assert (stock_of(reward).reserved, stock_of(reward).used) == (0, 1)


def test_crossing_the_mark_and_the_last_one_are_announced_once(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=4, low_stock_at=2)
    for _ in range(4):
        redemption.redeem(ada, reward, at=NOON, actor=TILL)
    told = Fact.objects.filter(type__in=["reward.stock_low", "reward.sold_out"]).order_by("id")
    assert [(fact.type, fact.data["left"]) for fact in told] == [
        ("reward.stock_low", 2),
        ("reward.sold_out", 0),
    ]


def test_no_code_stands_in_steps_and_facts(points: PointType, ada: Member) -> None:
    row = redemption.redeem(ada, a_reward(points), at=NOON, actor=TILL)
    assert row.code is not None
    shown = codes.reveal(row.code)
    told = str([*Fact.objects.values_list("data"), *row.steps.values_list("data"), row.terms])
    assert shown not in told
    assert shown.replace("-", "") not in told
    assert Code.objects.get().state == "issued"
    assert Stock.objects.get().left is None


def test_an_audience_may_ask_what_the_member_did_lately(points: PointType, ada: Member, ben: Member) -> None:
    spenders = {"field": "activity.spend", "op": "gte", "value": "50", "days": 30}
    reward = a_reward(points, audience=spenders)
    day = NOON.date() - 29 * DAY
    add_many([ActivityRow(ada.program_id, ada.pk, day, spend=Decimal(50))])
    assert redemption.redeem(ada, reward, at=NOON, actor=TILL).state == "confirmed"
    assert refusal(ben, reward).code == "not_in_audience"
    assert refusal(ada, reward, at=NOON + DAY).code == "not_in_audience"


def test_a_members_own_attributes_decide_too(points: PointType) -> None:
    points.program.member_schema = [{"code": "plan", "type": "text", "label": "Plan"}]
    points.program.save()
    reward = a_reward(points, audience={"field": "member.plan", "op": "eq", "value": "plus"})
    plus, plain = (a_member(points, 100, plan, attributes={"plan": plan}) for plan in ("plus", "plain"))
    assert redemption.redeem(plus, reward, at=NOON, actor=TILL).state == "confirmed"
    assert refusal(plain, reward).code == "not_in_audience"
