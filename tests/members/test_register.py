from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty.base.errors import Invalid
from loyalty.members import members
from loyalty.members.errors import IdentifierRequired, IdentifierTaken, MemberUnknown
from loyalty.members.models import Identifier, Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=1)
ANA = {"external_id": "c-1", "email": "Ana@Example.org", "phone": "+34600111222", "name": "Ana"}


@pytest.fixture
def program() -> Program:
    return a_program(
        member_schema=[{"code": "newsletter", "type": "boolean", "label": "", "required": False}]
    )


def register(program: Program, **profile: Any) -> tuple[Member, bool]:
    return members.register(program, profile, channel=None, at=NOON)


def test_a_member_is_found_by_each_identifier(program: Program) -> None:
    ana, created = register(program, **ANA)
    assert created
    for ref in ("ext:c-1", "email:ANA@example.org", "phone:+34 600 111 222", str(ana.pk)):
        assert members.find(program, ref) == ana


def test_the_same_external_id_answers_the_member_unchanged(program: Program) -> None:
    ana, _ = register(program, **ANA)
    again, created = register(program, external_id="c-1", email="new@example.org", name="Anna")
    assert (again, created) == (ana, False)
    assert again.name == "Ana"
    assert not Identifier.objects.filter(value="new@example.org").exists()
    assert Fact.objects.filter(type="member.registered").count() == 1


def test_an_email_of_another_member_is_refused_without_saying_whose(program: Program) -> None:
    ana, _ = register(program, **ANA)
    with pytest.raises(IdentifierTaken) as refused:
        register(program, external_id="c-2", email="ana@example.org")
    answer = f"{refused.value.detail} {refused.value.extra} {refused.value.errors}"
    assert str(ana.pk) not in answer
    assert "c-1" not in answer
    assert not Identifier.objects.filter(value="c-2").exists()
    assert Member.objects.count() == 1


def test_an_unknown_external_id_cannot_be_used_to_learn_the_member_of_an_email(program: Program) -> None:
    register(program, **ANA)
    with pytest.raises(IdentifierTaken):
        register(program, email="ana@example.org")


def test_the_same_identifiers_live_apart_in_two_programs(program: Program) -> None:
    ana, _ = register(program, **ANA)
    other, created = register(a_program("other"), **ANA)
    assert created
    assert other != ana


def test_another_programs_member_answers_like_a_random_id(program: Program) -> None:
    ana, _ = register(program, **ANA)
    for ref in (str(ana.pk), "ext:c-1", "0198f000-0000-7000-8000-000000000000"):
        with pytest.raises(MemberUnknown):
            members.find(a_program(f"p{hash(ref) % 97}"), ref)


def test_a_guest_with_the_same_card_is_adopted(program: Program) -> None:
    guest = Identifier.objects.create(program=program, kind="card", value="9400", created_at=NOON)
    with pytest.raises(MemberUnknown):
        members.find(program, "card:9400")
    ana, _ = register(program, card="9400", email="ana@example.org")
    guest.refresh_from_db()
    assert guest.member == ana


def test_the_fact_of_a_registration_names_nobody(program: Program) -> None:
    channel = a_channel(program)
    members.register(program, ANA, channel=channel, at=NOON)
    assert Fact.objects.get().data == {"via": "shop"}


@pytest.mark.parametrize(
    ("profile", "path", "code"),
    [
        ({"email": "no"}, "/email", "email_invalid"),
        ({"phone": "600111222"}, "/phone", "phone_invalid"),
        ({"name": "x" * 201, "card": "9400"}, "/name", "text_too_long"),
        ({"name": "a\x00", "card": "9400"}, "/name", "text_nul"),
        ({"name": "\ud83d", "card": "9400"}, "/name", "text_surrogate"),
        ({"birthday": "2026-11-23", "card": "9400"}, "/birthday", "birthday_in_future"),
        ({"birthday": "0001-01-01", "card": "9400"}, "/birthday", "timestamp_out_of_range"),
        ({"birthday": "9999-01-01", "card": "9400"}, "/birthday", "timestamp_out_of_range"),
        ({"balance": 5, "card": "9400"}, "/balance", "unknown_field"),
        ({"tier": "gold", "card": "9400"}, "/tier", "unknown_field"),
        ({"program_id": 1, "card": "9400"}, "/program_id", "unknown_field"),
        ({"attributes": {"newsletter": "yes"}, "card": "9400"}, "/attributes/newsletter", "boolean_expected"),
        ({"attributes": {"vip": True}, "card": "9400"}, "/attributes/vip", "unknown_field"),
        ({"attributes": [], "card": "9400"}, "/attributes", "object_expected"),
    ],
)
def test_a_wrong_profile_is_refused_and_nothing_is_written(
    program: Program, profile: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        register(program, **profile)
    assert [(fault.path, fault.code) for fault in refused.value.errors] == [(path, code)]
    assert not Member.objects.exists()
    assert not Identifier.objects.exists()


def test_a_member_needs_something_to_be_found_by(program: Program) -> None:
    with pytest.raises(IdentifierRequired):
        register(program, name="Ana", email=None)


def test_a_name_is_kept_as_written_in_one_form(program: Program) -> None:
    ana, _ = register(program, name="  Zoe\u0308  \u202eAl ", card="9400")
    assert ana.name == "Zo\u00eb \u202eAl"
