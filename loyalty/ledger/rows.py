"""What a batch of acts leaves behind, gathered in memory and written in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from loyalty.base.copying import as_arrays, copy_rows
from loyalty.ledger.lots import Held, OpenLot
from loyalty.ledger.purses import Purse
from loyalty.outbox import facts


class TransactionRow(NamedTuple):
    id: UUID
    program_id: int
    member_id: UUID
    point_type_id: int
    kind: str
    amount: int
    event_id: UUID | None
    reference: str
    reverses_id: UUID | None
    counterpart_id: UUID | None
    forgiven: int
    already_expired: int
    actor_kind: str
    actor: str
    reason_code: str
    note: str
    occurred_at: datetime
    recorded_at: datetime


class EntryRow(NamedTuple):
    program_id: int
    member_id: UUID
    transaction_id: UUID
    wallet_id: int
    lot_id: UUID | None
    amount: int
    balance_after: int
    lot_after: int | None
    occurred_at: datetime


class ExtensionRow(NamedTuple):
    program_id: int
    wallet_id: int
    lot_id: UUID
    transaction_id: UUID
    expired_at: datetime
    expires_at: datetime


LOT_COLUMNS = (
    "id", "program_id", "member_id", "wallet_id", "transaction_id", "origin_id", "amount", "remaining", "earned_at",
    "available_at", "expires_at", "is_pending",
)  # fmt: skip

HOLD_COLUMNS = (
    "transaction_id", "program_id", "member_id", "wallet_id", "points", "lapses_at", "state", "closed_at",
)  # fmt: skip

_CHANGE_LOTS = """
    UPDATE ledger_lot l
    SET remaining = changed.remaining, expires_at = changed.expires_at, is_pending = changed.is_pending
    FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::boolean[])
        AS changed (id, remaining, expires_at, is_pending)
    WHERE l.id = changed.id
"""
_CHANGE_WALLETS = """
    UPDATE ledger_wallet w
    SET balance = changed.balance, debt = changed.debt, lifetime = changed.lifetime,
        last_active_at = changed.last_active_at, version = w.version + 1
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
        AS changed (id, balance, debt, lifetime, last_active_at)
    WHERE w.id = changed.id
"""

_CLOSE_HOLDS = """
    UPDATE ledger_hold h SET state = changed.state, closed_at = changed.closed_at
    FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[]) AS changed (id, state, closed_at)
    WHERE h.transaction_id = changed.id
"""


class Rows:
    """Unwritten rows. Appended in the order of the acts, written once."""

    def __init__(self) -> None:
        self.transactions: list[TransactionRow] = []
        self.entries: list[EntryRow] = []
        self.extensions: list[ExtensionRow] = []
        self.facts: list[facts.FactRow] = []
        self.new_lots: dict[UUID, tuple[Purse, OpenLot]] = {}
        self.changed_lots: dict[UUID, OpenLot] = {}
        self.purses: dict[int, Purse] = {}
        self.new_holds: dict[UUID, tuple[Purse, Held]] = {}
        self.closed_holds: dict[UUID, Held] = {}

    def write(self) -> None:
        copy_rows("ledger_transaction", TransactionRow._fields, self.transactions)
        copy_rows("ledger_lot", LOT_COLUMNS, [_lot_row(purse, lot) for purse, lot in self.new_lots.values()])
        copy_rows("ledger_entry", EntryRow._fields, self.entries)
        copy_rows("ledger_extension", ExtensionRow._fields, self.extensions)
        copy_rows(
            "ledger_hold", HOLD_COLUMNS, [_hold_row(purse, hold) for purse, hold in self.new_holds.values()]
        )
        _change_lots([lot for lot in self.changed_lots.values() if lot.id not in self.new_lots])
        _change_wallets(list(self.purses.values()))
        _close_holds(
            [hold for hold in self.closed_holds.values() if hold.transaction_id not in self.new_holds]
        )
        if self.facts:
            facts.record_many(self.facts)


def _lot_row(purse: Purse, lot: OpenLot) -> Sequence[object]:
    return (
        lot.id, purse.terms.program_id, purse.member_id, purse.id, lot.transaction_id, lot.origin_id, lot.amount,
        lot.remaining, lot.earned_at, lot.available_at, lot.expires_at, lot.is_pending,
    )  # fmt: skip


def _hold_row(purse: Purse, hold: Held) -> Sequence[object]:
    return (
        hold.transaction_id, purse.terms.program_id, purse.member_id, purse.id, hold.points, hold.lapses_at,
        hold.state, hold.closed_at,
    )  # fmt: skip


def _change_lots(lots: list[OpenLot]) -> None:
    if lots:
        _execute(_CHANGE_LOTS, ((lot.id, lot.remaining, lot.expires_at, lot.is_pending) for lot in lots))


def _change_wallets(purses: list[Purse]) -> None:
    if purses:
        _execute(_CHANGE_WALLETS, ((p.id, p.balance, p.debt, p.lifetime, p.last_active_at) for p in purses))


def _close_holds(holds: list[Held]) -> None:
    if holds:
        _execute(_CLOSE_HOLDS, ((hold.transaction_id, hold.state, hold.closed_at) for hold in holds))


def _execute(statement: str, rows: Iterable[Iterable[object]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, as_arrays(rows))
