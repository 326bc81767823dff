"""What the columns of a file of balances mean. A column that nobody names is found by its heading."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

from loyalty.base.clock import zone
from loyalty.base.errors import Invalid
from loyalty.base.imports import mapping as words
from loyalty.base.imports import reading
from loyalty.members.identifiers import PREFIXES
from loyalty.programs.models import Program

FIELDS = ("member", "point_type", "amount", "earned_on", "expires_on", "tier", "tier_since", "tier_until")
HEADINGS: dict[str, tuple[str, ...]] = {
    "member": ("member", "member id", "external id", "customer", "customer id", "customer number"),
    "point_type": ("point type", "points type", "currency"),
    "amount": ("amount", "points", "balance"),
    "earned_on": ("earned on", "earned", "earned at", "date"),
    "expires_on": ("expires on", "expires", "expires at", "expiry", "expiry date", "valid until"),
    "tier": ("tier", "level", "status"),
    "tier_since": ("tier since", "tier from", "level since"),
    "tier_until": ("tier until", "tier valid until", "tier expires", "level until"),
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """How to read one file. `columns` names the file's column for each of our fields, as the file writes it."""

    columns: dict[str, str]
    zone: tzinfo
    date_format: str = ""  # of strptime; empty: 2026-11-12, a time after it is not looked at
    member_kind: str = "ext"
    enrol: bool = False
    keep_duplicates: bool = False
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    said: dict[str, Any] = field(default_factory=dict, compare=False)  # as it was given


_FLAGS = ("enrol", "keep_duplicates")
_TEXTS = ("zone", "date_format", "member_kind", "delimiter", "encoding")


def build(
    program: Program, map_words: Sequence[str], options: AnyMapping[str, Any], *, path: Path
) -> Mapping:
    """The mapping for a file, from `--map` words, options and the file's own headings. Raises Invalid, and what
    reading raises."""
    said = words.gathered(map_words, options)
    return of_said(program, said, path=path)


def of_said(program: Program, said: dict[str, Any], *, path: Path) -> Mapping:
    """The same from what was said once before."""
    terms = words.terms(said, texts=_TEXTS, flags=_FLAGS)
    terms["zone"] = zone(terms.get("zone") or program.timezone)
    if terms.get("member_kind", "ext") not in PREFIXES:
        raise Invalid(f"member_kind is one of {', '.join(PREFIXES)}.", code="map_invalid")
    if len(terms.get("delimiter", ",")) != 1:
        raise Invalid("delimiter is one character.", code="map_invalid")
    named = words.columns(said["columns"], FIELDS, ())
    mapping = Mapping(columns={}, said=said, **terms)
    header = reading.names(path, mapping.delimiter, mapping.encoding)
    return replace(mapping, columns=_in_file(named, header))


def _in_file(named: AnyMapping[str, str], header: Sequence[str]) -> dict[str, str]:
    """The file's own writing of each column, whatever its case."""
    written = {_folded(column): column for column in reversed(header)}
    if missing := [column for column in named.values() if _folded(column) not in written]:
        told = ", ".join(header)[:500]
        raise Invalid(f"The file has no column {', '.join(missing)}; it has {told}.", code="column_missing")
    found = {name: written[_folded(column)] for name, column in named.items()}
    for name in FIELDS:
        guess = next((one for one in HEADINGS[name] if one in written), None)
        if name not in found and guess and written[guess] not in found.values():
            found[name] = written[guess]
    _check(found, header)
    return {name: found[name] for name in FIELDS if name in found}


def _check(found: AnyMapping[str, str], header: Sequence[str]) -> None:
    told = ", ".join(header)[:500]
    if "member" not in found:
        words = f"Say which column names the member; the file has {told}."
        raise Invalid(words, code="map_incomplete")
    if "amount" not in found and "tier" not in found:
        words = f"Say which column holds the amount or the tier; the file has {told}."
        raise Invalid(words, code="map_incomplete")


def _folded(heading: str) -> str:
    return " ".join(heading.replace("_", " ").casefold().split())
