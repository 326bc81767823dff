"""The first call to make with a new key: one that the key may make, and that takes nothing from anybody."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from loyalty.base.clock import write_instant
from loyalty.members.models import Member
from loyalty.programs.models import ApiKey, Scope


class Example(NamedTuple):
    """A call of the API. Without a body it only reads."""

    method: str
    path: str
    body: str = ""
    headers: tuple[str, ...] = ()


def example_for(key: ApiKey, at: datetime) -> Example | None:
    """By what the key may do, or None where every call that it may make takes points or sends goods."""
    if Scope.EVENTS_WRITE in key.scopes:
        return _event(key, at)
    if Scope.REWARDS_READ in key.scopes:
        return Example("GET", "/api/v1/rewards?" + urlencode({"limit": 5}))
    member = Member.objects.filter(program=key.channel.program_id).order_by("-id").first()
    if member is None:
        return _enrolment() if Scope.MEMBERS_WRITE in key.scopes else None
    if Scope.MEMBERS_READ in key.scopes:
        return Example("GET", f"/api/v1/members/{member.pk}/balances")
    return _change_of_nothing(member) if Scope.MEMBERS_WRITE in key.scopes else None


def _event(key: ApiKey, at: datetime) -> Example:
    """Of a person who is nobody yet. Its id is the key's own, so that another key's first call is another event."""
    event = {
        "id": f"first-{key.pk}", "type": "visit.checked_in", "occurred_at": write_instant(at.replace(microsecond=0)),
        "member": "ext:4711", "data": {},
    }  # fmt: skip
    return Example("POST", "/api/v1/events", json.dumps(event), ("Prefer: wait",))


def _enrolment() -> Example:
    return Example("POST", "/api/v1/members/register", json.dumps({"external_id": "4711"}))


def _change_of_nothing(member: Member) -> Example:
    return Example("PATCH", f"/api/v1/members/{member.pk}", "{}")
