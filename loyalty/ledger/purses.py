"""Wallets in memory while they are locked: made when missing, locked in one order, loaded set by set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

from loyalty.base.copying import as_array, as_arrays
from loyalty.ledger.lots import Held, OpenLot
from loyalty.ledger.terms import PointTerms

Key = tuple[UUID, int]  # member id, point type id


@dataclass(slots=True, eq=False)
class Purse:
    """A locked wallet. `lots` and `holds` have the open ones once loaded, and whatever was made or looked up
    meanwhile."""

    id: int
    member_id: UUID
    terms: PointTerms
    balance: int
    debt: int
    lifetime: int
    last_active_at: datetime | None
    lots: dict[UUID, OpenLot] = field(default_factory=dict)
    holds: dict[UUID, Held] = field(default_factory=dict)
    has_lots: bool = False


# One statement each, in one order of rows, so that two batches can wait for each other but never in a circle: whoever
# waits to insert a wallet holds no lock on an existing one yet.
_MAKE_MISSING = """
    INSERT INTO ledger_wallet (program_id, member_id, point_type_id, balance, debt, lifetime, version)
    SELECT program, member, point_type, 0, 0, 0, 0
    FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[]) AS wanted (program, member, point_type)
    WHERE NOT EXISTS (SELECT 1 FROM ledger_wallet w WHERE w.member_id = member AND w.point_type_id = point_type)
    ORDER BY member, point_type
    ON CONFLICT DO NOTHING
"""
_READ = """
    SELECT w.id, w.member_id, w.point_type_id, w.balance, w.debt, w.lifetime, w.last_active_at
    FROM unnest(%s::uuid[], %s::bigint[]) AS wanted (member, point_type)
    JOIN ledger_wallet w ON w.member_id = member AND w.point_type_id = point_type
    ORDER BY w.id
"""
LOCK = "FOR UPDATE OF w"

_LOT = "id, transaction_id, origin_id, amount, remaining, earned_at, available_at, expires_at, is_pending"
_OPEN_LOTS = f"SELECT wallet_id, {_LOT} FROM ledger_lot WHERE wallet_id = ANY(%s::bigint[]) AND remaining > 0"
_BOOKED_EXPIRY = """
    coalesce((
        SELECT -sum(e.amount) FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE e.lot_id = l.id AND t.kind = 'expire'), 0)::bigint
"""
_LOTS_MADE_BY = (
    f"SELECT wallet_id, {_LOT}, {_BOOKED_EXPIRY} FROM ledger_lot l WHERE transaction_id = ANY(%s::uuid[])"
)
_LOTS_BY_ID = f"SELECT wallet_id, {_LOT} FROM ledger_lot WHERE id = ANY(%s::uuid[])"
_OPEN_HOLDS = """
    SELECT wallet_id, transaction_id, points, lapses_at FROM ledger_hold
    WHERE wallet_id = ANY(%s::bigint[]) AND state = 'open'
"""


def lock(terms: Mapping[Key, PointTerms]) -> dict[Key, Purse]:
    """Make what is missing, then lock all wallets in the order of their ids, before anything is read from them."""
    keys = sorted(terms)
    members, types = as_arrays(keys)
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_MISSING, [as_array(terms[key].program_id for key in keys), members, types])
        cursor.execute(_READ + LOCK, [members, types])
        rows = cursor.fetchall()
    return {(row[1], row[2]): Purse(row[0], row[1], terms[row[1], row[2]], *row[3:]) for row in rows}


def load_open_lots(purses: Iterable[Purse]) -> None:
    """The open lots and reservations of these purses. What is in memory already stays as it is there."""
    wanted = {purse.id: purse for purse in purses if not purse.has_lots}
    if wanted:
        _fill(wanted, _OPEN_LOTS, list(wanted))
        _load_open_holds(wanted)
        for purse in wanted.values():
            purse.has_lots = True


def _load_open_holds(purses: dict[int, Purse]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_HOLDS, [as_array(purses)])
        for wallet_id, *found in cursor.fetchall():
            hold = Held(*found)
            purses[wallet_id].holds.setdefault(hold.transaction_id, hold)


def load_lots_made_by(purses: Iterable[Purse], transaction_ids: Collection[UUID]) -> list[OpenLot]:
    """The lots, open or not, that these transactions made, with what of them is booked as expired."""
    return _fill({purse.id: purse for purse in purses}, _LOTS_MADE_BY, list(transaction_ids))


def load_lots(purses: Iterable[Purse], lot_ids: Collection[UUID]) -> None:
    """These lots, open or not."""
    _fill({purse.id: purse for purse in purses}, _LOTS_BY_ID, list(lot_ids))


def _fill(purses: dict[int, Purse], query: str, ids: list[int] | list[UUID]) -> list[OpenLot]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [as_array(ids)])
        return [_keep(purses[row[0]], OpenLot(*row[1:])) for row in cursor.fetchall()]


def _keep(purse: Purse, found: OpenLot) -> OpenLot:
    lot = purse.lots.setdefault(found.id, found)
    lot.expired = max(lot.expired, found.expired)
    return lot
