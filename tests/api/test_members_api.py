"""Members through the API: register and change."""

from __future__ import annotations

import pytest

from loyalty.members.models import Identifier, Member
from loyalty.programs.models import Program
from tests.api.calls import Caller, read, refused


def test_a_person_is_enrolled_once(shop: Caller) -> None:
    first = shop.post("/members/register", {"external_id": "ana", "name": "Ana"})
    again = shop.post("/members/register", {"external_id": "ana", "name": "Somebody else"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert read(first)["id"] == read(again)["id"]
    assert read(again)["name"] == "Ana"
    assert Member.objects.count() == 1


def test_a_member_is_shown_as_registered(shop: Caller) -> None:
    profile = {"external_id": "ana", "email": "ANA@example.org", "birthday": "1990-05-14", "name": " Ana  G "}
    shown = read(shop.post("/members/register", profile))
    assert shown["email"] == "ana@example.org"
    assert shown["birthday"] == "1990-05-14"
    assert shown["name"] == "Ana G"
    assert shown["state"] == "active"
    assert shown["tier"] is None
    assert shown["phone"] is None
    assert shown["balances"][0]["available"] == 0
    assert read(shop.get("/members/ext:ana")) == shown


@pytest.mark.parametrize(
    ("profile", "code", "path"),
    [
        ({}, "identifier_required", None),
        ({"name": "Ana"}, "identifier_required", None),
        ({"email": "nobody"}, "email_invalid", "/email"),
        ({"external_id": 5}, "text_invalid", "/external_id"),
        ({"external_id": "a", "balance": 5}, "unknown_field", "/balance"),
        ({"external_id": "a", "tier": "gold"}, "unknown_field", "/tier"),
        ({"external_id": "a", "program_id": 1}, "unknown_field", "/program_id"),
        ({"external_id": "a", "birthday": "2999-01-01"}, "birthday_in_future", "/birthday"),
        ({"external_id": "a", "birthday": "0001-01-01"}, "timestamp_out_of_range", "/birthday"),
        ({"external_id": "a", "birthday": "1990-02-30"}, "date_invalid", "/birthday"),
        ({"external_id": "a", "attributes": {"x": 1}}, "unknown_field", "/attributes/x"),
        ({"external_id": "a", "name": "x" * 201}, "text_too_long", "/name"),
    ],
)
def test_a_profile_with_faults_is_refused_and_nothing_kept(
    shop: Caller, profile: dict[str, object], code: str, path: str | None
) -> None:
    problem = refused(shop.post("/members/register", profile), 422, code)
    assert [fault["path"] for fault in problem.get("errors", [])] == ([path] if path else [])
    assert not Member.objects.exists()
    assert not Identifier.objects.exists()


def test_another_members_identifier_is_refused_without_saying_whose(shop: Caller) -> None:
    shop.post("/members/register", {"external_id": "ana", "email": "ana@example.org", "name": "Ana"})
    problem = refused(
        shop.post("/members/register", {"external_id": "b", "email": "ana@example.org"}),
        409,
        "identifier_taken",
    )
    assert "Ana" not in str(problem)
    assert "ana@" not in str(problem)


def test_only_the_given_fields_change(shop: Caller) -> None:
    shop.post("/members/register", {"external_id": "ana", "email": "ana@example.org", "name": "Ana"})
    changed = read(shop.patch("/members/ext:ana", {"name": None, "phone": "+34600111222"}))
    assert (changed["name"], changed["phone"], changed["email"]) == ("", "+34600111222", "ana@example.org")


@pytest.mark.parametrize("field", ["id", "balances", "tier", "enrolled_at"])
def test_what_is_not_theirs_to_change_is_refused(shop: Caller, field: str) -> None:
    shop.post("/members/register", {"external_id": "ana"})
    refused(shop.patch("/members/ext:ana", {field: "x"}), 422, "unknown_field")


def test_another_programs_member_is_not_changed(shop: Caller, stranger: Caller, program: Program) -> None:
    ana = read(shop.post("/members/register", {"external_id": "ana", "name": "Ana"}))["id"]
    refused(stranger.patch(f"/members/{ana}", {"name": "Eve"}), 404, "member_unknown")
    assert Member.objects.get(pk=ana).name == "Ana"


def test_two_programs_know_their_own_ana(shop: Caller, stranger: Caller) -> None:
    ours = read(shop.post("/members/register", {"external_id": "ana"}))["id"]
    theirs = read(stranger.post("/members/register", {"external_id": "ana"}))["id"]
    assert ours != theirs


def test_register_is_no_members_address(shop: Caller) -> None:
    assert shop.get("/members/register").status_code == 405
