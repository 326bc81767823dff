"""Where an order goes, put right by staff before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.base.locking import retrying
from loyalty.ledger.acts import Actor
from rewards import deliveries, records
from rewards.errors import AlreadySent, WrongState
from rewards.models import Redemption, RedemptionStep
from rewards.redemption import GONE


@retrying
@transaction.atomic
def readdress(
    redemption: Redemption, details: Mapping[str, Any], *, at: datetime, actor: Actor
) -> Redemption:
    """Keep what the member told now. That it was changed is noted, not what it says: that is personal.

    Raises AlreadySent, WrongState, Invalid `details_required` or `details_invalid`.
    """
    row = records.locked(redemption)
    if row.step in GONE:
        raise AlreadySent
    state = records.state_at(row, at)
    if state not in (Redemption.State.RESERVED, Redemption.State.CONFIRMED):
        raise WrongState(extra={"state": state})
    known = deliveries.of(row)
    told = deliveries.check(row.terms.get("asks", []), {**known, **details}, all_required=True)
    if told != known:
        deliveries.keep(row, told)
        RedemptionStep.objects.create(
            redemption=row, kind="details", state=row.state, occurred_at=at, recorded_at=at, actor_kind=actor.kind,
            actor=actor.name,
        )  # fmt: skip
    return row
