"""What a basket would earn, without writing anything: the same loading and rating as for a real order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns.inbox import Claimed, MemberRow
from campaigns.known import Known
from campaigns.rating import Rating, rate
from campaigns.subject import subject_of
from loyalty.base.ids import uuid7
from loyalty.events.types import ORDER_COMPLETED
from loyalty.members.models import Member
from loyalty.programs.models import Channel


def quote(channel: Channel, member: Member | None, order: Mapping[str, Any], *, at: datetime) -> Rating:
    """Rate an order (normalised data of `order.completed`) as if it came in at `at` through this channel.

    Without a member it is rated for somebody who is not in the program yet. Totals by point type id, in smallest
    units; the detail is the trace that the order would get, as far as limits stay as they are.
    """
    event = Claimed(
        id=uuid7(),
        program_id=channel.program_id,
        channel_id=channel.pk,
        external_id="",
        type=ORDER_COMPLETED,
        member_id=member.pk if member else None,
        order_reference="",
        occurred_at=at,
        received_at=at,
        payload=dict(order),
        attempts=0,
    )
    known = Known([event], {member.pk: _row(member)} if member else {}, at=at, lock=False)
    chosen = known.chosen(event)
    subject = subject_of(known.facts(event, known.basket_of(event)), chosen.terms)
    return rate(subject, chosen.terms, known.usage(event, chosen), known.rules(event, chosen))


def _row(member: Member) -> MemberRow:
    return MemberRow(
        id=member.pk,
        program_id=member.program_id,
        state=member.state,
        suspended_may_earn=member.suspended_may_earn,
        birthday=member.birthday,
        attributes=member.attributes,
        enrolled_at=member.enrolled_at,
        tier_code=member.tier_code,
    )
