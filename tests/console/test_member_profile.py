"""Staff add members and change profiles through the same doors as channels: facts, the welcome event, guests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from campaigns.earning import drain
from campaigns.models import EarningCampaign
from campaigns.versions import publish
from loyalty.base import clock
from loyalty.base.clock import write_instant
from loyalty.events.models import Event
from loyalty.ledger.models import Transaction
from loyalty.members.models import Identifier, Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program
from tests.console import people

pytestmark = pytest.mark.django_db
NEW = "/console/members/new/"
SCHEMA = [
    {"code": "city", "type": "text", "label": "City"},
    {"code": "newsletter", "type": "boolean", "label": "Newsletter"},
    {"code": "size", "type": "choice", "label": "Size", "choices": ["S", "M"]},
]


@pytest.fixture
def program() -> Program:
    return people.a_program(member_schema=SCHEMA)


def a_welcome(program: Program) -> None:
    at = clock.now() - timedelta(days=1)
    campaign = EarningCampaign.objects.create(
        program=program, code="welcome", name="Welcome", point_type=people.points_of(program), points=100,
        trigger="member.registered", basis="fixed", created_at=at, updated_at=at,
    )  # fmt: skip
    publish(campaign, by="olga", at=at)


def posted(client: Client, address: str) -> dict[str, Any]:
    """What a browser would send back unchanged."""
    form = client.get(address).context["form"]
    return {field.html_name: field.value() or "" for field in form}


def test_an_added_member_is_registered_with_fact_and_welcome_points(program: Program) -> None:
    a_welcome(program)
    client = people.olga()
    form = posted(client, NEW) | {
        "name": "Bea Ólafs", "email": "Bea@Example.org", "attribute-city": "York", "attribute-newsletter": "true",
    }  # fmt: skip
    answer = client.post(NEW, form)
    bea = Member.objects.get()
    assert answer["Location"] == f"/console/members/{bea.pk}/"
    assert bea.attributes == {"city": "York", "newsletter": True}
    assert Identifier.objects.get(member=bea).value == "bea@example.org"
    drain()
    assert Transaction.objects.get(member=bea).amount == 100
    assert Fact.objects.filter(member_id=bea.pk, type="member.registered").exists()


def test_sending_the_form_twice_adds_one_member(program: Program) -> None:
    client = people.olga()
    form = posted(client, NEW) | {"email": "bea@example.org"}
    first, second = client.post(NEW, form), client.post(NEW, form)
    assert first["Location"] == second["Location"]
    assert Member.objects.count() == 1


def test_somebody_elses_address_is_refused_beside_its_field_and_names_them(program: Program) -> None:
    people.ana(program)
    client = people.olga()
    answer = client.post(NEW, posted(client, NEW) | {"name": "Bea", "email": "ana.ruiz@example.org"})
    assert answer.status_code == 422
    assert "Ana Ruíz Ødegård" in answer.context["form"].errors["email"][0]
    assert Member.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"email": "a@example.org", "birthday": "2026-13-01"}, "birthday"),
        ({"email": "a@example.org", "attribute-size": "XXL"}, "attribute-size"),
        ({"name": "Nobody"}, "__all__"),
    ],
)
def test_what_cannot_be_kept_is_said_beside_its_field(
    program: Program, typed: dict[str, str], field: str
) -> None:
    client = people.olga()
    answer = client.post(NEW, posted(client, NEW) | typed)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not Member.objects.exists()


def test_a_guest_who_is_added_gets_what_waited(program: Program) -> None:
    people.an_order(people.a_channel(program), member="email:bea@example.org")
    drain()
    client = people.olga()
    client.post(NEW, posted(client, NEW) | {"email": "bea@example.org"})
    assert Event.objects.get(order_reference="A-1042").member == Member.objects.get()


def test_a_change_writes_only_what_differs(program: Program) -> None:
    ana = people.ana(program, birthday="1990-05-14")
    client = people.sam()
    address = f"/console/members/{ana.pk}/edit/"
    form = posted(client, address) | {"name": "Ana Ruíz", "phone": "", "attribute-size": "M"}
    assert client.post(address, form)["Location"] == f"/console/members/{ana.pk}/"
    ana.refresh_from_db()
    assert (ana.name, str(ana.birthday), ana.attributes) == ("Ana Ruíz", "1990-05-14", {"size": "M"})
    assert set(ana.identifiers.values_list("kind", flat=True)) == {"external", "email", "card"}
    told = Fact.objects.get(member_id=ana.pk, type="member.updated").data
    assert told == {"fields": ["attributes", "name", "phone"]}


def test_who_changed_a_profile_is_kept_without_personal_data(program: Program) -> None:
    ana = people.ana(program)
    client = people.sam()
    address = f"/console/members/{ana.pk}/edit/"
    client.post(address, posted(client, address) | {"name": "Secret Name"})
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id, entry.change_message) == ("sam", str(ana.pk), "name")
    assert "Secret" not in f"{entry.object_repr} {entry.change_message}"


def test_saving_over_somebody_elses_change_is_refused_and_shows_theirs(program: Program) -> None:
    ana = people.ana(program)
    client = people.sam()
    address = f"/console/members/{ana.pk}/edit/"
    mine = posted(client, address) | {"name": "Mine"}
    client.post(address, posted(client, address) | {"name": "Theirs"})
    answer = client.post(address, mine)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Theirs" in page
    assert 'value="Mine"' in page
    ana.refresh_from_db()
    assert ana.name == "Theirs"
    again = mine | {"seen": write_instant(ana.updated_at)}
    assert client.post(address, again).status_code == 302
    ana.refresh_from_db()
    assert ana.name == "Mine"


def test_the_last_identifier_cannot_be_taken_away(program: Program) -> None:
    ana = people.ana(program)
    client = people.sam()
    address = f"/console/members/{ana.pk}/edit/"
    blank = {"email": "", "phone": "", "card": "", "external_id": ""}
    answer = client.post(address, posted(client, address) | blank)
    assert answer.status_code == 422
    assert ana.identifiers.count() == 4


def test_an_agent_without_the_right_reads_who_can_grant_it(program: Program) -> None:
    assert people.sam().get(NEW).status_code == 403


def test_another_programs_member_cannot_be_edited(program: Program) -> None:
    elsewhere = people.ana(people.a_program("zeta", name="Zeta"))
    assert people.sam().get(f"/console/members/{elsewhere.pk}/edit/").status_code == 404


def test_linking_a_second_email_is_refused_in_words_and_the_event_waits(program: Program) -> None:
    member = people.ana(program)
    receipt = people.an_order(people.a_channel(program), "email:ana@old.example.org")
    client, page = people.olga(), f"/console/events/{receipt.event_id}/link/"
    assert "There is one of each kind" in client.get(page).content.decode()
    answer = client.post(page, {"member": str(member.pk)}, follow=True).content.decode()
    assert "This member has another identifier of that kind already (E-mail)." in answer
    assert Event.objects.get(pk=receipt.event_id).status == "guest"
    assert member.identifiers.get(kind="email").value == "ana.ruiz@example.org"
