"""What each operator does with a value that is there. A missing value never comes this far."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from loyalty.conditions.fields import Field, FieldType

Check: TypeAlias = Callable[[Any], bool]

# One text is compared with many others in a row, and folding letters that are not ASCII takes longer than comparing.
_folded = lru_cache(maxsize=256)(str.casefold)


def check_of(field: Field, op: str, wanted: Any) -> Check:
    """A test of one value: `check_of(total, "gte", Decimal(50))(value)`."""
    if field.type is FieldType.TEXT:
        return _text_check(op, wanted)
    if field.type is FieldType.SET:
        return _set_check(op, wanted)
    if op == "between" and field.type is FieldType.TIME:
        return _time_between(*wanted)
    return _plain_check(op, wanted)


def _plain_check(op: str, wanted: Any) -> Check:
    match op:
        case "exists" | "not_exists":
            return _present if op == "exists" else _absent
        case "eq":
            return lambda value: bool(value == wanted)
        case "ne":
            return lambda value: bool(value != wanted)
        case "gt":
            return lambda value: bool(value > wanted)
        case "gte":
            return lambda value: bool(value >= wanted)
        case "lt":
            return lambda value: bool(value < wanted)
        case "lte":
            return lambda value: bool(value <= wanted)
        case "between":
            low, high = wanted
            return lambda value: bool(low <= value <= high)
    some = frozenset(wanted)
    return (lambda value: value in some) if op == "in" else (lambda value: value not in some)


def _present(value: Any) -> bool:
    return True


def _absent(value: Any) -> bool:
    return False


def _text_check(op: str, wanted: Any) -> Check:
    """Upper and lower case are the same to people who write Coffee, COFFEE and coffee."""
    match op:
        case "contains":
            part = wanted.casefold()
            return lambda value: part in _folded(value)
        case "starts_with":
            start = wanted.casefold()
            return lambda value: bool(_folded(value).startswith(start))
        case "exists" | "not_exists":
            return _plain_check(op, wanted)
    alike = tuple(one.casefold() for one in wanted) if op in ("in", "not_in") else wanted.casefold()
    check = _plain_check(op, alike)
    return lambda value: check(_folded(value))


def _set_check(op: str, wanted: Any) -> Check:
    """An empty set counts as not there."""
    if op == "exists":
        return bool
    if op == "not_exists":
        return lambda value: not value
    some = frozenset(wanted)
    if op == "has_any":
        return lambda value: not some.isdisjoint(value)
    if op == "has_all":
        return some.issubset
    return some.isdisjoint


def _time_between(low: Any, high: Any) -> Check:
    if low <= high:
        return lambda value: bool(low <= value <= high)
    return lambda value: bool(value >= low or value <= high)  # over midnight
