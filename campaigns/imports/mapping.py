"""What a file's columns mean and how its values are to be read: from a YAML file, from options, or from both."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from fnmatch import fnmatchcase
from typing import Any

from loyalty.base.clock import zone
from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import Invalid
from loyalty.base.imports import mapping as words
from loyalty.members.identifiers import PREFIXES
from loyalty.programs.models import Program

REQUIRED = ("order", "sku", "quantity", "time", "price")
OPTIONAL = ("member", "name", "category", "brand", "store")
COLUMNS = REQUIRED + OPTIONAL
NOT_GOODS = "not-goods"  # the category of lines that are no merchandise


@dataclass(frozen=True, slots=True)
class Mapping:
    """How to read one file. `columns` names the file's column for each of our fields."""

    columns: dict[str, str]
    currency: str
    zone: tzinfo
    time_format: str = ""  # of strptime; empty: 2009-12-01 07:45, with or without T, seconds and offset
    member_kind: str = "ext"
    return_prefix: tuple[str, ...] = ()
    skip_prefix: tuple[str, ...] = ()
    not_goods: tuple[str, ...] = ()
    gift_cards: tuple[str, ...] = ()
    enrol: bool = False
    keep_guests: bool = False
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    said: dict[str, Any] = field(default_factory=dict, compare=False)  # as it was given

    @property
    def decimals(self) -> int:
        return currency_decimals(self.currency)

    def is_return(self, order: str) -> bool:
        return bool(self.return_prefix) and order.startswith(self.return_prefix)

    def is_skipped(self, order: str) -> bool:
        return bool(self.skip_prefix) and order.startswith(self.skip_prefix)


_LISTS = ("return_prefix", "skip_prefix", "not_goods", "gift_cards")
_FLAGS = ("enrol", "keep_guests")
_TEXTS = ("currency", "zone", "time_format", "member_kind", "delimiter", "encoding")


def build(program: Program, map_words: Sequence[str], options: AnyMapping[str, Any]) -> Mapping:
    """The mapping from `--map` words and options. Raises Invalid."""
    said = words.gathered(map_words, options)
    terms = words.terms(said, lists=_LISTS, texts=_TEXTS, flags=_FLAGS)
    terms["zone"] = zone(terms.get("zone") or program.timezone)
    terms.setdefault("currency", program.currency)
    currency_decimals(terms["currency"])
    if terms["currency"] != program.currency:
        raise Invalid(f"This program keeps its books in {program.currency}.", code="currency_mismatch")
    if terms.get("member_kind", "ext") not in PREFIXES:
        raise Invalid(f"member_kind is one of {', '.join(PREFIXES)}.", code="map_invalid")
    if len(terms.get("delimiter", ",")) != 1:
        raise Invalid("delimiter is one character.", code="map_invalid")
    return Mapping(columns=words.columns(said["columns"], COLUMNS, REQUIRED), said=said, **terms)


def matches(text: str, patterns: Sequence[str]) -> bool:
    """Whether `text` is like one of the patterns: `*` and `?` as in file names, case makes no difference."""
    folded = text.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)
