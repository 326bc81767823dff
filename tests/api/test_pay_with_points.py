"""Paying with points at checkout: at once, or reserved until the order comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty.base import clock
from loyalty.ledger.models import Entry, Hold, Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.api.calls import Caller, read, refused

HOLD: dict[str, Any] = {
    "member": "ext:ana", "points": 500, "order_total": "38.20", "reference": "W-1", "hold": True,
}  # fmt: skip


def balance(shop: Caller) -> dict[str, Any]:
    found: dict[str, Any] = read(shop.get("/members/ext:ana/balances"))["balances"][0]
    return found


def history(shop: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(shop.get("/members/ext:ana/history"))["items"]
    return found


def test_points_are_reserved_for_the_minutes_of_the_point_type(shop: Caller, ana: str) -> None:
    PointType.objects.update(hold_minutes=30)
    before = clock.now()
    done = read(shop.post("/transactions/redeem", HOLD, Idempotency_Key="k"))
    assert (done["points"], done["money_off"], done["available"]) == (500, "5.00", 500)
    lapses_at = clock.parse_instant(done["lapses_at"])
    assert before + timedelta(minutes=30) <= lapses_at <= clock.now() + timedelta(minutes=30)
    now = balance(shop)
    assert (now["active"], now["held"], now["available"]) == (1000, 500, 500)
    line = history(shop)[0]
    assert (line["kind"], line["hold"], line["reason"]) == ("redeem", "open", "Reserved")
    assert line["lapses_at"] == done["lapses_at"]


def test_what_is_redeemed_at_once_never_lapses(shop: Caller, ana: str) -> None:
    done = read(shop.post("/transactions/redeem", {**HOLD, "hold": False}, Idempotency_Key="k"))
    assert done["lapses_at"] is None
    assert history(shop)[0]["reason"] == "Redeemed"


def test_a_reservation_that_lapsed_reads_as_released_before_it_is_booked(shop: Caller, ana: str) -> None:
    shop.post("/transactions/redeem", HOLD, Idempotency_Key="k")
    with clock.pinned(Hold.objects.get().lapses_at):
        now = balance(shop)
        assert (now["held"], now["available"]) == (0, 1000)
        line = history(shop)[0]
        assert (line["hold"], line["reason"], line["lapses_at"]) == (
            "released",
            "Reserved and released",
            None,
        )


def test_a_reservation_is_undone_as_a_whole(shop: Caller, ana: str) -> None:
    made = read(shop.post("/transactions/redeem", HOLD, Idempotency_Key="k"))["transaction"]["id"]
    part = shop.post(f"/transactions/{made}/reverse", {"points": 100}, Idempotency_Key="k2")
    refused(part, 409, "hold_open")
    done = read(shop.post(f"/transactions/{made}/reverse", {}, Idempotency_Key="k3"))
    assert (done["transaction"]["points"], done["available"]) == (500, 1000)
    assert [line["reason"] for line in history(shop)[:2]] == ["Released", "Reserved and released"]
    refused(shop.post(f"/transactions/{made}/reverse", {}, Idempotency_Key="k4"), 409, "nothing_to_refund")


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"order_total": None}, "required", "/order_total"),
        ({"reference": ""}, "required", "/reference"),
        ({"order_total": "0.00"}, "order_total_zero", "/order_total"),
        ({"hold": "yes"}, "boolean_expected", "/hold"),
        ({"hold": 1}, "boolean_expected", "/hold"),
    ],
)
def test_a_reservation_needs_the_order_it_is_for(
    shop: Caller, ana: str, *, changes: dict[str, Any], code: str, path: str
) -> None:
    before = Entry.objects.count()
    body = {name: value for name, value in {**HOLD, **changes}.items() if value is not None}
    problem = refused(shop.post("/transactions/redeem", body, Idempotency_Key="k"), 422, code)
    assert problem["errors"][0]["path"] == path
    assert Entry.objects.count() == before


@pytest.mark.parametrize(
    ("percent", "total", "points", "money"),
    [
        (50, "10.00", 500, "5.00"),
        (30, "10.00", 300, "3.00"),
        (33, "10.01", 300, "3.00"),
        (100, "4.99", 450, "4.50"),
    ],
)
def test_points_pay_at_most_their_share_of_an_order(
    shop: Caller, ana: str, *, percent: int, total: str, points: int, money: str
) -> None:
    PointType.objects.update(redeem_max_percent=percent)
    body = {**HOLD, "points": 1000, "order_total": total}
    done = read(shop.post("/transactions/redeem", body, Idempotency_Key="k"))
    assert (done["points"], done["money_off"]) == (points, money)
    asked = read(shop.post("/quotes", {"member": "ext:ana", "amount": total}))["payable"][0]
    assert asked["max_percent"] == percent


def test_the_quote_says_the_most_that_points_may_pay(shop: Caller, ana: str) -> None:
    PointType.objects.update(redeem_max_percent=25)
    [payable] = read(shop.post("/quotes", {"member": "ext:ana", "amount": "20.00"}))["payable"]
    assert (payable["points"], payable["money_off"], payable["max_percent"]) == (500, "5.00", 25)


def test_the_quote_offers_no_points_to_who_may_not_redeem_them(shop: Caller, ana: str) -> None:
    members.suspend(Member.objects.get(pk=ana), at=clock.now())
    [payable] = read(shop.post("/quotes", {"member": "ext:ana", "amount": "20.00"}))["payable"]
    assert (payable["points"], payable["money_off"], payable["available"]) == (0, "0.00", 1000)


def test_a_share_of_an_order_needs_its_total(shop: Caller, ana: str) -> None:
    PointType.objects.update(redeem_max_percent=50)
    body = {"member": "ext:ana", "points": 500}
    problem = refused(shop.post("/transactions/redeem", body, Idempotency_Key="k"), 422, "required")
    assert problem["errors"][0]["path"] == "/order_total"
    assert not Transaction.objects.filter(kind="redeem").exists()


def test_an_order_too_small_for_the_share_is_refused(shop: Caller, ana: str) -> None:
    PointType.objects.update(redeem_max_percent=10)
    response = shop.post("/transactions/redeem", {**HOLD, "order_total": "9.99"}, Idempotency_Key="k")
    assert refused(response, 422, "order_total_too_small")["max_percent"] == 10
