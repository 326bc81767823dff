"""A real browser, where there is one: Playwright's own, or a Chromium of the system."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.console import people

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def _path() -> str | None:
    return os.environ.get("LAUREL_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """Closed after the module. Playwright keeps an event loop in this thread, which Django takes for asynchronous
    code, so it is told that the loop is none of its business."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # Chromium refuses its sandbox to root, which is who runs tests in a container.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            opened = playwright.chromium.launch(executable_path=_path(), args=flags)
        except Error as missing:
            pytest.skip(
                f"No browser: install Chromium or set LAUREL_BROWSER ({str(missing).splitlines()[0]})"
            )
        yield opened
        opened.close()


def barriers(path: str, page: Page) -> list[str]:
    """What axe finds serious or worse."""
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]}).response["violations"]
    return [
        f"{path}: {one['id']}: {node['target']} {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


IN_EITHER_THEME = pytest.mark.parametrize(
    ("width", "dark"), [(390, False), (1366, True)], ids=["phone-light", "desk-dark"]
)
"""Both widths and both themes, in two runs: what a theme changes has nothing to do with the width."""


class Desk:
    """A signed-in member of staff in front of a screen. Any error that a page logs fails the test."""

    def __init__(self, browser: Browser, server: str) -> None:
        self.server = server
        self.troubles: list[str] = []
        self.session = people.olga().session.session_key
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def open(self, path: str, *, width: int = 1366, height: int = 768, dark: bool = False) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self._contexts.append(context)
        context.add_cookies([{"name": "session", "value": str(self.session), "url": self.server}])
        page = context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._note)
        page.goto(self.server + path)
        return page

    def tour(self, paths: Iterable[str], *, width: int, dark: bool) -> Iterator[tuple[str, Page]]:
        """One page after the other, in one window, which keeps the styles and scripts that it has loaded. What keeps
        people out of a wide page (WCAG 2.2 AA, as far as axe can tell) is a trouble like an error."""
        page: Page | None = None
        for path in paths:
            if page is None:
                page = self.open(path, width=width, height=800, dark=dark)
            else:
                page.goto(self.server + path)
            if width > 1000:  # the same page narrow has the same names and colours, and axe takes its time
                self.troubles += barriers(path, page)
            yield path, page

    def _note(self, said: ConsoleMessage) -> None:
        """Errors, but not that leaving a page cut off a request of its."""
        if said.type == "error" and said.text not in ("htmx:afterRequest", "htmx:sendAbort"):
            self.troubles.append(said.text)

    def leave(self) -> None:
        for context in self._contexts:
            context.close()
        until_idle()


def until_idle() -> None:
    """What a page asked for before it was closed is still answered: to empty the tables meanwhile would deadlock."""
    ends = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < ends:
            cursor.execute(
                """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
                   AND pid <> pg_backend_pid()"""
            )
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.02)


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer) -> Iterator[Desk]:
    at = Desk(browser, live_server.url)
    yield at
    at.leave()
    assert at.troubles == []
