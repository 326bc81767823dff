"""Rewards through the API: the catalogue, what a member can have, taking it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from loyalty.base import clock
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import IdempotencyKey, PointType, Program
from rewards import catalogue
from rewards.models import Delivery, Redemption, Reward, RewardPicture, Stock
from tests.api.calls import Answer, Caller, read, refused
from tests.hostile.untouched import nothing_written
from tests.rewards_api import shelf
from tests.rewards_api.shelf import ADDRESS, a_reward

pytestmark = pytest.mark.usefixtures("on_the_shelf")

CLAIM: dict[str, Any] = {"member": "ext:ana"}
MUG: dict[str, Any] = {"member": "ext:ana", "option": "white", "details": ADDRESS}


def claim(shop: Caller, code: str = "five-off", key: str = "k", **more: Any) -> Answer:
    return shop.post(f"/offers/{code}/claim", {**CLAIM, **more}, Idempotency_Key=key)


def act(shop: Caller, row: object, verb: str, key: str = "a", **body: object) -> Answer:
    return shop.post(f"/redemptions/{row}/{verb}", body, Idempotency_Key=key)


def available(shop: Caller) -> int:
    return int(read(shop.get("/members/ext:ana/balances"))["balances"][0]["available"])


# --- The catalogue ------------------------------------------------------------------------------------------


def test_the_catalogue_says_prices_options_and_what_is_left(shop: Caller, program: Program) -> None:
    items = {one["code"]: one for one in read(shop.get("/rewards"))["items"]}
    mug = items["mug"]
    assert mug["prices"] == [{"point_type": "points", "points": 300, "tiers": [], "for_some": False}]
    assert [(one["code"], one["left"]) for one in mug["options"]] == [("white", 2), ("blue", 0)]
    assert (mug["left"], mug["sold_out"], mug["low"]) == (2, False, True)
    assert mug["asks"] == [{"code": "address", "label": "Address", "required": True}]
    assert items["five-off"]["left"] is None
    assert items["five-off"]["benefit"] == {
        "off": "money", "value": "5.00", "minimum_order": "20.00", "valid_days": 60,
    }  # fmt: skip
    assert "unit_cost" not in str(items["gift-card"])


def test_drafts_and_ended_rewards_are_not_shown_and_not_had(shop: Caller, program: Program, ana: str) -> None:
    points = program.point_types.get()
    values = {"code": "idea", "name": "Idea", "prices": [{"point_type": points, "points": 1}]}
    draft = catalogue.create(program, "voucher", values, by="olga", at=clock.now())
    catalogue.end(catalogue.find(program, "far"), by="olga", at=clock.now())
    codes = [one["code"] for one in read(shop.get("/rewards"))["items"]]
    assert not {"idea", "far"} & set(codes)
    refused(claim(shop, "idea"), 404, "reward_unknown")
    refused(claim(shop, str(draft.pk)), 404, "reward_unknown")
    refused(claim(shop, "far", key="k2"), 409, "ended")


def test_the_catalogue_pages_without_gaps_while_it_changes(shop: Caller, program: Program) -> None:
    first = read(shop.get("/rewards?limit=2"))
    a_reward(program, "aaa", position=1)
    rest = read(shop.get(f"/rewards?limit=100&cursor={first['next']}"))
    assert [one["code"] for one in first["items"] + rest["items"]] == ["far", "five-off", "gift-card", "mug"]
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    for cursor in ("x", "!!!", "MTIz", "eDp5", "OTk5OTk5OTk6eA"):
        refused(shop.get(f"/rewards?cursor={cursor}"), 422, "cursor_invalid")


def test_a_picture_has_an_address_of_its_own(shop: Caller, program: Program) -> None:
    RewardPicture.objects.create(
        reward=Reward.objects.get(code="mug"), digest="4f0c2a", content=b"webp", width=8, height=8,
        updated_at=clock.now(),
    )  # fmt: skip
    shown = {one["code"]: one["picture"] for one in read(shop.get("/rewards"))["items"]}
    assert shown["five-off"] is None
    answer = shop.client.get(shown["mug"])
    assert (answer.status_code, answer.content) == (200, b"webp")
    assert "immutable" in answer["Cache-Control"]


# --- Offers -------------------------------------------------------------------------------------------------


def test_offers_are_what_can_be_had_and_what_is_nearly_in_reach(shop: Caller, ana: str) -> None:
    told = read(shop.get("/offers/available?member=ext:ana"))
    assert told["member"] == ana
    offers = {one["code"]: one for one in told["offers"]}
    assert {code: one["state"] for code, one in offers.items()} == {
        "far": "near", "five-off": "available", "gift-card": "available", "mug": "available",
    }  # fmt: skip
    assert offers["five-off"]["costs"] == [
        {"point_type": "points", "points": 500, "listed": 500, "has": 1000, "missing": 0}
    ]
    [why] = offers["far"]["reasons"]
    assert (why["code"], why["needed"], why["has"], why["missing"]) == (
        "insufficient_points",
        1900,
        1000,
        900,
    )
    assert why["message"] == "It costs 1900 points. There are 1000 points: 900 points are missing."
    assert read(shop.get(f"/offers/available?member={ana}"))["offers"] == told["offers"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 422, "required"),
        ("?member=ext:nobody", 404, "member_unknown"),
        ("?member=01996f3c-7d2a-7a01-9f6e-0b8f5a1c2d3e", 404, "member_unknown"),
        ("?member=ana", 422, "member_reference_invalid"),
        ("?member=ext:ana&member=ext:ben", 422, "repeated_parameter"),
        ("?member=ext:' OR 1=1 --", 404, "member_unknown"),
        ("?member=ext:%25", 404, "member_unknown"),
        ("?member=ext:ana&limit=1", 422, "unknown_parameter"),
    ],
)
def test_offers_are_for_one_member(shop: Caller, ana: str, query: str, status: int, code: str) -> None:
    with nothing_written():
        refused(shop.get(f"/offers/available{query}"), status, code)


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
    assert IdempotencyKey.objects.filter(key="k").exists() == (status == 409)


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


# --- History ------------------------------------------------------------------------------------------------


def test_history_names_the_redemption_and_shows_what_was_free(
    shop: Caller, program: Program, ana: str
) -> None:
    a_reward(program, "present", cost=0)
    paid = read(claim(shop))["id"]
    free = read(claim(shop, "present", key="k2"))["id"]
    act(shop, paid, "cancel")
    lines = read(shop.get("/members/ext:ana/history"))["items"]
    assert [(one["kind"], one["points"], one["balance_after"]) for one in lines] == [
        ("refund", 500, 1000), ("redeem", 0, 500), ("redeem", -500, 500), ("earn", 1000, 1000),
    ]  # fmt: skip
    assert [one["about"] and one["about"]["id"] for one in lines] == [paid, free, paid, None]
    assert lines[0]["about"] == {"kind": "redemption", "id": paid, "name": "Five Off"}
    assert lines[1]["id"] == free


def test_history_pages_exactly_across_what_was_paid_and_what_was_free(
    shop: Caller, program: Program, ana: str
) -> None:
    a_reward(program, "present", cost=0)
    a_reward(program, "cheap", cost=10)
    for number in range(6):
        claim(shop, "present" if number % 2 else "cheap", key=f"k{number}")
    whole = [one["id"] for one in read(shop.get("/members/ext:ana/history?limit=100"))["items"]]
    paged: list[str] = []
    cursor = ""
    while True:
        page = read(shop.get(f"/members/ext:ana/history?limit=2{cursor}"))
        paged += [one["id"] for one in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next']}"
    assert paged == whole
    assert len(whole) == 7
    assert whole == sorted(whole, reverse=True)


# --- Who may see what ---------------------------------------------------------------------------------------


def test_codes_and_addresses_are_told_by_scope(
    shop: Caller, caller_with: Callable[..., Caller], ana: str
) -> None:
    row = read(claim(shop, "mug", **MUG))["id"]
    discount = read(claim(shop, key="k2"))
    reader, taker, sender = (
        caller_with("rewards:read"),
        caller_with("rewards:read", "rewards:redeem"),
        caller_with("rewards:read", "rewards:fulfil"),
    )
    assert [read(one.get(f"/redemptions/{row}"))["details"] for one in (reader, taker, sender)] == [
        None,
        None,
        ADDRESS,
    ]
    place = f"/redemptions/{discount['id']}"
    assert [read(one.get(place))["code"] for one in (reader, taker, sender)] == [None, discount["code"], None]
    assert read(reader.get(place))["code_masked"] == discount["code_masked"]
    used = read(act(sender, f"code:{discount['code']}", "use"))
    assert used["code"] is None


def test_what_is_kept_of_an_answer_holds_no_code_and_no_address(shop: Caller, ana: str) -> None:
    first = claim(shop)
    code = read(first)["code"]
    reserved = read(claim(shop, "mug", key="m", mode="reserve", option="white"))["id"]
    confirmed = act(shop, reserved, "confirm", key="c", details=ADDRESS)
    used = act(shop, f"code:{code}", "use", key="u")
    kept = [f"{row.route} {row.body}" for row in IdempotencyKey.objects.all()]
    assert not [one for one in kept if code in one or "Rosa" in one]
    assert claim(shop).content == first.content
    assert act(shop, reserved, "confirm", key="c", details=ADDRESS).content == confirmed.content
    assert act(shop, f"code:{code}", "use", key="u").content == used.content
    assert "Rosa" not in confirmed.content.decode()
    assert Delivery.objects.get().details == ADDRESS


def test_a_repetition_is_the_same_bytes_whatever_became_of_it(shop: Caller, ana: str) -> None:
    first = claim(shop)
    act(shop, read(first)["id"], "cancel")
    again = claim(shop)
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"


def test_a_code_of_a_pool_is_not_told_before_it_is_confirmed(
    shop: Caller, program: Program, ana: str
) -> None:
    told = read(claim(shop, mode="reserve"))
    assert (told["code"], told["code_masked"]) == (None, None)
    assert read(claim(shop, mode="reserve")) == told
    shown = read(act(shop, told["id"], "confirm"))
    assert shown["code"].endswith(shown["code_masked"][-4:])


def test_another_programs_ids_answer_like_random_ones(shop: Caller, stranger: Caller, ana: str) -> None:
    told = read(claim(shop))
    reward = Reward.objects.get(code="five-off")
    theirs = read(stranger.post("/members/register", {"external_id": "zoe"}))["id"]
    with nothing_written():
        for ref in (
            told["id"],
            uuid4(),
            f"code:{told['code']}",
            "code:7K3M-9QXD-4T2W",
            "x",
            "code:",
            "code:%00",
        ):
            refused(stranger.get(f"/redemptions/{ref}"), 404, "redemption_unknown")
            for verb, body in (
                ("confirm", {}), ("cancel", {}), ("use", {}), ("refund", {}), ("fulfil", {"step": "sent"}),
            ):  # fmt: skip
                answer = stranger.post(f"/redemptions/{ref}/{verb}", body, Idempotency_Key="k")
                refused(answer, 404, "redemption_unknown")
        for ref in ("five-off", reward.pk):
            answer = stranger.post(f"/offers/{ref}/claim", {"member": theirs}, Idempotency_Key="k")
            refused(answer, 404, "reward_unknown")
        refused(stranger.get(f"/offers/available?member={ana}"), 404, "member_unknown")
        refused(
            shop.post("/offers/five-off/claim", {"member": theirs}, Idempotency_Key="z"),
            404,
            "member_unknown",
        )
    assert read(stranger.get("/rewards"))["items"] == []


def test_who_may_only_read_changes_nothing(
    shop: Caller, caller_with: Callable[..., Caller], ana: str
) -> None:
    row = read(claim(shop))["id"]
    reader, taker, sender = (caller_with(f"rewards:{one}") for one in ("read", "redeem", "fulfil"))
    with nothing_written():
        for caller, verb in (
            (reader, "cancel"), (reader, "use"), (taker, "use"), (taker, "refund"), (sender, "cancel"),
            (sender, "confirm"), (taker, "fulfil"),
        ):  # fmt: skip
            refused(act(caller, row, verb, key="x"), 403, "missing_scope")
        refused(claim(reader, key="x"), 403, "missing_scope")
        refused(claim(sender, key="x"), 403, "missing_scope")
    assert Stock.objects.get(reward__code="five-off", code="").used == 1
    assert Redemption.objects.count() == 1
    assert shelf.taken(ana, "five-off").state == "confirmed"
