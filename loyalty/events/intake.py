"""Intake: what channels send becomes rows of the inbox, once per (program, source, id), for ever.

Set-based: one batch costs one look-up of members and one insert, whatever its size, and one event of a member the
insert alone; only events about a member's own data are applied one by one. A bad item is answered with its fault and
does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from loyalty.base.errors import FieldError, Invalid, LaurelError
from loyalty.base.ids import uuid7
from loyalty.base.locking import retrying
from loyalty.base.strict_json import fingerprint
from loyalty.events import types
from loyalty.events.errors import EventConflict, SelfReferral
from loyalty.events.guests import claim
from loyalty.events.models import Event, EventType
from loyalty.events.payloads import Reader, Sent
from loyalty.events.reasons import REGISTERED_BEFORE
from loyalty.events.rows import GUEST, RECEIVED, REJECTED, Key, Known, NewEvent, insert, insert_of, known
from loyalty.members import identifiers, members
from loyalty.members.errors import MemberUnknown
from loyalty.members.identifiers import MEMBER, Found, Ref
from loyalty.members.models import Member
from loyalty.members.profiles import Profile, announced
from loyalty.programs.attributes import Schema, schema_of
from loyalty.programs.models import Channel, Program

MAX_BATCH = 500


@dataclass(slots=True)
class Receipt:
    """What became of one item. With a `fault` nothing of it was kept, unless it is a `duplicate`."""

    external_id: str = ""
    event_id: UUID | None = None
    status: str = ""
    duplicate: bool = False
    fault: LaurelError | None = None


@retrying
def receive(
    channel: Channel, items: Sequence[object], *, at: datetime, source_default: str | None = None
) -> list[Receipt]:
    """Take in 1 to 500 events, all at once; a receipt for each item, in the same order.

    The same id with the same content again: the first event, `duplicate`. With other content: `event_conflict`.
    Raises Invalid `batch_size`.
    """
    if not 1 <= len(items) <= MAX_BATCH:
        raise Invalid(f"Send 1 to {MAX_BATCH} events at once.", code="batch_size")
    custom = _custom_types(channel.program, items)
    batch = Batch(channel, at)
    batch.read(items, Reader(channel, at, custom=custom, source=source_default))
    if batch.is_stored_at_once():
        return batch.receipts
    if batch.is_one_insert():
        batch.store()
    else:
        with transaction.atomic():
            batch.apply_profiles()
            batch.store()
    batch.answer_repetitions()
    return batch.receipts


def _custom_types(program: Program, items: Iterable[object]) -> dict[str, Schema]:
    """Schemas of the program's own types, asked only when an item names one."""
    named = {str(item.get("type")) for item in items if isinstance(item, dict)} - types.BUILT_IN.keys()
    codes = [code for code in named if len(code) <= 60 and code.isprintable()]
    if not codes:
        return {}
    found = EventType.objects.filter(program=program, code__in=codes)
    return {one.code: schema_of(one.attributes) for one in found}


