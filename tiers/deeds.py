"""What members did, by day, as ladders count it: from daily activity, and from the ledger for points of other types."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from loyalty.base.copying import as_array
from loyalty.base.prepared import prepared
from tiers.course import Source
from tiers.models import Measure
from tiers.published import Published
from tiers.windows import Number

SINCE_EVER: Final = date(1900, 1, 1)
Days = dict[date, Number]
Deeds = dict[Source, Days]


class Wanted(NamedTuple):
    """The days of a member from `first` on; those from `opened` to `through` as one sum, those before it too."""

    member_id: UUID
    first: date
    opened: date | None = None
    through: date | None = None


_WANTED = """unnest(%(ids)s::uuid[], %(firsts)s::date[], %(openeds)s::date[], %(throughs)s::date[])
    WITH ORDINALITY AS k(id, first, opened, through, number)"""

# Before `first` everything is one sum, on the day before it: a ladder that counts since ever asks for no more.
_ACTIVITY = """
SELECT k.number, CASE WHEN a.day < k.first THEN k.first - 1 WHEN a.day < k.opened THEN k.first
    WHEN a.day <= k.through THEN k.opened ELSE a.day END AS on_day, {sums}
FROM {wanted} JOIN events_activity a ON a.member_id = k.id {bound}
GROUP BY 1, 2 ORDER BY 1, 2"""

# As daily activity does of the default points: what events gave, and what they took back. A reversal counts on the day
# of what it takes back, whole, whatever was left to take.
_EARNED = f"""
SELECT k.number, greatest((coalesce(o.occurred_at, t.occurred_at) AT TIME ZONE %(zone)s)::date, k.first - 1) AS on_day,
       sum(t.amount - t.forgiven - t.already_expired)::bigint
FROM {_WANTED}
JOIN ledger_transaction t ON t.member_id = k.id
LEFT JOIN ledger_transaction o ON o.id = t.reverses_id
WHERE t.point_type_id = %(point_type)s AND t.kind IN ('earn', 'correct', 'reverse') AND t.event_id IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 2"""

# What has lapsed by now, and is not booked yet, is gone too: from the day on which it will be booked.
_BALANCE = f"""
WITH k AS MATERIALIZED (SELECT * FROM {_WANTED}), moved AS (
    SELECT k.number, k.first, t.occurred_at AS at, t.amount
    FROM k JOIN ledger_transaction t ON t.member_id = k.id
    WHERE t.point_type_id = %(point_type)s
    UNION ALL
    SELECT k.number, k.first, lot.expires_at, -lot.remaining
    FROM k
    JOIN ledger_wallet wallet ON wallet.member_id = k.id AND wallet.point_type_id = %(point_type)s
    JOIN ledger_lot lot ON lot.wallet_id = wallet.id AND lot.remaining > 0 AND lot.expires_at <= %(at)s
)
SELECT number, greatest((at AT TIME ZONE %(zone)s)::date, first - 1) AS on_day, sum(amount)::bigint
FROM moved GROUP BY 1, 2 ORDER BY 1, 2"""


def load(
    tier_set: Published, sources: Collection[Source], wanted: Sequence[Wanted], *, at: datetime, whole: bool
) -> list[Deeds]:
    """What each of these members did, by what is counted and day; with `whole`, all that was before as one sum. At `at`
    what has lapsed of a balance is gone, booked or not."""
    found: list[Deeds] = [{source: {} for source in sources} for _ in wanted]
    if not wanted:
        return found
    columns = {source: column for source in sources if (column := _column(tier_set, source))}
    if columns:
        _load_activity(found, columns, wanted, whole=whole)
    for source in sources:
        if source not in columns:
            _load_ledger(found, source, wanted, tier_set.zone, at)
    return found


def _column(tier_set: Published, source: Source) -> str | None:
    """The column of daily activity that holds it; None when it is in the ledger alone."""
    measure, point_type_id = source
    if measure in (Measure.SPEND, Measure.ORDERS, Measure.VISITS):
        return measure
    own = measure == Measure.POINTS and point_type_id == tier_set.default_type_id
    return "points" if own else None


def _load_activity(
    found: Sequence[Deeds], columns: Mapping[Source, str], wanted: Sequence[Wanted], *, whole: bool
) -> None:
    sums = ", ".join(f"sum(a.{column})" for column in columns.values())
    bound = "" if whole else "AND a.day >= k.first"
    statement = _ACTIVITY.format(sums=sums, wanted=_WANTED, bound=bound)
    for number, day, *values in _rows(statement, _asked(wanted)):
        own = found[number - 1]
        for source, value in zip(columns, values, strict=True):
            if value:
                own[source][day] = value


def _load_ledger(
    found: Sequence[Deeds], source: Source, wanted: Sequence[Wanted], zone: ZoneInfo, at: datetime
) -> None:
    measure, point_type_id = source
    statement = _BALANCE if measure == Measure.BALANCE else _EARNED
    asked = _asked(wanted) | {"point_type": point_type_id, "zone": zone.key, "at": at}
    for number, day, value in _rows(statement, asked):
        if value:
            found[number - 1][source][day] = value


def _asked(wanted: Sequence[Wanted]) -> dict[str, Any]:
    columns = zip(*wanted, strict=True)
    return dict(zip(("ids", "firsts", "openeds", "throughs"), map(as_array, columns), strict=True))


def _rows(statement: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with prepared() as cursor:
        cursor.execute(statement, params, binary=True)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
