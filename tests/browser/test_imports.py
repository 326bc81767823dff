"""Imports of balances in a real browser: by keyboard, wide and narrow, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from loyalty.base import clock, job_runs
from tests.browser.conftest import Desk
from tests.browser.test_jobs_and_parts import SCREENS, nothing_sticks_out
from tests.tiers_imports import club
from tests.tiers_imports.sample import write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def a_file(place: Path) -> Path:
    club.join(club.open_club(ladder=True), "ada", "ben")
    last = clock.now().date().replace(year=clock.now().year + 2, day=1).isoformat()
    rows = [
        club.row("ada", "1250000", earned="", expires=last, tier="gold"),
        club.row("ben", "12.25", points="stars", earned="", expires=last),
        club.row("nobody", "5", earned="", expires=last),
    ]
    return write(place / "balances of the old club.csv", rows)


def work() -> None:
    job_runs.run_waiting(clock.now)


def press(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name)
    button.focus()
    button.press("Enter")


@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
def test_a_file_goes_its_whole_way_by_keyboard(
    desk: Desk, tmp_path: Path, width: int, height: int, dark: bool
) -> None:
    file = a_file(tmp_path)
    page = desk.open("/console/imports/", width=width, height=height, dark=dark)
    nothing_sticks_out(page)
    page.get_by_label("File", exact=True).set_input_files(file)
    press(page, "Check the file")
    expect(page.get_by_role("progressbar")).to_be_visible()
    nothing_sticks_out(page)
    work()
    expect(page.get_by_text("Nothing has been written yet", exact=False)).to_be_visible()
    nothing_sticks_out(page)
    press(page, "Import 2 rows")
    expect(page.get_by_role("progressbar")).to_be_visible()
    work()
    undo = page.get_by_text("Undo this import", exact=True)
    expect(undo).to_be_visible()
    nothing_sticks_out(page)
    undo.press("Enter")
    nothing_sticks_out(page)
    press(page, "Undo the whole import")
    expect(page.get_by_role("progressbar")).to_be_visible()
    work()
    expect(page.get_by_text("Taken back").first).to_be_visible()
    nothing_sticks_out(page)
