"""A member who begins as pending earns and may not redeem, until made active."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.base import clock
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program
from tests.api.calls import Caller, read, refused

ROA: dict[str, Any] = {"external_id": "roa", "name": "Roa", "state": "pending"}
REDEEM = {"member": "ext:roa", "points": 100}


@pytest.fixture
def roa(shop: Caller, a_point_per_euro: None) -> str:
    made = read(shop.post("/members/register", ROA))
    assert made["state"] == "pending"
    shop.post("/transactions/accrue", {"member": "ext:roa", "amount": "200.00"}, Idempotency_Key="roa-1")
    return str(made["id"])


def test_a_pending_member_earns_and_may_not_redeem(shop: Caller, roa: str) -> None:
    assert read(shop.get("/members/ext:roa"))["balances"][0]["available"] == 200
    response = shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k")
    refused(response, 409, "member_may_not_redeem")


def test_once_active_the_member_redeems(shop: Caller, roa: str) -> None:
    assert read(shop.patch("/members/ext:roa", {"state": "active", "name": "Roa M."}))["state"] == "active"
    assert read(shop.patch("/members/ext:roa", {"state": "active"}))["state"] == "active"
    assert shop.post("/transactions/redeem", REDEEM, Idempotency_Key="k").status_code == 201
    assert Fact.objects.filter(type="member.activated").count() == 1


def test_registering_again_changes_no_state(shop: Caller, roa: str) -> None:
    assert read(shop.post("/members/register", {**ROA, "state": "active"}))["state"] == "pending"


@pytest.mark.parametrize("state", ["suspended", "closed", "", 1, True, [], {}])
def test_no_other_state_is_a_channels_to_give(shop: Caller, roa: str, state: object) -> None:
    before = Member.objects.count()
    for response in (
        shop.post("/members/register", {"external_id": "new", "state": state}),
        shop.patch("/members/ext:roa", {"state": state}),
    ):
        assert refused(response, 422, "choice_unknown")["errors"][0]["path"] == "/state"
    assert Member.objects.count() == before


@pytest.mark.parametrize("state", ["pending", None])
def test_nobody_becomes_pending_again(shop: Caller, roa: str, state: object) -> None:
    refused(shop.patch("/members/ext:roa", {"state": state}), 422, "choice_unknown")


def test_what_staff_suspended_or_closed_no_channel_makes_active(
    shop: Caller, program: Program, roa: str
) -> None:
    member = members.find(program, "ext:roa")
    members.suspend(member, at=clock.now(), by="olga")
    refused(shop.patch("/members/ext:roa", {"state": "active", "name": "x"}), 409, "member_state")
    assert read(shop.get("/members/ext:roa"))["name"] == "Roa"
    members.close(member, at=clock.now(), by="olga")
    refused(shop.patch("/members/ext:roa", {"state": "active"}), 409, "member_closed")


def test_events_register_and_activate_as_well(shop: Caller, program: Program) -> None:
    def send(number: int, kind: str, data: dict[str, Any]) -> None:
        event = {
            "id": f"e{number}",
            "type": kind,
            "occurred_at": clock.write_instant(clock.now()),
            "data": data,
        }
        assert shop.post("/events", event, Prefer="wait").status_code == 200

    send(1, "member.registered", ROA)
    assert members.find(program, "ext:roa").state == "pending"
    send(2, "member.updated", {"external_id": "roa", "state": "active"})
    assert members.find(program, "ext:roa").state == "active"
