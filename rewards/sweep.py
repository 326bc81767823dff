"""Booking what time has decided: reservations that have lapsed, codes that have run out.

Safe to run anywhere and any number of times at once. A member who is busy is left for the next time, and so is one
whose turn fails: the others still get theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import DatabaseError
from django.db.models import Q

from loyalty.base.errors import LaurelError
from rewards import redemption, vouchers
from rewards.models import Redemption

AT_ONCE: Final = 500
State = Redemption.State
Close = Callable[[Redemption], Redemption | None]

log = logging.getLogger(__name__)


def run(at: datetime) -> dict[str, int]:
    """Close what has lapsed or expired by `at`. Returns how many of each."""
    lapsed = Q(state=State.RESERVED, reserved_until__lte=at)
    expired = Q(state=State.CONFIRMED, expires_at__lte=at)
    return {
        "lapsed": _close(lapsed, "reserved_until", lambda row: redemption.lapse(row, at=at, wait=False)),
        "expired": _close(expired, "expires_at", lambda row: redemption.expire(row, at=at, wait=False)),
        "codes": vouchers.expire_free(at),
    }


def _close(due: Q, order: str, close: Close) -> int:
    """In portions, until a whole one finds nothing to do."""
    done, after = 0, None
    while rows := list(_portion(due, order, after)):
        done += sum(1 for row in rows if _closed(row, close))
        after = (getattr(rows[-1], order), rows[-1].pk)
    return done


def _portion(due: Q, order: str, after: tuple[datetime, object] | None) -> list[Redemption]:
    rows = Redemption.objects.filter(due).order_by(order, "pk")
    if after is not None:
        later = Q(**{f"{order}__gt": after[0]}) | Q(**{order: after[0]}, pk__gt=after[1])
        rows = rows.filter(later)
    return list(rows.only("pk", "member_id", order)[:AT_ONCE])


def _closed(row: Redemption, close: Close) -> bool:
    try:
        return close(row) is not None
    except (LaurelError, DatabaseError):
        log.exception("redemption %s could not be closed, it is tried again", row.pk)
        return False
