"""Typed fields that conditions may ask about, and ordered sets of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any

from loyalty.base.clock import parse_date, parse_instant
from loyalty.base.errors import LaurelError
from loyalty.base.numbers import parse_decimal
from loyalty.base.words import Words

MAX_TEXT = 200
MAX_DIGITS = 20
MAX_PLACES = 6

_NAME = re.compile(r"[a-z]+\.[a-z][a-z0-9_]{0,59}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


class FieldType(StrEnum):
    TEXT = "text"  # str; compared without regard to case
    NUMBER = "number"  # Decimal or int
    MONEY = "money"  # Decimal, in the program's currency
    BOOLEAN = "boolean"
    DATE = "date"  # a local business date
    DATETIME = "datetime"  # aware
    TIME = "time"  # local wall clock
    CHOICE = "choice"  # str, compared exactly
    SET = "set"  # frozenset of str, compared exactly


_PRESENCE = ("exists", "not_exists")
_EQUAL = ("eq", "ne", "in", "not_in")
_ORDER = ("gt", "gte", "lt", "lte", "between")

OPERATORS: dict[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: (*_EQUAL, "contains", "starts_with", *_PRESENCE),
    FieldType.NUMBER: (*_EQUAL, *_ORDER, *_PRESENCE),
    FieldType.MONEY: (*_EQUAL, *_ORDER, *_PRESENCE),
    FieldType.BOOLEAN: ("eq", "ne", *_PRESENCE),
    FieldType.DATE: (*_EQUAL, *_ORDER, *_PRESENCE),
    FieldType.DATETIME: (*_ORDER, *_PRESENCE),
    FieldType.TIME: (*_ORDER, *_PRESENCE),
    FieldType.CHOICE: (*_EQUAL, *_PRESENCE),
    FieldType.SET: ("has_any", "has_all", "has_none", *_PRESENCE),
}
LIST_OPERATORS = frozenset({"in", "not_in", "has_any", "has_all", "has_none"})
PRESENCE_OPERATORS = frozenset(_PRESENCE)
TRUE_WHEN_MISSING = frozenset({"ne", "not_in", "has_none", "not_exists"})
ALL_OPERATORS = frozenset(operator for operators in OPERATORS.values() for operator in operators)


@dataclass(frozen=True, slots=True)
class Field:
    """Something a condition may ask about.

    `label` is for pickers ("Order total"), `phrase` for sentences ("the order total"; of an item without the
    article: "category"). `choices` maps codes to labels; without it a choice accepts any text. `windowed` fields
    need `days` on the leaf. `private` values never enter an explanation. `yes` and `no` say a boolean as a whole,
    `absent` that there is none. `unit` follows each value of an amount of money.
    """

    name: str
    type: FieldType
    label: Words
    phrase: Words = ""
    choices: Mapping[str, Words] | None = None
    windowed: bool = False
    private: bool = False
    yes: Words = ""
    no: Words = ""
    absent: Words = ""
    unit: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a field name such as order.total")

    @property
    def scope(self) -> str:
        """The part before the point: order, item, member, event, activity, channel, time."""
        return self.name.partition(".")[0]

    @property
    def measure(self) -> str:
        """The part after the point; with the days it is the key of a window in `view["activity"]`."""
        return self.name.partition(".")[2]

    @property
    def operators(self) -> tuple[str, ...]:
        return OPERATORS[self.type]

    def read(self, raw: object) -> Any:
        """A JSON value as the Python value that conditions compare, or None when it does not fit the type.

        For event and member attributes, whose declaration may have changed since the value was stored.
        """
        if raw is None:
            return None
        try:
            return READERS[self.type](raw)
        except (LaurelError, ValueError, TypeError):
            return None


ITEM_COUNT = Field("item.count", FieldType.NUMBER, "Count")  # what a count of items compares; not in schemas


def _read_text(raw: object) -> str:
    if not isinstance(raw, str):
        raise TypeError("text expected")
    return raw


def _read_number(raw: object) -> Decimal:
    return parse_decimal(raw, max_digits=MAX_DIGITS, max_places=MAX_PLACES)


def _read_boolean(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise TypeError("true or false expected")
    return raw


def _read_date(raw: object) -> date:
    return raw if isinstance(raw, date) and not isinstance(raw, datetime) else parse_date(raw)


def _read_datetime(raw: object) -> datetime:
    return raw if isinstance(raw, datetime) and raw.tzinfo else parse_instant(raw)


def read_time(raw: object) -> time:
    """A wall-clock time from HH:MM or HH:MM:SS. Raises ValueError."""
    if isinstance(raw, time):
        return raw
    found = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError("a time is written as 17:30")
    hour, minute, second = (int(part or 0) for part in found.groups())
    return time(hour, minute, second)


def _read_set(raw: object) -> frozenset[str]:
    if not isinstance(raw, list | tuple | set | frozenset):
        raise TypeError("a list expected")
    return frozenset(_read_text(one) for one in raw)


READERS: dict[FieldType, Callable[[object], Any]] = {
    FieldType.TEXT: _read_text,
    FieldType.NUMBER: _read_number,
    FieldType.MONEY: _read_number,
    FieldType.BOOLEAN: _read_boolean,
    FieldType.DATE: _read_date,
    FieldType.DATETIME: _read_datetime,
    FieldType.TIME: read_time,
    FieldType.CHOICE: _read_text,
    FieldType.SET: _read_set,
}


class Schema:
    """An ordered set of fields. `extended` adds what a program declares, such as event.nights."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields: dict[str, Field] = {}
        for field in fields:
            if field.name in self._fields:
                raise ValueError(f"the field {field.name} is declared twice")
            self._fields[field.name] = field

    def extended(self, fields: Iterable[Field]) -> Schema:
        return Schema([*self._fields.values(), *fields])

    def with_choices(self, choices: Mapping[str, Mapping[str, Words]]) -> Schema:
        """The same fields, some with the codes and labels of one program: its tiers, stores, segments."""
        return Schema(
            replace(field, choices=choices[field.name]) if field.name in choices else field
            for field in self._fields.values()
        )

    def in_currency(self, currency: str) -> Schema:
        """The same fields, with amounts of money said in the currency of one program."""
        return Schema(
            replace(field, unit=currency) if field.type is FieldType.MONEY else field
            for field in self._fields.values()
        )

    def get(self, name: str) -> Field | None:
        return self._fields.get(name)

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)
