"""Locked wallets and how a transaction is put on them: the common ground of every act on points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal, Self
from uuid import UUID

from django.db import connection

from loyalty.base.clock import write_instant
from loyalty.base.ids import uuid7
from loyalty.base.numbers import MAX_UNITS
from loyalty.ledger import originals, purses
from loyalty.ledger.acts import Act, Posted
from loyalty.ledger.errors import AmountOutOfRange
from loyalty.ledger.lots import Held, Line, OpenLot
from loyalty.ledger.originals import Original
from loyalty.ledger.purses import Key, Purse
from loyalty.ledger.rows import EntryRow, ExtensionRow, Rows, TransactionRow
from loyalty.ledger.terms import PointTerms, terms_of
from loyalty.outbox.facts import FactRow
from loyalty.programs.models import PointType

MAX_BALANCE = 10**18  # what a wallet may hold or owe: well inside 64 bits

FACTS = {
    "earn": "points.earned",
    "correct": "points.earned",
    "redeem": "points.redeemed",
    "reverse": "points.reversed",
    "refund": "points.refunded",
    "adjust": "points.adjusted",
    "transfer": "points.transferred",
}
HELD, RELEASED, CAPTURED = "points.held", "points.released", "points.captured"

_DEBT_SINCE = """
    SELECT coalesce(-sum(amount), 0)::bigint FROM ledger_entry
    WHERE wallet_id = %s AND lot_id IS NULL AND amount < 0 AND occurred_at >= %s
