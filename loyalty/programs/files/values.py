"""Values of program files in their one form: exact numbers, conditions as they read best."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_ORDER: Final = ("field", "items", "where", "op", "value", "days")


def in_json(value: Any) -> Any:
    """Exact numbers as text: what is stored in JSON passes no float."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {key: in_json(inner) for key, inner in value.items()}
    return [in_json(inner) for inner in value] if isinstance(value, list) else value


def ordered(tree: Any) -> Any:
    """A condition as it reads best, whatever order the database gives its keys."""
    if isinstance(tree, Mapping):
        names = sorted(tree, key=lambda name: _ORDER.index(name) if name in _ORDER else -1)
        return {name: ordered(tree[name]) for name in names}
    return [ordered(one) for one in tree] if isinstance(tree, list) else tree


def exact(number: object) -> Decimal:
    """2.50 and 2.5 are one number, written 2.5."""
    plain = format(Decimal(str(number)), "f")
    return Decimal(plain.rstrip("0").rstrip(".") if "." in plain else plain)


def said(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without what is not said."""
    return {name: value for name, value in entry.items() if value not in (None, "", [], {})}
