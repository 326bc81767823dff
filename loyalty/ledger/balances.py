"""What a member has, per point type, now or at any past moment.

The dates of the lots and of the reservations decide at the asked instant what is pending, active, held or gone,
whether or not a job has booked it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.base.prepared import Question, ask
from loyalty.ledger.holds import Returned, coming_back
from loyalty.members.models import Member


class Kind(NamedTuple):
    """The point type of a balance."""

    id: int
    code: str
    name_one: str
    name_many: str
    decimals: int
    is_default: bool


class Expiring(NamedTuple):
    """Points that lapse at an instant if they are not used before."""

    at: datetime
    points: int


@dataclass(slots=True)
class Balance:
    """All in smallest units. available = active - held - debt, and may be below zero."""

    point_type: Kind
    pending: int = 0
    active: int = 0
    held: int = 0
    debt: int = 0
    lifetime: int = 0
    expiring: list[Expiring] = field(default_factory=list)

    @property
    def available(self) -> int:
        return self.active - self.held - self.debt

    @property
    def next_expiry(self) -> Expiring | None:
        return self.expiring[0] if self.expiring else None


_TYPES = """
    SELECT p.id, p.code, p.name_one, p.name_many, p.decimals, p.is_default, {sums},
        coalesce(holds.held, 0)::bigint, coalesce(holds.lapsed, 0), lots.expires_at, lots.pending, lots.active
    FROM members_member m JOIN programs_pointtype p ON p.program_id = m.program_id {wallets}
    WHERE m.id = %(member)s AND (%(program)s::bigint IS NULL OR m.program_id = %(program)s)
    ORDER BY p.is_default DESC, p.code, lots.expires_at
"""
_NOW = _TYPES.format(
    sums="coalesce(w.debt, 0), coalesce(w.lifetime, 0)",
    wallets="""
    LEFT JOIN ledger_wallet w ON w.member_id = m.id AND w.point_type_id = p.id
    LEFT JOIN LATERAL (
        SELECT expires_at, coalesce(sum(remaining) FILTER (WHERE available_at > %(at)s), 0)::bigint AS pending,
            coalesce(sum(remaining) FILTER (WHERE available_at <= %(at)s), 0)::bigint AS active
        FROM ledger_lot
        WHERE wallet_id = w.id AND remaining > 0 AND (expires_at IS NULL OR expires_at > %(at)s)
        GROUP BY expires_at
    ) lots ON true
    LEFT JOIN LATERAL (
        SELECT sum(points) FILTER (WHERE lapses_at > %(at)s) AS held,
            count(*) FILTER (WHERE lapses_at <= %(at)s) AS lapsed
        FROM ledger_hold WHERE wallet_id = w.id AND state = 'open'
    ) holds ON true""",
)
# What a reservation that lapsed gave back counts from that instant on, whenever it was booked.
_LAPSED = """LEFT JOIN ledger_hold h ON t.kind = 'refund' AND h.transaction_id = t.reverses_id
            AND h.state = 'released' AND h.closed_at = h.lapses_at"""
# By what had been recorded by then, so that the answer is the one that was given then.
_AS_OF = _TYPES.format(
    sums="""
    coalesce((SELECT -sum(e.amount) FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE e.wallet_id = w.id AND e.lot_id IS NULL AND t.recorded_at <= %(at)s), 0)::bigint,
    coalesce((SELECT sum(CASE WHEN t.kind IN ('earn', 'correct') THEN t.amount
            WHEN t.kind = 'adjust' AND t.reverses_id IS NULL THEN greatest(t.amount, 0)
            WHEN t.kind = 'reverse' THEN t.amount - t.forgiven - t.already_expired ELSE 0 END)
        FROM ledger_transaction t
        WHERE t.member_id = m.id AND t.point_type_id = p.id AND t.recorded_at <= %(at)s), 0)::bigint""",
    wallets=f"""
    LEFT JOIN ledger_wallet w ON w.member_id = m.id AND w.point_type_id = p.id
    LEFT JOIN LATERAL (
        SELECT ends.expires_at, coalesce(sum(e.amount) FILTER (WHERE l.available_at > %(at)s), 0)::bigint AS pending,
            coalesce(sum(e.amount) FILTER (WHERE l.available_at <= %(at)s), 0)::bigint AS active
        FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id JOIN ledger_lot l ON l.id = e.lot_id
        {_LAPSED}
        LEFT JOIN (
            SELECT x.lot_id, min(x.expired_at) AS expired_at
            FROM ledger_extension x JOIN ledger_transaction activity ON activity.id = x.transaction_id
            WHERE x.wallet_id = w.id AND activity.recorded_at > %(at)s
            GROUP BY x.lot_id
        ) extended ON extended.lot_id = l.id
        CROSS JOIN LATERAL (SELECT coalesce(extended.expired_at, l.expires_at) AS expires_at) ends
        WHERE e.wallet_id = w.id AND least(t.recorded_at, h.lapses_at) <= %(at)s
            AND (ends.expires_at IS NULL OR ends.expires_at > %(at)s)
        GROUP BY ends.expires_at HAVING sum(e.amount) <> 0
    ) lots ON true
    LEFT JOIN LATERAL (
        SELECT sum(points) FILTER (WHERE lapses_at > %(at)s AND (closed_at IS NULL OR closed_at > %(at)s)) AS held,
            count(*) FILTER (WHERE lapses_at <= %(at)s AND state = 'open') AS lapsed
        FROM ledger_hold JOIN ledger_transaction made ON made.id = transaction_id
        WHERE wallet_id = w.id AND made.recorded_at <= %(at)s
    ) holds ON true""",
)


def balances_now(member_id: UUID, *, at: datetime, program_id: int | None = None) -> list[Balance]:
    """The balances of a member at this moment, one for each point type of the program, the default one first. One
    query; `at` is the present instant. With `program_id`, nothing for another program's member."""
    return ask(question_now(member_id, at=at, program_id=program_id))


