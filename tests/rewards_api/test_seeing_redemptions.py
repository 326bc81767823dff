"""Rewards through the API: what the history tells, and who may see what."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from loyalty.programs.models import IdempotencyKey, Program
from rewards.models import Delivery, Redemption, Reward, Stock
from tests.api.calls import Caller, read, refused
from tests.hostile.untouched import nothing_written
from tests.rewards_api import shelf
from tests.rewards_api.asking import MUG, act, claim
from tests.rewards_api.shelf import ADDRESS, a_reward

pytestmark = pytest.mark.usefixtures("on_the_shelf")


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