"""


class Posting:
    """Locked wallets and the rows that are still to be written for them, within one database transaction."""

    def __init__(self, held: dict[Key, Purse]) -> None:
        self._held = held
        self._originals: dict[UUID, Original] = {}
        self._rows = Rows()

    @classmethod
    def open(
        cls,
        pairs: Iterable[tuple[UUID, PointType]],
        *,
        with_lots: Collection[Key] | Literal["all"] = (),
    ) -> Self:
        """Lock the wallets of these (member id, point type), making those that do not exist yet.

        Load point types with their program. `with_lots` names the wallets whose lots will be needed (anything but
        earning), so that they come in one query; what was not named is loaded when it is asked for.
        """
        if not connection.in_atomic_block:
            raise RuntimeError("books are opened inside a database transaction")
        terms: dict[int, PointTerms] = {}
        wanted: dict[Key, PointTerms] = {}
        for member_id, point_type in pairs:
            if point_type.pk not in terms:
                terms[point_type.pk] = terms_of(point_type)
            wanted[member_id, point_type.pk] = terms[point_type.pk]
        held = purses.lock(wanted) if wanted else {}
        purses.load_open_lots(
            purse
            for key, purse in held.items()
            if with_lots == "all" or purse.terms.lapses_by_inactivity or key in with_lots
        )
        return cls(held)

    def purse(self, member_id: UUID, point_type: PointType) -> Purse:
        """The locked wallet as it stands now, unwritten acts included."""
        return self._held[member_id, point_type.pk]

    def lots(self, purse: Purse) -> Collection[OpenLot]:
        """The open lots of a wallet, and maybe some that are used up."""
        if not purse.has_lots:
            purses.load_open_lots([purse])
        return purse.lots.values()

    def hold(self, purse: Purse, hold: Held) -> None:
        """Note a reservation, whose transaction has just been put on the wallet."""
        purse.holds[hold.transaction_id] = hold
        self._rows.new_holds[hold.transaction_id] = (purse, hold)

    def close(self, hold: Held, state: Literal["captured", "released"], closed_at: datetime) -> None:
        hold.state, hold.closed_at = state, closed_at
        self._rows.closed_holds[hold.transaction_id] = hold

    def announce(self, fact: FactRow) -> None:
        """Tell what moves no points."""
        self._rows.facts.append(fact)

    def load_originals(self, transaction_ids: Iterable[UUID]) -> None:
        """Load, all at once, the transactions that `reverse` or `refund` will name; their wallets must be held."""
        missing = {one for one in transaction_ids if one not in self._originals}
        for original in originals.load(missing, self._held):
            self._originals[original.id] = original

    def original(self, transaction_id: UUID) -> Original:
        """A loaded transaction, or one that these books have just made."""
        return self._originals[transaction_id]

    def write(self) -> None:
        """Write all that was done since the last time. Raises IntegrityError when an event had this effect before."""
        rows, self._rows = self._rows, Rows()
        rows.write()

    def post(
        self,
        purse: Purse,
        act: Act,
        lines: Sequence[Line],
        *,
        transaction_id: UUID | None = None,
        forgiven: int = 0,
        already_expired: int = 0,
    ) -> Posted:
        """Put one transaction on the wallet. All checks were made before: from here nothing is refused."""
        amount = sum(change for _, change in lines)
        posted = Posted(
            transaction_id or uuid7(), act.kind, amount, 0, lines, None, forgiven, already_expired
        )
        for lot, change in lines:
            self._enter(purse, posted.id, lot, change, act.occurred_at)
        posted.balance = purse.balance
        self._rows.purses[purse.id] = purse
        self._rows.transactions.append(_transaction_row(purse, act, posted))
        self._rows.facts.append(_fact(purse, act, posted))
        return posted

    def _enter(
        self, purse: Purse, transaction_id: UUID, lot: OpenLot | None, change: int, at: datetime
    ) -> None:
        purse.balance += change
        if lot is None:
            purse.debt -= change
        else:
            lot.remaining += change
            lot.is_pending = lot.is_pending and lot.remaining > 0  # nothing is left to become available
            self._rows.changed_lots[lot.id] = lot
        lot_id, lot_after = (lot.id, lot.remaining) if lot else (None, None)
        owner = purse.terms.program_id, purse.member_id, transaction_id, purse.id
        self._rows.entries.append(EntryRow(*owner, lot_id, change, purse.balance, lot_after, at))

    def credit(
        self, purse: Purse, points: int, act: Act, available_at: datetime, expires_at: datetime | None
    ) -> Posted:
        """Put a credit on the wallet: one lot, out of which debt is repaid first."""
        transaction_id = uuid7()
        lot = self.new_lot(
            purse, transaction_id, points, act.recorded_at,
            earned_at=act.occurred_at, available_at=available_at, expires_at=expires_at,
        )  # fmt: skip
        lines: list[Line] = [(lot, points), *self.repayment(purse, [(lot, points)], act.recorded_at)]
        if act.reverses is None:  # else they are the member's own, which come back
            purse.lifetime += points
        posted = self.post(purse, act, lines, transaction_id=transaction_id)
        posted.lot = lot
        key = (purse.member_id, purse.terms.id)
        self._originals[transaction_id] = Original(
            transaction_id, key, act.kind, points, act.occurred_at, lots=[lot]
        )
        return posted

    def new_lot(
        self,
        purse: Purse,
        transaction_id: UUID,
        points: int,
        recorded_at: datetime,
        *,
        earned_at: datetime,
        available_at: datetime,
        expires_at: datetime | None,
        origin_id: UUID | None = None,
    ) -> OpenLot:
        """A lot that is still empty; the line that fills it comes with its transaction."""
        pending = available_at > recorded_at
        lot = OpenLot(
            uuid7(), transaction_id, origin_id, points, 0, earned_at, available_at, expires_at, pending
        )
        purse.lots[lot.id] = lot
        self._rows.new_lots[lot.id] = (purse, lot)
        return lot

    def repayment(self, purse: Purse, gained: Sequence[tuple[OpenLot, int]], at: datetime) -> list[Line]:
        """Debt is paid out of what just came in. What had lapsed before it arrived pays only debt that was taken on
        while it still counted: late news ends in the same books as news that came in time."""
        lines: list[Line] = []
        debt = purse.debt
        for lot, points in gained if debt else ():
            later = self._taken_on_after(purse, lot) if lot.lapsed(at) else 0
            part = max(0, min(debt - later, points))
            if part:
                lines += [(lot, -part), (None, part)]
                debt -= part
        return lines

    def _taken_on_after(self, purse: Purse, lot: OpenLot) -> int:
        """Debt of the time after the lot lapsed. Debt is repaid oldest first, so what is open is the newest."""
        fresh = sum(
            -entry.amount
            for entry in self._rows.entries
            if entry.wallet_id == purse.id and entry.lot_id is None and entry.amount < 0
            and lot.expires_at and entry.occurred_at >= lot.expires_at
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_DEBT_SINCE, [purse.id, lot.expires_at])
            return fresh + int(cursor.fetchone()[0])

    def extend(self, purse: Purse, transaction_id: UUID, later: Sequence[tuple[OpenLot, datetime]]) -> None:
        """Move the end of lots, by the activity that this transaction is; the last one that was put on the wallet."""
        if later:
            fact = self._rows.facts.pop()
            self._rows.facts.append(fact._replace(data={**fact.data, "kept_alive": len(later)}))
        for lot, expires_at in later:
            assert lot.expires_at is not None
            row = ExtensionRow(
                purse.terms.program_id, purse.id, lot.id, transaction_id, lot.expires_at, expires_at
            )
            self._rows.extensions.append(row)
            lot.expires_at = expires_at
            self._rows.changed_lots[lot.id] = lot


def check_amount(points: int) -> None:
    """Raises AmountOutOfRange unless the points can be booked at once."""
    if not 0 < points <= MAX_UNITS:
        raise AmountOutOfRange


def check_room(purse: Purse, change: int) -> None:
    """Raises AmountOutOfRange when the wallet's sums would leave what the books can hold."""
    if abs(purse.balance + change) > MAX_BALANCE or abs(purse.lifetime + change) > MAX_BALANCE:
        raise AmountOutOfRange


