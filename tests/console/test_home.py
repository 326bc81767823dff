"""The home page tells of what needs a person, to those who may do something about it."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from loyalty.base import clock, jobs
from loyalty.console import home
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.members.models import Identifier
from loyalty.programs.models import Program
from tests.console import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def trouble() -> None:
    """A failed event, a failed job and books that do not add up."""
    program = people.a_program()
    member = people.ana(program)
    people.given(member, 5)
    people.an_order(people.a_channel(program))
    Event.objects.filter(type="order.completed").update(status="failed")
    at = clock.now()
    job = jobs.claim("nightly", program.code, "2026-01-01", at=at)
    assert job is not None
    jobs.fail(job, "out of paper", at=at, retry=False)
    bad = proof.verify_now(at=at)
    bad.result = {"ok": False}
    bad.save()


def with_rights(*names: str) -> Client:
    user = User.objects.create_user("mara", password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


TOLD = {"event": "1 event failed.", "job": "out of paper", "books": "found a breach"}


@pytest.mark.parametrize(
    ("rights", "seen"),
    [
        ((), set()),
        (("view_event",), {"event"}),
        (("view_job",), {"job", "books"}),
        (("view_event", "view_job"), {"event", "job", "books"}),
    ],
)
@pytest.mark.usefixtures("trouble")
def test_a_notice_is_for_those_who_may_go_where_it_leads(rights: tuple[str, ...], seen: set[str]) -> None:
    page = with_rights(*rights).get("/admin/").content.decode()
    assert {name for name, text in TOLD.items() if text in page} == seen


@pytest.mark.usefixtures("trouble")
def test_a_step_has_a_link_for_those_who_may_take_it() -> None:
    assert "Publish a campaign" in with_rights().get("/admin/").content.decode()
    assert "Choose a campaign" not in with_rights_of("nora").get("/admin/").content.decode()
    assert "Choose a campaign" in people.olga().get("/admin/").content.decode()


def with_rights_of(name: str) -> Client:
    user = User.objects.create_user(name, password="a long passphrase", is_staff=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_list_of_identifiers_shows_none_in_full() -> None:
    people.ana(people.a_program())
    client = people.olga()
    pages = [client.get("/admin/members/identifier/").content.decode()]
    pages += [
        client.get(f"/admin/members/identifier/{one.pk}/change/").content.decode()
        for one in Identifier.objects.all()
    ]
    assert len(pages) == 5
    for page in pages:
        assert "ana.ruiz@example.org" not in page
        assert "7911123456" not in page
    assert "a••@example.org" in pages[0]
    assert "••• 456" in pages[0]


def test_a_pending_member_is_made_active_on_the_member_page() -> None:
    member = people.ana(people.a_program(), state="pending")
    client = people.olga()
    address = f"/console/members/{member.pk}/"
    assert "cannot redeem until made active" in client.get(address).content.decode()
    ask = client.get(f"{address}state/reinstate/").content.decode()
    assert "can redeem from now on" in ask
    client.post(f"{address}state/", {"act": "reinstate"})
    member.refresh_from_db()
    assert member.state == "active"
    assert "Made active" in client.get(address).content.decode()


def test_the_last_changes_say_what_they_were_for_in_words_that_people_know() -> None:
    member = people.ana(people.a_program())
    internal = str(uuid4())
    people.given(member, 5, reference=internal, note="Mug, terracotta")
    people.given(member, 7, reference="A-1042", note="late")
    page = people.olga().get("/admin/").content.decode()
    assert "Mug, terracotta" in page
    assert "A-1042" in page
    assert internal not in page


def test_an_account_without_any_permission_is_told_so_and_who_can_help() -> None:
    people.a_program()
    told = "Your account may not look at anything yet"
    page = people.nell().get("/admin/").content.decode()
    assert told in page
    assert "Nothing needs you" not in page
    page = people.sam().get("/admin/").content.decode()
    assert told not in page
    assert "Nothing needs you" in page


def test_the_page_itself_does_not_wait_for_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    program = people.a_program()
    asked: list[Program] = []

    def counted(program: Program, at: datetime) -> list[dict[str, str]]:
        asked.append(program)
        return []

    monkeypatch.setattr(home, "numbers", counted)
    client = people.olga()
    client.get("/admin/")
    assert asked == []
    client.get("/console/numbers/")
    assert asked == [program]
