"""A member asks about an order: it arrived and was explained, it arrived and was refused, or it never came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

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
    """By order number or event id, within the member's program."""
    program_id = member.program_id
    by_order = Event.objects.filter(program_id=program_id, order_reference=number)
    by_id = Event.objects.filter(program_id=program_id, external_id=number)
    found = {
        event.pk: event
        for event in [*by_order.select_related("channel")[:50], *by_id.select_related("channel")[:10]]
    }
    events = sorted(found.values(), key=lambda event: event.occurred_at)
    own = [event for event in events if event.member_id in (None, member.pk)]
    return Answer(own, of_another=len(own) < len(events), channels=[] if events else _last_heard(program_id))


def _last_heard(program_id: int) -> list[LastHeard]:
    channels = Channel.objects.filter(program_id=program_id, is_active=True)[:10]
    newest = (
        Event.objects.filter(program_id=program_id, channel__in=channels).values_list("channel").order_by()
    )
    heard = dict(newest.annotate(last=Max("received_at")))
    return [LastHeard(channel, heard.get(channel.pk)) for channel in channels]
