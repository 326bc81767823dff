"""Reservations that have lapsed: what they give back before that is booked, and the sweep that books it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from loyalty.base.locking import retrying
from loyalty.ledger.books import Books
from loyalty.ledger.terms import terms_of
from loyalty.programs.models import PointType

WALLETS_A_CHUNK = 200

_COMING_BACK = """
    SELECT w.point_type_id, h.lapses_at, -e.amount, l.expires_at
    FROM ledger_hold h JOIN ledger_transaction t ON t.id = h.transaction_id
    JOIN ledger_wallet w ON w.id = h.wallet_id
    JOIN ledger_entry e ON e.transaction_id = t.id
    JOIN ledger_lot l ON l.id = e.lot_id
    WHERE w.member_id = %(member)s AND h.state = 'open' AND h.lapses_at <= %(at)s AND t.recorded_at <= %(at)s
"""
# Who is busy is left for the next time, so that any number of sweeps may run at once.
_CLAIM = """
    SELECT w.member_id, w.point_type_id FROM ledger_wallet w
    WHERE w.id IN (SELECT wallet_id FROM ledger_hold WHERE state = 'open' AND lapses_at <= %s)
    ORDER BY w.id LIMIT %s FOR UPDATE SKIP LOCKED
"""


class Returned(NamedTuple):
    """Points that came back, and until when they count."""

    points: int
    expires_at: datetime | None


def coming_back(member_id: UUID, *, at: datetime) -> dict[int, list[Returned]]:
    """What a member's reservations that lapsed by `at` and are not booked as released give back, by point type id: as
    `Books.release` will, into their lots, or with days of grace when those had lapsed first."""
    with connection.cursor() as cursor:
        cursor.execute(_COMING_BACK, {"member": member_id, "at": at})
        rows = cursor.fetchall()
    types = PointType.objects.select_related("program").in_bulk({row[0] for row in rows})
    found: dict[int, list[Returned]] = {}
    for type_id, lapses_at, points, ends in rows:
        lapsed_first = ends is not None and ends <= lapses_at
        until = terms_of(types[type_id]).grace_ends_at(lapses_at) if lapsed_first else ends
        found.setdefault(type_id, []).append(Returned(points, until))
    return found


def sweep(at: datetime) -> int:
    """Book the release of all reservations that have lapsed by `at`. Returns how many.

    Safe to run anywhere, any number of times at once; a wallet that is in use is left for the next time.
    """
    done = 0
    while released := _chunk(at):
        done += released
    return done


@retrying
@transaction.atomic
def _chunk(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [at, WALLETS_A_CHUNK])
        claimed = cursor.fetchall()
    types = PointType.objects.select_related("program").in_bulk({type_id for _, type_id in claimed})
    books = Books.open([(member_id, types[type_id]) for member_id, type_id in claimed], with_lots="all")
    released = books.release_lapsed(at=at)
    books.write()
    return len(released)
