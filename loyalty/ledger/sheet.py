"""What a channel reads most: who a member is and what they have. Two indexed queries in all."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from loyalty.base.clock import write_instant
from loyalty.ledger.balances import Balance
from loyalty.members.errors import MemberUnknown
from loyalty.members.identifiers import MEMBER, parse_ref
from loyalty.members.models import Member
from loyalty.members.profiles import IDENTIFIERS
from loyalty.programs.models import Program


class Sheet(NamedTuple):
    """A member's row with what the member is found by."""

    id: UUID
    state: str
    name: str
    birthday: date | None
    attributes: dict[str, Any]
    enrolled_at: datetime
    tier_code: str
    tier_name: str
    tier_since: datetime | None
    tier_until: datetime | None
    identifiers: dict[str, str]


_SHEET = """
SELECT m.id, m.state, m.name, m.birthday, m.attributes, m.enrolled_at,
       m.tier_code, m.tier_name, m.tier_since, m.tier_until,
       (SELECT jsonb_object_agg(i.kind, i.value) FROM members_identifier i WHERE i.member_id = m.id)
  FROM members_member m
 WHERE m.program_id = %(program)s AND m.id = {whose}
"""
_BY_ID = _SHEET.format(whose="%(value)s::uuid")
_BY_IDENTIFIER = _SHEET.format(
    whose="""(SELECT member_id FROM members_identifier
              WHERE program_id = %(program)s AND kind = %(kind)s AND value = %(value)s)"""
)


def sheet(program: Program, ref: str) -> Sheet:
    """The member a reference names. Raises MemberUnknown, also for another program's member; Invalid for what
    is no reference."""
    asked = parse_ref(ref, program.phone_region)
    query = _BY_ID if asked.kind == MEMBER else _BY_IDENTIFIER
    with connection.cursor() as cursor:
        cursor.execute(query, {"program": program.pk, "kind": asked.kind, "value": asked.value})
        row = cursor.fetchone()
    if row is None:
        raise MemberUnknown
    *known, identifiers = row
    known[4] = _json(known[4])
    return Sheet._make([*known, _json(identifiers) or {}])


def sheet_of(member: Member) -> Sheet:
    """The same of a member at hand."""
    return sheet(member.program, str(member.pk))


def _json(value: Any) -> Any:
    """Django's cursors give jsonb as text."""
    return json.loads(value) if isinstance(value, str) else value


def write_member(member: Sheet, balances: list[Balance]) -> dict[str, object]:
    """A member as the API shows it."""
    return {
        "id": member.id,
        "state": member.state,
        **{name: member.identifiers.get(kind) for name, kind in IDENTIFIERS.items()},
        "name": member.name,
        "birthday": member.birthday,
        "attributes": member.attributes,
        "tier": write_tier(member),
        "enrolled_at": member.enrolled_at,
        "balances": [write_balance(balance) for balance in balances],
    }


def write_tier(member: Sheet | Member) -> dict[str, object] | None:
    if not member.tier_code:
        return None
    return {
        "code": member.tier_code,
        "name": member.tier_name,
        "since": member.tier_since,
        "until": member.tier_until,
    }


def write_balance(balance: Balance) -> dict[str, object]:
    """A balance as the API shows it: whole units."""
    return {
        "point_type": balance.point_type.code,
        "decimals": balance.point_type.decimals,
        "available": balance.available,
        "active": balance.active,
        "pending": balance.pending,
        "held": balance.held,
        "debt": balance.debt,
        "lifetime": balance.lifetime,
        "expiring": [
            {"points": lapse.points, "expires_at": write_instant(lapse.at)} for lapse in balance.expiring
        ],
    }
