"""What only a real browser can show: keys, live previews, double clicks, widths, colours, and no error on any page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from campaigns.earning import drain
from campaigns.models import EarningCampaign
from campaigns.versions import publish
from loyalty.base import clock
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import Program
from tests.browser.conftest import IN_EITHER_THEME, Desk
from tests.console import people

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def a_running_campaign(program: Program) -> EarningCampaign:
    at = clock.now() - timedelta(days=1)
    campaign = EarningCampaign.objects.create(
        program=program, code="base", name="Points for spending", point_type=people.points_of(program), points=1,
        conditions={"field": "order.total", "op": "gte", "value": "20"}, created_at=at, updated_at=at,
    )  # fmt: skip
    publish(campaign, by="olga", at=at)
    return campaign


def test_slash_types_an_address_and_enter_opens_the_member(desk: Desk) -> None:
    member = people.ana(people.a_program())
    page = desk.open("/admin/")
    page.keyboard.press("/")
    page.keyboard.type("ana.ruiz@example.org")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/members/{member.pk}/")
    expect(page.locator("#lr-who")).to_have_text("Ana Ruíz Ødegård")


def test_slash_in_the_empty_search_box_is_no_letter_and_in_a_full_one_it_is(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/members/")
    box = page.locator("#lr-q")
    expect(box).to_be_focused()
    page.keyboard.press("/")
    expect(box).to_have_value("")
    page.keyboard.type("a/b")
    expect(box).to_have_value("a/b")


def test_the_menu_of_a_narrow_window_opens_and_closes_by_the_keyboard(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/members/", width=1024)
    menu = page.get_by_role("button", name="Menu")
    link = page.locator("#nav-sidebar").get_by_role("link", name="Campaigns")
    expect(link).to_be_hidden()
    menu.press("Enter")
    expect(link).to_be_visible()
    close = page.locator("#nav-sidebar").get_by_role("button", name="Menu")
    expect(close).to_be_focused()
    page.keyboard.press("Space")
    expect(link).to_be_hidden()
    expect(menu).to_be_focused()


def test_typing_a_name_shows_members_as_it_is_typed(desk: Desk) -> None:
    people.ana(people.a_program())
    page = desk.open("/console/members/")
    page.locator("#lr-q").press_sequentially("odeg")
    expect(page.locator("#lr-results")).to_contain_text("1 member found")
    expect(page.locator("#lr-status")).to_have_text("1 member found")


def test_why_opens_below_the_row_without_leaving_the_page(desk: Desk) -> None:
    program = people.a_program()
    member = people.ana(program)
    a_running_campaign(program)
    people.an_order(people.a_channel(program))
    drain()
    page = desk.open(f"/console/members/{member.pk}/")
    page.get_by_role("link", name="Why?").first.click()
    expect(page.locator(".lr-why").first).to_contain_text("48 Points for spending")
    assert page.url.endswith(f"/console/members/{member.pk}/")


def test_what_was_typed_outlives_the_end_of_the_session(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/members/new/")
    page.get_by_label("Name").fill("Zoë <b> Ångström")
    page.get_by_label("External id").fill("zoe")
    Session.objects.all().delete()
    page.get_by_role("button", name="Add the member").click()
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("a long passphrase")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Not sent yet")).to_be_visible()
    assert not Member.objects.exists()
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url("**/console/members/*-*/")
    assert Member.objects.get().name == "Zoë <b> Ångström"
    page.goto(f"{desk.server}/console/held/")
    expect(page.get_by_role("button", name="Send it")).to_be_visible(visible=False)


def test_what_was_typed_outlives_a_sign_in_in_another_tab(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/members/new/")
    page.get_by_label("Name").fill("Zoë")
    page.get_by_label("External id").fill("zoe")
    page.context.clear_cookies(name="csrftoken")  # a new sign-in makes a new one
    page.get_by_role("button", name="Add the member").click()
    expect(page.get_by_role("heading", name="Not sent yet")).to_be_visible()
    assert desk.troubles == ["Failed to load resource: the server responded with a status of 403 (Forbidden)"]
    desk.troubles.clear()
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url("**/console/members/*-*/")
    assert Member.objects.get().name == "Zoë"


def test_what_may_not_be_seen_is_said_in_words_and_the_page_stays_as_it_is(desk: Desk) -> None:
    program = people.a_program()
    member = people.ana(program)
    a_running_campaign(program)
    people.an_order(people.a_channel(program))
    drain()
    desk.session = people.with_rights("view_member").session.session_key
    page = desk.open(f"/console/members/{member.pk}/")
    page.get_by_role("link", name="Why?").first.click()
    expect(page.locator("#lr-trouble")).to_contain_text("Your account lacks: Can view event")
    expect(page.locator("#lr-trouble")).to_have_count(1)
    assert all("403" in one for one in desk.troubles)
    desk.troubles.clear()


def test_the_preview_follows_the_typing_and_a_double_click_books_once(desk: Desk) -> None:
    member = people.ana(people.a_program())
    people.given(member, 1000)
    page = desk.open(f"/console/members/{member.pk}/adjust/")
    page.get_by_label("Take points").check()
    page.get_by_label("How many").fill("250")
    expect(page.locator("#lr-after")).to_have_text("750")
    page.get_by_label("Reason").select_option("correction")
    page.get_by_role("button", name="Take 250 points from").dblclick()
    page.wait_for_url("**/receipts/**")
    receipt = page.url
    page.go_back()
    page.wait_for_url(receipt)
    assert sorted(Transaction.objects.values_list("amount", flat=True)) == [-250, 1000]


def test_the_builder_writes_its_sentence_while_conditions_are_made(desk: Desk) -> None:
    program = people.a_program()
    page = desk.open("/console/campaigns/new/base/")
    summary = page.locator("#lr-summary")
    expect(summary).to_contain_text("1 point per 1 GBP")
    page.locator("#id_points").fill("3")
    page.locator("#id_points").press("Tab")
    expect(summary).to_contain_text("3 points per 1 GBP")
    page.locator("#editor-conditions").get_by_role("button", name="Add a condition").click()
    page.locator("#conditions-0-0-field").select_option("order.total")
    expect(page.locator("#conditions-0-0-op")).to_be_visible()
    page.locator("#conditions-0-0-op").select_option("gte")
    page.locator("#conditions-0-0-value").fill("40")
    page.locator("#conditions-0-0-value").press("Tab")
    expect(summary).to_contain_text("the order total is at least 40 GBP")
    page.get_by_role("button", name="Save the draft").click()
    page.wait_for_url(re.compile(r"/console/campaigns/\d+/$"))
    assert EarningCampaign.objects.get(program=program).conditions == {
        "field": "order.total", "op": "gte", "value": "40",
    }  # fmt: skip


def test_the_keyboard_goes_on_in_a_new_condition_and_does_not_get_lost_with_a_removed_one(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/campaigns/new/base/")
    editor = page.locator("#editor-conditions")
    editor.get_by_role("button", name="Add a condition").press("Enter")
    expect(page.locator("#conditions-0-0-field")).to_be_focused()
    editor.get_by_role("button", name="Add a condition").press("Enter")
    expect(page.locator("#conditions-0-1-field")).to_be_focused()
    editor.get_by_role("button", name="Remove this condition").last.press("Enter")
    expect(page.locator("#conditions-0-add")).to_be_focused()
    editor.get_by_role("button", name="Remove this condition").press("Enter")
    expect(page.locator("#conditions-add")).to_be_focused()


def test_a_running_campaign_is_paused_in_three_touches_on_a_phone(desk: Desk) -> None:
    program = people.a_program()
    campaign = a_running_campaign(program)
    page = desk.open("/console/campaigns/", width=390, height=844)
    page.get_by_role("link", name="Points for spending").click()
    page.locator("summary", has_text="Pause").click()
    page.get_by_role("button", name="Pause the campaign").click()
    expect(page.locator(".lr-badge", has_text="Paused")).to_be_visible()
    assert campaign.pauses.filter(ended_at=None).exists()


@IN_EITHER_THEME
def test_no_screen_scrolls_sideways_or_logs_an_error(desk: Desk, width: int, dark: bool) -> None:
    program = people.a_program(mode=Program.Mode.TEST)
    member = people.ana(program)
    campaign = a_running_campaign(program)
    channel = people.a_channel(program)
    receipt = people.an_order(channel)
    drain()
    booked = people.given(member, 12_345)
    addresses = [
        "/admin/", "/console/members/?q=ana+r", f"/console/members/{member.pk}/",
        "/console/members/new/", f"/console/members/{member.pk}/edit/", f"/console/members/{member.pk}/adjust/",
        f"/console/members/{member.pk}/receipts/{booked.pk}/", f"/console/events/{receipt.event_id}/",
        f"/console/campaigns/events/{receipt.event_id}/why/", "/console/campaigns/", "/console/campaigns/new/",
        f"/console/campaigns/{campaign.pk}/", f"/console/campaigns/{campaign.pk}/edit/",
        f"/console/campaigns/{campaign.pk}/publish/", f"/console/campaigns/{campaign.pk}/versions/1/",
        f"/console/channels/{channel.pk}/keys/", "/admin/events/event/", "/admin/ledger/transaction/",
        f"/admin/ledger/transaction/{booked.pk}/change/", "/admin/ledger/entry/", "/admin/ledger/lot/",
        "/admin/programs/program/add/", "/console/switch/",
    ]  # fmt: skip
    wide = []
    for address, page in desk.tour(addresses, width=width, dark=dark):
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(address)
        assert page.title().startswith("TEST")
    assert wide == []
    assert desk.troubles == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_address_that_leads_nowhere_is_said_in_the_colours_of_the_other_pages(
    desk: Desk, dark: bool
) -> None:
    people.a_program()
    page = desk.open("/console/nowhere/", dark=dark)
    assert page.title() == "Not found"
    colours = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    assert (max(page.evaluate(colours)) < 128) is dark
    assert [one for one in desk.troubles if "404" not in one] == []
    desk.troubles.clear()  # the browser itself notes the answer 404


def test_why_on_an_event_without_points_says_what_was_needed_and_what_was(desk: Desk) -> None:
    program = people.a_program()
    member = people.ana(program)
    a_running_campaign(program)
    people.an_order(people.a_channel(program), lines=[{"sku": "pen", "quantity": 1, "unit_price": "4.50"}])
    drain()
    page = desk.open(f"/console/members/{member.pk}/")
    row = page.locator(".lr-timeline > li", has_text="No points – order A-1042")
    row.get_by_role("link", name="Why?").click()
    expect(row.locator(".lr-why")).to_contain_text(
        "Points for spending – the order total was 4.50 GBP, needed at least 20 GBP"
    )


def test_the_button_says_what_it_will_do(desk: Desk) -> None:
    member = people.ana(people.a_program())
    page = desk.open(f"/console/members/{member.pk}/adjust/")
    page.get_by_label("How many").fill("1500")
    expect(page.get_by_role("button", name="Give 1,500 points to Ana Ruíz Ødegård")).to_be_visible()


def test_a_campaign_is_built_published_and_paused(desk: Desk) -> None:
    program = people.a_program()
    page = desk.open("/console/campaigns/new/base/")
    page.get_by_role("button", name="Save and review for publishing").click()
    page.wait_for_url("**/publish/")
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.locator(".lr-badge", has_text="Running")).to_be_visible()
    page.locator("summary", has_text="Pause").click()
    page.get_by_role("button", name="Pause the campaign").click()
    expect(page.locator(".lr-badge", has_text="Paused")).to_be_visible()
    assert EarningCampaign.objects.get(program=program).pauses.filter(ended_at=None).exists()


def test_a_member_is_added_with_the_keyboard_alone(desk: Desk) -> None:
    people.a_program()
    page = desk.open("/console/members/?q=bea@example.org")
    page.locator("#lr-results").get_by_role("link", name="Add a member").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail")).to_have_value("bea@example.org")
    page.get_by_label("Name").focus()
    page.keyboard.type("Bea Ólafs")
    page.keyboard.press("Enter")
    expect(page.locator("#lr-who")).to_have_text("Bea Ólafs")


def test_the_filters_of_a_list_open_with_the_keyboard(desk: Desk) -> None:
    program = people.a_program()
    people.ana(program)
    people.an_order(people.a_channel(program))
    page = desk.open("/admin/events/event/")
    page.locator("#content a[role='button']", has_text="Filters").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Waiting for its member")).to_be_visible()


def test_the_field_that_is_wrong_stands_out_in_either_theme(desk: Desk) -> None:
    member = people.ana(people.a_program())
    border = "field => getComputedStyle(field).borderColor"
    for dark, red in ((False, "rgb(177, 32, 27)"), (True, "rgb(255, 156, 150)")):
        page = desk.open(f"/console/members/{member.pk}/adjust/", dark=dark)
        page.get_by_role("button", name="Book it").click()
        expect(page.get_by_text("There is a problem")).to_be_visible()
        assert page.get_by_label("How many").evaluate(border) == red
        assert page.get_by_label("Reference").evaluate(border) != red
    assert all("422" in one for one in desk.troubles)
    desk.troubles.clear()


def test_the_picker_of_permissions_and_a_long_name_fit_the_page(desk: Desk) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessen"
    people.given(people.ana(people.a_program(), name=long), 1_234)
    for width in (390, 1366):
        page = desk.open("/admin/auth/group/add/", width=width)
        expect(page.locator("#id_permissions_to")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(f"{desk.server}/admin/ledger/lot/")
        name = page.locator("#result_list bdi")
        cell = page.locator("#result_list .field-member_page")
        outer, inner = cell.bounding_box(), name.bounding_box()
        assert outer is not None
        assert inner is not None
        assert outer["x"] + outer["width"] <= width
        assert inner["y"] >= outer["y"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]
