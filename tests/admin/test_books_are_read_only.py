"""Nobody changes the books through the admin, a superuser included: no button, no permission, no POST."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory

from campaigns.models import BonusCampaign, Campaign, CampaignVersion, EarningCampaign
from loyalty.base.models import Job
from loyalty.events.models import Event
from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.members.models import Identifier, Member
from loyalty.outbox.models import Fact
from tests.console import people
from tiers.models import LadderVersion, Placement, Standing, TierChange, TierSet

pytestmark = pytest.mark.django_db

READ_ONLY = [
    Transaction, Entry, Lot, Wallet, Event, Fact, Member, Identifier, Job,
    Campaign, EarningCampaign, BonusCampaign, CampaignVersion,
    TierSet, LadderVersion, Standing, TierChange, Placement,
]  # fmt: skip


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_nobody_may_add_change_or_delete(model: Any) -> None:
    client = people.olga()
    request = RequestFactory().get("/")
    request.user = client.request().wsgi_request.user
    request.session = client.session
    own = admin.site.get_model_admin(model)
    assert not own.has_add_permission(request)
    assert not own.has_change_permission(request)
    assert not own.has_delete_permission(request)
    assert own.has_view_permission(request)


@pytest.mark.parametrize("model", [Transaction, Entry, Lot, Wallet], ids=lambda model: model.__name__)
def test_a_direct_post_is_refused_and_changes_nothing(model: Any) -> None:
    member = people.ana(people.a_program())
    people.given(member, 100)
    row = model.objects.get()
    before = model.objects.values().get()
    client = people.olga()
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    attempts = [
        client.post(f"{base}add/", {"amount": "1"}),
        client.post(
            f"{base}{row.pk}/change/", {"amount": "1", "remaining": "1", "balance": "1", "_save": "1"}
        ),
        client.post(f"{base}{row.pk}/delete/", {"post": "yes"}),
    ]
    assert [one.status_code for one in attempts] == [403, 403, 403]
    client.post(
        base, {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes", "index": "0"}
    )
    assert model.objects.values().get() == before


@pytest.mark.parametrize("model", [Transaction, Entry, Lot, Wallet], ids=lambda model: model.__name__)
def test_pages_of_the_books_have_no_button_to_change_them(model: Any) -> None:
    member = people.ana(people.a_program())
    people.given(member, 100)
    client = people.olga()
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    for address in (base, f"{base}{model.objects.get().pk}/change/"):
        page = client.get(address).content.decode()
        assert 'name="_save"' not in page
        assert f"{base}add/" not in page
        assert "/delete/" not in page
        assert "delete_selected" not in page


def test_an_empty_list_says_what_will_be_there_and_no_match_says_something_else() -> None:
    member = people.ana(people.a_program())
    client = people.olga()
    assert "No transactions yet" in client.get("/admin/ledger/transaction/").content.decode()
    people.given(member, 100)
    page = client.get("/admin/ledger/transaction/?q=nothing-like-it").content.decode()
    assert "Clear search and filters" in page
    assert "No transactions yet" not in page


def test_a_transaction_is_found_by_reference_and_by_id() -> None:
    member = people.ana(people.a_program())
    booked = people.given(member, 100, reference="T-1")
    people.given(member, 7, reference="T-2")
    client = people.olga()
    for term in ("T-1", str(booked.pk)):
        page = client.get("/admin/ledger/transaction/", {"q": term}).content.decode()
        assert "+100" in page
        assert "+7 " not in page


@pytest.mark.parametrize("term", ["' OR 1=1 --", "%", "\\", "01", "x" * 500])
def test_hostile_search_terms_match_nothing(term: str) -> None:
    member = people.ana(people.a_program())
    people.given(member, 100)
    client = people.olga()
    for one in ("ledger/transaction", "ledger/entry", "ledger/lot", "events/event"):
        answer = client.get(f"/admin/{one}/", {"q": term})
        assert answer.status_code == 200
        assert "+100" not in answer.content.decode()
