"""A member asks about an order: it arrived and was explained, it arrived and was refused, or it never came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Q, QuerySet

from loyalty.console.search import spellings
from loyalty.events.models import Event
from loyalty.members.models import Member
from loyalty.programs.models import Channel


@dataclass(frozen=True, slots=True)
class LastHeard:
    """When a channel was last heard of."""

    channel: Channel
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The events of the order; whether one is another member's; and, if there are none, when channels last sent."""

    events: list[Event]
    of_another: bool
    channels: list[LastHeard]


def look_for_order(member: Member, number: str) -> Answer:
    """By order number or event id, within the member's program: as typed, else whatever its case."""
    events = _as_typed(member, number) or _in_any_case(member, number)
    own = [event for event in events if event.member_id in (None, member.pk)]
    heard = [] if events else _last_heard(member.program_id)
    return Answer(own, of_another=len(own) < len(events), channels=heard)


def _as_typed(member: Member, number: str) -> list[Event]:
    events = _events(member)
    return _merged(events.filter(order_reference=number)[:50], events.filter(external_id=number)[:10])


def _in_any_case(member: Member, number: str) -> list[Event]:
    """Among the member's own, which are few; among everybody's only what an index finds."""
    events, spelled = _events(member), spellings(number)
    return _merged(
        events.filter(order_reference__in=spelled)[:50],
        events.filter(external_id__in=spelled)[:10],
        events.filter(Q(order_reference__iexact=number) | Q(external_id__iexact=number), member=member)[:50],
    )


def _events(member: Member) -> QuerySet[Event]:
    return Event.objects.filter(program_id=member.program_id).select_related("channel")


def _merged(*found: Iterable[Event]) -> list[Event]:
    """Each once, oldest first."""
    events = {event.pk: event for some in found for event in some}
    return sorted(events.values(), key=lambda event: event.occurred_at)


def _last_heard(program_id: int) -> list[LastHeard]:
    channels = Channel.objects.filter(program_id=program_id, is_active=True)[:10]
    newest = (
        Event.objects.filter(program_id=program_id, channel__in=channels).values_list("channel").order_by()
    )
    heard = dict(newest.annotate(last=Max("received_at")))
    return [LastHeard(channel, heard.get(channel.pk)) for channel in channels]
