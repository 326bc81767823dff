"""A small program file, and what tests do with files."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import dedent

from loyalty.programs.files import applying
from loyalty.programs.files.applying import Outcome
from loyalty.programs.files.faults import FileRefused
from loyalty.programs.models import Program

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

CAFE = dedent("""\
    format: 1

    program:
      code: cafe
      name: Café Olé
      currency: EUR
      timezone: Europe/Madrid

    members:
      attributes:
        - {code: city, type: text, label: City}

    point_types:
      - code: points
        name: {one: point, many: points}
        default: true
        expiry: {kind: rolling, count: 12, unit: months, round_up_to: month}
        checkout: {rate: 0.01, minimum: 200, increment: 100}

    channels:
      - {code: till, name: Till, kind: till}

    event_types:
      - code: stay.completed
        name: Stay completed
        attributes:
          - {code: nights, type: number, label: Nights, required: true}

    tiers:
      - code: club
        name: Club
        measure: spend
        window: {kind: rolling, count: 6, unit: months}
        validity: {kind: duration, count: 1, unit: months}
        tiers:
          - {code: silver, name: Silver, threshold: 100}
          - code: gold
            name: Gold
            threshold: 300.50
            earning_multiplier: 1.5
            expiry: {kind: rolling, count: 2, unit: years}
            perks: [{code: lounge, icon: 🛋, text: A seat by the window}]

    campaigns:
      - code: base
        name: A point per euro
        earn: {points: 1, step: 1.00}
      - code: weekend
        name: Double weekend
        bonus: {multiplier: 2}
        weekdays: [sat, sun]
        conditions: {all: [{field: order.total, op: gte, value: 12.50}]}
      - code: nights
        name: Nights
        trigger: stay.completed
        earn: {basis: attribute, attribute: nights, points: 100}
    """)


def apply(text: str, *, at: datetime = NOON, dry_run: bool = False) -> Outcome:
    return applying.apply(text.encode(), at=at, by="olga", dry_run=dry_run)


def export(code: str = "cafe") -> str:
    return applying.export(Program.objects.get(code=code))


def faults(text: str) -> list[tuple[int, str, str]]:
    """The faults of a file that is refused: line, place and code."""
    try:
        apply(text)
    except FileRefused as wrong:
        return [(fault.line, fault.place, fault.code) for fault in wrong.faults]
    raise AssertionError("the file was not refused")


def line_of(text: str, part: str) -> int:
    """The line on which `part` first stands."""
    return text[: text.index(part)].count("\n") + 1
