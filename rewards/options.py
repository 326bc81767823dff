"""What there is to take of rewards at this moment: variants, slots, and how many are left of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from loyalty.base.prepared import prepared
from rewards.eligibility import Option

# A reservation that has lapsed holds nothing any more, and a code that has run out in its pool cannot be had, whether
# or not a sweep has booked it.
_LEFT: Final = """
    SELECT s.reward_id, s.id, s.code, s.name, s.starts_at, s.ends_at, s.loaded - s.reserved - s.used
        + CASE WHEN s.reserved > 0 THEN (
            SELECT count(*) FROM rewards_redemption r
            WHERE r.stock_id = s.id AND r.state = 'reserved' AND r.holds_stock AND r.reserved_until <= %(at)s)
        ELSE 0 END
        - CASE WHEN pool.reward_ptr_id IS NOT NULL THEN (
            SELECT count(*) FROM rewards_code c
            WHERE c.reward_id = s.reward_id AND c.state = 'free' AND c.expires_at <= %(at)s)
        ELSE 0 END
    FROM rewards_stock s LEFT JOIN rewards_voucherreward pool ON pool.reward_ptr_id = s.reward_id
    WHERE s.is_open AND {which} ORDER BY s.reward_id, s.position, s.starts_at, s.code
"""


def of_reward(reward_id: int, *, at: datetime) -> list[Option]:
    """The options of one reward. Reads only, and waits for nobody: the gate before anything is locked."""
    return _read("s.reward_id = %(which)s", reward_id, at).get(reward_id, [])


def of_program(program_id: int, *, at: datetime) -> Mapping[int, list[Option]]:
    """The options of all rewards of a program, by reward id, in one query."""
    return _read("s.program_id = %(which)s", program_id, at)


def of_rewards(program_id: int, reward_ids: Sequence[int], *, at: datetime) -> Mapping[int, list[Option]]:
    """The same for some of them."""
    condition = "s.program_id = %(which)s AND s.reward_id = ANY(%(only)s)"
    return _read(condition, program_id, at, only=list(reward_ids))


def _read(
    condition: str, which: int, at: datetime, *, only: Sequence[int] = ()
) -> Mapping[int, list[Option]]:
    found: dict[int, list[Option]] = defaultdict(list)
    query, values = _LEFT.format(which=condition), {"which": which, "at": at, "only": only}
    with prepared() as cursor:
        rows = cursor.execute(query, values, prepare=True, binary=True).fetchall()
    for row in rows:
        found[row[0]].append(Option._make(row[1:]))
    return found
