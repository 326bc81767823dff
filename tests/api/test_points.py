"""Points through the API: look, redeem, transfer, reverse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.base import clock
from loyalty.ledger.models import Entry, Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.idempotency import digest
from loyalty.programs.models import IdempotencyKey, PointType, Program
from tests.api.calls import Caller, read, refused

REDEEM: dict[str, Any] = {"member": "ext:ana", "points": 500}


def available(shop: Caller, member: str) -> int:
    return int(read(shop.get(f"/members/{member}/balances"))["balances"][0]["available"])


def test_a_member_is_found_by_every_identifier(shop: Caller, program: Program) -> None:
    profile = {"external_id": "a/b ñ", "email": "Ana@Example.org", "phone": "600 111 222", "card": "9400-123"}
    known = read(shop.post("/members/register", profile))["id"]
    for ref in (known, "ext:a/b ñ", "email:ana@example.org", "phone:+34600111222", "card:9400123"):
        assert read(shop.get(f"/members/{quote(ref, safe='')}"))["id"] == known
        assert read(shop.get(f"/members/{quote(ref, safe='')}/balances"))["member"] == known


def test_a_read_costs_two_queries_at_most(shop: Caller, ana: str) -> None:
    shop.get(f"/members/{ana}")
    for path in (f"/members/{ana}", f"/members/{ana}/balances", "/members/ext:ana/balances"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert shop.get(path).status_code == 200
        assert len(queries) <= 2


def test_personal_data_is_not_cached(shop: Caller, ana: str) -> None:
    for path in (f"/members/{ana}", f"/members/{ana}/balances", f"/members/{ana}/history"):
        assert shop.get(path)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["", "/balances", "/history"])
def test_another_programs_member_answers_like_nobody(stranger: Caller, ana: str, path: str) -> None:
    foreign, nobody = stranger.get(f"/members/{ana}{path}"), stranger.get(f"/members/{uuid4()}{path}")
    theirs, random = refused(foreign, 404, "member_unknown"), refused(nobody, 404, "member_unknown")
    assert {**theirs, "request_id": ""} == {**random, "request_id": ""}
    refused(stranger.get(f"/members/ext:ana{path}"), 404, "member_unknown")


@pytest.mark.parametrize(
    "ref", ["x", "foo:bar", "ext:", "email:nobody", "phone:1", "%00", "ext:%00", "ext:%ED%A0%80"]
)
def test_what_is_no_reference_is_refused(shop: Caller, ref: str) -> None:
    assert shop.get(f"/members/{ref}").status_code in (404, 422)


def test_balances_as_of_a_moment(shop: Caller, ana: str) -> None:
    before = clock.now()
    shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k")
    then = read(shop.get(f"/members/{ana}/balances?at={quote(clock.write_instant(before))}"))
    assert then["balances"][0]["available"] == 1000
    assert available(shop, ana) == 500


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-01-01T00:00:00", "timestamp_needs_offset"),
        ("1767225600", "timestamp_invalid"),
        ("9999-12-31T23:59:59%2B14:00", "timestamp_out_of_range"),
        ("yesterday", "timestamp_invalid"),
        ("", "timestamp_invalid"),
    ],
)
def test_a_moment_that_is_none_is_refused(shop: Caller, ana: str, at: str, code: str) -> None:
    refused(shop.get(f"/members/{ana}/balances?at={at}"), 422, code)


def test_history_is_newest_first_and_pages_without_gaps(shop: Caller, ana: str) -> None:
    for number in range(5):
        shop.post("/transactions/redeem", {**REDEEM, "points": 100}, Idempotency_Key=f"k{number}")
    first = read(shop.get("/members/ext:ana/history?limit=4"))
    assert first["has_more"] is True
    rest = read(shop.get(f"/members/ext:ana/history?limit=4&cursor={first['next']}"))
    lines = first["items"] + rest["items"]
    assert [line["balance_after"] for line in lines] == [500, 600, 700, 800, 900, 1000]
    assert [line["kind"] for line in lines] == ["redeem"] * 5 + ["earn"]
    assert lines[-1]["reason"] == "Earned"
    assert rest["has_more"] is False
    assert rest["next"] is None


@pytest.mark.parametrize("cursor", ["x", "%00", "!!!", "a" * 199, "MTIz"])
def test_a_cursor_made_by_hand_is_refused(shop: Caller, ana: str, cursor: str) -> None:
    refused(shop.get(f"/members/{ana}/history?cursor={cursor}"), 422, "cursor_invalid")


def test_an_unknown_point_type_is_refused(shop: Caller, ana: str) -> None:
    refused(shop.get(f"/members/{ana}/history?point_type=nope"), 422, "point_type_unknown")
    response = shop.post("/transactions/redeem", {**REDEEM, "point_type": "nope"}, Idempotency_Key="k")
    assert refused(response, 422, "point_type_unknown")["errors"][0]["path"] == "/point_type"


def test_points_pay_what_they_are_worth(shop: Caller, ana: str) -> None:
    response = shop.post("/transactions/redeem", {**REDEEM, "reference": "A-2"}, Idempotency_Key="k")
    assert response.status_code == 201
    done = read(response)
    assert (done["points"], done["money_off"], done["currency"], done["available"]) == (
        500,
        "5.00",
        "EUR",
        500,
    )
    assert done["transaction"]["points"] == -500
    assert done["transaction"]["reference"] == "A-2"


@pytest.mark.parametrize("total", ["3.33", 3.33, "3.339"])
def test_points_never_pay_more_than_the_order(shop: Caller, ana: str, total: object) -> None:
    response = shop.post("/transactions/redeem", {**REDEEM, "order_total": total}, Idempotency_Key="k")
    if total == "3.339":
        refused(response, 422, "money_decimals")
        return
    assert (read(response)["points"], read(response)["money_off"]) == (300, "3.00")
    assert available(shop, ana) == 700


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"order_total": "0"}, 422, "order_total_zero"),
        ({"order_total": "0.99"}, 422, "order_total_too_small"),
        ({"order_total": "-1"}, 422, "amount_negative"),
        ({"order_total": "1e3"}, 422, "number_invalid"),
        ({"order_total": True}, 422, "number_invalid"),
        ({"order_total": "99999999999999"}, 422, "amount_out_of_range"),
        ({"points": 50}, 422, "points_below_minimum"),
        ({"points": 510}, 422, "points_not_in_steps"),
        ({"points": 0}, 422, "amount_out_of_range"),
        ({"points": -100}, 422, "amount_out_of_range"),
        ({"points": 10**15 + 1}, 422, "amount_out_of_range"),
        ({"points": 2**63}, 422, "number_out_of_range"),
        ({"points": "500"}, 422, "integer_expected"),
        ({"points": True}, 422, "integer_expected"),
        ({"member": "ext:nobody"}, 404, "member_unknown"),
        ({"member": "nobody"}, 422, "member_reference_invalid"),
        ({"member": 5}, 422, "text_expected"),
        ({"approved_by": "me"}, 422, "unknown_field"),
        ({"reference": "x" * 121}, 422, "text_too_long"),
        ({"reference": "a\u0001b"}, 422, "text_control"),
        ({"points": 1_100}, 409, "insufficient_points"),
    ],
)
def test_what_cannot_be_redeemed_changes_nothing(
    shop: Caller, ana: str, changes: dict[str, object], status: int, code: str
) -> None:
    before = Entry.objects.count()
    refused(shop.post("/transactions/redeem", {**REDEEM, **changes}, Idempotency_Key="k"), status, code)
    assert Entry.objects.count() == before
    assert IdempotencyKey.objects.filter(key=digest("k")).exists() == (status == 409)


def test_missing_points_are_counted(shop: Caller, ana: str) -> None:
    response = shop.post("/transactions/redeem", {**REDEEM, "points": 1100}, Idempotency_Key="k")
    problem = refused(response, 409, "insufficient_points")
    assert (problem["needed"], problem["has"], problem["missing"]) == (1100, 1000, 100)


def test_points_without_a_rate_cannot_pay(shop: Caller, ana: str) -> None:
    PointType.objects.update(redeem_rate=None)
    refused(shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k"), 409, "points_cannot_pay")


def test_small_redemptions_pay_no_more_than_the_points_are_worth(shop: Caller, ana: str) -> None:
    PointType.objects.update(redeem_rate="0.0333", redeem_minimum=1, redeem_increment=1)
    paid = [
        read(shop.post("/transactions/redeem", {**REDEEM, "points": 1}, Idempotency_Key=f"k{number}"))[
            "money_off"
        ]
        for number in range(20)
    ]
    assert set(paid) == {"0.03"}


def test_a_redemption_repeated_acts_once(shop: Caller, ana: str) -> None:
    first = shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k")
    again = shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k")
    assert first.content == again.content
    assert available(shop, ana) == 500


def test_a_stored_answer_names_nobody(shop: Caller, ana: str) -> None:
    shop.post("/transactions/redeem", {**REDEEM, "member": "email:ana@example.org"}, Idempotency_Key="k")
    row = IdempotencyKey.objects.get(key=digest("k"))
    assert "ana@" not in f"{row.body} {row.route}"


def test_points_are_given_to_another_member(shop: Caller, ana: str, ben: str) -> None:
    body = {"member": "ext:ana", "to": ben, "points": 300, "note": "For you"}
    done = read(shop.post("/transactions/transfer", body, Idempotency_Key="k"))
    assert done["available"] == available(shop, ana) == 700
    assert available(shop, ben) == 300
    assert done["transaction"]["counterpart"] == ben


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"to": "ext:ana"}, 422, "same_member"),
        ({"to": "ext:nobody"}, 404, "member_unknown"),
        ({"points": 1001}, 409, "insufficient_points"),
        ({"to": None}, 422, "text_expected"),
    ],
)
def test_what_cannot_be_given_changes_nothing(
    shop: Caller, ana: str, ben: str, *, changes: dict[str, object], status: int, code: str
) -> None:
    body = {"member": "ext:ana", "to": "ext:ben", "points": 10, **changes}
    refused(shop.post("/transactions/transfer", body, Idempotency_Key="k"), status, code)
    assert (available(shop, ana), available(shop, ben)) == (1000, 0)


def test_points_do_not_cross_programs(shop: Caller, stranger: Caller, ana: str) -> None:
    theirs = read(stranger.post("/members/register", {"external_id": "zoe"}))["id"]
    body = {"member": "ext:ana", "to": theirs, "points": 10}
    refused(shop.post("/transactions/transfer", body, Idempotency_Key="k"), 404, "member_unknown")


def test_a_redemption_is_given_back(shop: Caller, ana: str) -> None:
    redeemed = read(shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k"))["transaction"]["id"]
    part = read(shop.post(f"/transactions/{redeemed}/reverse", {"points": 200}, Idempotency_Key="r1"))
    assert (part["transaction"]["kind"], part["available"]) == ("refund", 700)
    rest = read(shop.post(f"/transactions/{redeemed}/reverse", {}, Idempotency_Key="r2"))
    assert rest["available"] == 1000
    refused(
        shop.post(f"/transactions/{redeemed}/reverse", {}, Idempotency_Key="r3"), 409, "nothing_to_refund"
    )


def test_an_earning_is_taken_back(shop: Caller, ana: str) -> None:
    earned = Transaction.objects.get(member_id=ana, kind="earn").pk
    done = read(shop.post(f"/transactions/{earned}/reverse", {"reason_code": "till"}, Idempotency_Key="r"))
    assert (done["transaction"]["points"], done["available"]) == (-1000, 0)
    refused(shop.post(f"/transactions/{earned}/reverse", {}, Idempotency_Key="r2"), 409, "already_reversed")


def test_another_programs_transaction_answers_like_none(stranger: Caller, ana: str) -> None:
    earned = Transaction.objects.get(member_id=ana, kind="earn").pk
    for wanted in (earned, uuid4(), "x"):
        response = stranger.post(f"/transactions/{wanted}/reverse", {}, Idempotency_Key="r")
        refused(response, 404, "transaction_unknown")


def test_a_suspended_member_does_not_redeem(shop: Caller, ana: str) -> None:
    members.suspend(Member.objects.get(pk=ana), at=clock.now())
    refused(shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k"), 409, "member_may_not_redeem")


def test_a_key_of_one_scope_does_only_that(caller_with: Callable[..., Caller], ana: str) -> None:
    reader = caller_with("members:read")
    assert reader.get(f"/members/{ana}").status_code == 200
    refused(reader.post("/transactions/redeem", REDEEM, Idempotency_Key="k"), 403, "missing_scope")


def test_what_lapses_is_told_with_its_instant(shop: Caller, program: Program, a_point_per_euro: None) -> None:
    PointType.objects.update(expiry_kind="rolling", expiry_count=30, expiry_unit="days")
    at = clock.now() + timedelta(days=1)
    with clock.pinned(at):
        shop.post("/members/register", {"external_id": "cy"})
        shop.post("/transactions/accrue", {"member": "ext:cy", "amount": "10"}, Idempotency_Key="k")
        balance = read(shop.get("/members/ext:cy/balances"))["balances"][0]
    lapses = clock.midnight(clock.add_days(clock.local_date(at, program.zone), 31), program.zone)
    assert balance["expiring"] == [{"points": 10, "expires_at": clock.write_instant(lapses)}]


def test_text_that_is_kept_for_ever_names_nobody(shop: Caller, ana: str, ben: str) -> None:
    gift = {"member": "ext:ana", "to": "ext:ben", "points": 10, "note": "For ben.ito@example.org, with love"}
    done = read(shop.post("/transactions/transfer", gift, Idempotency_Key="k"))["transaction"]
    assert Transaction.objects.get(pk=done["id"]).note == "For [e-mail], with love"
    before = Transaction.objects.count()
    named = REDEEM | {"reference": "ana@example.org"}
    answer = shop.post("/transactions/redeem", named, Idempotency_Key="l")
    assert refused(answer, 422, "personal_data")["errors"][0]["path"] == "/reference"
    assert Transaction.objects.count() == before


def test_the_fewest_points_are_said_as_people_count_them(shop: Caller, ana: str) -> None:
    terms = {"redeem_rate": "0.01", "redeem_minimum": 10_000, "redeem_increment": 100}
    PointType.objects.update(decimals=2, name_one="mile", name_many="miles", **terms)
    too_few = shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k")
    problem = refused(too_few, 422, "points_below_minimum")
    assert problem["errors"][0]["message"] == "At least 100.00 miles are used at once."
    assert (problem["minimum"], problem["increment"]) == (10_000, 100)
    between = shop.post("/transactions/redeem", REDEEM | {"points": 10_050}, Idempotency_Key="l")
    problem = refused(between, 422, "points_not_in_steps")
    assert problem["errors"][0]["message"] == "Points are used in steps of 1.00 mile."
