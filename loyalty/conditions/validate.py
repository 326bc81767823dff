"""Reading a condition from JSON: everything unknown, mistyped or oversized is refused with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from django.utils.translation import gettext as _

from loyalty.base.errors import FieldError, Invalid
from loyalty.conditions.fields import ALL_OPERATORS, ITEM_COUNT, PRESENCE_OPERATORS, Field, FieldType, Schema
from loyalty.conditions.literals import BadLiteral, read_literal
from loyalty.conditions.tree import (
    MAX_DAYS,
    MAX_DEPTH,
    MAX_ITEM_LEAVES,
    MAX_NODES,
    Group,
    Items,
    Leaf,
    Node,
    Not,
    Quantifier,
    to_json,
)

_KINDS = ("all", "any", "not", "items", "field")
_KEYS = {
    "all": {"all"},
    "any": {"any"},
    "not": {"not"},
    "field": {"field", "op", "value", "days"},
    "items": {"items", "where"},
    "count": {"items", "where", "op", "value"},
    "sum": {"items", "where", "field", "op", "value"},
}
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a condition, and where: `/all/1/value`."""

    path: str
    code: str
    message: str


def validate(tree: object, schema: Schema) -> list[Fault]:
    """The faults of a condition that is to be saved, none when it is sound. Takes any JSON, never raises, and stops
    early on hostile input."""
    return _Reader(schema, most_about_items=MAX_ITEM_LEAVES).read(tree)[1]


def parse(tree: object, schema: Schema, *, of_item: bool = False) -> Node | None:
    """The nodes of a sound condition; None means "always". With `of_item`, the `where` of a question about items.
    One that was saved with more questions about items than `validate` lets pass today is still read: what was
    published goes on.

    Raises Invalid `condition_invalid` with the faults.
    """
    node, faults = _Reader(schema).read(tree, of_item)
    if faults:
        errors = [FieldError(fault.path, fault.code, fault.message) for fault in faults]
        raise Invalid(_("The condition is not valid."), code="condition_invalid", errors=errors)
    return node


def normalise(tree: object, schema: Schema) -> dict[str, Any] | None:
    """The normal form to store. Raises as `parse` does."""
    return to_json(parse(tree, schema))


class _Full(Exception):
    """The tree asks too much: reading stops."""


