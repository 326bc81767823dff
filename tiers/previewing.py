"""The statements of a preview: what all members of a program have done in the window of a draft, and in which group
that puts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loyalty.base.clock import local_date
from tiers import windows
from tiers.ladder import Ladder
from tiers.models import Measure, TierSet, Upgrade, Window
from tiers.published import Version
from tiers.windows import DAY

# The year of membership that holds a day begins on the enrolment's day of that year, or of the year before.
_ANNIVERSARY = """(SELECT CASE WHEN own <= {day} THEN own
    ELSE (e.day + make_interval(years => extract(year FROM {day})::int - extract(year FROM e.day)::int - 1))::date END
    FROM (SELECT (m.enrolled_at AT TIME ZONE %(zone)s)::date AS day) e,
    LATERAL (SELECT (e.day + make_interval(
        years => extract(year FROM {day})::int - extract(year FROM e.day)::int))::date AS own) o)"""

_ACTIVITY = """SELECT a.member_id, sum(a.{column}) FILTER (WHERE {within}) AS value,
        sum(a.points) FILTER (WHERE a.day > %(today)s::date - 365) AS points
    FROM events_activity a {member}
    WHERE a.program_id = %(program)s {stretch} AND (({within}) OR a.day > %(today)s::date - 365)
    GROUP BY a.member_id"""

_LEDGER = """SELECT a.member_id, sum(a.amount) FILTER (WHERE {within})::numeric AS value, NULL::bigint AS points
    FROM (
        SELECT t.member_id, {amount} AS amount, ({taken_at} AT TIME ZONE %(zone)s)::date AS day
        FROM ledger_transaction t LEFT JOIN ledger_transaction o ON o.id = t.reverses_id
        WHERE t.program_id = %(program)s AND t.point_type_id = %(point_type)s {kinds}
    ) a {member} WHERE true {stretch}
    GROUP BY a.member_id"""

_EARNED = {
    "amount": "t.amount - t.forgiven - t.already_expired",
    "taken_at": "coalesce(o.occurred_at, t.occurred_at)",
    "kinds": "AND t.kind IN ('earn', 'correct', 'reverse') AND t.event_id IS NOT NULL",
}
_HELD = {
    "amount": "t.amount",
    "taken_at": "t.occurred_at",
    "kinds": """
        UNION ALL
        SELECT lot.member_id, -lot.remaining, (lot.expires_at AT TIME ZONE %(zone)s)::date
        FROM ledger_lot lot JOIN ledger_wallet wallet ON wallet.id = lot.wallet_id
        WHERE lot.program_id = %(program)s AND wallet.point_type_id = %(point_type)s
            AND lot.remaining > 0 AND lot.expires_at <= %(at)s""",
}

_GROUPED = """
WITH counted AS MATERIALIZED ({counted}), grouped AS (
    SELECT m.id, coalesce(s.tier_code, '') AS tier, s.version_id,
        s.valid_until IS NOT NULL OR s.grace_until IS NOT NULL AS has_end,
        coalesce(p.tier_code, '') AS manual, coalesce(c.value, 0) + {carried} AS value,
        width_bucket(greatest(coalesce(c.value, 0) + {carried}, 0), %(bars)s::numeric[]) AS fit, c.points
    FROM members_member m
    LEFT JOIN tiers_standing s ON s.member_id = m.id AND s.tier_set_id = %(set)s
    LEFT JOIN tiers_placement p ON p.id = s.placement_id
    LEFT JOIN counted c ON c.member_id = m.id
    WHERE m.program_id = %(program)s AND m.state <> 'closed' {own}
)"""
STRETCH = "AND {id} > %(after_id)s AND {id} <= %(last_id)s"
COUNT = """
SELECT tier, version_id, has_end, manual, fit, count(*), sum(points) FROM grouped GROUP BY 1, 2, 3, 4, 5"""
LIST = """
SELECT id, value FROM (SELECT * FROM grouped OFFSET 0) grouped  -- put together first: the filter is no way in
JOIN unnest(%(g0)s::text[], %(g1)s::bigint[], %(g2)s::bool[], %(g3)s::text[], %(g4)s::int[])
    AS wanted (tier, version_id, has_end, manual, fit)
    ON (grouped.tier, grouped.has_end, grouped.manual, grouped.fit)
        = (wanted.tier, wanted.has_end, wanted.manual, wanted.fit)
    AND grouped.version_id IS NOT DISTINCT FROM wanted.version_id