class Batch:
    """The items of one call on their way into the inbox."""

    def __init__(self, channel: Channel, at: datetime) -> None:
        self.channel = channel
        self.program = channel.program
        self.at = at
        self.receipts: list[Receipt] = []
        self._first: dict[Key, int] = {}  # the item that is stored under a key
        self._sent: dict[int, Sent] = {}  # by item, what could be read
        self._again: list[int] = []  # items to compare with what is in the inbox
        self._found: dict[Ref, Found] = {}  # what references lead to

    def read(self, items: Sequence[object], reader: Reader) -> None:
        """Check every item in memory."""
        for index, item in enumerate(items):
            receipt = Receipt(external_id=_named(item))
            self.receipts.append(receipt)
            try:
                sent = reader.read(item)
            except LaurelError as wrong:
                receipt.fault = wrong
                continue
            receipt.external_id = sent.external_id
            self._sent[index] = sent
            if sent.late is not None or (sent.source, sent.external_id) in self._first:
                self._again.append(index)
            else:
                self._first[sent.source, sent.external_id] = index

    def apply_profiles(self) -> None:
        """Events that register or change a member: stored and applied one by one, each on its own feet."""
        for key, index in list(self._first.items()):
            sent = self._sent[index]
            if sent.type in types.ABOUT_A_MEMBER:
                del self._first[key]
                try:
                    with transaction.atomic():
                        self._apply(index, sent)
                except LaurelError as wrong:
                    self.receipts[index].fault = wrong

    def _apply(self, index: int, sent: Sent) -> None:
        """The event first: a repetition must not change the member again."""
        assert sent.profile is not None
        data = announced(self.program, sent.profile)
        event = _new(sent, data, Found(None, None), RECEIVED)
        if not insert(self.program.pk, self.channel, [event], at=self.at):
            self._again.append(index)
            return
        change = self._register if sent.type == types.MEMBER_REGISTERED else self._update
        member, error = change(sent, sent.profile)
        status = REJECTED if error else RECEIVED
        Event.objects.filter(pk=event.id).update(member=member, status=status, error=error)
        claim(member, at=self.at)
        self._accept(index, event._replace(status=status))

    def _register(self, sent: Sent, profile: Profile) -> tuple[Member, str]:
        """The member, and why the event earns nothing: one registration is rewarded, however often it is told."""
        member, created = members.register(self.program, profile, channel=self.channel, at=self.at)
        return member, "" if created else REGISTERED_BEFORE

    def _update(self, sent: Sent, profile: Profile) -> tuple[Member, str]:
        assert sent.ref is not None
        try:
            member = members.find(self.program, sent.ref)
        except MemberUnknown as wrong:
            raise _unknown("/member") from wrong
        return members.update(member, profile, at=self.at), ""

    def is_stored_at_once(self) -> bool:
        """Whether this was one new event about one member: the commonest call by far, in one statement."""
        if len(self.receipts) != 1 or not self._first:
            return False
        sent = self._sent[0]
        if sent.type in types.ABOUT_A_MEMBER or sent.ref is None or sent.referee is not None:
            return False
        event = _new(sent, sent.data, Found(None, None), RECEIVED)
        if not insert_of(self.program.pk, self.channel, event, sent.ref, at=self.at):
            return False
        self._accept(0, event)
        return True

    def is_one_insert(self) -> bool:
        """Whether all that is to be written are events of members: one statement, which needs no transaction around
        it. Looks up whom the events are about."""
        asked = [self._sent[index] for index in self._first.values()]
        if any(sent.type in types.ABOUT_A_MEMBER for sent in asked):
            return False
        self._found = identifiers.resolve(self.program.pk, _refs(asked))
        return not self._guests(asked)

    def store(self) -> None:
        """All other events: one look-up, one insert."""
        found = self._look_up()
        events: dict[int, NewEvent] = {}
        for index in self._first.values():
            sent = self._sent[index]
            try:
                events[index] = _placed(sent, found)
            except SelfReferral as wrong:  # it may have been known before it was known to be one
                sent.late = wrong
                self._again.append(index)
            except LaurelError as wrong:
                self.receipts[index].fault = wrong
        written = insert(self.program.pk, self.channel, events.values(), at=self.at)
        for index, event in events.items():
            if event.id in written:
                self._accept(index, event)
            else:
                self._again.append(index)

    def _look_up(self) -> dict[Ref, Found]:
        """What all references of the batch lead to; for who is not a member a guest is made and held."""
        asked = [self._sent[index] for index in self._first.values()]
        if missing := _refs(asked) - self._found.keys():
            self._found |= identifiers.resolve(self.program.pk, missing)
        return self._found | identifiers.guests(self.program.pk, self._guests(asked), self.at)

    def _guests(self, asked: Iterable[Sent]) -> list[Ref]:
        """The references that lead to no member yet."""
        found = self._found
        return [
            ref
            for ref in _refs(asked)
            if ref.kind != MEMBER and (ref not in found or not found[ref].member_id)
        ]

    def _accept(self, index: int, event: NewEvent) -> None:
        receipt = self.receipts[index]
        receipt.event_id, receipt.status = event.id, event.status

    def answer_repetitions(self) -> None:
        """The first answer for the same content, a conflict for other content, the fault of what is late."""
        again = [(self.receipts[index], self._sent[index]) for index in self._again]
        there = known(self.program.pk, [(sent.source, sent.external_id) for _, sent in again])
        for receipt, sent in again:
            self._repeat(receipt, sent, there.get((sent.source, sent.external_id)))

    def _repeat(self, receipt: Receipt, sent: Sent, before: Known | None) -> None:
        if before is None:
            receipt.fault = sent.late or self._fault_of_first(sent)
        elif before.content_hash != sent.content_hash:
            receipt.fault = EventConflict(extra={"event_id": str(before.id)})
        else:
            receipt.event_id, receipt.status, receipt.duplicate = before.id, before.status, True

    def _fault_of_first(self, sent: Sent) -> LaurelError:
        """A repetition inside the batch of an item that was refused shares its fate."""
        for index, other in self._sent.items():
            fault = self.receipts[index].fault
            if fault and (other.source, other.external_id) == (sent.source, sent.external_id):
                return fault
        raise AssertionError("an event is neither in the inbox nor refused")