class _Reader:
    def __init__(self, schema: Schema, *, most_about_items: int = MAX_NODES) -> None:
        self.schema = schema
        self.most_about_items = most_about_items
        self.faults: list[Fault] = []
        self.nodes = 0
        self.about_items = 0

    def read(self, tree: object, of_item: bool = False) -> tuple[Node | None, list[Fault]]:
        if tree is None or tree == {}:
            return None, []
        try:
            return self._node(tree, "", 1, of_item), self.faults
        except _Full:
            return None, self.faults

    def _fault(self, path: str, code: str, message: str) -> None:
        self.faults.append(Fault(path, code, message))

    def _node(self, raw: object, path: str, depth: int, in_items: bool) -> Node | None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._fault(
                path, "too_many_conditions", _("Use at most %(max)d conditions.") % {"max": MAX_NODES}
            )
            raise _Full
        if depth > MAX_DEPTH:
            self._fault(path, "too_deep", _("Nest at most %(max)d levels.") % {"max": MAX_DEPTH})
            return None
        kind = next((key for key in _KINDS if key in raw), None) if isinstance(raw, Mapping) else None
        if kind is None or not isinstance(raw, Mapping):
            self._fault(path, "not_a_condition", _("This is not a condition."))
            return None
        if kind == "items":
            return self._items(raw, path, depth, in_items)
        if kind == "field":
            return self._leaf(raw, path, in_items)
        self._refuse_others(raw, path, kind)
        if kind == "not":
            child = self._node(raw["not"], f"{path}/not", depth + 1, in_items)
            return Not(child) if child is not None else None
        return self._group(raw[kind], path, kind, depth, in_items)

    def _group(self, raw: object, path: str, kind: str, depth: int, in_items: bool) -> Node | None:
        if not isinstance(raw, list | tuple):
            self._fault(f"{path}/{kind}", "not_a_list", _("Give a list of conditions."))
            return None
        if not raw and kind == "any":
            self._fault(f"{path}/any", "group_empty", _("Add at least one condition."))
        children = [
            self._node(child, f"{path}/{kind}/{index}", depth + 1, in_items)
            for index, child in enumerate(raw)
        ]
        sound = tuple(child for child in children if child is not None)
        return Group("all" if kind == "all" else "any", sound)

    def _refuse_others(self, raw: Mapping[Any, Any], path: str, kind: str) -> None:
        for key in raw:
            if key not in _KEYS[kind]:
                self._fault(path, "unknown_key", _("Not known here: %(key)s") % {"key": _shown(key)})
                return

    def _leaf(self, raw: Mapping[str, Any], path: str, in_items: bool) -> Node | None:
        self._refuse_others(raw, path, "field")
        if in_items:
            self._count_about_items(path)
        field = self._field(raw["field"], f"{path}/field", in_items)
        if field is None:
            return None
        op = self._operator(raw.get("op"), f"{path}/op", field)
        days = self._days(raw, path, field)
        if op is None:
            return None
        return Leaf(field, op, self._value(raw, path, field, op), days)

    def _count_about_items(self, path: str) -> None:
        self.about_items += 1
        if self.about_items > self.most_about_items:
            told = _("Ask at most %(max)d questions about items; one of them can name many values.")
            self._fault(path, "too_many_item_conditions", told % {"max": self.most_about_items})
            raise _Full

    def _field(self, name: object, path: str, in_items: bool) -> Field | None:
        field = self.schema.get(name) if isinstance(name, str) and len(name) <= _SHOWN else None
        if field is None:
            self._fault(path, "unknown_field", _("There is no field %(name)s.") % {"name": _shown(name)})
        elif in_items and field.scope != "item":
            self._fault(path, "not_an_item_field", _("Only fields of an item can be asked here."))
        elif not in_items and field.scope == "item":
            self._fault(
                path, "item_field_outside_items", _("Ask about items with any, every, none, count or sum.")
            )
        else:
            return field
        return None

    def _operator(self, op: object, path: str, field: Field, *, measured: bool = False) -> str | None:
        allowed = [name for name in field.operators if not (measured and name in PRESENCE_OPERATORS)]
        if isinstance(op, str) and op in allowed:
            return op
        known = isinstance(op, str) and op in ALL_OPERATORS
        code = "operator_not_allowed" if known else "unknown_operator"
        told = {"op": _shown(op), "allowed": ", ".join(allowed)}
        self._fault(path, code, _("%(op)s cannot be used here; use one of %(allowed)s.") % told)
        return None

    def _days(self, raw: Mapping[str, Any], path: str, field: Field) -> int | None:
        days = raw.get("days")
        if not field.windowed:
            if "days" in raw:
                self._fault(f"{path}/days", "days_unexpected", _("This field has no window of days."))
            return None
        if type(days) is int and 1 <= days <= MAX_DAYS:
            return days
        self._fault(
            f"{path}/days", "days_invalid", _("Give a number of days from 1 to %(max)d.") % {"max": MAX_DAYS}
        )
        return None

    def _value(self, raw: Mapping[str, Any], path: str, field: Field, op: str) -> Any:
        path = f"{path}/value"
        if op in PRESENCE_OPERATORS:
            if raw.get("value") is not None:
                self._fault(path, "value_unexpected", _("This operator takes no value."))
            return None
        if raw.get("value") is None:
            self._fault(path, "value_missing", _("Give a value."))
            return None
        try:
            return read_literal(field, op, raw["value"])
        except BadLiteral as wrong:
            self._fault(path + wrong.path, wrong.code, wrong.message)
            return None

    def _items(self, raw: Mapping[str, Any], path: str, depth: int, in_items: bool) -> Node | None:
        quantifier = raw["items"]
        if in_items:
            self._fault(path, "items_nested", _("A question about items cannot hold another one."))
            return None
        if not isinstance(quantifier, str) or quantifier not in get_args(Quantifier):
            self._fault(f"{path}/items", "unknown_quantifier", _("Use any, every, none, count or sum."))
            return None
        measured = quantifier in ("count", "sum")
        self._refuse_others(raw, path, quantifier if measured else "items")
        where = self._where(raw, path, depth, required=not measured)
        if not measured:
            return Items(quantifier, where)  # type: ignore[arg-type]  # one of the quantifiers, as checked
        return self._measured(raw, path, quantifier, where)

    def _where(self, raw: Mapping[str, Any], path: str, depth: int, *, required: bool) -> Node | None:
        where = raw.get("where")
        if where is None or where == {}:
            if required:
                self._fault(f"{path}/where", "where_missing", _("Say which items."))
            return None
        return self._node(where, f"{path}/where", depth + 1, True)

    def _measured(
        self, raw: Mapping[str, Any], path: str, quantifier: str, where: Node | None
    ) -> Node | None:
        if quantifier == "count":
            op = self._operator(raw.get("op"), f"{path}/op", ITEM_COUNT, measured=True)
            return Items("count", where, None, op, self._value(raw, path, ITEM_COUNT, op)) if op else None
        field = self._field(raw.get("field"), f"{path}/field", True)
        if field is None:
            return None
        if field.type not in (FieldType.NUMBER, FieldType.MONEY):
            self._fault(f"{path}/field", "field_not_a_number", _("Only numbers and amounts can be added up."))
            return None
        op = self._operator(raw.get("op"), f"{path}/op", field, measured=True)
        return Items("sum", where, field, op, self._value(raw, path, field, op)) if op else None


def _shown(value: object) -> str:
    """A short, harmless rendering of something that came from outside."""
    if not isinstance(value, str):
        return type(value).__name__
    return ascii(value[:_SHOWN])