def taken(lines: Sequence[Line]) -> int:
    return -sum(change for _, change in lines)


def owed(points: int, lines: Sequence[Line]) -> list[Line]:
    """The line of debt for what the other lines did not cover."""
    rest = points - taken(lines)
    return [(None, -rest)] if rest else []


def _transaction_row(purse: Purse, act: Act, posted: Posted) -> TransactionRow:
    return TransactionRow(
        posted.id, purse.terms.program_id, purse.member_id, purse.terms.id, act.kind, posted.amount, act.event_id,
        act.reference, act.reverses, act.counterpart, posted.forgiven, posted.already_expired, act.actor.kind,
        act.actor.name, act.reason_code, act.note, act.occurred_at, act.recorded_at,
    )  # fmt: skip


def signature(act: Act) -> str:
    """Who did it and for which reason, as a digest: enough to prove that nobody changed it since, and no name. The note
    is left out, as it may have to be erased."""
    return sha256("\x1f".join((act.actor.kind, act.actor.name, act.reason_code)).encode()).hexdigest()


def _fact(purse: Purse, act: Act, posted: Posted) -> FactRow:
    data: dict[str, object] = {
        "transaction": str(posted.id),
        "kind": act.kind,
        "point_type": purse.terms.code,
        "amount": posted.amount,
        "balance": posted.balance,
    }
    links = (("event", act.event_id), ("reverses", act.reverses), ("counterpart", act.counterpart))
    data.update((name, str(link)) for name, link in links if link)
    if act.reference:
        data["reference"] = act.reference
    if act.lapses_at:
        data["lapses_at"] = write_instant(act.lapses_at)
    if act.reason_code or act.actor.kind == "staff":
        data["signed"] = signature(act)
    if act.kind == "reverse":
        data["forgiven"], data["already_expired"] = posted.forgiven, posted.already_expired
    owner = purse.terms.program_id, purse.member_id
    return FactRow(*owner, act.fact or FACTS[act.kind], data, act.occurred_at, act.recorded_at)