def _refs(asked: Iterable[Sent]) -> set[Ref]:
    return {ref for sent in asked for ref in (sent.ref, sent.referee) if ref is not None}


def _named(item: object) -> str:
    """The id of an item that could not be read, as far as it is fit to be repeated."""
    external_id = item.get("id") if isinstance(item, dict) else None
    return external_id if isinstance(external_id, str) and external_id.isprintable() else ""


def _new(sent: Sent, data: dict[str, Any], whose: Found, status: str) -> NewEvent:
    return NewEvent(
        id=uuid7(),
        source=sent.source,
        external_id=sent.external_id,
        type=sent.type,
        member_id=whose.member_id,
        identifier_id=None if whose.member_id else whose.identifier_id,
        order_reference=sent.order_reference,
        occurred_at=sent.occurred_at,
        data=data,
        content_hash=sent.content_hash,
        status=status,
    )


def _placed(sent: Sent, found: Mapping[Ref, Found]) -> NewEvent:
    """The event with references in place of persons. What follows an order needs no member: the order has one."""
    data = sent.data
    if sent.referee is not None:
        data = {**data, "referee": _reference(sent.referee, found, "/data/referee")}
    whose = Found(None, None)
    if sent.ref is not None:
        if sent.ref not in found:
            raise _unknown("/member")
        whose = found[sent.ref]
        if sent.referee is not None and whose.member_id and whose.member_id == found[sent.referee].member_id:
            raise _self_referral()
    follows = sent.type in types.AFTER_AN_ORDER and bool(sent.order_reference)
    return _new(sent, data, whose, RECEIVED if whose.member_id or follows else GUEST)


def _reference(ref: Ref, found: Mapping[Ref, Found], path: str) -> dict[str, object]:
    if ref not in found:
        raise _unknown(path)
    whose = found[ref]
    return {"member": str(whose.member_id)} if whose.member_id else {"identifier": whose.identifier_id}


def _unknown(path: str) -> Invalid:
    return Invalid.field(path, "member_unknown", "There is no such member in this program.")


def _self_referral() -> SelfReferral:
    words = "Nobody refers themselves."
    return SelfReferral(words, errors=[FieldError("/data/referee", SelfReferral.code, words)])


def receive_internal(
    program: Program,
    type: str,  # noqa: A002 - the word for it everywhere
    external_id: str,
    member: Member,
    data: Mapping[str, Any],
    *,
    at: datetime,
) -> UUID | None:
    """An event that happened here (source "laurel"); its id, or None when it is in the inbox already. `data`
    holds no personal data. Called in the transaction of what happened."""
    event = NewEvent(
        id=uuid7(),
        source=types.OWN_SOURCE,
        external_id=external_id,
        type=type,
        member_id=member.pk,
        identifier_id=None,
        order_reference="",
        occurred_at=at,
        data=dict(data),
        content_hash=fingerprint([type, data]),
        status=RECEIVED,
    )
    return event.id if insert(program.pk, None, [event], at=at) else None
