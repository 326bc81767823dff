"""Members: register, change, find. Safe against two doing it at once: identifiers are the lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from loyalty.base.copying import as_arrays
from loyalty.base.locking import retrying
from loyalty.base.prepared import columns, first, prepared
from loyalty.members.errors import (
    IdentifierPresent,
    IdentifierRequired,
    IdentifierTaken,
    MemberClosed,
    MemberUnknown,
    StateRefused,
)
from loyalty.members.identifiers import EXTERNAL, MEMBER, Found, Ref, insert_missing, lock, parse_ref, resolve
from loyalty.members.models import Identifier, Member
from loyalty.members.profiles import Profile, read
from loyalty.outbox import facts
from loyalty.programs.models import Channel, Program

State = Member.State


def find(program: Program, ref: str | Ref) -> Member:
    """The member a reference names, in one query, with `program` as their program. Raises MemberUnknown, also for
    another program's member and for a guest; Invalid for what is no reference."""
    asked = parse_ref(ref, program.phone_region) if isinstance(ref, str) else ref
    found = _named(program, asked)
    if found is None:
        raise MemberUnknown
    found.program = program
    return found


# Asked for by nearly every call, so planned once.
_BY_ID: Final = f"""SELECT {columns(Member, "m")} FROM members_member m
    WHERE m.id = %(value)s AND m.program_id = %(program)s"""
_BY_IDENTIFIER: Final = f"""SELECT {columns(Member, "m")} FROM members_member m
    JOIN members_identifier i ON i.member_id = m.id
    WHERE i.program_id = %(program)s AND i.kind = %(kind)s AND i.value = %(value)s AND m.program_id = %(program)s"""


def _named(program: Program, ref: Ref) -> Member | None:
    statement = _BY_ID if ref.kind == MEMBER else _BY_IDENTIFIER
    return first(Member, statement, {"program": program.pk, "kind": ref.kind, "value": ref.value})


def find_many(program: Program, refs: Iterable[Ref]) -> dict[Ref, Member]:
    """The members that `refs` name, in two queries; unknown ones are not in the answer."""
    ids = {ref: found.member_id for ref, found in resolve(program.pk, refs).items() if found.member_id}
    members = Member.objects.filter(program=program).in_bulk(list(ids.values()))
    return {ref: members[member_id] for ref, member_id in ids.items() if member_id in members}


@retrying
def register(
    program: Program, profile: Mapping[str, Any] | Profile, *, channel: Channel | None, at: datetime
) -> tuple[Member, bool]:
    """A new member, or the one who has this external id already: answered as is, never changed.

    Guests known by one of the identifiers are adopted; `loyalty.events.guests.claim` then takes their events.
    Raises Invalid, IdentifierRequired, IdentifierTaken.
    """
    given = profile if isinstance(profile, Profile) else read(program, profile, at=at)
    refs = given.refs
    if not refs:
        raise IdentifierRequired
    if known := _known(program, given):
        return known, False
    with transaction.atomic():
        fresh = insert_missing(program.pk, refs, at)
        locked = lock(program.pk, refs)
        if member_id := _owner(locked, given):
            Identifier.objects.filter(pk__in=fresh).delete()  # somebody registered the same person meanwhile
            return Member.objects.get(pk=member_id), False
        if any(found.member_id for found in locked.values()):
            raise IdentifierTaken
        member = _create(program, given, channel, at)
        _give(member, locked.values())
        facts.record(
            program.pk,
            member.pk,
            "member.registered",
            {"via": channel.code if channel else ""},
            occurred_at=at,
            recorded_at=at,
        )
    return member, True


def _known(program: Program, given: Profile) -> Member | None:
    """Who has the external id, without a lock: the cheap answer to a repeated call."""
    value = given.identifiers.get(EXTERNAL)
    return _named(program, Ref(EXTERNAL, value)) if value is not None else None


def _owner(locked: Mapping[Ref, Found], given: Profile) -> UUID | None:
    value = given.identifiers.get(EXTERNAL)
    found = locked.get(Ref(EXTERNAL, value)) if value else None
    return found.member_id if found else None


def _create(program: Program, given: Profile, channel: Channel | None, at: datetime) -> Member:
    return Member.objects.create(
        program=program,
        state=given.state,
        name=given.name or "",
        birthday=given.birthday,
        attributes=given.attributes,
        enrolled_at=at,
        enrolled_via=channel,
        updated_at=at,
    )


def _give(member: Member, identifiers: Iterable[Found]) -> None:
    Identifier.objects.filter(pk__in=[found.identifier_id for found in identifiers]).update(member=member)


@retrying
def update(member: Member, changes: Mapping[str, Any] | Profile, *, at: datetime) -> Member:
    """Change the given fields of a member; null takes a value away. A member may have one identifier of each
    kind; a new one replaces the old one, and a guest known by it is adopted. A pending member may become active.

    Raises Invalid, IdentifierRequired (the last one cannot go), IdentifierTaken, MemberClosed; StateRefused, as only
    staff make a suspended member active.
    """
    given = changes if isinstance(changes, Profile) else read(member.program, changes, at=at, partial=True)
    with transaction.atomic():
        current = _locked(member)
        if current.state == State.CLOSED:
            raise MemberClosed
        if "state" in given.fields and current.state != State.ACTIVE:
            _activate(current, at)
        changed = _set_fields(current, given)
        changed += _set_identifiers(current, given, at)
        if changed:
            current.updated_at = at
            current.save(update_fields=["name", "birthday", "attributes", "updated_at"])
            _announce(current, "member.updated", {"fields": sorted(changed)}, at)
    return current


