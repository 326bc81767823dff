"""Rewards in a real browser: making one without a mouse, working the queue by keys and by thumb, handing over."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from loyalty.base import clock
from loyalty.ledger.acts import Actor
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from rewards import catalogue, codes, redemption, stock
from rewards.claiming import Wish
from rewards.models import Redemption, Reward, RewardPicture
from tests.browser.conftest import IN_EITHER_THEME, Desk
from tests.console import people
from tests.rewards_ui.desk import a_picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TILL = Actor("channel", "till")
ADDRESS = {"code": "address", "label": "Address", "required": True}


@pytest.fixture
def program() -> Program:
    return people.a_program()


@pytest.fixture
def points(program: Program) -> PointType:
    return people.points_of(program)


@pytest.fixture
def ana(program: Program, points: PointType) -> Member:
    """Has 9,000 points."""
    member = people.ana(program)
    people.given(member, 9000)
    return member


def a_mug(points: PointType, **more: object) -> Reward:
    values = {"code": "mug", "name": "Coffee mug", "prices": [{"point_type": points, "points": 1200}], **more}
    draft = catalogue.create(points.program, "product", values, by="olga", at=clock.now(), loaded=40)
    return catalogue.publish(draft, by="olga", at=clock.now())


def orders(member: Member, mug: Reward, count: int = 3) -> list[Redemption]:
    wish = Wish(details={"address": "14 Orchard Road"} if mug.delivery_attributes else {})  # type: ignore[attr-defined]
    return [redemption.redeem(member, mug, wish, at=clock.now(), actor=TILL) for _ in range(count)]


def step_of(row: Redemption) -> str:
    row.refresh_from_db()
    return row.step


def test_the_queue_is_worked_by_keys_alone(desk: Desk, points: PointType, ana: Member) -> None:
    first, second, third = orders(ana, a_mug(points))
    page = desk.open("/console/rewards/queue/")
    act = page.get_by_role("button", name="Mark as sent")
    expect(act).to_be_disabled()
    for key in ("j", "x", "j", "j", "k", "x"):
        page.keyboard.press(key)
    expect(page.locator("[data-bulk-count]")).to_have_text("2 chosen")
    act.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue/bulk/")
    page.get_by_label(re.compile("Tracking number")).first.focus()
    page.keyboard.type("jxk 0034")
    page.keyboard.press("Enter")
    page.wait_for_url("**/receipts/**")
    expect(page.get_by_role("heading", name="Done: 2")).to_be_visible()
    assert [step_of(row) for row in (first, second, third)] == ["sent", "sent", "ordered"]
    first.refresh_from_db()
    assert first.tracking == "jxk 0034"
    page.get_by_role("link", name="Back to the queue").press("Enter")
    page.wait_for_url("**/queue/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/redemptions/{third.pk}/")


def test_the_keys_can_be_switched_off(desk: Desk, points: PointType, ana: Member) -> None:
    orders(ana, a_mug(points))
    page = desk.open("/console/rewards/queue/")
    page.get_by_label("Keys on").uncheck()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("None chosen")
    page.reload()
    expect(page.get_by_label("Keys on")).not_to_be_checked()


def test_slash_scans_a_code_and_it_is_handed_over_once(desk: Desk, points: PointType, ana: Member) -> None:
    row = orders(ana, a_mug(points, delivery="pick_up"), 1)[0]
    row.refresh_from_db()
    assert row.code is not None
    page = desk.open("/console/rewards/queue/", width=390, height=844)
    page.keyboard.press("/")
    page.keyboard.type(codes.reveal(row.code))
    page.keyboard.press("Enter")
    page.wait_for_url("**/pickup/**")
    page.get_by_role("button", name="Hand over now").dblclick()
    page.wait_for_url("**/pickup/")
    expect(page.get_by_text("Handed over.")).to_be_visible()
    assert step_of(row) == "picked_up"
    field = page.get_by_label("Code of the member")
    expect(field).to_be_focused()
    field.fill("NOPE-1234")
    page.keyboard.press("Enter")
    expect(page.locator("#lr-scanned")).to_contain_text("Nothing has the code")
    expect(field).to_be_focused()


def test_a_reward_is_made_moved_and_published_without_a_mouse(desk: Desk, points: PointType) -> None:
    page = desk.open("/console/rewards/new/discount/")
    page.locator("#id_name").focus()
    page.keyboard.type("Five off")
    page.locator("#id_code").fill("five")
    page.locator("#id_value").fill("5")
    page.locator("#prices-0-points").fill("500")
    expect(page.locator("#lr-aside")).to_contain_text("5.00 GBP off")
    expect(page.locator("#lr-aside")).to_contain_text("500 points")
    page.get_by_role("button", name="Add a price").press("Enter")
    page.locator("#prices-1-points").fill("400")
    page.get_by_role("button", name="Move price 2 up").press("Enter")
    expect(page.locator("#prices-0-points")).to_have_value("400")
    page.get_by_role("button", name="Remove price 2").press("Enter")
    expect(page.locator("#prices-1-points")).to_have_count(0)
    page.get_by_role("button", name="Save and review for publishing").press("Enter")
    page.wait_for_url("**/publish/")
    page.get_by_role("button", name="Publish the reward").press("Enter")
    expect(page.locator(".lr-badge", has_text="Live")).to_be_visible()
    made = Reward.objects.get(code="five")
    assert [one["points"] for one in catalogue.prices_of(made)] == [400]


def test_a_chosen_picture_is_seen_at_once_and_kept_while_the_form_is_drawn_again(
    desk: Desk, points: PointType
) -> None:
    page = desk.open("/console/rewards/new/gift/")
    page.set_input_files("#id_picture", {"name": "a.png", "mimeType": "image/png", "buffer": a_picture()})
    expect(page.locator("#lr-chosen-picture")).to_be_visible()
    page.locator("#id_name").fill("Gift card")
    expect(page.locator("#lr-aside h3")).to_have_text("Gift card")
    expect(page.locator("#lr-chosen-picture")).to_be_visible()
    page.get_by_role("button", name="Add a price").click()
    expect(page.locator("#prices-1-points")).to_be_visible()
    for field, value in (
        ("#id_code", "gift"),
        ("#id_value", "20"),
        ("#prices-0-points", "10"),
        ("#prices-1-points", "9"),
    ):
        page.locator(field).fill(value)
    page.get_by_role("button", name="Save the draft").click()
    page.wait_for_url(re.compile(r"/console/rewards/\d+/$"))
    assert RewardPicture.objects.count() == 1


def test_choosing_a_file_of_codes_logs_no_error(desk: Desk, points: PointType) -> None:
    values = {"code": "five", "name": "5 off", "prices": [{"point_type": points, "points": 500}]}
    voucher = catalogue.create(points.program, "voucher", values, by="olga", at=clock.now())
    page = desk.open(f"/console/rewards/{voucher.pk}/codes/")
    page.locator("input[type=file]").set_input_files(
        {"name": "codes.csv", "mimeType": "text/csv", "buffer": b"A1\n"}
    )
    page.wait_for_load_state("networkidle")
    assert desk.troubles == []


def test_a_reward_is_given_once_from_the_member_page(desk: Desk, points: PointType, ana: Member) -> None:
    a_mug(points, delivery_attributes=[ADDRESS])
    page = desk.open(f"/console/members/{ana.pk}/", width=390, height=844)
    page.get_by_role("link", name="Give reward").click()
    page.get_by_role("link", name="Coffee mug").click()
    page.get_by_label("Address").fill("14 Orchard Road")
    page.get_by_role("button", name="Give Coffee mug to Ana").dblclick()
    page.wait_for_url("**/redemptions/**")
    assert Redemption.objects.count() == 1


def everything(points: PointType, ana: Member) -> list[str]:
    """The addresses of all screens of rewards, with something on each."""
    program = points.program
    mug = a_mug(points, delivery_attributes=[ADDRESS], unit_cost=Decimal("4.50"))
    row = orders(ana, mug, 2)[0]
    walk = catalogue.create(
        program, "experience", {"code": "walk", "name": "Tasting"}, by="olga", at=clock.now()
    )
    stock.make(walk, "d1", loaded=8, by="olga", at=clock.now(), starts_at=clock.now() + timedelta(days=2))
    cinema = catalogue.create(
        program, "voucher", {"code": "cinema", "name": "Cinema"}, by="olga", at=clock.now()
    )
    own, member = f"{mug.pk}/", f"members/{ana.pk}/"
    return [
        "", "new/", "new/product/", own, f"{own}edit/", f"{own}pause/", f"{own}stock/{mug.stocks.get().pk}/",
        f"{own}stock/new/", f"{walk.pk}/", f"{walk.pk}/stock/new/", f"{cinema.pk}/codes/", "queue/", "queue/?tab=sent",
        f"queue/print/?pick={row.pk}", "pickup/", f"pickup/?code={row.pk}", f"redemptions/{row.pk}/",
        f"redemptions/{row.pk}/sent/", f"redemptions/{row.pk}/cancel/", member, f"{member}give/",
        f"{member}give/{mug.pk}/", "settlement/",
    ]  # fmt: skip


@IN_EITHER_THEME
def test_no_screen_of_rewards_scrolls_sideways_or_logs_an_error(
    desk: Desk, points: PointType, ana: Member, width: int, dark: bool
) -> None:
    wide = []
    addresses = [f"/console/rewards/{address}" for address in everything(points, ana)]
    for address, page in desk.tour(addresses, width=width, dark=dark):
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(address)
    assert wide == []
