"""Jobs while they run, and the shared parts of the screens, in a real browser."""

from __future__ import annotations

import re

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from loyalty.base import clock, jobs
from loyalty.base.models import Job
from tests.browser.conftest import Desk
from tests.console import people
from tests.jobs import kinds

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCREENS = [(1366, 768, False), (1366, 768, True), (390, 844, False), (390, 844, True)]


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    kinds.put(monkeypatch, kinds.counting())
    at = clock.now()
    started = jobs.start(
        "counting", scope=people.a_program().code, by="olga", at=at, name="Up to 200", params={"to": 200}
    )
    claimed = jobs.claim_row(started, at=at)
    assert claimed is not None
    return claimed


def nothing_sticks_out(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.evaluate("window.innerWidth")


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_progress_moves_by_itself_and_the_end_is_said(
    desk: Desk, job: Job, width: int, height: int, dark: bool
) -> None:
    jobs.progress(job, done=20, total=200, cursor={"next": 21}, step="Counting")
    page = desk.open(f"/console/jobs/{job.pk}/", width=width, height=height, dark=dark)
    bar = page.get_by_role("progressbar", name="Counting")
    expect(bar).to_have_attribute("aria-valuenow", "10")
    expect(page.locator("#lr-tray-link")).to_be_visible()
    stop = page.get_by_role("button", name="Stop the job")
    stop.focus()
    jobs.progress(job, done=150, total=200, cursor={"next": 151})
    expect(bar).to_have_attribute("aria-valuenow", "75")
    expect(stop).to_be_focused()
    nothing_sticks_out(page)
    jobs.finish(job, at=clock.now(), result={"summary": [["Counted", 200]]})
    expect(page.get_by_text("Counted", exact=True)).to_be_visible()
    expect(page.locator("#lr-status")).to_have_text("The job is done.")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert [url for url in asked if url.endswith(f"/jobs/{job.pk}/")] == []


def test_nobody_asks_while_the_tab_is_hidden(desk: Desk, job: Job) -> None:
    page = desk.open(f"/console/jobs/{job.pk}/")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true}); window.away = true"
    )
    page.wait_for_timeout(300)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3500)
    assert asked == []
    with page.expect_request(re.compile(r"/jobs/")):
        page.evaluate("window.away = false")


def test_a_job_is_stopped_and_resumed_with_the_keyboard(desk: Desk, job: Job) -> None:
    page = desk.open(f"/console/jobs/{job.pk}/", width=390, height=844)
    page.get_by_role("button", name="Stop the job").press("Enter")
    expect(page.get_by_text("Safe: what is done is skipped.")).to_be_visible()
    page.get_by_role("button", name="Resume").press("Enter")
    expect(page.locator(".lr-badge")).to_contain_text("Waiting")


def open_parts(
    desk: Desk, settings: LazySettings, *, width: int = 1366, height: int = 768, dark: bool = False
) -> Page:
    settings.ROOT_URLCONF = "tests.browser.parts_urls"
    people.a_program()
    return desk.open("/parts/", width=width, height=height, dark=dark)


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_all_parts_fit_and_keep_their_roles(
    desk: Desk, settings: LazySettings, width: int, height: int, dark: bool
) -> None:
    page = open_parts(desk, settings, width=width, height=height, dark=dark)
    nothing_sticks_out(page)
    expect(page.get_by_role("rowheader", name="Silver")).to_be_visible()
    expect(page.get_by_role("link", name="New 12")).to_have_attribute("aria-current", "page")
    expect(page.get_by_text("310 of 1,000 available, 40 reserved, 650 used").first).to_be_visible()
    expect(page.locator("[aria-current=step]").first).to_contain_text("Sent")
    assert page.locator(".lr-gauge svg rect").first.bounding_box() is not None


def test_picking_rows_counts_them_and_shift_picks_a_range(desk: Desk, settings: LazySettings) -> None:
    page = open_parts(desk, settings)
    act = page.get_by_role("button", name="Mark as sent")
    expect(act).to_be_disabled()
    boxes = page.locator("input[name=pick]")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("[data-bulk-count]")).to_have_text("3 chosen")
    expect(act).to_be_enabled()
    everything = page.locator("[data-bulk-all]")
    everything.check()
    expect(page.locator("[data-bulk-count]")).to_have_text("4 chosen")
    everything.uncheck()
    expect(page.locator("[data-bulk-count]")).to_have_text("None chosen")


def test_a_scanned_code_is_answered_and_the_field_waits_for_the_next(
    desk: Desk, settings: LazySettings
) -> None:
    page = open_parts(desk, settings)
    field = page.get_by_label("Scan the code")
    field.press_sequentially("A1-77")
    field.press("Enter")
    expect(page.locator("#lr-scanned")).to_have_text("Found A1-77")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
