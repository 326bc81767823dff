"""Opening + issued − redeemed − expired ± adjusted = closing, per point type, for the month that is running."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base import clock
from loyalty.base.words import Words
from loyalty.programs.models import PointType, Program

LINES = ("issued", "taken_back", "redeemed", "given_back", "expired", "adjusted", "transferred")
WORDS: dict[str, Words] = {
    "issued": gettext_lazy("issued"),
    "taken_back": gettext_lazy("taken back"),
    "redeemed": gettext_lazy("redeemed"),
    "given_back": gettext_lazy("given back"),
    "expired": gettext_lazy("expired"),
    "adjusted": gettext_lazy("adjusted"),
    "transferred": gettext_lazy("transferred"),
}
_LINE_OF_KIND = {
    "earn": "issued",
    "correct": "issued",
    "reverse": "taken_back",
    "redeem": "redeemed",
    "refund": "given_back",
    "expire": "expired",
    "adjust": "adjusted",
    "transfer": "transferred",
}


@dataclass(frozen=True, slots=True)
class Roll:
    """Signed, in smallest units. `closing` is what the wallets hold; everything else comes from the entries."""

    point_type_id: int
    program: str
    point_type: str
    since: str
    opening: int
    issued: int
    taken_back: int
    redeemed: int
    given_back: int
    expired: int
    adjusted: int
    transferred: int
    closing: int
    decimals: int = 0

    @property
    def expected(self) -> int:
        moved: int = sum(getattr(self, line) for line in LINES)
        return self.opening + moved

    @property
    def adds_up(self) -> bool:
        return self.expected == self.closing

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> str:
        """`1,200 at the start of the month, +300 issued, −20 redeemed: 1,480`; lines of zero are left out."""
        moved = [(getattr(self, line), WORDS[line]) for line in LINES]
        parts = [_("%(points)s at the start of the month") % {"points": self._points(self.opening)}]
        parts += [
            f"{'+' if points > 0 else '−'}{self._points(abs(points))} {word}"
            for points, word in moved
            if points
        ]
        return f"{', '.join(parts)}: {self._points(self.closing)}"

    def _points(self, units: int) -> str:
        return f"{Decimal(units).scaleb(-self.decimals):,f}"


def all_point_types(program: Program | None, *, at: datetime) -> list[Roll]:
    """One roll for each point type, from the start of the program's local month."""
    types = PointType.objects.select_related("program").order_by("program_id", "pk")
    if program:
        types = types.filter(program=program)
    closing = _closing()
    return [_roll(each, at, closing.get(each.pk, 0)) for each in types]


def _closing() -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT point_type_id, sum(balance)::bigint FROM ledger_wallet GROUP BY point_type_id")
        return dict(cursor.fetchall())


def _roll(point_type: PointType, at: datetime, closing: int) -> Roll:
    zone = point_type.program.zone
    month = clock.start_of_period(clock.local_date(at, zone), "month")
    opening, lines = _movements(point_type, clock.midnight(month, zone))
    return Roll(
        point_type.pk,
        point_type.program.code,
        point_type.code,
        month.isoformat(),
        opening,
        closing=closing,
        decimals=point_type.decimals,
        **lines,
    )


def _movements(point_type: PointType, since: datetime) -> tuple[int, dict[str, int]]:
    """By the day on which it was booked, as books are closed: what is recorded late belongs to the open month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT transaction.kind, transaction.recorded_at >= %s, sum(entry.amount)::bigint
               FROM ledger_transaction transaction JOIN ledger_entry entry ON entry.transaction_id = transaction.id
               WHERE transaction.point_type_id = %s GROUP BY 1, 2""",
            [since, point_type.pk],
        )
        rows = cursor.fetchall()
    lines = dict.fromkeys(LINES, 0)
    opening = 0
    for kind, is_new, amount in rows:
        line = _LINE_OF_KIND.get(kind)
        if is_new and line:
            lines[line] += amount
        elif not is_new:
            opening += amount
    return opening, lines
