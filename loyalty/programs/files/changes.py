"""What differs between two exports of a program, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from loyalty.base.strict_json import dumps

ABSENT: Final = None


class Change(NamedTuple):
    """`place` names the entry ("campaigns/base"), `field` what of it ("earn/points"). None is: not there."""

    place: str
    field: str
    old: Any
    new: Any


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes from one snapshot to another, in the order of the later one."""
    old, new = dict(_fields(before)), dict(_fields(after))
    return [
        Change(*place, old.get(place), new.get(place))
        for place in dict.fromkeys([*new, *old])
        if _differ(old.get(place), new.get(place))
    ]


class _Order(list[str]):
    """The codes of a list of named things."""


def _differ(old: Any, new: Any) -> bool:
    """Of an order only whether those that stay have changed places: what comes and goes is told by itself."""
    if isinstance(old, _Order) or isinstance(new, _Order):
        old, new = old or [], new or []
        return [code for code in old if code in new] != [code for code in new if code in old]
    return bool(old != new)


def _fields(snapshot: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    for section, value in snapshot.items():
        if isinstance(value, Mapping):
            yield from (((section, name), leaf) for name, leaf in _leaves(value, ""))
        elif isinstance(value, list):
            for entry in value:
                place = f"{section}/{entry['code']}"
                yield from (((place, name), leaf) for name, leaf in _leaves(entry, "") if name != "code")


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Mappings are looked into; so are lists of named things, by their codes."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "code" in one for one in value):
        yield name, _Order(one["code"] for one in value)
        value = {one["code"]: {key: inner for key, inner in one.items() if key != "code"} for one in value}
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}/{key}" if name else str(key))
    else:
        yield name, value


def say(changes: list[Change]) -> Iterator[str]:
    """Lines for people: each entry once, with its fields below it."""
    entries: dict[str, list[Change]] = {}
    for change in changes:
        entries.setdefault(change.place, []).append(change)
    for place, fields in entries.items():
        is_new = all(one.old is ABSENT for one in fields)
        yield f"{'+' if is_new else '~'} {place}"
        yield from (f"    {_say_one(one, is_new=is_new)}" for one in fields)


def _say_one(change: Change, *, is_new: bool) -> str:
    new = _text(change.new)
    return f"{change.field}: {new}" if is_new else f"{change.field}: {_text(change.old)} -> {new}"


def _text(value: Any) -> str:
    if value is ABSENT:
        return "(none)"
    return value if isinstance(value, str) and value else dumps(value)
