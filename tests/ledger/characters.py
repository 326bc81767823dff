"""The people of the ledger's tests: Ada and Ben are members of one program in Madrid; nobody has points yet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from loyalty.ledger.books import Actor
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program

TILL = Actor("channel", "till-1")
OLGA = Actor("staff", "olga")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def a_program(code: str = "cafe", **changes: Any) -> Program:
    terms = {"name": "Café", "currency": "EUR", "timezone": "Europe/Madrid", "created_at": NOON, **changes}
    return Program.objects.create(code=code, **terms)


def a_point_type(program: Program, code: str = "points", **changes: Any) -> PointType:
    """Whole points that are spendable at once and never lapse, unless `changes` say otherwise."""
    terms = {"name_one": "point", "name_many": "points", **changes}
    return PointType.objects.create(program=program, code=code, **terms)


def a_member(program: Program, name: str = "Ada", **changes: Any) -> Member:
    terms = {"enrolled_at": NOON, "updated_at": NOON, **changes}
    return Member.objects.create(program=program, name=name, **terms)
