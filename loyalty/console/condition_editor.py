"""The condition editor: a condition tree as blocks of rows "field / is / value", and back, without JSON in between.

Blocks are joined by all or any, and so are the rows of a block: two levels, which is what people can read. What the
rows cannot show (deeper trees, counts of items) is kept as it is and shown as a sentence.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from loyalty.base.words import Words
from loyalty.conditions.fields import LIST_OPERATORS, PRESENCE_OPERATORS, Field, FieldType, Schema

Match = Literal["all", "any"]
Tree = dict[str, Any]

MAX_BLOCKS = 10
MAX_ROWS = 20
MAX_KEPT = 20_000

QUANTIFIERS: dict[str, Words] = {"any": _("any item"), "every": _("every item"), "none": _("no item")}


@dataclass(slots=True)
class Row:
    """One question, as typed. `kept` is a part of the tree that rows cannot show."""

    field: str = ""
    op: str = ""
    value: str = ""
    upper: str = ""
    days: str = ""
    items: str = "any"
    kept: Tree | None = None
    faults: list[str] = dataclasses.field(default_factory=list)

    @property
    def is_blank(self) -> bool:
        return not self.field and self.kept is None


@dataclass(slots=True)
class Block:
    match: Match = "all"
    rows: list[Row] = dataclasses.field(default_factory=list)


@dataclass(slots=True)
class Editor:
    """The state of one editor: a `prefix` for its names, and which fields it offers."""

    prefix: str
    match: Match = "all"
    blocks: list[Block] = dataclasses.field(default_factory=list)
    focus: str = ""
    """The id of the control that the keyboard goes on with after a button was pressed."""

    @property
    def wraps(self) -> bool:
        """Whether a question about items needs saying for how many of them; the filter of lines asks each line."""
        return self.prefix != "items"

    # --- from a tree -------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, prefix: str, tree: Tree | None) -> Editor:
        """The blocks and rows that say what `tree` says."""
        editor = cls(prefix)
        if not tree:
            return editor
        match, children = _opened(tree)
        editor.match = match or "all"
        plain = Block(editor.match)
        for child in children:
            inner, grandchildren = _opened(child)
            if inner and grandchildren and all(_is_simple(one) for one in grandchildren):
                editor.blocks.append(Block(inner, [_row(one) for one in grandchildren]))
            else:
                plain.rows.append(_row(child))
        if plain.rows:
            editor.blocks.insert(0, plain)
        return editor

    # --- from a form -------------------------------------------------------------------------------------------

    @classmethod
    def posted(cls, prefix: str, data: Mapping[str, Any]) -> Editor:
        """What was typed. Numbers of blocks and rows are bounded, whatever is sent."""
        editor = cls(prefix, _match(data.get(f"{prefix}-match")))
        for b in range(_count(data.get(f"{prefix}-blocks"), MAX_BLOCKS)):
            name = f"{prefix}-{b}"
            rows = [
                _posted_row(f"{name}-{r}", data) for r in range(_count(data.get(f"{name}-rows"), MAX_ROWS))
            ]
            editor.blocks.append(Block(_match(data.get(f"{name}-match")), rows))
        return editor

    def act(self, action: str) -> None:
        """`add-row:0`, `add-block`, `remove:0:2`: what the buttons of the editor say. Anything else does nothing."""
        name, _colon, place = action.partition(":")
        numbers = [int(part) for part in place.split(":") if part.isdigit()]
        if name == "add-block" and len(self.blocks) < MAX_BLOCKS:
            self.blocks.append(Block("all" if self.match == "any" else "any", [Row()]))
            self.focus = f"{self.prefix}-{len(self.blocks) - 1}-0-field"
        elif name == "add-row" and numbers and numbers[0] < len(self.blocks):
            rows = self.blocks[numbers[0]].rows
            if len(rows) < MAX_ROWS:
                rows.append(Row())
                self.focus = f"{self.prefix}-{numbers[0]}-{len(rows) - 1}-field"
        elif name == "remove" and len(numbers) == 2 and numbers[0] < len(self.blocks):
            rows = self.blocks[numbers[0]].rows
            self.blocks[numbers[0]].rows = [row for index, row in enumerate(rows) if index != numbers[1]]
            left = bool(self.blocks[numbers[0]].rows)
            self.focus = f"{self.prefix}-{numbers[0]}-add" if left else f"{self.prefix}-add"
            self.blocks = [block for block in self.blocks if block.rows]

    # --- to a tree ---------------------------------------------------------------------------------------------

    def tree(self, schema: Schema) -> Tree:
        """The condition as JSON, empty for "always". Half-typed rows are in it: its reader says what they lack."""
        return self._build(schema)[0]

    def show_faults(self, faults: Iterable[tuple[str, str]], schema: Schema) -> list[str]:
        """Put (path, message) beside the rows they are about; the messages that belong to no row come back."""
        paths = self._build(schema)[1]
        homeless = []
        for path, message in faults:
            owner = _owner(path, paths)
            if owner is None:
                homeless.append(message)
            else:
                owner.faults.append(message)
        return homeless

    def asked_at(self, path: str, schema: Schema) -> tuple[str, str] | None:
        """What the condition asks about that a fault is in, and the id of the control that puts it right; None where
        no row shows it, or nothing is asked yet."""
        row = _owner(path, self._build(schema)[1])
        if row is None or not row.field:
            return None
        known = schema.get(row.field)
        control = "value" if known and path.endswith("value") else "field"
        place = next(
            f"{self.prefix}-{b}-{r}-{control}"
            for b, block in enumerate(self.blocks)
            for r, one in enumerate(block.rows)
            if one is row
        )
        return str(known.label) if known else row.field, place

    def _build(self, schema: Schema) -> tuple[Tree, list[tuple[str, Row]]]:
        joined: list[tuple[Tree, list[tuple[str, Row]]]] = []
        for block in self.blocks:
            leaves = [(_leaf(row, schema, self.wraps), row) for row in block.rows if not row.is_blank]
            if len(leaves) == 1 or (leaves and block.match == self.match):
                joined += [(tree, [("", row)]) for tree, row in leaves]
            elif leaves:
                places = [(f"/{block.match}/{index}", row) for index, (_tree, row) in enumerate(leaves)]
                joined.append(({block.match: [tree for tree, _row in leaves]}, places))
        if not joined:
            return {}, []
        if len(joined) == 1:
            return joined[0]
        places = [
            (f"/{self.match}/{index}{place}", row)
            for index, (_tree, inner) in enumerate(joined)
            for place, row in inner
        ]
        ordered = sorted(places, key=lambda pair: -len(pair[0]))
        return {self.match: [tree for tree, _places in joined]}, ordered


def _owner(path: str, places: Iterable[tuple[str, Row]]) -> Row | None:
    return next((row for place, row in places if path == place or path.startswith(f"{place}/")), None)


def _match(text: Any) -> Match:
    return "any" if text == "any" else "all"


def _count(text: Any, most: int) -> int:
    return (
        min(int(text), most)
        if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 4
        else 0
    )


def _opened(tree: Tree) -> tuple[Match | None, list[Tree]]:
    for kind in ("all", "any"):
        if isinstance(tree.get(kind), list):
            return kind, tree[kind]
    return None, [tree]


def _is_simple(tree: Tree) -> bool:
    where = tree.get("where", {})
    return ("field" in tree and "items" not in tree) or (
        tree.get("items") in QUANTIFIERS and "field" in where
    )


def _row(tree: Tree) -> Row:
    if not _is_simple(tree):
        return Row(kept=tree)
    leaf = tree["where"] if "items" in tree else tree
    value = leaf.get("value")
    low, high = (
        value if leaf["op"] == "between" and isinstance(value, list) and len(value) == 2 else (value, "")
    )
    days = leaf.get("days")
    return Row(leaf["field"], leaf["op"], _text(low), _text(high), _text(days), tree.get("items", "any"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return "" if value is None else str(value)


def _posted_row(name: str, data: Mapping[str, Any]) -> Row:
    kept = data.get(f"{name}-kept")
    if kept and len(kept) <= MAX_KEPT:
        try:
            # Text instead of a float, and no NaN: what is not a number then is refused by the reader of conditions.
            tree = json.loads(kept, parse_float=str, parse_constant=_no_number)
        except (ValueError, RecursionError):
            tree = None
        if isinstance(tree, dict):
            return Row(kept=tree)
    getlist = getattr(data, "getlist", None)
    values = getlist(f"{name}-value") if getlist else [data.get(f"{name}-value", "")]
    return Row(
        field=str(data.get(f"{name}-field", ""))[:80],
        op=str(data.get(f"{name}-op", ""))[:20],
        value=", ".join(str(one) for one in values)[:2000],
        upper=str(data.get(f"{name}-upper", ""))[:200],
        days=str(data.get(f"{name}-days", ""))[:6],
        items=str(data.get(f"{name}-items", "any"))[:10],
    )


def _no_number(text: str) -> None:
    raise ValueError(text)


def _leaf(row: Row, schema: Schema, wraps: bool) -> Tree:
    """The JSON of a row. What is not typed yet becomes an empty value, which the reader of conditions refuses."""
    if row.kept is not None:
        return row.kept
    known = schema.get(row.field)
    leaf: Tree = {"field": row.field, "op": chosen_op(row, known)}
    if leaf["op"] not in PRESENCE_OPERATORS:
        leaf["value"] = _value(row, leaf["op"], known)
    if known is not None and known.windowed:
        leaf["days"] = int(row.days) if row.days.isascii() and row.days.isdigit() else 0
    if wraps and row.field.startswith("item."):
        return {"items": row.items if row.items in QUANTIFIERS else "any", "where": leaf}
    return leaf


def chosen_op(row: Row, known: Field | None) -> str:
    """The chosen operator, or the first that the field has when another field was chosen since."""
    if known is None or row.op in known.operators:
        return row.op
    return known.operators[0]


def _value(row: Row, op: str, known: Field | None) -> Any:
    if op == "between":
        return [row.value.strip(), row.upper.strip()]
    if op in LIST_OPERATORS:
        return [part.strip() for part in row.value.split(",") if part.strip()]
    if known is not None and known.type is FieldType.BOOLEAN:
        return row.value != "false"
    return row.value.strip()
