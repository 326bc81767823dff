"""Programs: making one with what it cannot do without, pausing it, resuming it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from loyalty.base.clock import zone
from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import Conflict, FieldError, Invalid, LaurelError
from loyalty.base.phones import is_region
from loyalty.base.text import clean
from loyalty.programs.attributes import check_schema
from loyalty.programs.errors import refuse
from loyalty.programs.models import CODE, PointType, Program, ProgramPause


def faults(program: Program) -> list[FieldError]:
    """What is wrong with a program's own fields; forms show it beside them, `create` refuses it."""
    found: list[FieldError] = []
    for name, check in (("currency", currency_decimals), ("timezone", zone), ("member_schema", check_schema)):
        try:
            check(getattr(program, name))
        except LaurelError as wrong:
            inner = [FieldError(name + one.path, one.code, one.message) for one in wrong.errors]
            found += inner or [wrong.at_path(name)]
    if not CODE.regex.fullmatch(program.code):  # type: ignore[union-attr]  # compiled on first use
        found.append(FieldError("code", "code_invalid", str(CODE.message)))
    if program.phone_region and not is_region(program.phone_region):
        words = "Use the two-letter ISO code of a country, such as ES."
        found.append(FieldError("phone_region", "region_unknown", words))
    try:
        program.name = clean(program.name, max_length=120, required=True)
    except Invalid as wrong:
        found.append(wrong.at_path("name"))
    return found


def create(
    *,
    code: str,
    name: str,
    currency: str,
    timezone: str,
    at: datetime,
    points: tuple[str, str] = ("point", "points"),
    **settings: Any,
) -> Program:
    """A program with its default point type; `settings` are further fields of Program.

    Raises Invalid (`currency_unknown`, `zone_unknown`, `code_invalid`, …), Conflict `code_taken`.
    """
    program = Program(code=code, name=name, currency=currency, timezone=timezone, created_at=at, **settings)
    refuse(faults(program))
    program.member_schema = check_schema(program.member_schema)
    try:
        with transaction.atomic():
            program.save(force_insert=True)
            PointType.objects.create(
                program=program, code="points", name_one=points[0], name_many=points[1], is_default=True
            )
    except IntegrityError as wrong:
        raise Conflict("A program with this code exists.", code="code_taken") from wrong
    return program


def clear_default(program: Program, *, keep: PointType) -> None:
    """Take the mark of the default off every other point type, in the transaction that gives it to `keep`."""
    Program.objects.select_for_update(no_key=True).get(pk=program.pk)
    for other in PointType.objects.filter(program=program, is_default=True).exclude(pk=keep.pk):
        other.is_default = False
        other.save(update_fields=["is_default"])


def pause(program: Program, *, at: datetime) -> Program:
    """Give no points from `at` on. Events are still taken in. Pausing twice changes nothing."""
    with transaction.atomic():
        current = Program.objects.select_for_update(no_key=True).get(pk=program.pk)
        if current.status == Program.Status.PAUSED:
            return current
        ProgramPause.objects.create(program=current, started_at=at)
        current.status = Program.Status.PAUSED
        current.save(update_fields=["status"])
    return current


def resume(program: Program, *, at: datetime) -> Program:
    """Give points again from `at` on. Resuming twice changes nothing."""
    with transaction.atomic():
        current = Program.objects.select_for_update(no_key=True).get(pk=program.pk)
        if current.status == Program.Status.RUNNING:
            return current
        ProgramPause.objects.filter(program=current, ended_at=None).update(ended_at=at)
        current.status = Program.Status.RUNNING
        current.save(update_fields=["status"])
    return current