def _locked(member: Member) -> Member:
    """The member's row, locked against other changes but not against events that refer to it."""
    return (
        Member.objects.select_for_update(no_key=True, of=["self"]).select_related("program").get(pk=member.pk)
    )


def _set_fields(member: Member, given: Profile) -> list[str]:
    attributes = {**member.attributes, **given.attributes}
    wanted = {
        "name": given.name or "",
        "birthday": given.birthday,
        "attributes": {code: value for code, value in attributes.items() if value is not None},
    }
    changed = [name for name in wanted if name in given.fields and getattr(member, name) != wanted[name]]
    for name in changed:
        setattr(member, name, wanted[name])
    return changed


def _set_identifiers(member: Member, given: Profile, at: datetime) -> list[str]:
    """Replace identifiers, all there are of a kind that changes; the names of those that changed."""
    present = list(member.identifiers.all())
    wanted = {
        kind: value
        for kind, value in given.identifiers.items()
        if [one.value for one in present if one.kind == kind] != ([] if value is None else [value])
    }
    if not wanted:
        return []
    new = [Ref(kind, value) for kind, value in wanted.items() if value is not None]
    if not new and all(one.kind in wanted for one in present):
        raise IdentifierRequired
    if new:
        insert_missing(member.program_id, new, at)
        locked = lock(member.program_id, new)
        if any(found.member_id not in (None, member.pk) for found in locked.values()):
            raise IdentifierTaken
        _give(member, locked.values())
    gone = [one.pk for one in present if one.kind in wanted and one.value != wanted[one.kind]]
    Identifier.objects.filter(pk__in=gone).delete()
    return ["external_id" if kind == EXTERNAL else kind for kind in wanted]


@retrying
def link(identifier: Identifier, member: Member, *, at: datetime) -> Identifier:
    """Give a guest identifier to a member. Its events are taken over by `loyalty.events.guests.claim`.

    Raises IdentifierTaken when it belongs to somebody else, IdentifierPresent when the member has another one of its
    kind, MemberUnknown across programs, MemberClosed.
    """
    if identifier.program_id != member.program_id:
        raise MemberUnknown
    with transaction.atomic():
        if _locked(member).state == State.CLOSED:
            raise MemberClosed
        current = Identifier.objects.select_for_update(no_key=True).get(pk=identifier.pk)
        if current.member_id not in (None, member.pk):
            raise IdentifierTaken
        if current.member_id is None:
            if member.identifiers.filter(kind=current.kind).exists():
                raise IdentifierPresent(current.get_kind_display())
            current.member = member
            current.save(update_fields=["member"])
            name = "external_id" if current.kind == EXTERNAL else current.kind
            _announce(member, "member.updated", {"fields": [name]}, at)
    return current


def _activate(member: Member, at: datetime) -> None:
    if member.state != State.PENDING:
        raise StateRefused
    _enter(member, State.ACTIVE, "member.activated", {}, at)


def suspend(
    member: Member, *, at: datetime, may_earn: bool = False, may_redeem: bool = False, by: str = ""
) -> Member:
    """Stop a member from redeeming, and from earning unless `may_earn`. Raises StateRefused when closed."""
    with transaction.atomic():
        current = _locked(member)
        if current.state == State.CLOSED:
            raise StateRefused
        current.suspended_may_earn, current.suspended_may_redeem = may_earn, may_redeem
        flags = {"may_earn": may_earn, "may_redeem": may_redeem}
        return _enter(current, State.SUSPENDED, "member.suspended", {**flags, "by": by}, at)


def reinstate(member: Member, *, at: datetime, by: str = "") -> Member:
    """Make a suspended or pending member active again. Raises StateRefused when closed."""
    with transaction.atomic():
        current = _locked(member)
        if current.state == State.CLOSED:
            raise StateRefused
        if current.state == State.ACTIVE:
            return current
        fact = "member.activated" if current.state == State.PENDING else "member.reinstated"
        current.suspended_may_earn = current.suspended_may_redeem = False
        return _enter(current, State.ACTIVE, fact, {"by": by}, at)


def close(member: Member, *, at: datetime, by: str = "") -> Member:
    """End a membership for good; the books stay. Closing twice changes nothing."""
    with transaction.atomic():
        current = _locked(member)
        if current.state == State.CLOSED:
            return current
        current.closed_at = at
        return _enter(current, State.CLOSED, "member.closed", {"by": by}, at)


def _enter(member: Member, state: Member.State, fact: str, data: dict[str, object], at: datetime) -> Member:
    member.state = state
    member.updated_at = at
    member.save(
        update_fields=["state", "suspended_may_earn", "suspended_may_redeem", "closed_at", "updated_at"]
    )
    _announce(member, fact, data, at)
    return member


def _announce(member: Member, fact: str, data: dict[str, object], at: datetime) -> None:
    facts.record(member.program_id, member.pk, fact, data, occurred_at=at, recorded_at=at)


_STANDING = """
UPDATE members_member m
   SET tier_code = new.code, tier_name = new.name, tier_since = new.since, tier_until = new.until
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
       AS new (id, code, name, since, until)
 WHERE m.id = new.id
"""
Standing = tuple[UUID, str, str, datetime | None, datetime | None]  # member, tier code, name, since, until


def set_standing(
    member_id: UUID, code: str, name: str, *, since: datetime | None, until: datetime | None = None
) -> None:
    """Write a member's current tier where the commonest read finds it. Empty code: no tier."""
    set_standings([(member_id, code, name, since, until)])


def set_standings(rows: Iterable[Standing]) -> None:
    """The same for many members in one statement, in the order of their ids."""
    ordered = sorted(rows, key=lambda row: row[0].int)
    if not ordered:
        return
    with prepared() as cursor:
        cursor.execute(_STANDING, as_arrays(ordered))
