"""Endpoints on who a member is: register, look, change. Edges only."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from loyalty.base import clock, http
from loyalty.events.enrolment import change, enrol
from loyalty.ledger import examples
from loyalty.ledger.balances import balances_now
from loyalty.ledger.schemas import MemberShown
from loyalty.ledger.sheet import sheet, sheet_of, write_member
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.endpoint import caller_of, endpoint, read_object
from loyalty.programs.models import Scope

router = Router(tags=["Members and points"])

_TEXT = {"type": ["string", "null"]}
_FIELDS: dict[str, Any] = {
    "external_id": {**_TEXT, "maxLength": 200, "description": "Your own id of the person."},
    "email": {**_TEXT, "maxLength": 254, "format": "email"},
    "phone": {**_TEXT, "maxLength": 40, "description": "With +, or as dialled in the program's country."},
    "card": {**_TEXT, "maxLength": 80},
    "name": {**_TEXT, "maxLength": 200},
    "birthday": {**_TEXT, "format": "date"},
    "attributes": {"type": ["object", "null"], "description": "The program's declared attributes."},
}
_ACTIVATES = "Makes a pending member active. A suspended one stays so: that is for staff."
_STATE = {
    "type": ["string", "null"],
    "description": "pending: earns, and may not redeem yet. Left out: active.",
}
PROFILE: dict[str, Any] = {
    "type": "object",
    "title": "Profile",
    "description": "At least one of external_id, email, phone and card.",
    "properties": {**_FIELDS, "state": {**_STATE, "enum": ["pending", "active", None]}},
    "additionalProperties": False,
    "minProperties": 1,
}
CHANGES: dict[str, Any] = {
    "type": "object",
    "title": "Changes",
    "description": "Only the fields to change. null takes a value away.",
    "properties": {**_FIELDS, "state": {"type": "string", "enum": ["active"], "description": _ACTIVATES}},
    "additionalProperties": False,
}


@endpoint(
    router,
    "POST",
    "/members/register",
    scope=Scope.MEMBERS_WRITE,
    summary="Enrol a person",
    answers={200: MemberShown, 201: MemberShown},
    body=PROFILE,
    example={
        "external_id": "ana",
        "email": "ana@example.org",
        "phone": "+34600111222",
        "name": "Ana García",
        "birthday": "1990-05-14",
        "state": "active",
    },
    shows=examples.MEMBER,
    refuses=[409],
)
def register(request: HttpRequest) -> HttpResponse:
    """201 with the new member. An external id that is known: 200 with that member, unchanged. What a guest with
    one of the identifiers did before is adopted."""
    caller = caller_of(request)
    done = enrol(caller.program, read_object(request), channel=caller.channel, at=clock.now())
    return _shown(done.member, status=201 if done.created else 200)


@endpoint(
    router,
    "GET",
    "/members/{path:member}",
    scope=Scope.MEMBERS_READ,
    summary="A member: profile, tier, balances",
    answers={200: MemberShown},
    shows=examples.MEMBER,
    refuses=[404],
)
def get_member(request: HttpRequest, member: str) -> HttpResponse:
    """Profile, tier and balances in one answer."""
    found = sheet(caller_of(request).program, member)
    return http.answer(write_member(found, balances_now(found.id, at=clock.now())))


@endpoint(
    router,
    "PATCH",
    "/members/{path:member}",
    scope=Scope.MEMBERS_WRITE,
    summary="Change a member's profile",
    answers={200: MemberShown},
    body=CHANGES,
    example={"name": "Ana García López"},
    shows=examples.MEMBER,
    refuses=[404, 409],
)
def update_member(request: HttpRequest, member: str) -> HttpResponse:
    """Only the given fields change; null takes a value away."""
    found = members.find(caller_of(request).program, member)
    return _shown(change(found, read_object(request), at=clock.now()))


def _shown(member: Member, *, status: int = 200) -> HttpResponse:
    shown = write_member(sheet_of(member), balances_now(member.pk, at=clock.now()))
    return http.answer(shown, status=status)
