"""Rewards through the API, by callers who try what they should not: keys twice, other bodies, late, too much."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from loyalty.base import clock
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.models import Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs import programs
from loyalty.programs.models import IdempotencyKey, PointType, Program
from rewards import catalogue, replacing, stock
from rewards.models import Code, Redemption, Reward, Stock
from tests.api.calls import Caller, make_program, read, refused
from tests.hostile.untouched import nothing_written
from tests.rewards_api.asking import MUG, act, available, claim
from tests.rewards_api.shelf import ADDRESS, a_reward

pytestmark = pytest.mark.usefixtures("on_the_shelf")
KEPT = "programs_idempotencykey"
OLGA = Actor("staff", "olga")


# --- The same key -------------------------------------------------------------------------------------------


def test_a_key_with_another_body_or_another_reward_is_refused(shop: Caller, ana: str) -> None:
    first = claim(shop)
    with nothing_written():
        refused(claim(shop, mode="reserve"), 409, "idempotency_key_reused")
        refused(claim(shop, reference="R-8"), 409, "idempotency_key_reused")
        refused(claim(shop, "gift-card"), 409, "idempotency_key_reused")
        refused(claim(shop, member=ana), 409, "idempotency_key_reused")
    reward = Reward.objects.get(code="five-off")
    assert claim(shop, str(reward.pk)).content == first.content  # the same reward by its id


VERBS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("confirm", {}, {"details": ADDRESS}),
    ("use", {}, {"reference": "R-8"}),
    ("refund", {"reason": "Broken"}, {"reason": "Lost"}),
    ("cancel", {}, {"reason": "Why not"}),
    ("fulfil", {"step": "sent"}, {"step": "delivered"}),
]


def ready_for(shop: Caller, verb: str) -> str:
    """The id of a redemption that the verb fits."""
    if verb == "fulfil":
        return str(read(claim(shop, "mug", key="first", **MUG))["id"])
    row = str(read(claim(shop, key="first", mode="reserve" if verb == "confirm" else "redeem"))["id"])
    if verb == "refund":
        act(shop, row, "use", key="before")
    return row


@pytest.mark.parametrize(("verb", "body", "other"), VERBS)
def test_each_verb_acts_once_for_a_key(
    shop: Caller, ana: str, *, verb: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    row = ready_for(shop, verb)
    first = act(shop, row, verb, **body)
    assert first.status_code == 200
    with nothing_written():
        again = act(shop, row, verb, **body)
        assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
        refused(act(shop, row, verb, **other), 409, "idempotency_key_reused")
        another = "cancel" if verb != "cancel" else "use"
        refused(act(shop, row, another), 409, "idempotency_key_reused")
        bare = shop.post(f"/redemptions/{row}/{verb}", body)
        refused(bare, 400, "idempotency_key_missing")
        refused(act(shop, row, verb, key="", **body), 400, "idempotency_key_invalid")


def test_a_repetition_tells_the_code_that_the_member_has_now(shop: Caller, ana: str) -> None:
    told = read(claim(shop))
    replacing.replace(Redemption.objects.get(pk=told["id"]), at=clock.now(), actor=OLGA)
    again = read(claim(shop))
    assert again["code"] != told["code"]
    assert again["code"].endswith(again["code_masked"][-4:])
    refused(act(shop, f"code:{told['code']}", "use"), 404, "redemption_unknown")
    assert read(act(shop, f"code:{again['code']}", "use", key="u"))["state"] == "fulfilled"


def test_nobody_pays_for_a_code_that_cannot_be_told(
    shop: Caller, program: Program, ana: str, settings: LazySettings
) -> None:
    a_reward(program, "pool", "voucher", cost=100)
    pool = Stock.objects.get(reward__code="pool")
    a_code = {"program": program, "reward": pool.reward, "created_at": clock.now(), "changed_at": clock.now()}
    Code.objects.create(ciphertext=b"x" * 40, digest=b"d" * 32, last_four="ABCD", **a_code)
    Stock.objects.filter(pk=pool.pk).update(loaded=1)
    with nothing_written():
        answer = claim(shop, "pool")
        assert answer.status_code >= 500
        assert read(answer)["code"] == "code_unreadable"
    assert available(shop) == 1000


# --- What was agreed --------------------------------------------------------------------------------------


def test_the_price_is_that_of_the_moment_of_the_claim(shop: Caller, program: Program, ana: str) -> None:
    reward = Reward.objects.get(code="five-off")
    points = program.point_types.get(is_default=True)
    prices = [{"point_type": points, "points": 700}]
    catalogue.save(reward, {"prices": prices}, revision=reward.revision, by="olga", at=clock.now())
    reserved = read(claim(shop, mode="reserve"))
    assert reserved["points"] == 700
    reward.refresh_from_db()
    dearer = [{"point_type": points, "points": 900}]
    catalogue.save(reward, {"prices": dearer}, revision=reward.revision, by="olga", at=clock.now())
    assert read(act(shop, reserved["id"], "confirm"))["points"] == 700
    assert available(shop) == 300


def test_a_point_type_without_a_price_for_the_member_is_no_price(
    shop: Caller, program: Program, ana: str
) -> None:
    cups = PointType.objects.create(program=program, code="cups", name_one="cup", name_many="cups")
    points = program.point_types.get(is_default=True)
    prices = [{"point_type": points, "points": 50}, {"point_type": cups, "points": 1, "tiers": ["gold"]}]
    a_reward(program, "coffee", prices=prices)
    refused(claim(shop, "coffee", point_type="cups"), 409, "no_price")
    other = make_program("elsewhere").point_types.get()
    PointType.objects.filter(pk=other.pk).update(code="miles")
    refused(claim(shop, "coffee", key="k2", point_type="miles"), 422, "point_type_unknown")
    assert (available(shop), Redemption.objects.count()) == (1000, 0)


def test_another_programs_variant_is_unknown(shop: Caller, stranger: Caller, ana: str) -> None:
    tea = Program.objects.get(code="tea")
    theirs = a_reward(tea, "pot")
    stock.make(theirs, "round", name="Round", loaded=5, by="olga", at=clock.now())
    with nothing_written():
        refused(claim(shop, "mug", option="round", details=ADDRESS), 422, "stock_unknown")
        refused(claim(shop, str(theirs.pk)), 404, "reward_unknown")


@pytest.mark.parametrize("field", ["points", "amount", "step", "carrier", "restock", "option", "mode"])
def test_no_body_takes_a_field_of_another(shop: Caller, ana: str, field: str) -> None:
    row = read(claim(shop))["id"]
    with nothing_written():
        refused(act(shop, row, "cancel", **{field: "1"}), 422, "unknown_field")


def test_after_its_limit_a_reservation_is_neither_confirmed_nor_cancelled_twice(
    shop: Caller, ana: str
) -> None:
    told = read(claim(shop, mode="reserve"))
    with clock.pinned(clock.parse_instant(told["reserved_until"]) + timedelta(hours=1)):
        refused(act(shop, told["id"], "confirm", key="1"), 409, "reservation_lapsed")
        closed = read(act(shop, told["id"], "cancel", key="2"))
        assert (closed["state"], closed["closed_at"]) == ("lapsed", told["reserved_until"])
        assert read(act(shop, told["id"], "cancel", key="3"))["points_back"] == 500
        refused(act(shop, told["id"], "confirm", key="4"), 409, "reservation_lapsed")
        refused(act(shop, told["id"], "use", key="5"), 409, "redemption_state")
        refused(act(shop, told["id"], "refund", key="6"), 409, "redemption_state")
        assert available(shop) == 1000


def test_a_code_that_ran_out_is_neither_used_nor_cancelled(shop: Caller, ana: str) -> None:
    told = read(claim(shop))
    end = clock.parse_instant(told["expires_at"])
    with clock.pinned(end):
        refused(act(shop, told["id"], "use", key="1"), 409, "redemption_expired")
        refused(act(shop, told["id"], "cancel", key="2"), 409, "redemption_expired")
        refused(act(shop, told["id"], "refund", key="3"), 409, "redemption_state")
    with clock.pinned(end - timedelta(microseconds=1)):
        assert read(act(shop, told["id"], "use", key="4"))["state"] == "fulfilled"


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [
        ("20.01", 409, "not_enough_value"),
        ("9999999999999.99", 409, "not_enough_value"),
        ("99999999999999999999", 422, "amount_out_of_range"),
        ("1e2", 422, "number_invalid"),
        ("NaN", 422, "number_invalid"),
        ("", 422, "number_invalid"),
        (True, 422, "number_invalid"),
        (-0.01, 422, "amount_negative"),
    ],
)
def test_a_gift_pays_no_more_than_is_on_it(
    shop: Caller, ana: str, *, amount: object, status: int, code: str
) -> None:
    row = read(claim(shop, "gift-card"))["id"]
    with nothing_written(but=KEPT):
        refused(act(shop, row, "use", amount=amount), status, code)
    assert read(shop.get(f"/redemptions/{row}"))["remaining"] == "20.00"


def test_a_gift_used_up_in_parts_is_used_up(shop: Caller, ana: str) -> None:
    row = read(claim(shop, "gift-card"))["id"]
    for number in range(4):
        left = read(act(shop, row, "use", key=f"u{number}", amount=5))["remaining"]
    assert left == "0.00"
    refused(act(shop, row, "use", key="u5", amount=5), 409, "already_used")


def test_goods_go_forward_only(shop: Caller, ana: str) -> None:
    row = read(claim(shop, "mug", **MUG))["id"]
    refused(act(shop, row, "fulfil", key="0"), 422, "required")
    read(act(shop, row, "fulfil", key="1", step="delivered"))
    with nothing_written(but=KEPT):
        refused(act(shop, row, "fulfil", key="2", step="sent"), 409, "redemption_state")
        refused(act(shop, row, "fulfil", key="3", step="picked_up"), 409, "redemption_state")
    assert read(act(shop, row, "fulfil", key="4", step="delivered", tracking="PQ9"))["tracking"] == "PQ9"
    reserved = read(claim(shop, "mug", key="k2", mode="reserve", option="white"))["id"]
    refused(act(shop, reserved, "fulfil", key="5", step="sent"), 409, "redemption_state")


# --- Who --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ref", ["ext:ana", "email:ana@example.org", "email:ANA@Example.org"])
def test_the_member_is_named_by_any_identifier(shop: Caller, ana: str, ref: str) -> None:
    assert read(claim(shop, member=ref))["member"] == ana
    assert read(shop.get(f"/offers/available?member={ref}"))["member"] == ana
    kept = " ".join(f"{row.route} {row.body}" for row in IdempotencyKey.objects.all())
    assert "example.org" not in kept.lower()


def test_who_may_not_use_points_gets_nothing_and_hears_why(shop: Caller, ana: str) -> None:
    member = Member.objects.get(pk=ana)
    reserved = read(claim(shop, key="r", mode="reserve"))["id"]
    for number, state in enumerate(("suspended", "closed", "pending")):
        Member.objects.filter(pk=member.pk).update(state=state)
        with nothing_written(but=KEPT):
            refused(claim(shop, key=f"k{number}"), 409, "member_may_not_redeem")
        told = read(shop.get("/offers/available?member=ext:ana"))
        assert told["offers"] == []
        assert [reason["code"] for reason in told["reasons"]] == ["member_may_not_redeem"]
    assert read(act(shop, reserved, "cancel", key="c"))["points_back"] == 500


def test_a_paused_program_still_gives_for_points(shop: Caller, program: Program, ana: str) -> None:
    programs.pause(program, at=clock.now())
    assert read(claim(shop))["state"] == "confirmed"
    assert read(shop.get("/offers/available?member=ext:ana"))["offers"]


def test_a_paused_or_ended_reward_is_refused_and_what_was_taken_goes_on(
    shop: Caller, program: Program, ana: str
) -> None:
    held, had = read(claim(shop, mode="reserve"))["id"], read(claim(shop, "gift-card", key="g"))["id"]
    for code in ("five-off", "gift-card"):
        catalogue.pause(catalogue.find(program, code), by="olga", at=clock.now())
    refused(claim(shop, key="k2"), 409, "paused")
    catalogue.end(catalogue.find(program, "five-off"), by="olga", at=clock.now())
    refused(claim(shop, key="k3"), 409, "ended")
    assert read(act(shop, held, "confirm"))["state"] == "confirmed"
    assert read(act(shop, had, "use", key="u", amount="1.00"))["remaining"] == "19.00"


def test_a_test_program_gives_like_a_live_one(shop: Caller, program: Program, ana: str) -> None:
    Program.objects.filter(pk=program.pk).update(mode="test")
    assert read(claim(shop))["state"] == "confirmed"


def test_a_member_in_debt_has_what_is_free(shop: Caller, program: Program, ana: str) -> None:
    a_reward(program, "present", cost=0)
    claim(shop, "gift-card", key="g")
    into_debt(members.find(program, "ext:ana"))
    told = {one["code"]: one for one in read(shop.get("/offers/available?member=ext:ana"))["offers"]}
    assert told["present"]["costs"][0]["missing"] == 0
    assert read(claim(shop, "present"))["points"] == 0


def into_debt(member: Member) -> None:
    earned = Transaction.objects.get(member=member, kind="earn")
    ledger.reverse_transaction(earned, at=clock.now(), actor=OLGA)
