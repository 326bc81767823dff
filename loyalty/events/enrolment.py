"""Enrolment: a person becomes a member, and what waited for them follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from loyalty.base.locking import retrying
from loyalty.events import types
from loyalty.events.guests import claim
from loyalty.events.intake import receive_internal
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.members.profiles import announced, read
from loyalty.programs.models import Channel, Program


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`event_ids` are due for processing: the guest's events and, first, the registration itself."""

    member: Member
    created: bool
    event_ids: list[UUID]


@retrying
def enrol(
    program: Program, profile: Mapping[str, Any], *, channel: Channel | None, at: datetime
) -> Enrolment:
    """Register a member, adopt what guests with the same identifiers did, and note the registration as an event
    that campaigns can reward. With a known external id: that member as is, `created` False.

    Raises Invalid, IdentifierRequired, IdentifierTaken.
    """
    given = read(program, profile, at=at)
    with transaction.atomic():
        member, created = members.register(program, given, channel=channel, at=at)
        if not created:
            return Enrolment(member, False, [])
        event_id = receive_internal(
            program,
            types.MEMBER_REGISTERED,
            f"registered:{member.pk}",
            member,
            announced(program, given),
            at=at,
        )
        claimed = claim(member, at=at)
    return Enrolment(member, True, [*([event_id] if event_id else []), *claimed])


@retrying
def change(member: Member, changes: Mapping[str, Any], *, at: datetime) -> Member:
    """Change a member's profile and adopt the guest of a new identifier, if there is one.

    Raises what `members.update` raises.
    """
    with transaction.atomic():
        current = members.update(member, changes, at=at)
        claim(current, at=at)
    return current
