"""Ladders of tiers in a real browser: edited, looked at before they are published, and set by hand."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from loyalty.base import clock
from loyalty.programs.models import Program
from tests.browser.conftest import IN_EITHER_THEME, Desk
from tests.console import people
from tests.tiers_ui.shop import a_ladder, a_member, changed
from tiers import review, versions
from tiers.models import LadderVersion, Placement, Tier, TierSet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def club() -> TierSet:
    program = people.a_program(mode=Program.Mode.TEST)
    ladder = a_ladder(program)
    for name, spent in (("ana", 20), ("bea", 120), ("carl", 200), ("dora", 400)):
        a_member(program, name, spent)
    return ladder.tier_set


def unnamed(page: Page) -> list[str]:
    """Controls that a screen reader has no name for."""
    found: list[str] = page.evaluate(
        """() => Array.from(document.querySelectorAll(
            "#content input:not([type=hidden]), #content select, #content textarea, #content button, #content progress"
        )).filter(one => !(one.labels && one.labels.length) && !one.getAttribute("aria-label")
            && !one.getAttribute("aria-labelledby") && !one.textContent.trim()).map(one => one.outerHTML)"""
    )
    return found


def twice(page: Page) -> list[str]:
    """Ids that stand for two things."""
    found: list[str] = page.evaluate(
        """() => { const ids = Array.from(document.querySelectorAll("[id]")).map(one => one.id);
            return ids.filter((one, index) => ids.indexOf(one) !== index); }"""
    )
    return found


def test_a_threshold_is_changed_looked_at_and_published(desk: Desk, club: TierSet) -> None:
    page = desk.open(f"/console/tiers/{club.pk}/")
    expect(page.locator(".lr-bars")).to_contain_text("Silver")
    page.get_by_role("link", name="Edit").click()
    page.locator("#id_t-gold-threshold").fill("180")
    expect(page.locator("#lr-summary")).to_contain_text("Gold with 180.00 GBP")
    page.get_by_role("button", name="Save and see who would move").click()
    page.wait_for_url("**/publish/")
    moves = page.locator("[data-preview]")
    expect(moves).to_contain_text("Members by tier, now and after")
    expect(moves.locator("td.lr-up-5")).to_have_text("1")
    assert LadderVersion.objects.count() == 1
    with page.expect_response(re.compile("rollout=")):  # what is counted anew moves the button
        page.get_by_label("At each member's review").check()
    page.wait_for_load_state("networkidle")
    expect(moves.locator("td.lr-up-5")).to_have_count(1)
    page.get_by_label("Why").fill("Gold for more people")
    page.get_by_role("button", name="Publish version 2").dblclick()
    page.wait_for_url(re.compile(r"/console/jobs/"))
    assert LadderVersion.objects.get(number=2).rollout == "review"


def test_a_ladder_is_made_with_the_keyboard_alone(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/tiers/")
    page.get_by_role("link", name=re.compile("By spend in twelve months")).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/new/spend/")
    page.locator("#tier-add").focus()
    page.keyboard.press("Enter")
    name = page.locator("#id_t-_4-name")
    expect(name).to_be_visible()
    expect(page.locator("#lr-status")).to_have_text("A tier was added at the top of the ladder.")
    name.focus()
    page.keyboard.type("Black")
    page.keyboard.press("Tab")
    page.keyboard.type("2500")
    expect(page.locator("#lr-summary")).to_contain_text("Black with 2,500.00 GBP")
    page.locator("#tier-_4-up").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#lr-status")).to_have_text("Black is now tier 3 of 4.")
    expect(page.locator("#tier-_4-up")).to_be_focused()
    expect(page.get_by_role("link", name="Gold: A tier needs more than the one below it.")).to_be_visible()
    page.locator("#tier-_3-remove").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#lr-status")).to_have_text("The tier was removed.")
    page.get_by_role("button", name="Save the draft").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/console/tiers/\d+/$"))
    assert list(Tier.objects.order_by("rank").values_list("code", flat=True)) == ["friend", "silver", "black"]


def test_what_is_typed_while_tiers_are_moved_is_kept(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/tiers/new/spend/")
    page.locator("#id_t-_3-name").fill("Golden")
    page.locator("#tier-_3-up").click()
    expect(page.locator("#tier-_3 .lr-head").first).to_contain_text("2. Golden")
    expect(page.locator("#id_t-_3-threshold")).to_have_value("900")


def test_a_tier_is_set_by_hand_and_taken_away(desk: Desk, club: TierSet) -> None:
    bea = club.program.members.get(name="Bea")
    page = desk.open(f"/console/members/{bea.pk}/")
    page.get_by_role("link", name="Silver").click()
    page.get_by_role("link", name="Set a tier by hand").click()
    page.get_by_label("Tier").select_option("gold")
    expect(page.locator("#lr-preview")).to_contain_text("Gold, set by hand")
    page.get_by_label("Reason").select_option("goodwill")
    page.get_by_role("button", name="Set this tier").dblclick()
    expect(page.locator(".lr-badge", has_text="Set by hand")).to_be_visible()
    assert Placement.objects.count() == 1
    page.get_by_role("button", name="Back to the computed tier").click()
    expect(page.get_by_role("heading", name="Silver")).to_be_visible()


def test_the_tier_is_seen_without_scrolling(desk: Desk, club: TierSet) -> None:
    bea = club.program.members.get(name="Bea")
    for width, height in ((1366, 768), (390, 844)):
        page = desk.open(f"/console/members/{bea.pk}/", width=width, height=height)
        distance = page.get_by_text("180.00 GBP to Gold")
        expect(distance).to_be_visible()
        box = distance.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height


@IN_EITHER_THEME
def test_no_screen_of_tiers_sticks_out_or_leaves_a_control_without_a_name(
    desk: Desk, club: TierSet, width: int, dark: bool
) -> None:
    review.due(club.program, at=clock.now())
    draft, day = changed(club, silver=140, gold=180), clock.now() + timedelta(days=30)
    versions.publish(draft, rollout="date", effective_from=day, by="olga", at=clock.now())
    changed(club, silver=140, gold=190)
    bea = club.program.members.get(name="Bea")
    addresses = [
        "/console/tiers/", "/console/tiers/new/", "/console/tiers/new/year/", f"/console/tiers/{club.pk}/",
        f"/console/tiers/{club.pk}/edit/", f"/console/tiers/{club.pk}/publish/",
        f"/console/tiers/{club.pk}/versions/1/", f"/console/tiers/{club.pk}/versions/2/",
        f"/console/tiers/{club.pk}/versions/2/withdraw/", f"/console/tiers/{club.pk}/members/",
        f"/console/tiers/{club.pk}/preview/?rollout=now",
        f"/console/tiers/{club.pk}/moves/?rollout=now&from=silver&to=gold",
        f"/console/tiers/members/{bea.pk}/", f"/console/tiers/members/{bea.pk}/set/",
        f"/console/history/tiers.tierset/{club.pk}/", "/admin/tiers/ladderversion/", "/admin/tiers/tierchange/",
    ]  # fmt: skip
    wrong = []
    for address, page in desk.tour(addresses, width=width, dark=dark):
        page.wait_for_load_state("networkidle")
        sticks_out = page.evaluate("document.documentElement.scrollWidth") > width
        if sticks_out or (not address.startswith("/admin/") and (unnamed(page) or twice(page))):
            wrong.append((address, sticks_out, unnamed(page), twice(page)))
    assert wrong == []
