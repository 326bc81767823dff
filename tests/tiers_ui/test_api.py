"""Tiers over the API: where a member stands and why, in the documented shape."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from loyalty.base import clock
from loyalty.programs import auth, throttle
from loyalty.programs.models import Program
from tests.api.calls import Caller, make_channel, make_key, read, refused
from tests.console import people
from tests.tiers_ui.shop import a_ladder, a_member, changed
from tiers import placements, versions

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Iterator[Program]:
    auth.forget()
    throttle.forget()
    yield people.a_program()
    auth.forget()


@pytest.fixture
def shop(program: Program) -> Caller:
    return Caller(make_key(make_channel(program))[1])


def standing(shop: Caller, member: str = "ext:ana") -> dict[str, Any]:
    [one] = read(shop.get(f"/members/{member}/tier"))["standings"]
    assert isinstance(one, dict)
    return one


def test_a_member_without_a_ladder_has_no_standing(shop: Caller, program: Program) -> None:
    a_member(program)
    assert read(shop.get("/members/ext:ana/tier"))["standings"] == []
    assert read(shop.get("/members/ext:ana/tier/history"))["items"] == []


def test_it_says_the_tier_and_what_the_next_one_takes(shop: Caller, program: Program) -> None:
    a_ladder(program)
    a_member(program, spent=120)
    one = standing(shop)
    assert (one["ladder"], one["main"], one["measure"], one["counted"]) == ("club", True, "spend", "120")
    assert (one["tier"]["code"], one["tier"]["manual"]) == ("silver", False)
    assert one["next"] == {"code": "gold", "name": "Gold", "needed": "300", "missing": "180"}
    assert one["tier"]["benefits"]["earning_multiplier"] == "1"


def test_a_tier_set_by_hand_says_so_and_what_lies_beneath(shop: Caller, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    placements.set_tier(ana, "gold", until=None, reason_code="goodwill", by="olga", at=clock.now())
    one = standing(shop)
    assert (one["tier"]["code"], one["tier"]["manual"], one["computed"]["code"]) == ("gold", True, "silver")
    assert one["tier"]["benefits"]["perks"] == [{"code": "ship", "icon": "🚚", "text": "Free shipping"}]


def test_the_history_says_why_page_by_page(shop: Caller, program: Program) -> None:
    a_ladder(program)
    a_member(program, spent=120)
    first = read(shop.get("/members/ext:ana/tier/history?limit=1"))
    [newest] = first["items"]
    assert (newest["kind"], newest["before"]["code"], newest["after"]["code"]) == (
        "upgraded",
        "friend",
        "silver",
    )
    assert (newest["numbers"]["value"], newest["numbers"]["needed"], newest["version"]) == ("120", "100", 1)
    assert newest["event"]
    rest = read(shop.get(f"/members/ext:ana/tier/history?cursor={first['next']}"))
    assert [one["kind"] for one in rest["items"]] == ["joined"]
    assert rest["has_more"] is False
    refused(shop.get("/members/ext:ana/tier/history?cursor=nonsense!"), 422, "cursor_invalid")


def test_nobody_reads_members_of_another_program(shop: Caller, program: Program) -> None:
    other = people.a_program("other")
    a_ladder(other)
    a_member(other, "zoe")
    refused(shop.get("/members/ext:zoe/tier"), 404, "member_unknown")
    refused(shop.get("/members/ext:zoe/tier/history"), 404, "member_unknown")


def test_a_withdrawn_version_changes_nothing_of_what_is_told(shop: Caller, program: Program) -> None:
    ladder = a_ladder(program)
    a_member(program, spent=120)
    draft = changed(ladder.tier_set, silver=5, gold=10)
    begins = clock.now() + timedelta(days=2)
    with clock.pinned(begins + timedelta(days=1)):
        told, history = standing(shop), read(shop.get("/members/ext:ana/tier/history"))
    version = versions.publish(draft, rollout="date", effective_from=begins, by="olga", at=clock.now())
    versions.withdraw(version, by="olga", at=clock.now())
    with clock.pinned(begins + timedelta(days=1)):
        assert standing(shop) == told
        assert read(shop.get("/members/ext:ana/tier/history")) == history
