"""What a page needs to draw the condition editor: choices of fields and operators, the control of each value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.base.errors import Invalid
from loyalty.base.words import Words
from loyalty.conditions.fields import LIST_OPERATORS, PRESENCE_OPERATORS, Field, FieldType, Schema
from loyalty.conditions.sentences import say
from loyalty.console.condition_editor import QUANTIFIERS, Editor, Row, Tree, chosen_op

OPERATOR_WORDS: dict[str, Words] = {
    "eq": _("is"),
    "ne": _("is not"),
    "in": _("is one of"),
    "not_in": _("is none of"),
    "gt": _("is more than"),
    "gte": _("is at least"),
    "lt": _("is less than"),
    "lte": _("is at most"),
    "between": _("is between"),
    "contains": _("contains"),
    "starts_with": _("starts with"),
    "has_any": _("has any of"),
    "has_all": _("has all of"),
    "has_none": _("has none of"),
    "exists": _("is known"),
    "not_exists": _("is not known"),
}
MOMENT_WORDS: dict[str, Words] = {
    "gt": _("is after"), "gte": _("is on or after"), "lt": _("is before"), "lte": _("is on or before"),
}  # fmt: skip
SCOPES: dict[str, Words] = {
    "order": _("Order"),
    "item": _("Items of the order"),
    "event": _("Event"),
    "channel": _("Channel"),
    "member": _("Member"),
    "activity": _("What the member did lately"),
    "time": _("Time"),
}
CONTROLS = {
    FieldType.NUMBER: "number",
    FieldType.MONEY: "number",
    FieldType.DATE: "date",
    FieldType.DATETIME: "datetime",
    FieldType.TIME: "time",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row with its choices: the operators of its field and the control for its value."""

    row: Row
    op: str
    operators: list[tuple[str, Words]]
    control: str
    choices: list[tuple[str, Words]]
    chosen: frozenset[str]
    windowed: bool
    of_items: bool
    sentence: str


def drawn(row: Row, schema: Schema) -> Drawn:
    """How a row looks for the field that it has now."""
    if row.kept is not None:
        return Drawn(row, "", [], "kept", [], frozenset(), False, False, said(row.kept, schema))
    known = schema.get(row.field)
    if known is None:
        return Drawn(row, "", [], "none", [], frozenset(), False, False, "")
    op = chosen_op(row, known)
    moment = known.type in (FieldType.DATE, FieldType.DATETIME)
    words = OPERATOR_WORDS | (MOMENT_WORDS if moment else {})
    choices = list(known.choices.items()) if known.choices else []
    chosen = frozenset(part.strip() for part in row.value.split(","))
    return Drawn(
        row, op, [(one, words[one]) for one in known.operators], _control(known, op), choices, chosen,
        known.windowed, known.scope == "item", "",
    )  # fmt: skip


def _control(known: Field, op: str) -> str:
    if op in PRESENCE_OPERATORS:
        return "none"
    if known.type is FieldType.BOOLEAN:
        return "boolean"
    if known.choices:
        return "choices" if op in LIST_OPERATORS else "choice"
    if op in LIST_OPERATORS:
        return "list"
    return f"{CONTROLS.get(known.type, 'text')}{'-between' if op == 'between' else ''}"


def offered(schema: Schema, scopes: Iterable[str]) -> list[tuple[Words, list[Field]]]:
    """The fields to choose from, by what they are about."""
    groups = [(SCOPES[scope], [one for one in schema if one.scope == scope]) for scope in scopes]
    return [(title, fields) for title, fields in groups if fields]


def said(tree: Tree, schema: Schema) -> str:
    """A condition in words; "" for always, and a hint for what is not complete yet."""
    try:
        return say(tree, schema)
    except Invalid:
        return str(_("a condition that is not complete yet"))


def drawn_editor(editor: Editor, schema: Schema, scopes: Iterable[str]) -> dict[str, Any]:
    """What the template `console/_conditions.html` needs."""
    blocks = [
        {"match": block.match, "rows": [_drawn_row(row, schema) for row in block.rows]}
        for block in editor.blocks
    ]
    return {
        "prefix": editor.prefix,
        "match": editor.match,
        "focus": editor.focus,
        "blocks": blocks,
        "fields": offered(schema, scopes),
        "quantifiers": QUANTIFIERS,
        "wraps": editor.wraps,
    }


def _drawn_row(row: Row, schema: Schema) -> dict[str, Any]:
    kept = json.dumps(row.kept) if row.kept is not None else ""
    return {"drawn": drawn(row, schema), "row": row, "kept": kept}
