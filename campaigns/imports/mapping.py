"""What a file's columns mean and how its values are to be read: from a YAML file, from options, or from both."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from loyalty.base.clock import zone
from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import Invalid
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
_KEYS = frozenset({"columns", *_LISTS, *_FLAGS, *_TEXTS})


def build(program: Program, map_words: Sequence[str], options: AnyMapping[str, Any]) -> Mapping:
    """The mapping from `--map` words (YAML files and `field=Column` pairs, later ones win) and from options, which
    win over files; an option that is None or empty says nothing. Raises Invalid."""
    said: dict[str, Any] = {"columns": {}}
    for word in map_words:
        _merge(said, _pair(word) if "=" in word else _file(Path(word)))
    _merge(said, {key: value for key, value in options.items() if value not in (None, (), [], False, "")})
    return _checked(program, said)


def matches(text: str, patterns: Sequence[str]) -> bool:
    """Whether `text` is like one of the patterns: `*` and `?` as in file names, case makes no difference."""
    folded = text.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def _pair(word: str) -> dict[str, Any]:
    name, _, column = word.partition("=")
    return {"columns": {name.strip(): column.strip()}}


def _file(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as wrong:
        raise Invalid(f"--map {path}: {wrong}", code="map_unreadable") from wrong
    if not isinstance(found, dict) or not isinstance(found.get("columns", {}), dict):
        raise Invalid(
            f"--map {path}: a mapping has keys such as columns and time_format.", code="map_invalid"
        )
    return found


def _merge(said: dict[str, Any], more: AnyMapping[str, Any]) -> None:
    for key, value in more.items():
        if key == "columns":
            said["columns"] = said["columns"] | value
        else:
            said[key] = value


def _checked(program: Program, said: dict[str, Any]) -> Mapping:
    if unknown := sorted(map(str, said.keys() - _KEYS)):
        raise Invalid(f"The mapping does not know {', '.join(unknown)}.", code="map_invalid")
    terms: dict[str, Any] = {key: _texts(key, said[key]) for key in _LISTS if key in said}
    terms |= {key: _text(key, said[key]) for key in _TEXTS if key in said}
    terms |= {key: _flag(key, said[key]) for key in _FLAGS if key in said}
    terms["zone"] = zone(terms.get("zone") or program.timezone)
    terms.setdefault("currency", program.currency)
    currency_decimals(terms["currency"])
    if terms["currency"] != program.currency:
        raise Invalid(f"This program keeps its books in {program.currency}.", code="currency_mismatch")
    if terms.get("member_kind", "ext") not in PREFIXES:
        raise Invalid(f"member_kind is one of {', '.join(PREFIXES)}.", code="map_invalid")
    if len(terms.get("delimiter", ",")) != 1:
        raise Invalid("delimiter is one character.", code="map_invalid")
    return Mapping(columns=_columns(said["columns"]), said=said, **terms)


def _columns(named: AnyMapping[Any, Any]) -> dict[str, str]:
    if unknown := sorted(map(str, named.keys() - set(COLUMNS))):
        raise Invalid(
            f"No field is called {', '.join(unknown)}; there are {', '.join(COLUMNS)}.", code="map_invalid"
        )
    if missing := [name for name in REQUIRED if not named.get(name)]:
        raise Invalid(f"--map must name the column of {', '.join(missing)}.", code="map_incomplete")
    return {name: _text(name, column) for name, column in named.items() if column}


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{key} is text; put it in quotes.", code="map_invalid")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{key} is true or false.", code="map_invalid")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, (list, tuple)) or not all(isinstance(one, str) and one for one in many):
        raise Invalid(f"{key} is a text or a list of texts.", code="map_invalid")
    return tuple(many)
