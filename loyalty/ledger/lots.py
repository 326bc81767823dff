"""Lots and reservations in memory, and the order in which lots are used. No database here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class OpenLot:
    """A lot of a locked wallet. What it may do at an instant is said by its dates alone, never by a job's flag."""

    id: UUID
    transaction_id: UUID
    origin_id: UUID | None
    amount: int
    remaining: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None
    is_pending: bool
    expired: int = 0  # booked as expired; loaded only with the original that made the lot

    def lapsed(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def pending(self, at: datetime) -> bool:
        return at < self.available_at and not self.lapsed(at)

    def spendable(self, at: datetime) -> bool:
        return self.available_at <= at and not self.lapsed(at)


@dataclass(slots=True, eq=False)
class Held:
    """A reservation of a locked wallet. From `lapses_at` on it counts as released, whatever its row still says."""

    transaction_id: UUID
    points: int
    lapses_at: datetime
    state: str = "open"
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    def lapsed(self, at: datetime) -> bool:
        return self.lapses_at <= at


Line = tuple[OpenLot | None, int]  # a lot and its change; without a lot: debt taken on (-) or repaid (+)


def in_order(lots: Iterable[OpenLot]) -> list[OpenLot]:
    """Earliest expiry first, what never lapses last; then the oldest."""
    return sorted(lots, key=lambda lot: (lot.expires_at or _NEVER, lot.earned_at, lot.id))


def spendable(lots: Iterable[OpenLot], at: datetime) -> list[OpenLot]:
    """What can be spent at `at`, in the order of spending."""
    return in_order(lot for lot in lots if lot.remaining and lot.spendable(at))


def not_lapsed(lots: Iterable[OpenLot], at: datetime) -> list[OpenLot]:
    """What a return may take: spendable lots in the order of spending, then pending ones."""
    lots = [lot for lot in lots if lot.remaining and not lot.lapsed(at)]
    pending = in_order(lot for lot in lots if lot.available_at > at)
    return in_order(lot for lot in lots if lot.available_at <= at) + pending


def total(lots: Iterable[OpenLot]) -> int:
    return sum(lot.remaining for lot in lots)


def take(lots: Iterable[OpenLot], points: int) -> list[Line]:
    """Lines that take up to `points` from the lots, in their order; none when there is nothing to take."""
    lines: list[Line] = []
    for lot in lots:
        if points <= 0:
            break
        part = min(points, lot.remaining)
        if part:
            lines.append((lot, -part))
            points -= part
    return lines
