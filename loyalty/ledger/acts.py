"""The words of the books: who acts, what a transaction says of itself, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from loyalty.ledger.lots import Line, OpenLot


class Actor(NamedTuple):
    """Who acts: kind "channel", "staff" or "system", and the channel's code or the user's name."""

    kind: str
    name: str


SYSTEM = Actor("system", "")


class Default:
    """Stands for "by the terms of the point type", where None already means "never"."""


DEFAULT: Final = Default()


class Act(NamedTuple):
    """All that a transaction says about itself apart from its points."""

    kind: str
    occurred_at: datetime
    recorded_at: datetime
    actor: Actor
    event_id: UUID | None = None
    reference: str = ""
    reason_code: str = ""
    note: str = ""
    reverses: UUID | None = None
    counterpart: UUID | None = None
    fact: str = ""  # how it is announced, when not as all of its kind
    lapses_at: datetime | None = None  # of a reservation


@dataclass(slots=True, eq=False)
class Posted:
    """A transaction as it was booked."""

    id: UUID
    kind: str
    amount: int
    balance: int
    lines: Sequence[Line]
    lot: OpenLot | None = None  # what a credit made: its dates say since when and until when the points count
    forgiven: int = 0
    already_expired: int = 0

    @property
    def debt_change(self) -> int:
        """Debt taken on (+) or repaid (-)."""
        return -sum(change for lot, change in self.lines if lot is None)


@dataclass(slots=True, eq=False)
class Reversal:
    """What became of the points that were asked back: taken + forgiven + already_expired is what was asked. `debt` is
    the part of `taken` for which there were no points."""

    posted: list[Posted] = field(default_factory=list)
    taken: int = 0
    forgiven: int = 0
    already_expired: int = 0
    debt: int = 0

    def add(self, posted: Posted) -> None:
        self.posted.append(posted)
        self.taken -= posted.amount
        self.forgiven += posted.forgiven
        self.already_expired += posted.already_expired
        self.debt += posted.debt_change