def question_now(member_id: UUID, *, at: datetime, program_id: int | None = None) -> Question[list[Balance]]:
    """The same, to be asked together with other things."""
    return _question(_NOW, member_id, at, program_id)


def balances_as_of(member_id: UUID, *, at: datetime, program_id: int | None = None) -> list[Balance]:
    """What `balances_now` answered at a past moment, worked out from what had been recorded by then."""
    return ask(_question(_AS_OF, member_id, at, program_id))


def balances(member: Member, *, now: datetime, at: datetime | None = None) -> list[Balance]:
    """The balances of a member now, or as of a past moment `at`."""
    if at is None or at >= now:
        return balances_now(member.pk, at=now)
    return balances_as_of(member.pk, at=at)


def _question(query: str, member_id: UUID, at: datetime, program_id: int | None) -> Question[list[Balance]]:
    values = {"member": member_id, "at": at, "program": program_id}
    return Question(query, values, lambda rows: _read(rows, member_id, at), binary=True)


def _read(rows: list[tuple[Any, ...]], member_id: UUID, at: datetime) -> list[Balance]:
    found = _folded(rows)
    if any(row[_LAPSED_HOLDS] for row in rows):
        for point_type_id, back in coming_back(member_id, at=at).items():
            _add(found[point_type_id], back, at)
    return list(found.values())


_LAPSED_HOLDS = 9


def _folded(rows: Iterable[tuple[Any, ...]]) -> dict[int, Balance]:
    """One row for each point type and instant of expiry, in that order."""
    found: dict[int, Balance] = {}
    for *kind, debt, lifetime, held, _lapsed, expires_at, pending, active in rows:
        if kind[0] not in found:
            found[kind[0]] = Balance(Kind(*kind), active=held, held=held, debt=debt, lifetime=lifetime)
        balance = found[kind[0]]
        balance.pending += pending or 0
        balance.active += active or 0
        if expires_at is not None:
            balance.expiring.append(Expiring(expires_at, pending + active))
    return found


def _add(balance: Balance, back: Iterable[Returned], at: datetime) -> None:
    """Points of lapsed reservations, as far as they still count."""
    expiring = dict(balance.expiring)
    for points, expires_at in back:
        if expires_at is None or expires_at > at:
            balance.active += points
        if expires_at is not None and expires_at > at:
            expiring[expires_at] = expiring.get(expires_at, 0) + points
    balance.expiring = [Expiring(*one) for one in sorted(expiring.items())]
