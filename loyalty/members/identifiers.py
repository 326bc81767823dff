"""What members are found by. A reference is written as an own id (a UUID) or with its kind before it:
`ext:4711`, `email:ana@example.org`, `phone:+34600111222`, `card:9400123`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from loyalty.base.email import normal_email
from loyalty.base.errors import Invalid
from loyalty.base.ids import is_uuid
from loyalty.base.phones import e164
from loyalty.base.prepared import prepared
from loyalty.base.text import clean
from loyalty.members.models import Identifier

MAX_EXTERNAL = 200
MEMBER = "member"  # the kind of a reference that is a member's own id
EXTERNAL, EMAIL, PHONE, CARD = (kind.value for kind in Identifier.Kind)
PREFIXES = {"ext": EXTERNAL, "email": EMAIL, "phone": PHONE, "card": CARD}

_CARD = re.compile(r"[A-Z0-9]{4,40}")


class Ref(NamedTuple):
    """A member's own id, or an identifier in its normal form."""

    kind: str
    value: str


class Found(NamedTuple):
    """What a reference leads to: a member, a guest identifier, or both (a known member's identifier)."""

    member_id: UUID | None
    identifier_id: int | None


def normal(kind: str, value: object, region: str = "") -> str:
    """The one form in which an identifier is kept and compared. Raises Invalid with the kind's code."""
    return _NORMAL[kind](value, region)


def _external(value: object, _: str) -> str:
    return clean(value, max_length=MAX_EXTERNAL, required=True)


def _card(value: object, _: str) -> str:
    number = re.sub(r"[ -]", "", value).upper() if isinstance(value, str) and len(value) <= 80 else ""
    if not _CARD.fullmatch(number):
        raise Invalid("A card number has 4 to 40 letters and digits.", code="card_invalid")
    return number


def _phone(value: object, region: str) -> str:
    return e164(value, region or None)


def _email(value: object, _: str) -> str:
    return normal_email(value)


_NORMAL: dict[str, Callable[[object, str], str]] = {
    EXTERNAL: _external,
    EMAIL: _email,
    PHONE: _phone,
    CARD: _card,
}


def parse_ref(text: object, region: str = "") -> Ref:
    """A reference as written by a channel or by staff. `region` reads national phone numbers.

    Raises Invalid `member_reference_invalid`, or the code of the identifier's kind.
    """
    if isinstance(text, str):
        if is_uuid(text):
            return Ref(MEMBER, text.lower())
        prefix, colon, value = text.partition(":")
        kind = PREFIXES.get(prefix)
        if colon and kind:
            return Ref(kind, normal(kind, value, region))
    raise Invalid(
        "Name a member by our id, or by ext:…, email:…, phone:… or card:….", code="member_reference_invalid"
    )


_RESOLVE = """
SELECT i.kind, i.value, i.member_id, i.id
  FROM unnest(%s::text[], %s::text[]) AS asked (kind, value)
  JOIN members_identifier i ON i.program_id = %s AND i.kind = asked.kind AND i.value = asked.value
"""
_OWN = "SELECT 'member', id::text, id, NULL::bigint FROM members_member WHERE program_id = %s AND id = ANY(%s::uuid[])"


def resolve(program_id: int, refs: Iterable[Ref]) -> dict[Ref, Found]:
    """Members and guest identifiers of all `refs` in one query. What is not known is not in the answer."""
    asked = set(refs)
    own = [ref.value for ref in asked if ref.kind == MEMBER]
    others = [ref for ref in asked if ref.kind != MEMBER]
    parts: list[str] = []
    params: list[list[str] | int] = []
    if others:
        parts.append(_RESOLVE)
        params += [[ref.kind for ref in others], [ref.value for ref in others], program_id]
    if own:
        parts.append(_OWN)
        params += [program_id, own]
    if not parts:
        return {}
    with prepared() as cursor:
        cursor.execute(" UNION ALL ".join(parts), params, prepare=True)
        return {Ref(kind, value): Found(member, own_id) for kind, value, member, own_id in cursor.fetchall()}


_WHOSE = {
    True: "SELECT id FROM members_member WHERE program_id = %s AND id = %s::uuid",
    False: "SELECT member_id FROM members_identifier WHERE program_id = %s AND kind = %s AND value = %s",
}


def whose(program_id: int, ref: Ref) -> tuple[str, list[object]]:
    """A statement for the id of the member that `ref` names, and its values, to stand inside another one. No row or
    NULL: there is none."""
    own = ref.kind == MEMBER
    return _WHOSE[own], [program_id, ref.value] if own else [program_id, ref.kind, ref.value]


_INSERT = """
INSERT INTO members_identifier (program_id, kind, value, created_at)
SELECT %s, kind, value, %s FROM unnest(%s::text[], %s::text[]) AS new (kind, value)
ON CONFLICT (program_id, kind, value) DO NOTHING
RETURNING id
"""
_LOCKED = """
SELECT i.kind, i.value, i.member_id, i.id
  FROM members_identifier i
  JOIN unnest(%s::text[], %s::text[]) AS asked (kind, value) ON i.kind = asked.kind AND i.value = asked.value
 WHERE i.program_id = %s
 ORDER BY i.kind, i.value
   FOR {lock} OF i
"""


def insert_missing(program_id: int, refs: Collection[Ref], at: datetime) -> list[int]:
    """Write the identifiers that do not exist yet, as guests; the ids of those that are new.

    Sorted, so that two writers of overlapping sets wait for each other instead of dead-locking.
    """
    wanted = sorted(refs)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [program_id, at, [ref.kind for ref in wanted], [ref.value for ref in wanted]])
        return [row[0] for row in cursor.fetchall()]


def lock(program_id: int, refs: Collection[Ref], *, shared: bool = False) -> dict[Ref, Found]:
    """The identifiers of `refs`, locked in sorted order until the transaction ends.

    `shared` only keeps them from being given to a member meanwhile: an event that is being parked for a guest
    must be seen by whoever adopts the guest.
    """
    wanted = sorted(refs)
    if not wanted:
        return {}
    statement = _LOCKED.format(lock="SHARE" if shared else "NO KEY UPDATE")
    with connection.cursor() as cursor:
        cursor.execute(statement, [[ref.kind for ref in wanted], [ref.value for ref in wanted], program_id])
        return {Ref(kind, value): Found(member, own_id) for kind, value, member, own_id in cursor.fetchall()}


def guests(program_id: int, refs: Collection[Ref], at: datetime) -> dict[Ref, Found]:
    """Guest identifiers for `refs`, made where they are missing and held until the transaction ends.

    One that was given to a member in the meantime is answered with that member.
    """
    if not refs:
        return {}
    insert_missing(program_id, refs, at)
    return lock(program_id, refs, shared=True)
