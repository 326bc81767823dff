"""What happened to a member's points, newest first: each transaction with its balance after and the lots it touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext

from loyalty.base.ids import is_uuid
from loyalty.base.paging import Page, bad_cursor, page_of, read_cursor
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
    """A page of a member's transactions, newest first, in two queries. `cursor` is `next` of the page before; rows
    that arrive meanwhile do not shift it. Raises Invalid `cursor_invalid`."""
    values: dict[str, Any] = {"member": member_id, "limit": limit + 1}
    narrowed = ""
    if (before := read_cursor(cursor)) is not None:
        if not is_uuid(before):
            raise bad_cursor()
        narrowed += " AND t.id < %(before)s"
        values["before"] = UUID(before)
    if point_type_id is not None:
        narrowed += " AND t.point_type_id = %(point_type)s"
        values["point_type"] = point_type_id
    if kinds:
        narrowed += " AND t.kind = ANY(%(kinds)s)"
        values["kinds"] = list(kinds)
    with connection.cursor() as db:
        db.execute(_TRANSACTIONS.format(narrowed=narrowed), values)
        lines = [Line(*row) for row in db.fetchall()]
    page = page_of(lines, limit, lambda line: str(line.id))
    _fill(page.items)
    return page


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
