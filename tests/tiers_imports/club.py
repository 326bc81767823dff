"""A club in Madrid that takes over the members of another system: points, and stars with two decimals."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from loyalty.base.clock import local_date
from loyalty.ledger.models import Lot, Wallet
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from tests.tiers import house

OPENED = datetime(2026, 1, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HEADER = ("Member", "Point type", "Amount", "Earned on", "Expires on", "Tier", "Tier since", "Tier until")


def open_club(*, ladder: bool = False) -> Program:
    program = house.a_program(code="club", at=OPENED)
    PointType.objects.create(program=program, code="stars", name_one="star", name_many="stars", decimals=2)
    if ladder:
        house.a_ladder(program, (house.SILVER, house.GOLD), at=OPENED)
    return program


def join(program: Program, *names: str) -> list[Member]:
    return [members.register(program, {"external_id": name}, channel=None, at=OPENED)[0] for name in names]


def row(
    member: str, amount: str = "", *, points: str = "", earned: str = "2026-10-01", expires: str = "2027-12-31",
    tier: str = "", since: str = "", until: str = "",
) -> tuple[str, ...]:  # fmt: skip
    return (member, points, amount, earned, expires, tier, since, until)


def run(file: Path | None = None, **options: Any) -> None:
    call_command("import_balances", *([str(file)] if file else []), **({"program": "club"} | options))


_LOTS = """
    SELECT i.value, p.code, l.remaining, l.earned_at, l.expires_at FROM ledger_lot l
    JOIN ledger_wallet w ON w.id = l.wallet_id JOIN programs_pointtype p ON p.id = w.point_type_id
    JOIN members_identifier i ON i.member_id = l.member_id AND i.kind = 'external'
    WHERE l.remaining > 0 AND w.program_id = %s
"""


def lots(program: Program) -> list[tuple[str, str, int, date, date | None]]:
    """Open lots by member and point type: what is left, the day earned, the last day; straight from the tables."""
    with connection.cursor() as cursor:
        cursor.execute(_LOTS, [program.pk])
        rows = cursor.fetchall()
    zone = program.zone
    return sorted(
        (
            (who, code, left, local_date(earned, zone), _last(ends, program))
            for who, code, left, earned, ends in rows
        ),
        key=str,
    )


def _last(ends: datetime | None, program: Program) -> date | None:
    """A lot ends at the beginning of the day after its last."""
    if ends is None:
        return None
    local = ends.astimezone(program.zone)
    assert (local.hour, local.minute, local.second) == (0, 0, 0)
    return date.fromordinal(local.date().toordinal() - 1)


def debts(program: Program) -> dict[tuple[str, str], int]:
    rows = Wallet.objects.filter(program=program, debt__gt=0, member__identifiers__kind="external")
    found = rows.values_list("member__identifiers__value", "point_type__code", "debt")
    return {(who, code): debt for who, code, debt in found}


def balance(member: Member, code: str = "points") -> Decimal:
    wallet = Wallet.objects.filter(member=member, point_type__code=code).select_related("point_type").first()
    return Decimal(wallet.balance).scaleb(-wallet.point_type.decimals) if wallet else Decimal(0)


def lot_of(member: Member) -> Lot:
    return Lot.objects.get(member=member)
