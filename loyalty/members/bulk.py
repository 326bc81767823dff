"""Members by the hundred, known by one identifier each: for histories, where one by one would take too long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from loyalty.members.identifiers import Ref, insert_missing, lock
from loyalty.members.models import Member
from loyalty.outbox import facts
from loyalty.outbox.facts import FactRow
from loyalty.programs.models import Channel

_GIVE = """
UPDATE members_identifier i SET member_id = new.member
  FROM unnest(%s::bigint[], %s::uuid[]) AS new (id, member) WHERE i.id = new.id
"""


def register_many(
    channel: Channel, since: Mapping[Ref, datetime], *, at: datetime, told: Mapping[str, object] | None = None
) -> tuple[list[Member], list[Member]]:
    """Make a member, enrolled at the given instant, for each reference that is nobody's yet. The new members, and
    those of them who were guests before: `loyalty.events.guests.claim` takes over their events.

    `told` is added to the facts that announce them.
    """
    with transaction.atomic():
        fresh = set(insert_missing(channel.program_id, since.keys(), at))
        free = [
            (ref, found)
            for ref, found in lock(channel.program_id, since.keys()).items()
            if not found.member_id
        ]
        made = [_member(channel, since[ref], at) for ref, _ in free]
        Member.objects.bulk_create(made)
        pairs = [(found.identifier_id, member) for (_, found), member in zip(free, made, strict=True)]
        _give(pairs)
        facts.record_many(_fact(channel, member, at, told or {}) for member in made)
    return made, [member for identifier_id, member in pairs if identifier_id not in fresh]


def _member(channel: Channel, since: datetime, at: datetime) -> Member:
    return Member(program=channel.program, enrolled_at=since, enrolled_via=channel, updated_at=at)


def _give(pairs: Iterable[tuple[int | None, Member]]) -> None:
    rows = list(pairs)
    ids: list[int | None] = [identifier_id for identifier_id, _ in rows]
    members: list[UUID] = [member.pk for _, member in rows]
    with connection.cursor() as cursor:
        cursor.execute(_GIVE, [ids, members])


def _fact(channel: Channel, member: Member, at: datetime, told: Mapping[str, object]) -> FactRow:
    data = {"via": channel.code, **told}
    return FactRow(channel.program_id, member.pk, "member.registered", data, member.enrolled_at, at)


def close_many(member_ids: Iterable[UUID], *, at: datetime, by: str) -> int:
    """End these memberships, within the caller's transaction; their rows are locked. How many were not closed yet."""
    open_ones = Member.objects.filter(pk__in=list(member_ids)).exclude(state=Member.State.CLOSED)
    found = list(open_ones.order_by("pk").values_list("pk", "program_id"))
    ids = [member_id for member_id, _ in found]
    Member.objects.filter(pk__in=ids).update(state=Member.State.CLOSED, closed_at=at, updated_at=at)
    facts.record_many(
        FactRow(program_id, member_id, "member.closed", {"by": by}, at, at) for member_id, program_id in found
    )
    return len(ids)
