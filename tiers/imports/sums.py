"""Sums that tie out with the file: what stands in it is what was booked, was known before, or was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Self

from loyalty.base.imports.badrows import Refused
from loyalty.base.numbers import format_points
from tiers.imports.lines import UNREAD, Line

PARTS = ("file", "booked", "known", "refused")
SHOWN = 20  # rows that bring something, kept as examples
NAMED = 5  # rows of each fault
Table = dict[str, dict[str, dict[str, int]]]


class Sums:
    """Rows and amounts by point type and the year in which the points lapse; members, tiers and other counts; why rows
    were refused, and some that were not. Nothing in it names a person."""

    def __init__(self) -> None:
        self.points: Table = {}
        self.tiers: dict[str, Counter[str]] = {}
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, dict[str, Any]] = {}
        self.examples: list[dict[str, Any]] = []

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `as_json` wrote."""
        sums = cls()
        sums.points = {
            code: {year: dict(row) for year, row in years.items()} for code, years in kept["points"].items()
        }
        sums.tiers = {code: Counter(row) for code, row in kept["tiers"].items()}
        sums.counts = Counter(kept["counts"])
        sums.faults = {code: {**fault, "rows": list(fault["rows"])} for code, fault in kept["faults"].items()}
        sums.examples = list(kept["examples"])
        return sums

    def as_json(self) -> dict[str, Any]:
        return {
            "points": self.points,
            "tiers": {code: dict(row) for code, row in self.tiers.items()},
            "counts": dict(self.counts),
            "faults": self.faults,
            "examples": self.examples,
        }

    def copy(self) -> Sums:
        return Sums.of_json(self.as_json())

    def add(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.counts["rows"] += 1
            self.counts[line.outcome] += 1
            if line.has_amount:
                self._add_points(line)
            if line.placing and not line.repeats_tier:
                self._add_tier(line)
            if line.fault:
                self._add_fault(line.fault)
            elif len(self.examples) < SHOWN and line.outcome == "booked":
                self.examples.append(_example(line))

    def _add_fault(self, refused: Refused) -> None:
        fault = self.faults.setdefault(refused.code, {"count": 0, "rows": []})
        fault["count"] += 1
        if len(fault["rows"]) < NAMED:
            fault["rows"].append(refused.row.number)

    def _add_points(self, line: Line) -> None:
        """An amount that could not be read counts as a row without one."""
        code = line.point_type.code if line.point_type else UNREAD
        row = self.points.setdefault(code, {}).setdefault(line.year, {})
        for part in ("file", line.points_outcome):
            row[f"{part}_rows"] = row.get(f"{part}_rows", 0) + 1
            row[part] = row.get(part, 0) + (line.units or 0)
        if line.units is None:
            row["unread_rows"] = row.get("unread_rows", 0) + 1

    def _add_tier(self, line: Line) -> None:
        assert line.placing is not None
        row = self.tiers.setdefault(line.placing.tier, Counter())
        row["file"] += 1
        row[line.tier_outcome] += 1


def _example(line: Line) -> dict[str, Any]:
    """What one row does, to be looked at before it is done."""
    told: dict[str, Any] = {"row": line.row.number, "member": str(line.member_id) if line.member_id else ""}
    if line.brings_points and line.point_type:
        told |= {"point_type": line.point_type.code, "units": line.units}
        told["expires_at"] = line.expires_at.isoformat() if line.expires_at else ""
    if line.brings_tier and line.placing:
        told["tier"] = line.placing.tier
    return told


def written(points: Table, decimals: Mapping[str, int]) -> dict[str, dict[str, dict[str, Any]]]:
    """The table with amounts as people write them, years in their order and their sum under `all`."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for code, years in sorted(points.items()):
        total: Counter[str] = Counter()
        for row in years.values():
            total.update(row)
        places = decimals.get(code, 0)
        found[code] = {year: _row(years[year], places) for year in sorted(years)} | {
            "all": _row(total, places)
        }
    return found


def _row(row: Mapping[str, int], decimals: int) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for part in PARTS:
        told[f"{part}_rows"] = row.get(f"{part}_rows", 0)
        told[part] = format_points(row.get(part, 0), decimals)
    return told | {"unread_rows": row.get("unread_rows", 0)}
