"""Daily activity: what members did per local day, kept in the transaction of what they did.

Tiers, segments, caps and insights read it instead of scanning the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection

from loyalty.base.copying import as_arrays
from loyalty.base.numbers import points_of
from loyalty.base.prepared import Question, ask
from loyalty.base.registry import Registry

T = TypeVar("T")

ZERO = Decimal(0)

Listener = Callable[[Collection[UUID], datetime], None]
"""Told which members' activity changed at an instant by something else than an event, in the transaction of the change;
their member rows are locked."""

activity_listeners: Registry[Listener] = Registry("listener to activity")


class ActivityRow(NamedTuple):
    """A change of one day: returns come with minus signs, on the day of their order."""

    program_id: int
    member_id: UUID
    day: date
    orders: int = 0
    spend: Decimal = ZERO
    visits: int = 0
    points: int = 0


class Day(NamedTuple):
    """What a member did on one local day."""

    day: date
    orders: int
    spend: Decimal
    visits: int
    points: int


class Sums(NamedTuple):
    orders: int = 0
    spend: Decimal = ZERO
    visits: int = 0
    points: int = 0


_ADD = """
INSERT INTO events_activity AS a (program_id, member_id, day, orders, spend, visits, points)
SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::date[], %s::int[], %s::numeric[], %s::int[], %s::bigint[])
ON CONFLICT (member_id, day) DO UPDATE
   SET orders = a.orders + excluded.orders, spend = a.spend + excluded.spend,
       visits = a.visits + excluded.visits, points = a.points + excluded.points
"""


def add_many(rows: Iterable[ActivityRow]) -> None:
    """Add changes to the days they belong to, in one statement, ordered by member and day."""
    merged: dict[tuple[UUID, date], ActivityRow] = {}
    for row in rows:
        key = row.member_id, row.day
        before = merged.get(key)
        merged[key] = row if before is None else _both(before, row)
    if not merged:
        return
    ordered = [merged[key] for key in sorted(merged)]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, as_arrays(ordered))


def _both(one: ActivityRow, other: ActivityRow) -> ActivityRow:
    return ActivityRow(
        one.program_id,
        one.member_id,
        one.day,
        one.orders + other.orders,
        one.spend + other.spend,
        one.visits + other.visits,
        one.points + other.points,
    )


_DAYS = """
SELECT member_id, day, orders, spend, visits, points FROM events_activity
 WHERE member_id = ANY(%(members)s::uuid[]) AND day BETWEEN %(first)s AND %(last)s
 ORDER BY member_id, day
"""


def days(member_ids: Collection[UUID], first: date, last: date) -> dict[UUID, list[Day]]:
    """The daily rows of these members, both ends included, in the order of days; in one query."""
    if not member_ids:
        return {}
    found: dict[UUID, list[Day]] = {member_id: [] for member_id in member_ids}
    for member_id, *row in ask(_days(member_ids, first, last, list)):
        found[member_id].append(Day(*row))
    return found


def _days(
    member_ids: Collection[UUID], first: date, last: date, read: Callable[[list[Any]], T]
) -> Question[T]:
    return Question(_DAYS, {"members": list(member_ids), "first": first, "last": last}, read)


def sums(member_ids: Collection[UUID], first: date, last: date) -> dict[UUID, Sums]:
    """What these members did from `first` to `last`, both included; zeros for who did nothing."""
    return {member_id: total(rows) for member_id, rows in days(member_ids, first, last).items()}


def total(rows: Iterable[Day], *, first: date | None = None, last: date | None = None) -> Sums:
    """The sum of daily rows, of those within the window when one is given: several windows from one load."""
    within = [
        row for row in rows if (first is None or row.day >= first) and (last is None or row.day <= last)
    ]
    return Sums(
        sum(row.orders for row in within),
        sum((row.spend for row in within), ZERO),
        sum(row.visits for row in within),
        sum(row.points for row in within),
    )


Window = tuple[str, int]
"""A measure and a number of days, such as ("spend", 90): up to today."""


def windows(member_id: UUID, asked: Collection[Window], today: date) -> dict[Window, Decimal]:
    """What a member did in each of these windows, in one query for all of them."""
    return ask(windows_question(member_id, asked, today))


def windows_question(
    member_id: UUID, asked: Collection[Window], today: date
) -> Question[dict[Window, Decimal]]:
    """The same, to be asked together with other things."""
    if not asked:
        return Question("", {}, lambda rows: {})
    first = today - timedelta(days=max(length for _, length in asked) - 1)
    asking = {"member": member_id, "first": first, "last": today}
    return Question(_LATELY, asking, lambda rows: _windows(rows, asked, today))


_LATELY = """
SELECT (SELECT t.decimals FROM programs_pointtype t WHERE t.program_id = a.program_id AND t.is_default),
       day, orders, spend, visits, points FROM events_activity a
 WHERE member_id = %(member)s AND day BETWEEN %(first)s AND %(last)s ORDER BY day
"""


def _windows(rows: list[Any], asked: Collection[Window], today: date) -> dict[Window, Decimal]:
    decimals, done = (rows[0][0] or 0 if rows else 0), [Day(*row[1:]) for row in rows]
    return {
        (name, length): measured(
            total(done, first=today - timedelta(days=length - 1), last=today), name, decimals
        )
        for name, length in asked
    }


def measured(sums: Sums, measure: str, decimals: int) -> Decimal:
    """One measure as conditions ask for it: points whole, not in the smallest units in which days keep them."""
    return points_of(sums.points, decimals) if measure == "points" else Decimal(getattr(sums, measure))
