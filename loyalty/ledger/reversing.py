"""Which points a return takes back: first what is left of what the original gave, then what policy allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from loyalty.ledger.errors import AlreadyReversed, ExceedsOriginal
from loyalty.ledger.lots import Line, OpenLot, in_order, not_lapsed, take, total
from loyalty.ledger.originals import Original
from loyalty.ledger.posting import owed, taken
from loyalty.ledger.purses import Purse
from loyalty.programs.models import Policy

OWN_LOTS = "own_lots"
"""A policy that programs are not offered: what is left in the originals' own lots, and nothing else."""


@dataclass(frozen=True, slots=True)
class Taking:
    """The lines of one reversal. asked = taken by lines + already_expired + forgiven."""

    lines: list[Line]
    asked: int
    already_expired: int = 0

    @property
    def forgiven(self) -> int:
        return self.asked - self.already_expired - taken(self.lines)


def shares(found: Iterable[Original], points: int) -> list[tuple[Original, int]]:
    """How the points asked back are spread over the originals: the latest first, none beyond what is left of it.

    Raises AlreadyReversed, ExceedsOriginal.
    """
    latest_first = sorted(found, key=lambda one: (one.occurred_at, one.id), reverse=True)
    left = sum(one.reversible for one in latest_first)
    if not left:
        raise AlreadyReversed
    if points > left:
        raise ExceedsOriginal(points, left)
    spread = []
    for original in latest_first:
        part = min(points, original.reversible)
        if part:
            spread.append((original, part))
            points -= part
    return spread


def take_from(
    original: Original, points: int, policy: str, *, at: datetime, purse: Purse, lots: Collection[OpenLot]
) -> Taking:
    """From the original's own lots; then what of them had lapsed counts as gone; then by policy from other lots."""
    own = not_lapsed(original.lots, at)
    if policy == Policy.ONLY_PENDING:
        own = [lot for lot in own if lot.pending(at)]
    lines = take(own, points)
    rest = points - taken(lines)
    expired = min(rest, original.lapsed(at))
    rest -= expired
    if rest and policy not in (Policy.ONLY_PENDING, OWN_LOTS):
        everything = not_lapsed(lots, at)
        reach = total(everything) - taken(lines) - purse.debt
        others = [lot for lot in everything if lot not in original.lots]
        lines += _by_policy(others, rest, policy, reach)
    return Taking(lines, points, expired)


def take_loose(points: int, policy: str, *, at: datetime, purse: Purse, lots: Collection[OpenLot]) -> Taking:
    """For a return that names no order: by policy alone."""
    if policy == Policy.ONLY_PENDING:
        return Taking(take(in_order(lot for lot in lots if lot.pending(at)), points), points)
    everything = not_lapsed(lots, at)
    return Taking(_by_policy(everything, points, policy, total(everything) - purse.debt), points)


def _by_policy(lots: Sequence[OpenLot], points: int, policy: str, reach: int) -> list[Line]:
    """Within the balance never deeper than to zero (`reach`), under `unlimited` into debt."""
    if policy == Policy.UNLIMITED:
        lines = take(lots, points)
        return [*lines, *owed(points, lines)]
    return take(lots, min(points, reach))
