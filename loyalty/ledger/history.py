"""What happened to a member's points, newest first: each transaction with its balance after and the lots it touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext

from loyalty.base.ids import is_uuid
from loyalty.base.paging import Page, bad_cursor, page_of, read_cursor
from loyalty.base.registry import Registry
from loyalty.base.words import Words
from loyalty.ledger.errors import UndoneElsewhere
from loyalty.ledger.models import Transaction

_KINDS = dict(Transaction.Kind.choices)


class Touch(NamedTuple):
    """One ledger line. With a lot: what it gained or lost, and held afterwards. Without: debt taken on (-) or repaid
    (+)."""

    lot_id: UUID | None
    amount: int
    lot_after: int | None
    earned_at: datetime | None
    available_at: datetime | None
    expires_at: datetime | None


class About(NamedTuple):
    """What of an upper app a line belongs to, such as the redemption that it paid for."""

    kind: str
    id: UUID
    name: str


@dataclass(slots=True)
class Line:
    """A transaction as the member sees it. Amounts in smallest units of the point type."""

    id: UUID
    kind: str
    point_type: str
    decimals: int
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
    hold_state: str | None
    hold_lapses_at: datetime | None
    balance_after: int = 0
    touches: list[Touch] = field(default_factory=list)
    about: About | None = None

    def hold(self, at: datetime) -> str | None:
        """Of what was reserved, or of what a reservation gave back: open, captured or released, as it is at `at`."""
        if self.kind == "refund":
            return "released" if self.hold_state == "released" else None
        if self.hold_state == "open" and self.hold_lapses_at is not None and self.hold_lapses_at <= at:
            return "released"
        return self.hold_state

    def said(self, at: datetime) -> str:
        """Plain words for what happened, as it stands at `at`."""
        hold = self.hold(at)
        if hold == "open":
            return gettext("Reserved")
        if hold == "released":
            return gettext("Released") if self.kind == "refund" else gettext("Reserved and released")
        return _KINDS[self.kind]

    @property
    def available_at(self) -> datetime | None:
        """Since when what it gave can be spent."""
        return next((one.available_at for one in self.touches if one.amount > 0 and one.lot_id), None)

    @property
    def expires_at(self) -> datetime | None:
        """Until when what it gave can be spent; the earliest, if it came in parts."""
        ends = [one.expires_at for one in self.touches if one.amount > 0 and one.expires_at]
        return min(ends, default=None)


class Span(NamedTuple):
    """Which lines of a member a page asks for: below the id `before`, newest first, at most `limit`."""

    member_id: UUID
    before: UUID | None
    point_type_id: int | None
    kinds: Sequence[str]
    limit: int


@dataclass(frozen=True, slots=True)
class Teller:
    """How an upper app takes part in a member's history: `about` says what transactions belong to, by their ids;
    `free` gives acts that moved no points, as lines whose ids are in one order with those of transactions. `instead`
    says what to do with what belongs to it when it is to be undone: the points do not go without the rest."""

    about: Callable[[Sequence[UUID]], Mapping[UUID, About]]
    free: Callable[[Span], Iterable[Line]]
    instead: Words


tellers: Final[Registry[Teller]] = Registry("teller of the history")

_TRANSACTIONS = """
    SELECT t.id, t.kind, p.code, p.decimals, t.amount, t.event_id, t.reference, t.reverses_id, t.counterpart_id,
        t.forgiven, t.already_expired, t.actor_kind, t.actor, t.reason_code, t.note, t.occurred_at, t.recorded_at,
        h.state, h.lapses_at
    FROM ledger_transaction t JOIN programs_pointtype p ON p.id = t.point_type_id
    LEFT JOIN ledger_hold h
        ON h.transaction_id = CASE t.kind WHEN 'redeem' THEN t.id WHEN 'refund' THEN t.reverses_id END
    WHERE t.member_id = %(member)s {narrowed}
    ORDER BY t.id DESC LIMIT %(limit)s
"""
_ENTRIES = """
    SELECT e.transaction_id, e.balance_after, e.lot_id, e.amount, e.lot_after, l.earned_at, l.available_at, l.expires_at
    FROM ledger_entry e LEFT JOIN ledger_lot l ON l.id = e.lot_id
    WHERE e.transaction_id = ANY(%s) ORDER BY e.id
