"""One box that finds a member: by id, e-mail, phone in any format, card, external id, order number, event id, name.

Numbers and ids of the shop are looked for as typed, and in capitals and in small letters: read out, they have no case.
What is spelled as typed wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from loyalty.base.errors import Invalid
from loyalty.base.ids import is_uuid
from loyalty.console.panels import Hit, finders
from loyalty.events.models import Event
from loyalty.ledger.models import Transaction
from loyalty.members.identifiers import CARD, EMAIL, EXTERNAL, PHONE, Ref, normal, resolve
from loyalty.members.models import Identifier, Member
from loyalty.members.names import named_like
from loyalty.programs.models import Program

LIMIT = 25
MAX_TERM = 254
_IN_ADDRESS = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def tidy(term: str) -> str:
    """What was typed or pasted: of a pasted address only the id in it."""
    text = " ".join(term.replace("\x00", "").split())[:MAX_TERM]
    if "://" in text and (found := _IN_ADDRESS.search(text)):
        return found[0]
    return text


def spellings(term: str) -> list[str]:
    """As typed, in capitals, in small letters; each once."""
    return list(dict.fromkeys([term, term.upper(), term.lower()]))


def exact(program: Program, term: str) -> list[Member]:
    """The members that `term` names exactly; usually one or none. A few indexed queries."""
    named = [(as_typed, UUID(str(one))) for as_typed, one in _ids(program, term) if one is not None]
    ids = {one for as_typed, one in named if as_typed} or {one for _, one in named}
    return list(Member.objects.filter(program=program, pk__in=ids)[:LIMIT])


def found(program: Program, term: str) -> list[Member]:
    """Exact matches first, then names that are like it."""
    members = exact(program, term)
    have = {member.pk for member in members}
    like = named_like(program, term, limit=LIMIT)
    return members + [member for member in like if member.pk not in have]


def elsewhere(program: Program, term: str) -> list[Hit]:
    """What the upper apps know by exactly this term, such as a redemption by its code."""
    hits = [find(program, term) for find in finders] if term else []
    return [hit for hit in hits if hit is not None]


def guests(program: Program, term: str) -> QuerySet[Identifier]:
    """People who are not members yet but have sent events, by what they are known by."""
    refs = {ref for spelled in spellings(term) for ref in identifiers(spelled, program.phone_region)}
    match = Q(pk__in=[])
    for ref in refs:
        match |= Q(kind=ref.kind, value=ref.value)
    return Identifier.objects.filter(match, program=program, member=None)


def identifiers(term: str, region: str) -> list[Ref]:
    """Every identifier that `term` could be, in its normal form."""
    prefix, colon, rest = term.partition(":")
    kinds = {"ext": EXTERNAL, "email": EMAIL, "phone": PHONE, "card": CARD}
    if colon and prefix in kinds:
        return list(_normal([kinds[prefix]], rest, region))
    return list(_normal(kinds.values(), term, region))


def _normal(kinds: Iterable[str], text: str, region: str) -> Iterable[Ref]:
    for kind in kinds:
        try:
            yield Ref(kind, normal(kind, text, region))
        except Invalid:
            continue


def _ids(program: Program, term: str) -> Iterable[tuple[bool, object]]:
    """Whether it is spelled as typed, and the member."""
    if not term:
        return
    spelled, region = spellings(term), program.phone_region
    typed = set(identifiers(term, region))
    refs = typed.union(*(identifiers(one, region) for one in spelled))
    yield from ((ref in typed, one.member_id) for ref, one in resolve(program.pk, refs).items())
    events = Event.objects.filter(program=program, member__isnull=False)
    bookings = Transaction.objects.filter(program=program)
    asked: list[QuerySet[Any, tuple[str, UUID]]] = [
        events.filter(order_reference__in=spelled).values_list("order_reference", "member_id"),
        bookings.filter(reference__in=spelled).values_list("reference", "member_id"),
        events.filter(external_id__in=spelled).values_list("external_id", "member_id"),
    ]
    for rows in asked:
        yield from ((value == term, member_id) for value, member_id in rows[: len(spelled) * LIMIT])
    if is_uuid(term):
        yield True, term
        for own in (Event.objects.filter(program=program), bookings):
            yield from ((True, one) for one in own.filter(pk=term).values_list("member_id", flat=True))
