"""The builder says how many members an audience has, and shows some of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from campaigns.builder.audience import Audience, audience
from campaigns.fields import schema_for
from loyalty.base import clock
from loyalty.members import members
from loyalty.programs.models import Program
from tests.console import people

pytestmark = pytest.mark.django_db
YORK = {"field": "member.city", "op": "eq", "value": "York"}
SCHEMA = [{"code": "city", "type": "text", "label": "City"}]


@pytest.fixture
def program() -> Program:
    """Ana and Cleo live in York, Bea in Bath; Dora of York left."""
    program = people.a_program(member_schema=SCHEMA)
    for name, city in (("ana", "York"), ("bea", "Bath"), ("cleo", "York"), ("dora", "York")):
        members.register(
            program,
            {"external_id": name, "name": name.title(), "attributes": {"city": city}},
            channel=None,
            at=clock.now(),
        )
    members.close(members.find(program, "ext:dora"), at=clock.now())
    return program


def reach(program: Program, tree: dict[str, Any] | None) -> Audience | None:
    return audience(program, tree, schema_for(program, "order.completed"), at=clock.now())


def test_members_who_fit_are_counted_and_named_without_those_who_left(program: Program) -> None:
    found = reach(program, YORK)
    assert found is not None
    assert (found.matching, found.asked, found.is_part) == (2, 3, False)
    assert {member.name for member in found.sample} == {"Ana", "Cleo"}


def test_no_condition_fits_everybody(program: Program) -> None:
    found = reach(program, None)
    assert found is not None
    assert found.matching == 3


@pytest.mark.parametrize(
    "tree",
    [
        {"field": "member.city", "op": "eq"},
        {"field": "member.purchases", "op": "gte", "value": "1", "days": 90},
        {"field": "order.total", "op": "gte", "value": "1"},
    ],
)
def test_what_cannot_be_asked_quickly_is_not_guessed(program: Program, tree: dict[str, Any]) -> None:
    assert reach(program, tree) is None


def test_of_many_members_the_newest_are_asked_and_that_is_said(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.builder.audience.ASKED", 2)
    found = reach(program, YORK)
    assert found is not None
    assert (found.matching, found.asked, found.is_part) == (1, 2, True)
    page = people.olga().get("/console/campaigns/new/base/").content.decode()
    assert "of the newest 2 members" in page


def test_who_may_build_campaigns_but_not_see_members_sees_no_names(program: Program) -> None:
    pia = User.objects.create_user("pia", password="a long passphrase", is_staff=True)
    pia.user_permissions.set(Permission.objects.filter(codename__in=["view_campaign", "add_campaign"]))
    client = Client()
    client.force_login(pia, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/console/campaigns/new/base/")
    assert page.status_code == 200
    assert "lr-reach" not in page.content.decode()
    assert "lr-reach" in people.olga().get("/console/campaigns/new/base/").content.decode()
