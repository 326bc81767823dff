"""Lists of the admin speak as people do, and what surrounds them works from the first visit."""

from __future__ import annotations

import pytest
from django.test import Client

from campaigns.earning import drain
from tests.console import people

pytestmark = pytest.mark.django_db


def test_the_books_read_in_names_signs_and_days() -> None:
    """No raw ids in the columns, a real minus, and what became of a lot in a word."""
    program = people.a_program()
    member = people.ana(program)
    people.given(member, 1250)
    people.given(member, -200)
    client = people.olga()
    transactions = client.get("/admin/ledger/transaction/").content.decode()
    assert "+1,250 points" in transactions
    assert "\u2212200 points" in transactions
    assert "Goodwill" in transactions
    entries = client.get("/admin/ledger/entry/").content.decode()
    assert ">1,250 of " in entries
    assert "Entrys" not in entries
    lots = client.get("/admin/ledger/lot/").content.decode()
    assert "1,250 points" in lots
    assert "Available" in lots


def test_the_inbox_says_what_each_event_gave_also_nothing() -> None:
    program = people.a_program()
    people.ana(program)
    people.an_order(people.a_channel(program))
    client = people.olga()
    assert points_shown(client, {}) == ["–"]
    drain()
    assert points_shown(client, {"received": "1"}) == ["0"]
    assert points_shown(client, {"received": "x"}) == ["0"]


def points_shown(client: Client, query: dict[str, str]) -> list[str]:
    page = client.get("/admin/events/event/", query).context["cl"]
    return [page.model_admin.shown_points(event) for event in page.result_list]


def test_who_opens_the_login_page_itself_comes_home() -> None:
    people.olga()
    answer = Client().post("/admin/login/", {"username": "olga", "password": "a long passphrase"})
    assert answer["Location"] == "/admin/"


def test_no_page_allows_inline_styles_or_scripts() -> None:
    people.a_program()
    policy = people.olga().get("/admin/")["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