"""


def history(
    member_id: UUID,
    *,
    limit: int = 25,
    cursor: str | None = None,
    point_type_id: int | None = None,
    kinds: Sequence[str] = (),
) -> Page[Line]:
    """A page of a member's transactions, and of acts that moved no points, newest first. `cursor` is `next` of the
    page before; rows that arrive meanwhile do not shift it. Raises Invalid `cursor_invalid`."""
    before = read_cursor(cursor)
    if before is not None and not is_uuid(before):
        raise bad_cursor()
    span = Span(member_id, None if before is None else UUID(before), point_type_id, kinds, limit + 1)
    lines = _transactions(span)
    lines += [line for teller in tellers for line in teller.free(span)]
    lines.sort(key=lambda line: line.id, reverse=True)
    page = page_of(lines[: span.limit], limit, lambda line: str(line.id))
    _fill(page.items)
    _fill_free(member_id, page.items)
    return page


def _transactions(span: Span) -> list[Line]:
    values: dict[str, Any] = {"member": span.member_id, "limit": span.limit}
    narrowed = ""
    if span.before is not None:
        narrowed += " AND t.id < %(before)s"
        values["before"] = span.before
    if span.point_type_id is not None:
        narrowed += " AND t.point_type_id = %(point_type)s"
        values["point_type"] = span.point_type_id
    if span.kinds:
        narrowed += " AND t.kind = ANY(%(kinds)s)"
        values["kinds"] = list(span.kinds)
    with connection.cursor() as db:
        db.execute(_TRANSACTIONS.format(narrowed=narrowed), values)
        return [Line(*row) for row in db.fetchall()]


def check_stands_alone(transaction_id: UUID) -> None:
    """Raises UndoneElsewhere for a transaction that belongs to something of an upper app."""
    for teller in tellers:
        if found := teller.about([transaction_id]).get(transaction_id):
            raise UndoneElsewhere(
                str(teller.instead), extra={"about": {**found._asdict(), "id": str(found.id)}}
            )


def lines_of(event_id: UUID) -> list[Line]:
    """What one event did to points, in the order of booking."""
    query = _TRANSACTIONS.replace("t.member_id = %(member)s {narrowed}", "t.event_id = %(event)s")
    with connection.cursor() as db:
        db.execute(query, {"event": event_id, "limit": 100})
        lines = [Line(*row) for row in db.fetchall()][::-1]
    _fill(lines)
    return lines


def _fill(lines: Sequence[Line]) -> None:
    by_id = {line.id: line for line in lines}
    with connection.cursor() as db:
        db.execute(_ENTRIES, [list(by_id)])
        for transaction_id, balance_after, *touch in db.fetchall():
            line = by_id[transaction_id]
            line.balance_after = balance_after
            line.touches.append(Touch(*touch))
    _tell(lines)


def _tell(lines: Sequence[Line]) -> None:
    """What each line is about; what undoes a transaction is about the same."""
    ids = [one for line in lines if line.about is None for one in (line.id, line.reverses_id) if one]
    if not ids:
        return
    for teller in tellers:
        told = teller.about(ids)
        for line in lines:
            if line.about is None:
                line.about = told.get(line.id) or (told.get(line.reverses_id) if line.reverses_id else None)


_BALANCE_THEN = """
    SELECT e.balance_after FROM ledger_entry e
    JOIN ledger_wallet w ON w.id = e.wallet_id JOIN programs_pointtype p ON p.id = w.point_type_id
    WHERE w.member_id = %s AND p.code = %s AND e.transaction_id < %s ORDER BY e.id DESC LIMIT 1
"""


def _fill_free(member_id: UUID, lines: Sequence[Line]) -> None:
    """The balance at the time of an act that moved no points."""
    with connection.cursor() as db:
        for line in lines:
            if line.about is not None and not line.touches and not line.amount:
                db.execute(_BALANCE_THEN, [member_id, line.point_type, line.id])
                row = db.fetchone()
                line.balance_after = row[0] if row else 0
