"""When a member has had which reward: what caps and waiting times look at. What was given back does not count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from loyalty.base.prepared import prepared

_TAKEN: Final = """
    SELECT reward_id, created_at FROM rewards_redemption
    WHERE member_id = %(member)s AND (%(reward)s::bigint IS NULL OR reward_id = %(reward)s)
        AND (state IN ('confirmed', 'fulfilled', 'expired') OR state = 'reserved' AND reserved_until > %(at)s)
"""


def of_member(
    member_id: UUID, *, at: datetime, reward_id: int | None = None
) -> Mapping[int, Sequence[datetime]]:
    """The instants by reward id; with `reward_id` of that one only."""
    found: dict[int, list[datetime]] = defaultdict(list)
    values = {"member": member_id, "reward": reward_id, "at": at}
    with prepared() as cursor:
        for one, taken_at in cursor.execute(_TAKEN, values, prepare=True, binary=True).fetchall():
            found[one].append(taken_at)
    return found
