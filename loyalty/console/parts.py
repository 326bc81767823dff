"""Parts that several screens share, as values. Their tags are in `loyalty.console.templatetags.console`;
`docs/screens.md` shows each in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from django.utils.translation import gettext as _

from loyalty.base.words import Words
from loyalty.console.words import number

SHADES = 5


class Cell(NamedTuple):
    """One number of a matrix: `shade` 0 (none) to 5; `tone` says whether it means up, down or staying."""

    n: int
    shade: int
    tone: Literal["up", "down", "same"]
    url: str


class Line(NamedTuple):
    """A row of a matrix."""

    label: str
    cells: list[Cell]
    total: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who moves from where to where: `{% matrix moves %}`. Steps are given from the lowest to the highest."""

    caption: Words
    steps: Sequence[tuple[str, Words]]
    """(code, name)"""
    counts: Mapping[tuple[str, str], int]
    """By (from, to)."""
    urls: Mapping[tuple[str, str], str] | None = None
    """Where a cell leads, such as to the list of these people."""

    @property
    def names(self) -> list[str]:
        return [str(name) for _code, name in self.steps]

    @property
    def lines(self) -> list[Line]:
        return [
            Line(
                str(name),
                [self._cell(row, column) for column in range(len(self.steps))],
                sum(self._count(row, column) for column in range(len(self.steps))),
            )
            for row, (_code, name) in enumerate(self.steps)
        ]

    @property
    def totals(self) -> list[int]:
        return [
            sum(self._count(row, column) for row in range(len(self.steps)))
            for column in range(len(self.steps))
        ]

    @property
    def total(self) -> int:
        return sum(self.totals)

    def _count(self, row: int, column: int) -> int:
        return self.counts.get((self.steps[row][0], self.steps[column][0]), 0)

    def _cell(self, row: int, column: int) -> Cell:
        key = self.steps[row][0], self.steps[column][0]
        count = self.counts.get(key, 0)
        tone: Literal["up", "down", "same"] = "same" if row == column else "up" if column > row else "down"
        return Cell(count, self._shade(count, tone), tone, (self.urls or {}).get(key, ""))

    def _shade(self, count: int, tone: str) -> int:
        """By its share of the largest move; those who stay are many and are not shaded."""
        if not count or tone == "same":
            return 0
        largest = max(moved for (start, end), moved in self.counts.items() if start != end)
        return max(1, -(-count * SHADES // largest))


class Slice(NamedTuple):
    """A piece of a gauge, in hundredths of its width."""

    name: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Gauge:
    """A stock: `{% gauge stock %}`. `loaded` is None where there is no end to it. `given_out`: what is used is with
    members, who may have used it or not, such as codes."""

    loaded: int | None
    reserved: int
    used: int
    low_at: int | None = None
    given_out: bool = False

    @property
    def available(self) -> int | None:
        return None if self.loaded is None else max(0, self.loaded - self.reserved - self.used)

    @property
    def is_low(self) -> bool:
        return self.available is not None and self.low_at is not None and self.available <= self.low_at

    @property
    def slices(self) -> list[Slice]:
        """From the left: used, reserved, available."""
        if not self.loaded:
            return []
        parts = [("used", self.used), ("reserved", self.reserved), ("available", self.available or 0)]
        found, start = [], 0.0
        for name, count in parts:
            width = round(100 * count / self.loaded, 2)
            found.append(Slice(name, round(start, 2), width))
            start += width
        return [one for one in found if one.width]

    @property
    def text(self) -> str:
        """The whole gauge in words."""
        told = {"used": number(self.used), "reserved": number(self.reserved)}
        if self.loaded is None:
            return _("No limit; %(reserved)s reserved, %(used)s used") % told
        told |= {"available": number(self.available or 0), "loaded": number(self.loaded)}
        if self.given_out:
            return (
                _("%(available)s of %(loaded)s available, %(reserved)s reserved, %(used)s given out") % told
            )
        return _("%(available)s of %(loaded)s available, %(reserved)s reserved, %(used)s used") % told


@dataclass(frozen=True, slots=True)
class Stage:
    """One state on the way of something: `{% stepper stages %}` in the order of the way."""

    label: Words
    state: Literal["done", "current", "ahead", "stopped"]
    note: Words = ""
    at: datetime | None = None
    """The instant when it was reached."""


@dataclass(frozen=True, slots=True)
class Tab:
    """`{% tabs tabs label %}`: a part of a screen with its own address, and how many things wait in it."""

    label: Words
    url: str
    count: int | None = None
    current: bool = False
