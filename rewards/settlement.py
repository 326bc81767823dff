"""What the program owes its partners: a list per partner and local month, worked out from the redemptions.

A reward counts in the month in which it was redeemed, and with a minus in the month in which it was refunded: a month
that has been paid never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from loyalty.base.clock import add_months, midnight, write_instant
from loyalty.base.sheets import csv_lines
from loyalty.programs.models import Program

HEADER: Final = ("redemption", "reward", "at", "count", "unit_cost", "amount", "currency")

_LINES: Final = """
    SELECT r.id, r.terms->>'partner', r.terms->>'partner_name', r.terms->>'reward', booked.at, booked.count,
        (r.terms->>'unit_cost')::numeric, r.terms->>'currency'
    FROM rewards_redemption r
    CROSS JOIN LATERAL (VALUES
        (r.fulfilled_at, 1), (CASE WHEN r.state = 'refunded' THEN r.closed_at END, -1)
    ) AS booked (at, count)
    WHERE r.program_id = %(program)s AND r.terms->>'kind' = 'partner'
        AND booked.at >= %(since)s AND booked.at < %(until)s
        AND (%(partner)s::text IS NULL OR r.terms->>'partner' = %(partner)s)
    ORDER BY booked.at, r.id, booked.count DESC
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One redemption (+1) or refund (-1) of a partner's reward. Without a unit cost it is only counted."""

    redemption: str
    partner: str
    partner_name: str
    reward: str
    at: datetime
    count: int
    unit_cost: Decimal | None
    currency: str

    @property
    def amount(self) -> Decimal:
        return self.count * (self.unit_cost or Decimal(0))


@dataclass(frozen=True, slots=True)
class Total:
    """What is owed to one partner for a month."""

    partner: str
    name: str
    count: int
    amount: Decimal
    currency: str


def lines(program: Program, month: date, *, partner: str | None = None) -> list[Line]:
    """Every line of a local month, in order; of one partner or of all. `month` is any day of it."""
    first = month.replace(day=1)
    asked = {
        "program": program.pk,
        "partner": partner,
        "since": midnight(first, program.zone),
        "until": midnight(add_months(first, 1), program.zone),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LINES, asked)
        return [Line(str(row[0]), *row[1:]) for row in cursor.fetchall()]


def totals(found: Iterable[Line]) -> list[Total]:
    """The sums by partner, by their codes."""
    sums: dict[str, Total] = {}
    for line in found:
        before = sums.get(line.partner)
        count, amount = (before.count, before.amount) if before else (0, Decimal(0))
        sums[line.partner] = Total(
            line.partner, line.partner_name, count + line.count, amount + line.amount, line.currency
        )
    return [sums[partner] for partner in sorted(sums)]


def rows(found: Iterable[Line]) -> Iterator[list[Any]]:
    """The lines as an export has them, below `HEADER`."""
    for line in found:
        yield [
            line.redemption, line.reward, write_instant(line.at), line.count, line.unit_cost, line.amount,
            line.currency,
        ]  # fmt: skip


def as_csv(found: Iterable[Line]) -> bytes:
    """The list as a file for the partner."""
    return csv_lines([HEADER, *rows(found)])
