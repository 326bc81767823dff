"""Rewards through the API: taking one, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty.base import clock
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.idempotency import digest
from loyalty.programs.models import IdempotencyKey, PointType, Program
from rewards.models import Redemption, Reward
from tests.api.calls import Answer, Caller, read, refused
from tests.hostile.untouched import nothing_written
from tests.rewards_api.asking import MUG, act, available, claim
from tests.rewards_api.shelf import ADDRESS, a_reward

pytestmark = pytest.mark.usefixtures("on_the_shelf")


# --- Taking it ----------------------------------------------------------------------------------------------


def test_a_reward_is_taken_with_its_points_and_its_code(shop: Caller, ana: str) -> None:
    response = claim(shop, reference="R-7")
    assert response.status_code == 201
    told = read(response)
    assert (told["state"], told["points"], told["reference"]) == ("confirmed", 500, "R-7")
    assert told["code"].endswith(told["code_masked"][-4:])
    assert told["actor"] == {"kind": "channel", "name": "shop"}
    assert available(shop) == 500


def test_a_reward_is_named_by_its_id_as_well(shop: Caller, ana: str) -> None:
    reward = Reward.objects.get(code="five-off")
    assert read(claim(shop, str(reward.pk)))["reward"] == "five-off"


def test_a_reservation_is_confirmed_with_what_was_not_told_before(shop: Caller, ana: str) -> None:
    told = read(claim(shop, "mug", mode="reserve", option="white"))
    assert (told["state"], told["code"], told["option_name"]) == ("reserved", None, "White")
    assert told["reserved_until"]
    problem = refused(act(shop, told["id"], "confirm"), 422, "details_required")
    assert problem["errors"][0]["path"] == "/details/address"
    done = read(act(shop, told["id"], "confirm", details=ADDRESS))
    assert (done["state"], done["step"], done["reserved_until"]) == ("confirmed", "ordered", None)
    assert available(shop) == 700


@pytest.mark.parametrize(
    ("code", "changes", "status", "problem", "path"),
    [
        ("nothing", {}, 404, "reward_unknown", None),
        ("999999", {}, 404, "reward_unknown", None),
        ("9" * 30, {}, 404, "reward_unknown", None),
        ("%00", {}, 404, "reward_unknown", None),
        ("five-off' OR 1=1", {}, 404, "reward_unknown", None),
        ("five-off", {"member": "ext:nobody"}, 404, "member_unknown", None),
        ("five-off", {"member": "ana"}, 422, "member_reference_invalid", "/member"),
        ("five-off", {"member": None}, 422, "text_expected", "/member"),
        ("five-off", {"mode": "steal"}, 422, "choice_unknown", "/mode"),
        ("five-off", {"points": 1}, 422, "unknown_field", "/points"),
        ("five-off", {"approved_by": "me"}, 422, "unknown_field", "/approved_by"),
        ("five-off", {"point_type": "gold"}, 422, "point_type_unknown", "/point_type"),
        ("five-off", {"option": "white"}, 422, "stock_unknown", "/option"),
        ("five-off", {"details": ADDRESS}, 422, "details_invalid", "/details/address"),
        ("five-off", {"reference": "ana@example.org"}, 422, "personal_data", "/reference"),
        ("five-off", {"reference": "x" * 121}, 422, "text_too_long", "/reference"),
        ("mug", {"details": ADDRESS}, 422, "stock_required", "/option"),
        ("mug", {"option": "white"}, 422, "details_required", "/details/address"),
        ("mug", {"option": "white", "details": {"address": 5}}, 422, "details_invalid", "/details/address"),
        ("mug", {"option": "white", "details": ADDRESS | {"x": "y"}}, 422, "details_invalid", "/details/x"),
        ("mug", {"option": "white", "details": []}, 422, "object_expected", "/details"),
        ("mug", {"option": "blue", "details": ADDRESS}, 409, "sold_out", None),
        ("far", {}, 409, "insufficient_points", None),
    ],
)
def test_what_cannot_be_taken_changes_nothing(
    shop: Caller,
    ana: str,
    *,
    code: str,
    changes: dict[str, Any],
    status: int,
    problem: str,
    path: str | None,
) -> None:
    with nothing_written(but="programs_idempotencykey" if status == 409 else ""):
        told = refused(claim(shop, code, **changes), status, problem)
    assert [one["path"] for one in told.get("errors", [])][:1] == ([path] if path else [])
    assert IdempotencyKey.objects.filter(key=digest("k")).exists() == (status == 409)


def test_a_refusal_tells_every_reason_with_its_numbers(shop: Caller, program: Program, ana: str) -> None:
    a_reward(program, "once", cost=900, caps=[{"times": 1, "per": "lifetime"}])
    assert claim(shop, "once").status_code == 201
    problem = refused(claim(shop, "once", key="k2"), 409, "cap_reached")
    assert [one["code"] for one in problem["reasons"]] == ["cap_reached", "insufficient_points"]
    assert (problem["times"], problem["per"], problem["taken"]) == (1, "lifetime", 1)
    assert problem["reasons"][1]["missing"] == 800
    assert problem["detail"] == problem["reasons"][0]["message"]
    again = claim(shop, "once", key="k2")
    assert again["Idempotent-Replayed"] == "true"


def test_a_suspended_member_takes_nothing(shop: Caller, ana: str) -> None:
    members.suspend(Member.objects.get(pk=ana), at=clock.now(), by="olga")
    refused(claim(shop), 409, "member_may_not_redeem")
    assert (available(shop), Redemption.objects.count()) == (1000, 0)


def test_a_member_who_is_suspended_meanwhile_confirms_nothing(shop: Caller, ana: str) -> None:
    row = read(claim(shop, mode="reserve"))["id"]
    members.suspend(Member.objects.get(pk=ana), at=clock.now(), by="olga")
    problem = refused(act(shop, row, "confirm"), 409, "member_may_not_redeem")
    assert [one["code"] for one in problem["reasons"]] == ["member_may_not_redeem"]
    shown = read(shop.get(f"/redemptions/{row}"))
    assert (shown["state"], shown["code"], shown["code_masked"]) == ("reserved", None, None)
    assert read(act(shop, row, "cancel", key="c"))["state"] == "cancelled"
    assert available(shop) == 1000


def test_the_price_of_another_point_type_can_be_chosen(shop: Caller, program: Program, ana: str) -> None:
    cups = PointType.objects.create(program=program, code="cups", name_one="cup", name_many="cups")
    points = program.point_types.get(is_default=True)
    prices = [{"point_type": points, "points": 50}, {"point_type": cups, "points": 1}]
    a_reward(program, "coffee", prices=prices)
    problem = refused(claim(shop, "coffee", point_type="cups"), 409, "insufficient_points")
    assert (problem["point_type"], problem["needed"]) == ("cups", 1)
    assert read(claim(shop, "coffee", key="k2"))["point_type"] == "points"


# --- What becomes of it -------------------------------------------------------------------------------------


def test_cancelled_before_use_all_of_it_comes_back(shop: Caller, program: Program, ana: str) -> None:
    a_reward(program, "last", cost=400, loaded=1, caps=[{"times": 1, "per": "lifetime"}])
    told = read(claim(shop, "last"))
    done = read(act(shop, told["id"], "cancel", reason="Changed her mind"))
    assert (done["state"], done["points_back"], done["reason"]) == ("cancelled", 400, "Changed her mind")
    assert available(shop) == 1000
    refused(act(shop, f"code:{told['code']}", "use", key="u"), 409, "redemption_state")
    assert claim(shop, "last", key="k2").status_code == 201  # the unit and the cap came back too


@pytest.mark.parametrize("mode", ["redeem", "reserve"])
def test_the_points_of_a_reward_do_not_come_back_without_the_reward(
    shop: Caller, ana: str, mode: str
) -> None:
    told = read(claim(shop, "gift-card", mode=mode))
    problem = refused(reverse(shop, told["transaction"]), 409, "undone_elsewhere")
    assert problem["about"] == {"kind": "redemption", "id": told["id"], "name": "Gift Card"}
    assert "cancel or refund" in problem["detail"]
    assert available(shop) == 600
    act(shop, told["id"], "cancel", "c")
    refused(reverse(shop, told["transaction"], "again"), 409, "undone_elsewhere")
    assert available(shop) == 1000


def test_the_points_that_a_reward_gave_are_not_taken_back_without_it(
    shop: Caller, program: Program, ana: str
) -> None:
    stars = PointType.objects.create(program=program, code="stars", name_one="star", name_many="stars")
    a_reward(program, "swap", "points", into=stars, gives=5)
    row = Redemption.objects.get(pk=read(claim(shop, "swap"))["id"])
    refused(reverse(shop, row.credit_id), 409, "undone_elsewhere")
    refused(reverse(shop, row.transaction_id, "other"), 409, "undone_elsewhere")
    assert read(act(shop, row.pk, "refund"))["points_back"] == 100


def reverse(shop: Caller, transaction: object, key: str = "r") -> Answer:
    return shop.post(f"/transactions/{transaction}/reverse", {}, Idempotency_Key=key)


def test_used_once_and_not_cancelled_afterwards(shop: Caller, ana: str) -> None:
    told = read(claim(shop))
    done = read(act(shop, f"code:{told['code'].lower().replace('-', '')}", "use", key="u1"))
    assert (done["state"], done["id"]) == ("fulfilled", told["id"])
    refused(act(shop, told["id"], "use", key="u2"), 409, "already_used")
    refused(act(shop, told["id"], "cancel", key="c"), 409, "already_used")
    assert available(shop) == 500
    back = read(act(shop, told["id"], "refund", key="r", reason="Broken"))
    assert (back["state"], back["points_back"]) == ("refunded", 500)
    assert available(shop) == 1000


def test_a_gift_value_is_used_in_parts(shop: Caller, ana: str) -> None:
    told = read(claim(shop, "gift-card"))
    place = f"code:{told['code']}"
    assert read(act(shop, place, "use", key="1", amount="12.50"))["remaining"] == "7.50"
    problem = refused(act(shop, place, "use", key="2", amount="8.00"), 409, "not_enough_value")
    assert (problem["asked"], problem["remaining"]) == ("8.00", "7.50")
    for key, amount, code in (
        ("3", "1.005", "money_decimals"),
        ("4", "0", "too_small"),
        ("5", "-1", "amount_negative"),
    ):
        refused(act(shop, place, "use", key=key, amount=amount), 422, code)
    last = read(act(shop, place, "use", key="6"))
    assert (last["remaining"], last["state"]) == ("0.00", "fulfilled")
    unexpected = act(shop, read(claim(shop, key="k2"))["id"], "use", key="7", amount="1.00")
    assert refused(unexpected, 422, "amount_unexpected")["errors"][0]["path"] == "/amount"


def test_of_a_gift_value_that_is_used_up_only_named_points_come_back(shop: Caller, ana: str) -> None:
    told = read(claim(shop, "gift-card"))
    act(shop, told["id"], "use", key="1")
    problem = refused(act(shop, told["id"], "refund", key="2"), 409, "nothing_to_refund")
    assert "Say how many points" in problem["detail"]
    assert available(shop) == 600
    assert read(act(shop, told["id"], "refund", key="3", points=50))["points_back"] == 50


def test_goods_are_sent_and_delivered(shop: Caller, ana: str) -> None:
    row = read(claim(shop, "mug", **MUG))["id"]
    sent = read(act(shop, row, "fulfil", key="1", step="sent", carrier="Correos", tracking="PQ1"))
    assert (sent["step"], sent["carrier"], sent["tracking"]) == ("sent", "Correos", "PQ1")
    refused(act(shop, row, "cancel", key="2"), 409, "already_sent")
    refused(act(shop, row, "fulfil", key="3", step="ready"), 409, "redemption_state")
    refused(act(shop, row, "fulfil", key="4", step="flown"), 422, "choice_unknown")
    assert read(act(shop, row, "fulfil", key="5", step="delivered"))["state"] == "fulfilled"
    steps = read(shop.get(f"/redemptions/{row}"))["steps"]
    assert [one["kind"] for one in steps] == ["confirmed", "sent", "delivered", "fulfilled"]
    discount = read(claim(shop, key="k2"))["id"]
    refused(act(shop, discount, "fulfil", key="6", step="sent"), 409, "redemption_state")


def test_more_points_are_not_given_back_than_it_cost(shop: Caller, ana: str) -> None:
    row = read(claim(shop))["id"]
    refused(act(shop, row, "refund", key="1"), 409, "redemption_state")
    act(shop, row, "use", key="2")
    for key, points in (("3", 501), ("4", 0), ("5", -1), ("6", 2**62)):
        refused(act(shop, row, "refund", key=key, points=points), 422, "amount_out_of_range")
    assert read(act(shop, row, "refund", key="7", points=120))["points_back"] == 120


def test_from_the_very_instant_of_its_limit_a_reservation_has_lapsed(shop: Caller, ana: str) -> None:
    told = read(claim(shop, mode="reserve"))
    limit = clock.parse_instant(told["reserved_until"])
    with clock.pinned(limit - timedelta(microseconds=1)):
        assert read(shop.get(f"/redemptions/{told['id']}"))["state"] == "reserved"
    with clock.pinned(limit):
        shown = read(shop.get(f"/redemptions/{told['id']}"))
        assert (shown["state"], shown["points_back"], shown["reserved_until"]) == ("lapsed", 500, None)
        assert shown["closed_at"] == told["reserved_until"]
        refused(act(shop, told["id"], "confirm"), 409, "reservation_lapsed")
        assert available(shop) == 1000


def test_the_verbs_repeated_under_another_key_change_nothing(shop: Caller, ana: str) -> None:
    row = read(claim(shop, mode="reserve"))["id"]
    for verb in ("confirm", "cancel"):
        first, again = act(shop, row, verb, key=f"{verb}1"), act(shop, row, verb, key=f"{verb}2")
        assert (first.status_code, read(first)["state"]) == (again.status_code, read(again)["state"])
    assert available(shop) == 1000
