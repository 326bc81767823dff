"""Beans, a coffee shop in London, and its web shop; tests of members and events meet the same two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from loyalty.programs import channels, programs
from loyalty.programs.models import Channel, Program

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_program(code: str = "beans", **changes: Any) -> Program:
    terms = {"name": "Beans", "currency": "GBP", "timezone": "Europe/London", "at": NOON, **changes}
    return programs.create(code=code, **terms)


def a_channel(program: Program, code: str = "shop", **changes: Any) -> Channel:
    return channels.create(program, code=code, name=code.title(), at=NOON, **changes)
