"""The screens in hostile hands: forms without their token, foreign pages, direct posts to the books, and markup that
people typed into names."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.members.models import Member
from tests.console import people
from tests.hostile.untouched import nothing_written

pytestmark = pytest.mark.django_db
MARKUP = "<script>alert(1)</script><b hx-get=/x hx-on:click=alert(1)>Ana</b>"


@pytest.fixture
def ana() -> Member:
    program = people.a_program()
    people.a_channel(program)
    member = people.ana(program, name=MARKUP)
    people.given(member, 500)
    return member


@pytest.fixture
def olga(ana: Member) -> Client:
    """May do everything; her browser checks where forms come from."""
    client = people.olga()
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies = client.cookies
    return guarded


def adjust_form(ana: Member) -> dict[str, str]:
    point_type = people.points_of(ana.program)
    return {
        "token": str(uuid4()), "direction": "give", "points": "100", "point_type": str(point_type.pk),
        "reason_code": "goodwill", "reference": "", "note": "",
    }  # fmt: skip


def changing_addresses(ana: Member) -> list[str]:
    return [
        f"/console/members/{ana.pk}/adjust/",
        f"/console/members/{ana.pk}/state/",
        "/console/switch/",
        "/console/campaigns/new/points_per_euro/",
        "/admin/programs/program/add/",
        "/admin/programs/channel/add/",
        "/admin/logout/",
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HX-Request": "true"},
        {"HX-Request": "true", "X-CSRFToken": "a" * 64},
        {"Origin": "https://evil.example"},
        {"Referer": "https://evil.example/"},
    ],
    ids=["no-token", "htmx", "made-up-token", "foreign-origin", "foreign-referer"],
)
def test_no_form_is_taken_without_its_own_token(olga: Client, ana: Member, headers: dict[str, str]) -> None:
    for address in changing_addresses(ana):
        with nothing_written():
            answer = olga.post(address, adjust_form(ana), headers=headers)
        assert answer.status_code == 403, (address, answer.status_code)


def test_the_token_of_another_session_or_json_with_the_cookie_opens_nothing(
    olga: Client, ana: Member
) -> None:
    stranger = Client()
    stranger.get("/admin/login/")
    foreign = stranger.cookies["csrftoken"].value
    address = f"/console/members/{ana.pk}/adjust/"
    with nothing_written():
        for content_type in ("application/json", "text/plain"):
            assert olga.post(address, "{}", content_type=content_type).status_code == 403
        assert olga.post(address, adjust_form(ana), headers={"X-CSRFToken": foreign}).status_code == 403
        assert olga.delete(address, headers={"HX-Request": "true"}).status_code == 403


def test_the_same_form_with_its_token_is_taken(olga: Client, ana: Member) -> None:
    """The control: it is the token that is missing above."""
    address = f"/console/members/{ana.pk}/adjust/"
    olga.get(address, follow=True)
    form = adjust_form(ana) | {"csrfmiddlewaretoken": olga.cookies["csrftoken"].value}
    assert olga.post(address, form).status_code == 302
    assert Wallet.objects.get(member=ana).balance == 600


def test_no_get_changes_anything(ana: Member) -> None:
    olga = people.olga()
    for address in [
        *changing_addresses(ana)[:-1],
        f"/console/members/{ana.pk}/adjust/?" + "points=5&direction=give",
    ]:
        with nothing_written():
            assert olga.get(address).status_code < 500


@pytest.mark.parametrize("model", ["transaction", "entry", "lot", "wallet"])
def test_the_books_cannot_be_written_through_the_admin_not_even_by_posting_directly(
    ana: Member, model: str
) -> None:
    olga = people.olga()
    row = {"transaction": Transaction, "entry": Entry, "lot": Lot, "wallet": Wallet}[
        model
    ]._default_manager.first()
    assert row is not None
    fields = {"amount": "1000000", "remaining": "1000000", "balance": "1000000", "_save": "1", "post": "yes"}
    action = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
    with nothing_written():
        for address, sent in [
            (f"/admin/ledger/{model}/add/", fields),
            (f"/admin/ledger/{model}/{row.pk}/change/", fields),
            (f"/admin/ledger/{model}/{row.pk}/delete/", fields),
            (f"/admin/ledger/{model}/", action),
        ]:
            answer = olga.post(address, sent)
            # An action that the list does not offer leads back to the list.
            assert answer.status_code in (302, 403, 404, 405) or sent is action, (address, answer.status_code)


def test_markup_in_a_name_is_text_on_every_page_that_shows_it(ana: Member) -> None:
    olga = people.olga()
    transaction = Transaction.objects.get()
    shown = 0
    for address in [
        f"/console/members/{ana.pk}/",
        f"/console/members/{ana.pk}/timeline/",
        f"/console/members/{ana.pk}/adjust/?form={uuid4()}",
        f"/console/members/{ana.pk}/receipts/{transaction.pk}/",
        f"/console/members/{ana.pk}/state/suspend/",
        "/console/members/?q=ext:ana",
        "/admin/members/member/",
        f"/admin/members/member/{ana.pk}/change/",
        "/admin/members/identifier/",
        "/admin/ledger/transaction/",
        f"/admin/ledger/transaction/{transaction.pk}/change/",
        "/admin/ledger/wallet/",
    ]:
        for headers in ({}, {"HX-Request": "true"}):
            page = olga.get(address, headers=headers, follow=True).content.decode()
            assert "<script>alert" not in page, address
            assert "<b hx-get" not in page, address
            shown += "&lt;script&gt;alert" in page
    assert shown >= 10


@pytest.mark.parametrize("term", ["<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>"])
def test_what_was_searched_for_is_text_too(ana: Member, term: str) -> None:
    olga = people.olga()
    for address in ("/console/members/", "/admin/members/member/", "/admin/ledger/transaction/"):
        page = olga.get(address, {"q": term}).content.decode()
        assert term not in page, address


@pytest.mark.parametrize("term", ["' OR 1=1 --", "%", "\x00", "\ud800", "a" * 5000, "-1", "1e999", "\u202e"])
def test_no_search_or_filter_of_the_admin_breaks(ana: Member, term: str) -> None:
    olga = people.olga()
    asked = {"q": term.encode("utf-8", "surrogatepass")}
    for address in (
        "/console/members/",
        "/admin/ledger/transaction/",
        "/admin/members/member/",
        "/admin/events/event/",
    ):
        assert olga.get(address, asked).status_code < 500, address
        for name in ("o", "p", "kind__exact", "id__exact", "member__name__startswith", "cursor"):
            answer = olga.get(address, {name: asked["q"]})
            assert answer.status_code < 500, (address, name)
