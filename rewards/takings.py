"""When a member has had which reward: what caps and waiting times look at. What was given back does not count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from loyalty.base.prepared import Question, ask

Takings = Mapping[int, Sequence[datetime]]

_TAKEN: Final = """
    SELECT reward_id, created_at FROM rewards_redemption
    WHERE member_id = %(member)s AND (%(reward)s::bigint IS NULL OR reward_id = %(reward)s)
        AND (state IN ('confirmed', 'fulfilled', 'expired') OR state = 'reserved' AND reserved_until > %(at)s)
"""


def of_member(member_id: UUID, *, at: datetime, reward_id: int | None = None) -> Takings:
    """The instants by reward id; with `reward_id` of that one only."""
    return ask(question(member_id, at=at, reward_id=reward_id))


def question(member_id: UUID, *, at: datetime, reward_id: int | None = None) -> Question[Takings]:
    """The same, to be asked together with other things."""
    values = {"member": member_id, "reward": reward_id, "at": at}
    return Question(_TAKEN, values, _read, binary=True)


def _read(rows: list[tuple[int, datetime]]) -> Takings:
    found: dict[int, list[datetime]] = defaultdict(list)
    for reward_id, taken_at in rows:
        found[reward_id].append(taken_at)
    return found
