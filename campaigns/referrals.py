"""Who was referred by whom. References may lead to one person by two ways, and a guest may turn out to be the member
who referred them; so it is looked at again when a referral is processed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from campaigns.inbox import Claimed
from loyalty.events.types import REFERRAL_CONVERTED
from loyalty.members.models import Identifier


def of_oneself(events: Iterable[Claimed]) -> set[UUID]:
    """The ids of those events in which members refer themselves. One query, if any names a person who was a guest."""
    referrals = [event for event in events if event.type == REFERRAL_CONVERTED]
    named = {event.id: event.payload["referee"] for event in referrals}
    guests = [one["identifier"] for one in named.values() if "identifier" in one]
    known = dict(Identifier.objects.filter(pk__in=guests).values_list("pk", "member_id")) if guests else {}
    return {
        event.id
        for event in referrals
        if event.member_id and str(event.member_id) == _member(named[event.id], known)
    }


def _member(referee: Mapping[str, object], known: Mapping[int, UUID | None]) -> str:
    return str(referee.get("member") or known.get(int(str(referee["identifier"]))))
