"""Guests: events of people who were not members yet. They wait, and are taken over once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from loyalty.base.locking import retrying
from loyalty.events.errors import EventAttached, EventUnknown
from loyalty.events.models import Event
from loyalty.members import members
from loyalty.members.errors import MemberClosed
from loyalty.members.models import Identifier, Member

_CLAIM = """
UPDATE events_event e
   SET member_id = i.member_id, status = 'received', next_attempt_at = %s, attempts = 0
  FROM members_identifier i
 WHERE i.member_id = %s AND e.identifier_id = i.id AND e.status = 'guest'
RETURNING e.id
"""


def claim(member: Member, *, at: datetime) -> list[UUID]:
    """Give the waiting events of all the member's identifiers to the member; the ids of those events.

    They become due at `at`. Whoever gives an identifier to a member calls this in the same transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [at, member.pk])
        return [row[0] for row in cursor.fetchall()]


@retrying
def link(identifier: Identifier, member: Member, *, at: datetime) -> list[UUID]:
    """Give a guest's identifier and all its events to a member; the ids of the events.

    Raises IdentifierTaken, IdentifierPresent, MemberUnknown, MemberClosed.
    """
    with transaction.atomic():
        members.link(identifier, member, at=at)
        return claim(member, at=at)


@retrying
def attach(event: Event, member: Member, *, at: datetime) -> Event:
    """Give one waiting event without an identifier to a member. An event with one is given by `link`, with
    its identifier, so that the person's next events find the member too.

    Raises EventAttached, EventUnknown across programs, MemberClosed, IdentifierPresent.
    """
    if event.program_id != member.program_id:
        raise EventUnknown
    if member.state == Member.State.CLOSED:
        raise MemberClosed
    with transaction.atomic():
        current = Event.objects.select_for_update(no_key=True, of=["self"]).get(pk=event.pk)
        if current.status != Event.Status.GUEST:
            raise EventAttached
        if current.identifier is not None:
            link(current.identifier, member, at=at)
        else:
            current.member = member
            current.status = Event.Status.RECEIVED
            current.next_attempt_at = at
            current.save(update_fields=["member", "status", "next_attempt_at"])
    current.refresh_from_db()
    return current
