"""One box that finds a member: by id, e-mail, phone in any format, card, external id, order number, event id, name."""

from __future__ import annotations

import re
from collections.abc import Iterable
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


def exact(program: Program, term: str) -> list[Member]:
    """The members that `term` names exactly; usually one or none. A few indexed queries."""
    ids = {UUID(str(one)) for one in _ids(program, term) if one is not None}
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
    refs = identifiers(term, program.phone_region)
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


def _ids(program: Program, term: str) -> Iterable[object]:
    if not term:
        return
    yield from (
        one.member_id for one in resolve(program.pk, identifiers(term, program.phone_region)).values()
    )
    orders = Event.objects.filter(program=program, order_reference=term, member__isnull=False)
    yield from orders.values_list("member_id", flat=True)[:LIMIT]
    bookings = Transaction.objects.filter(program=program, reference=term)
    yield from bookings.values_list("member_id", flat=True)[:LIMIT]
    sources = Event.objects.filter(program=program, external_id=term, member__isnull=False)
    yield from sources.values_list("member_id", flat=True)[:LIMIT]
    if is_uuid(term):
        yield term
        yield from Event.objects.filter(program=program, pk=term).values_list("member_id", flat=True)
        yield from Transaction.objects.filter(program=program, pk=term).values_list("member_id", flat=True)
