"""What members did, by day, as ladders count it: from daily activity, and from the ledger for points of other types."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from tiers.course import Source
from tiers.ladder import Ladder
from tiers.models import Measure
from tiers.published import Published
from tiers.windows import Number

SINCE_EVER: Final = date(1900, 1, 1)
Days = dict[date, Number]
Deeds = dict[tuple[UUID, Source], Days]

# Before `first` everything is one sum, on the day before it: a ladder that counts since ever asks for no more.
_ACTIVITY = """
SELECT a.member_id, CASE WHEN a.day < k.first THEN k.first - 1 ELSE a.day END AS on_day, {sums}
FROM unnest(%(ids)s::uuid[], %(firsts)s::date[]) AS k(id, first)
JOIN events_activity a ON a.member_id = k.id {bound}
GROUP BY 1, 2 ORDER BY 1, 2"""

# A reversal counts on the day of what it takes back, whole, whatever was left to take.
_EARNED = """
SELECT t.member_id, greatest(
           (coalesce(o.occurred_at, t.occurred_at) AT TIME ZONE %(zone)s)::date, k.first - 1) AS on_day,
       sum(t.amount - t.forgiven - t.already_expired)::bigint
FROM unnest(%(ids)s::uuid[], %(firsts)s::date[]) AS k(id, first)
JOIN ledger_transaction t ON t.member_id = k.id
LEFT JOIN ledger_transaction o ON o.id = t.reverses_id
WHERE t.point_type_id = %(point_type)s AND t.kind IN ('earn', 'correct', 'reverse')
GROUP BY 1, 2 ORDER BY 1, 2"""

_BALANCE = """
SELECT t.member_id, greatest((t.occurred_at AT TIME ZONE %(zone)s)::date, k.first - 1) AS on_day, sum(t.amount)::bigint
FROM unnest(%(ids)s::uuid[], %(firsts)s::date[]) AS k(id, first)
JOIN ledger_transaction t ON t.member_id = k.id
WHERE t.point_type_id = %(point_type)s
GROUP BY 1, 2 ORDER BY 1, 2"""


def of_ladders(ladders: Iterable[Ladder]) -> set[Source]:
    return {ladder.source for ladder in ladders}


def load(
    tier_set: Published, sources: Collection[Source], firsts: Mapping[UUID, date], *, whole: bool
) -> Deeds:
    """The days of these members from each one's `first` on; with `whole`, all that was before as one sum."""
    found: Deeds = {}
    if not firsts:
        return found
    columns = {source: column for source in sources if (column := _column(tier_set, source))}
    if columns:
        _load_activity(found, columns, firsts, whole=whole)
    for source in sources:
        if source not in columns:
            _load_ledger(found, source, firsts, tier_set.zone)
    return found


def _column(tier_set: Published, source: Source) -> str | None:
    """The column of daily activity that holds it; None when it is in the ledger alone."""
    measure, point_type_id = source
    if measure in (Measure.SPEND, Measure.ORDERS, Measure.VISITS):
        return measure
    own = measure == Measure.POINTS and point_type_id == tier_set.default_type_id
    return "points" if own else None


def _load_activity(
    found: Deeds, columns: Mapping[Source, str], firsts: Mapping[UUID, date], *, whole: bool
) -> None:
    sums = ", ".join(f"sum(a.{column})" for column in columns.values())
    statement = _ACTIVITY.format(sums=sums, bound="" if whole else "AND a.day >= k.first")
    for member_id, day, *values in _rows(statement, _asked(firsts)):
        for source, value in zip(columns, values, strict=True):
            if value:
                found.setdefault((member_id, source), {})[day] = value


def _load_ledger(found: Deeds, source: Source, firsts: Mapping[UUID, date], zone: ZoneInfo) -> None:
    measure, point_type_id = source
    statement = _BALANCE if measure == Measure.BALANCE else _EARNED
    asked = _asked(firsts) | {"point_type": point_type_id, "zone": zone.key}
    for member_id, day, value in _rows(statement, asked):
        if value:
            found.setdefault((member_id, source), {})[day] = value


def _asked(firsts: Mapping[UUID, date]) -> dict[str, Any]:
    return {"ids": list(firsts), "firsts": list(firsts.values())}


def _rows(statement: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
