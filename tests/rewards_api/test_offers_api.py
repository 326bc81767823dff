"""Rewards through the API: the catalogue, and what a member can have."""

from __future__ import annotations

import pytest

from loyalty.base import clock
from loyalty.programs.models import Program
from rewards import catalogue
from rewards.models import Reward, RewardPicture
from tests.api.calls import Caller, read, refused
from tests.hostile.untouched import nothing_written
from tests.rewards_api.asking import claim
from tests.rewards_api.shelf import a_reward

pytestmark = pytest.mark.usefixtures("on_the_shelf")


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
    assert why["message"] == "It costs 1,900 points. There are 1,000 points: 900 points are missing."
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
