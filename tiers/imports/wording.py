"""What an import of balances, its dry run and its undoing tell their operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_COUNTS = (
    ("rows", "rows read"),
    ("booked", "rows that bring something"),
    ("known", "rows known already, without effect"),
    ("refused", "rows refused"),
    ("members", "members named"),
    ("enrolled", "of these enrolled"),
)
_UNDONE = (
    ("members", "members"),
    ("rows", "lots and debts"),
    ("tiers", "tiers ended"),
    ("enrolled", "members that the import had enrolled"),
    ("closed", "of these closed, because they have done nothing since"),
)
_PARTS = ("file", "booked", "known", "refused")
_SUMS = (
    ("brought", "brought by the import"),
    ("taken", "taken back"),
    ("lapsed", "lapsed meanwhile"),
    ("spent", "spent meanwhile"),
)


def summary(result: Mapping[str, Any], report: Path | None = None) -> str:
    """Lines for people: counts, then by point type and year what stands in the file and what became of it."""
    counts = result["counts"]
    always = {"rows", "booked", "refused"}
    lines = [
        f"{counts.get(name, 0):>14,} {words}" for name, words in _COUNTS if name in always or counts.get(name)
    ]
    for code, years in sorted(result["points"].items()):
        lines += _table(code, years)
    for code, row in sorted(result["tiers"].items()):
        told = ", ".join(f"{row[part]:,} {_words(part)}" for part in _PARTS if row.get(part))
        lines.append(f"Tier {code}: {told}")
    if report and counts.get("refused"):
        lines.append(f"Refused rows and their reasons: {report}")
    return "\n".join(lines)


def _table(code: str, years: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    name = "Points that could not be told apart" if code == "?" else f"Points ({code})"
    yield f"{name}, by the year in which they lapse:"
    yield f"{'':>8}" + "".join(f"{_words(part):>18}{'rows':>10}" for part in _PARTS)
    for year, row in in_order(years):
        cells = "".join(f"{grouped(row[part]):>18}{row[f'{part}_rows']:>10,}" for part in _PARTS)
        unread = f"   {row['unread_rows']:,} without a readable amount" if row["unread_rows"] else ""
        yield f"{'in all' if year == 'all' else year:>8}{cells}{unread}"


def in_order(years: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Years rising, then what has none, then the sum."""
    return sorted(years.items(), key=lambda pair: (pair[0] == "all", pair[0]))


def _words(part: str) -> str:
    return {"file": "in the file", "booked": "booked", "known": "known already", "refused": "refused"}[part]


def undone(result: Mapping[str, Any], report: Path | None = None) -> str:
    """The same for an undoing."""
    counts = result["counts"]
    lines = [f"{counts[name]:>14,} {words}" for name, words in _UNDONE if counts.get(name)]
    for code, row in sorted(result["points"].items()):
        lines.append(f"Points ({code}):")
        lines += [f"{grouped(row[name]):>14} {words}" for name, words in _SUMS if name in row]
    spent = any(row.get("spent", "0").strip("0.") for row in result["points"].values())
    if report and spent:
        lines.append(f"What was spent meanwhile, member by member: {report}")
    return "\n".join(lines)


def grouped(number: str) -> str:
    """`-1234567.50` is `-1,234,567.50`."""
    whole, dot, part = number.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{dot}{part}"
