"""Panels of other apps on the member page, and what a person on the phone sees without scrolling."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from loyalty.base import clock
from loyalty.console.panels import Panel, member_panels
from loyalty.ledger import ledger
from loyalty.members import members
from tests.browser.conftest import Desk
from tests.console import people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PANELS = {
    "tier": Panel("Tier", "well", top=True),
    "rewards": Panel("Rewards", "broken"),
    "redemptions": Panel("Redemptions", "gone"),
    "more": Panel("More", "well"),
}


@pytest.fixture(autouse=True)
def _panels(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.browser.parts_urls"
    monkeypatch.setattr(member_panels, "_items", {name: (0, panel) for name, panel in PANELS.items()})


def member_page(desk: Desk, *, width: int = 1366, height: int = 768, dark: bool = False) -> Page:
    member = people.ana(people.a_program())
    people.given(member, 12_500)
    people.given(member, 900, expires_at=clock.now() + timedelta(days=40))
    at = clock.now()
    ledger.hold(
        member, people.points_of(member.program), 500,
        lapses_at=at + timedelta(hours=1), at=at, actor=people.STAFF,
    )  # fmt: skip
    members.set_standing(member.pk, "gold", "Gold", since=at)
    return desk.open(f"/console/members/{member.pk}/", width=width, height=height, dark=dark)


def test_each_panel_is_fetched_and_fails_alone(desk: Desk) -> None:
    page = member_page(desk)
    expect(page.get_by_role("region", name="Tier")).to_contain_text("412.50 GBP to Platinum")
    more = page.get_by_role("region", name="More")
    more.scroll_into_view_if_needed()
    expect(more).to_contain_text("412.50 GBP to Platinum")
    for name in ("Rewards", "Redemptions"):
        panel = page.get_by_role("region", name=name)
        expect(panel).to_contain_text(f"“{name}” could not be loaded. Nothing was changed.")
        with page.expect_response("**/panels/**"):
            panel.get_by_role("button", name="Try again").click()
    expect(page.locator("#lr-trouble")).to_be_hidden()
    expect(page.get_by_text("A whole page")).to_have_count(0)
    desk.troubles.clear()  # the browser itself notes the answers 500 and 404


@pytest.mark.parametrize(
    ("width", "height", "dark"), [(1366, 768, False), (1366, 768, True), (390, 844, False)]
)
def test_what_is_asked_most_is_seen_without_scrolling(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, width: int, height: int, dark: bool
) -> None:
    monkeypatch.setattr(member_panels, "_items", {"tier": (0, PANELS["tier"])})
    page = member_page(desk, width=width, height=height, dark=dark)
    expect(page.get_by_text("412.50 GBP to Platinum").first).to_be_visible()
    for told in ("12,900", "Pending", "Held", "Gold", "412.50 GBP to Platinum", "lapse after"):
        expect(page.get_by_text(told).first).to_be_in_viewport(ratio=1)
