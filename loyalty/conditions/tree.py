"""A condition after reading: typed nodes, and their one JSON form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from loyalty.base.clock import write_instant
from loyalty.conditions.fields import Field

MAX_DEPTH = 12
MAX_NODES = 200
MAX_ITEM_LEAVES = 50  # each is asked of every line, and an order has up to 1,000
MAX_LIST = 500
MAX_DAYS = 3660

Quantifier = Literal["any", "every", "none", "count", "sum"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One question about one field."""

    field: Field
    op: str
    value: Any = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """`all` (true when empty) or `any` of its children."""

    kind: Literal["all", "any"]
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    child: Node


@dataclass(frozen=True, slots=True)
class Items:
    """A question about the lines of the order; `where` None means every line.

    `every` is false for an order without lines: there is nothing to reward. `count` counts lines, `sum` adds a
    field of those lines that have it.
    """

    quantifier: Quantifier
    where: Node | None = None
    field: Field | None = None
    op: str = ""
    value: Any = None


Node: TypeAlias = Leaf | Group | Not | Items


def to_json(node: Node | None) -> dict[str, Any] | None:
    """The normal form of a condition: what is stored, compared and shown. None is "always"."""
    match node:
        case None:
            return None
        case Group(kind, children):
            return {kind: [to_json(child) for child in children]}
        case Not(child):
            return {"not": to_json(child)}
        case Leaf():
            return _leaf_json(node)
        case Items():
            return _items_json(node)


def _leaf_json(leaf: Leaf) -> dict[str, Any]:
    made: dict[str, Any] = {"field": leaf.field.name, "op": leaf.op}
    if leaf.value is not None:
        made["value"] = literal_json(leaf.value)
    if leaf.days is not None:
        made["days"] = leaf.days
    return made


def _items_json(node: Items) -> dict[str, Any]:
    made: dict[str, Any] = {"items": node.quantifier}
    if node.field is not None:
        made["field"] = node.field.name
    if node.where is not None:
        made["where"] = to_json(node.where)
    if node.op:
        made |= {"op": node.op, "value": literal_json(node.value)}
    return made


def literal_json(value: Any) -> Any:
    """A literal, or a value met in a view, as JSON. Numbers become text, so that no reader rounds them."""
    match value:
        case bool() | str() | None:
            return value
        case Decimal():
            return format(value, "f")
        case int():
            return str(value)
        case datetime():
            return write_instant(value)
        case date() | time():
            return value.isoformat()
        case frozenset() | set():
            return sorted(value)
        case tuple() | list():
            return [literal_json(one) for one in value]
    return str(value)