ORDER BY id LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Asked:
    """The common part of the statements for one draft, and its parameters."""

    grouped: str
    params: dict[str, Any]

    def statement(self, select: str, *, stretch: bool = False) -> str:
        """Over all members, or over those of a stretch of ids."""
        counted, own = (STRETCH.replace("{id}", name) if stretch else "" for name in ("a.member_id", "m.id"))
        return self.grouped.replace("{stretch}", counted).replace("{own}", own) + select


def asked_of(tier_set: TierSet, draft: Ladder, in_force: Version | None, at: datetime) -> Asked:
    """What to count for a draft that would be published at `at`."""
    zone = tier_set.program.zone
    today = local_date(at, zone)
    within, dates = _within(draft, today)
    member = "JOIN members_member m ON m.id = a.member_id" if draft.window == Window.ANNIVERSARY else ""
    params = dates | {
        "program": tier_set.program_id,
        "set": tier_set.pk,
        "point_type": draft.point_type_id,
        "zone": zone.key,
        "today": today,
        "at": at,
        "bars": list(draft.bars),
    }
    counted = _counted(tier_set, draft).replace("{within}", within).replace("{member}", member)
    carried = _carried(draft, in_force)
    return Asked(_GROUPED.replace("{counted}", counted).replace("{carried}", carried), params)


def _counted(tier_set: TierSet, draft: Ladder) -> str:
    if draft.measure in (Measure.SPEND, Measure.ORDERS, Measure.VISITS):
        return _ACTIVITY.replace("{column}", draft.measure)
    default = tier_set.program.point_types.filter(is_default=True).first()
    if draft.measure == Measure.POINTS and default and default.pk == draft.point_type_id:
        return _ACTIVITY.replace("{column}", "points")
    parts = _HELD if draft.measure == Measure.BALANCE else _EARNED
    statement = _LEDGER
    for name, text in parts.items():
        statement = statement.replace(f"{{{name}}}", text)
    return statement


def _within(draft: Ladder, today: Any) -> tuple[str, dict[str, Any]]:
    """The condition that a day counts: in the window that ends today, or in the period that closed last where upgrades
    wait for it."""
    waits = draft.upgrade == Upgrade.NEXT_PERIOD
    if draft.window == Window.ANNIVERSARY:
        opened = _ANNIVERSARY.replace("{day}", "%(today)s::date")
        if not waits:
            return f"a.day >= {opened} AND a.day <= %(today)s::date", {}
        before = _ANNIVERSARY.replace("{day}", f"({opened} - 1)")
        return f"a.day >= {before} AND a.day < {opened}", {}
    first, last = windows.start(draft, today, today), today
    if waits and first is not None:
        last = first - DAY
        first = windows.start(draft, last, today)
    lower = "a.day >= %(first)s::date AND " if first else ""
    return f"{lower}a.day <= %(last)s::date", {"first": first, "last": last}


def _carried(draft: Ladder, in_force: Version | None) -> str:
    """What was rolled over stays while the periods stay the same."""
    if in_force is None:
        return "0"
    old = in_force.ladder
    same = (old.window, old.source) == (draft.window, draft.source) and old.rollover and draft.rollover
    column = "s.carried_before" if draft.upgrade == Upgrade.NEXT_PERIOD else "s.carried"
    return f"coalesce({column}, 0)" if same else "0"
