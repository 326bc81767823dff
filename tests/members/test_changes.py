from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.members import members
from loyalty.members.errors import (
    IdentifierPresent,
    IdentifierRequired,
    IdentifierTaken,
    MemberClosed,
    MemberUnknown,
    StateRefused,
)
from loyalty.members.identifiers import Ref
from loyalty.members.models import Identifier, Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program
from tests.programs.characters import NOON, a_program

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=1)


@pytest.fixture
def program() -> Program:
    return a_program(
        member_schema=[
            {"code": "city", "type": "text", "label": "", "required": False},
            {"code": "vip", "type": "boolean", "label": "", "required": False},
        ]
    )


def a_member(program: Program, **profile: Any) -> Member:
    return members.register(program, profile, channel=None, at=NOON)[0]


@pytest.fixture
def ana(program: Program) -> Member:
    profile = {"external_id": "c-1", "email": "ana@example.org", "name": "Ana", "birthday": "1990-02-28"}
    return a_member(program, **profile, attributes={"city": "Leeds", "vip": True})


def test_only_what_is_given_changes(ana: Member) -> None:
    changed = members.update(ana, {"name": "Ana B", "attributes": {"city": None}}, at=LATER)
    assert (changed.name, changed.attributes, str(changed.birthday)) == ("Ana B", {"vip": True}, "1990-02-28")
    assert Fact.objects.get(type="member.updated").data == {"fields": ["attributes", "name"]}


def test_a_change_to_what_is_there_already_announces_nothing(ana: Member) -> None:
    members.update(ana, {"name": "Ana", "email": "ANA@example.org"}, at=LATER)
    assert not Fact.objects.filter(type="member.updated").exists()


def test_a_new_email_replaces_the_old_one(program: Program, ana: Member) -> None:
    members.update(ana, {"email": "ana@new.example"}, at=LATER)
    assert members.find(program, "email:ana@new.example") == ana
    with pytest.raises(MemberUnknown):
        members.find(program, "email:ana@example.org")
    assert not Identifier.objects.filter(value="ana@example.org").exists()


def test_an_email_of_somebody_else_cannot_be_taken(program: Program, ana: Member) -> None:
    a_member(program, email="ben@example.org")
    with pytest.raises(IdentifierTaken):
        members.update(ana, {"email": "ben@example.org", "name": "Ben"}, at=LATER)
    ana.refresh_from_db()
    assert ana.name == "Ana"
    assert members.find(program, "email:ana@example.org") == ana


def test_the_last_identifier_cannot_go(ana: Member) -> None:
    members.update(ana, {"email": None}, at=LATER)
    with pytest.raises(IdentifierRequired):
        members.update(ana, {"external_id": None}, at=LATER)


def test_a_closed_member_is_not_changed_and_not_reopened(ana: Member) -> None:
    members.close(ana, at=LATER)
    with pytest.raises(MemberClosed):
        members.update(ana, {"name": "Eve"}, at=LATER)
    for act in (members.suspend, members.reinstate):
        with pytest.raises(StateRefused):
            act(ana, at=LATER)


def test_states_say_who_may_earn_and_redeem(ana: Member) -> None:
    assert (ana.may_earn, ana.may_redeem) == (True, True)
    suspended = members.suspend(ana, at=LATER, may_earn=True, by="olga")
    assert (suspended.may_earn, suspended.may_redeem) == (True, False)
    back = members.reinstate(ana, at=LATER)
    assert (back.may_earn, back.may_redeem, back.suspended_may_earn) == (True, True, False)
    closed = members.close(ana, at=LATER)
    assert (closed.may_earn, closed.may_redeem, closed.closed_at) == (False, False, LATER)


def test_each_change_of_state_is_announced_once(ana: Member) -> None:
    acts: list[Callable[..., Member]] = [members.suspend, members.reinstate, members.reinstate, members.close]
    for act in [*acts, members.close]:
        act(ana, at=LATER)
    told = [fact.type for fact in Fact.objects.order_by("id")]
    assert told == ["member.registered", "member.suspended", "member.reinstated", "member.closed"]


def test_a_guest_identifier_is_linked_once(program: Program, ana: Member) -> None:
    guest = Identifier.objects.create(program=program, kind="card", value="9400", created_at=NOON)
    members.link(guest, ana, at=LATER)
    members.link(guest, ana, at=LATER)
    assert members.find(program, "card:9400") == ana
    assert Fact.objects.filter(type="member.updated").count() == 1
    ben = a_member(program, email="ben@example.org")
    with pytest.raises(IdentifierTaken):
        members.link(guest, ben, at=LATER)


def test_a_second_identifier_of_one_kind_is_not_linked(program: Program, ana: Member) -> None:
    guest = Identifier.objects.create(program=program, kind="email", value="a@old.example", created_at=NOON)
    with pytest.raises(IdentifierPresent) as refused:
        members.link(guest, ana, at=LATER)
    assert "(E-mail)" in refused.value.detail
    guest.refresh_from_db()
    assert guest.member is None
    assert not Fact.objects.filter(type="member.updated").exists()


@pytest.mark.parametrize("email", [None, "ana@new.example", "a@old.example"])
def test_of_an_identifier_that_changes_nothing_old_is_left(
    program: Program, ana: Member, email: str | None
) -> None:
    Identifier.objects.create(
        program=program, member=ana, kind="email", value="a@old.example", created_at=NOON
    )
    members.update(ana, {"email": email}, at=LATER)
    left = ana.identifiers.filter(kind="email").values_list("value", flat=True)
    assert list(left) == ([email] if email else [])


def test_an_identifier_is_never_linked_across_programs(program: Program, ana: Member) -> None:
    stranger = Identifier.objects.create(program=a_program("x"), kind="card", value="9400", created_at=NOON)
    with pytest.raises(MemberUnknown):
        members.link(stranger, ana, at=LATER)


def test_many_members_are_found_in_two_queries(program: Program, ana: Member) -> None:
    ben = a_member(program, card="9400")
    refs = [Ref("external", "c-1"), Ref("card", "9400"), Ref("member", str(ben.pk)), Ref("email", "x@y.zz")]
    with CaptureQueriesContext(connection) as queries:
        found = members.find_many(program, refs)
    assert found == {refs[0]: ana, refs[1]: ben, refs[2]: ben}
    assert len(queries) == 2


def test_standings_of_many_are_written_in_one_statement(program: Program, ana: Member) -> None:
    ben = a_member(program, card="9400")
    rows = [(ana.pk, "gold", "Gold", NOON, LATER), (ben.pk, "", "", None, None)]
    with CaptureQueriesContext(connection) as queries:
        members.set_standings(rows)
    assert len(queries) == 1
    ana.refresh_from_db()
    assert (ana.tier_code, ana.tier_name, ana.tier_since, ana.tier_until) == ("gold", "Gold", NOON, LATER)


def test_a_member_is_found_in_one_query(program: Program, ana: Member) -> None:
    for ref in ("ext:c-1", str(ana.pk)):
        with CaptureQueriesContext(connection) as queries:
            assert members.find(program, ref).program == program
        assert len(queries) == 1
