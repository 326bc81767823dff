"""What campaigns have given so far: per member and period for caps, in all for budgets.

Read and locked once per batch, counted in memory while it is rated, written back as differences.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from loyalty.base.copying import as_array, as_arrays

CapKey = tuple[int, UUID, str]

_MAKE_BUDGETS = """
    INSERT INTO campaigns_budgetuse (campaign_id, points)
    SELECT unnest(%s::bigint[]), 0 ON CONFLICT DO NOTHING
"""
_READ_BUDGETS = """
    SELECT campaign_id, points FROM campaigns_budgetuse WHERE campaign_id = ANY(%s) ORDER BY campaign_id
"""


@dataclass(slots=True)
class Counters:
    """`caps` holds [points, times] by (campaign id, member id, period); `budgets` points given by campaign id."""

    caps: dict[CapKey, list[int]] = field(default_factory=dict)
    budgets: dict[int, int] = field(default_factory=dict)
    _cap_changes: dict[CapKey, list[int]] = field(default_factory=dict)
    _budget_changes: dict[int, int] = field(default_factory=dict)

    def cap(self, key: CapKey) -> tuple[int, int]:
        points, times = self.caps.get(key, (0, 0))
        return points, times

    def count_cap(self, key: CapKey, points: int, times: int) -> None:
        for counters in (self.caps, self._cap_changes):
            row = counters.setdefault(key, [0, 0])
            row[0] += points
            row[1] += times

    def count_budget(self, campaign_id: int, points: int) -> None:
        for counters in (self.budgets, self._budget_changes):
            counters[campaign_id] = counters.get(campaign_id, 0) + points

    def load_caps(
        self, campaign_ids: Collection[int], member_ids: Collection[UUID], periods: Collection[str]
    ) -> None:
        """The members are locked already, so nobody else counts for them meanwhile."""
        if not (campaign_ids and member_ids and periods):
            return
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT campaign_id, member_id, period, points, times FROM campaigns_capuse
                   WHERE campaign_id = ANY(%s::bigint[]) AND member_id = ANY(%s::uuid[])
                     AND period = ANY(%s::text[])""",
                [as_array(campaign_ids), as_array(member_ids), as_array(periods)],
            )
            for campaign_id, member_id, period, points, times in cursor.fetchall():
                self.caps[campaign_id, member_id, period] = [points, times]

    def load_budgets(self, campaign_ids: Collection[int], *, lock: bool) -> None:
        """What these budgets have given. With `lock`, nobody else gives out of them until the transaction ends."""
        if not campaign_ids:
            return
        ordered = sorted(campaign_ids)
        with connection.cursor() as cursor:
            if lock:
                cursor.execute(_MAKE_BUDGETS, [ordered])
            cursor.execute(_READ_BUDGETS + ("FOR UPDATE" if lock else ""), [ordered])
            self.budgets.update(cursor.fetchall())

    def write(self) -> None:
        caps = [(key, change) for key, change in self._cap_changes.items() if change != [0, 0]]
        budgets = {campaign_id: change for campaign_id, change in self._budget_changes.items() if change}
        with connection.cursor() as cursor:
            if caps:
                cursor.execute(
                    """INSERT INTO campaigns_capuse AS c (campaign_id, member_id, period, points, times)
                       SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::bigint[], %s::int[])
                       ON CONFLICT (campaign_id, member_id, period)
                       DO UPDATE SET points = c.points + excluded.points, times = c.times + excluded.times""",
                    as_arrays((*key, *change) for key, change in caps),
                )
            if budgets:
                cursor.execute(
                    """UPDATE campaigns_budgetuse b SET points = b.points + d.points
                       FROM unnest(%s::bigint[], %s::bigint[]) AS d(campaign_id, points)
                       WHERE b.campaign_id = d.campaign_id""",
                    as_arrays(budgets.items()),
                )
