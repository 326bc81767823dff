"""Channels: the systems that send to a program."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from loyalty.base.clock import zone
from loyalty.base.errors import Conflict, FieldError, Invalid
from loyalty.base.text import clean
from loyalty.programs.errors import refuse
from loyalty.programs.models import CODE, Channel, Program

RESERVED = "laurel"  # the source of events that are made here


def faults(channel: Channel) -> list[FieldError]:
    """What is wrong with a channel's own fields; forms show it beside them, `create` refuses it."""
    found: list[FieldError] = []
    if not CODE.regex.fullmatch(channel.code) or channel.code == RESERVED:  # type: ignore[union-attr]
        words = "This code is the program's own." if channel.code == RESERVED else str(CODE.message)
        found.append(FieldError("code", "code_invalid", words))
    if channel.kind not in Channel.Kind.values:
        found.append(FieldError("kind", "choice_unknown", "There is no such kind of channel."))
    try:
        if channel.timezone:
            zone(channel.timezone)
    except Invalid as wrong:
        found.append(wrong.at_path("timezone"))
    try:
        channel.name = clean(channel.name, max_length=120, required=True)
    except Invalid as wrong:
        found.append(wrong.at_path("name"))
    return found


def create(
    program: Program, *, code: str, name: str, at: datetime, kind: str = Channel.Kind.SHOP, timezone: str = ""
) -> Channel:
    """A channel of `program`. With a `timezone`, times that come without an offset are read in it.

    Raises Invalid (`code_invalid`, `zone_unknown`, …), Conflict `code_taken`.
    """
    channel = Channel(program=program, code=code, name=name, kind=kind, timezone=timezone, created_at=at)
    refuse(faults(channel))
    try:
        with transaction.atomic():
            channel.save(force_insert=True)
    except IntegrityError as wrong:
        raise Conflict("A channel with this code exists.", code="code_taken") from wrong
    return channel


def switch(channel: Channel, *, on: bool) -> Channel:
    """Let a channel in or shut it out; its keys follow with the next request."""
    channel.is_active = on
    channel.save(update_fields=["is_active"])
    return channel
