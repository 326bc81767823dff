"""Single units of a stock: taken, confirmed, given back. The only writer of its counters.

Each is one conditional statement on the stock's row, made as the last write of its transaction, so that the row is
held only while that commits: many members on the last unit then cost each other nothing but that moment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from django.db import connection

Change: TypeAlias = Callable[[int | None], int | None]
"""From what is loaded to what shall be."""


class Level(NamedTuple):
    """A stock after a write."""

    loaded: int | None
    reserved: int
    used: int

    @property
    def left(self) -> int | None:
        return None if self.loaded is None else self.loaded - self.reserved - self.used


_TAKE: Final = """
    UPDATE rewards_stock SET reserved = reserved + %(reserved)s, used = used + %(used)s
    WHERE id = %(stock)s AND is_open AND (loaded IS NULL OR reserved + used < loaded)
    RETURNING loaded, reserved, used
"""
_MOVE: Final = """
    UPDATE rewards_stock SET reserved = reserved + %(reserved)s, used = used + %(used)s, loaded = loaded + %(loaded)s
    WHERE id = %(stock)s
    RETURNING loaded, reserved, used
"""
# The rows of other members: whoever holds one is about to write it himself, so it is left to him.
_LAPSED: Final = """
    WITH due AS (
        SELECT id, code_id FROM rewards_redemption
        WHERE stock_id = %(stock)s AND state = 'reserved' AND holds_stock AND reserved_until <= %(at)s
        ORDER BY id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
    ), freed AS (
        UPDATE rewards_code code SET state = 'free', changed_at = %(at)s FROM due WHERE code.id = due.code_id
    )
    UPDATE rewards_redemption r SET holds_stock = false, code_id = NULL FROM due WHERE r.id = due.id
"""


def take(stock_id: int, *, reserve: bool) -> Level | None:
    """One unit, reserved or used at once; None when there is none left."""
    return _write(_TAKE, stock_id, reserved=int(reserve), used=int(not reserve))


def confirm(stock_id: int) -> None:
    """A reserved unit is used."""
    _move(stock_id, reserved=-1, used=1, loaded=0)


def give_back(stock_id: int, *, was_reserved: bool, is_lost: bool = False) -> Level:
    """A unit returns; one that `is_lost` (a code that somebody has seen) leaves the stock altogether."""
    return _move(
        stock_id, reserved=-int(was_reserved), used=-int(not was_reserved), loaded=-1 if is_lost else 0
    )


def release_lapsed(stock_id: int, *, at: datetime) -> int:
    """Free the units of reservations that have lapsed by `at` and that no sweep has closed yet. Returns how many.

    Only units and codes move: the points come back when the reservation itself is closed, in its own transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LAPSED, {"stock": stock_id, "at": at})
        freed = int(cursor.rowcount)
    if freed:
        _move(stock_id, reserved=-freed, used=0, loaded=0)
    return freed


def _move(stock_id: int, **changes: int) -> Level:
    level = _write(_MOVE, stock_id, **changes)
    assert level is not None  # a stock is never deleted
    return level


def _write(statement: str, stock_id: int, **changes: int) -> Level | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"stock": stock_id, **changes})
        row = cursor.fetchone()
    return None if row is None else Level(*row)
