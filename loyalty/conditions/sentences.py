"""Conditions in plain words: what a campaign asks for, and what an event did not meet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from django.utils.translation import get_language, gettext, ngettext

from loyalty.base.clock import parse_date, parse_instant
from loyalty.base.errors import Invalid
from loyalty.conditions.explain import Outcome
from loyalty.conditions.fields import Field, FieldType, Schema
from loyalty.conditions.patterns import (
    INVERSE,
    ITEM_INVERSE,
    ITEM_MISSES,
    ITEM_STATEMENTS,
    ITEM_TRAITS,
    MISSES,
    MOMENT_MISSES,
    MOMENTS,
    STATEMENTS,
)
from loyalty.conditions.tree import Group, Items, Leaf, Node, Not, literal_json
from loyalty.conditions.validate import parse

MAX_LISTED = 12
MINUS = "\u2212"
_BETWEEN = ("between", "not_between")
_MOMENT_TYPES = (FieldType.DATE, FieldType.DATETIME, FieldType.TIME)


def say(tree: object, schema: Schema, *, of_item: bool = False) -> str:
    """A condition in one sentence without capital and full stop: "the order total is at least 50.00 and any item
    has category Coffee". With `of_item`, of one item: "category Coffee". Empty for "always". Raises Invalid
    `condition_invalid`."""
    node = parse(tree, schema, of_item=of_item)
    return "" if node is None else _say(node, schema)


def say_miss(miss: Outcome, schema: Schema) -> str:
    """Why one question was not met: "the order total was 35.00, needed at least 50.00".

    The schema may have lost the field since: then its name stands in.
    """
    if miss.items in ITEM_INVERSE:
        kind = ITEM_INVERSE[miss.items] if miss.negated else miss.items
        names = _listed(miss.was or [], gettext("%(list)s and %(last)s")) or gettext("none")
        return str(ITEM_MISSES[kind] % {"traits": _stored_traits(miss.where, schema), "names": names})
    field = schema.get(miss.field)
    op = INVERSE[miss.op] if miss.negated else miss.op
    if field is not None and field.yes and field.type is FieldType.BOOLEAN and op in ("eq", "ne"):
        return str(field.no if (miss.needed is True) is (op == "eq") else field.yes)
    told = _told(field, op, miss.needed)
    if field is not None and field.absent and miss.was is None and not miss.hidden:
        if op == "exists":
            return str(field.absent)
        if op in ("eq", "in"):
            return gettext("%(absent)s, needed %(value)s") % {"absent": field.absent, **told}
    told["field"] = _miss_subject(miss, field, schema)
    told["was"] = _was(miss, field)
    moments = field is not None and field.type in _MOMENT_TYPES and op in MOMENT_MISSES
    return str((MOMENT_MISSES if moments else MISSES)[op] % told)


def _miss_subject(miss: Outcome, field: Field | None, schema: Schema) -> str:
    if not miss.items:
        return _subject(field, miss.days) if field else miss.field
    traits = _stored_traits(miss.where, schema) if miss.where else ""
    return _measured_subject(miss.items, field, traits)


def _was(miss: Outcome, field: Field | None) -> str:
    if miss.hidden:
        return gettext("something else")
    if miss.was is None or miss.was == []:
        return gettext("none")
    return _value(field, miss.was, gettext("%(list)s and %(last)s"))


def _stored_traits(where: object, schema: Schema) -> str:
    try:
        node = parse(where, schema, of_item=True)
    except Invalid:  # a field has gone since the trace was stored
        return gettext("what the campaign asks for")
    return "" if node is None else _say(node, schema)


def _say(node: Node, schema: Schema, *, negated: bool = False) -> str:
    match node:
        case Leaf():
            return _say_leaf(node, negated)
        case Not(Leaf() | Items() | Not() as child):
            return _say(child, schema, negated=not negated)
        case Items():
            return _say_items(node, schema, negated)
        case Group(_, (only,)):
            return _say(only, schema, negated=negated)
    inner = _say_group(node.child, schema) if isinstance(node, Not) else _say_group(node, schema)
    if negated is isinstance(node, Not):
        return inner
    return gettext("it is not true that %(conditions)s") % {"conditions": f"({inner})"}


def _say_group(node: Node, schema: Schema) -> str:
    if not isinstance(node, Group) or len(node.children) == 1:
        return _say(node, schema)
    if not node.children:
        return gettext("always")
    parts = [_bracketed(child, schema) for child in node.children]
    joined = gettext("%(list)s and %(last)s") if node.kind == "all" else gettext("%(list)s or %(last)s")
    return _listed(parts, joined)


def _bracketed(node: Node, schema: Schema) -> str:
    said = _say(node, schema)
    return f"({said})" if _is_joined(node) else said


def _is_joined(node: Node) -> bool:
    """Whether it is said with an "and" or "or" of its own, which would run into those around it."""
    match node:
        case Not(Not(inner)) | Group(_, (inner,)):
            return _is_joined(inner)
        case Items(where=Not() | Leaf() | Group() as where):
            return _is_joined(where)
        case Group(_, children):
            return len(children) > 1
    return False


def _say_leaf(leaf: Leaf, negated: bool) -> str:
    field = leaf.field
    op = INVERSE[leaf.op] if negated else leaf.op
    if field.yes and op in ("eq", "ne"):
        return str(field.yes if leaf.value is (op == "eq") else field.no)
    told = _told(field, op, literal_json(leaf.value))
    told["field"] = _subject(field, leaf.days)
    if field.scope == "item":
        return str(ITEM_TRAITS[op] % told)
    if field.type in _MOMENT_TYPES and op in MOMENTS:
        return str(MOMENTS[op] % told)
    return str(STATEMENTS[op] % told)


def _say_items(node: Items, schema: Schema, negated: bool) -> str:
    traits = _say(node.where, schema) if node.where is not None else ""
    if node.quantifier in ITEM_INVERSE:
        kind = ITEM_INVERSE[node.quantifier] if negated else node.quantifier
        return str(ITEM_STATEMENTS[kind] % {"traits": traits})
    op = INVERSE[node.op] if negated else node.op
    told = _told(node.field, op, literal_json(node.value))
    told["field"] = _measured_subject(node.quantifier, node.field, traits)
    return str(STATEMENTS[op] % told)


def _measured_subject(quantifier: str, field: Field | None, traits: str) -> str:
    told = {"traits": traits, "field": _subject(field, None) if field else ""}
    if quantifier == "count":
        return (
            gettext("the number of items with %(traits)s") % told
            if traits
            else gettext("the number of items")
        )
    if traits:
        return gettext("the total %(field)s of items with %(traits)s") % told
    return gettext("the total %(field)s of all items") % told


def _subject(field: Field, days: int | None) -> str:
    phrase = str(field.phrase or field.label)
    if days is None:
        return phrase
    told = {"field": phrase, "days": days}
    return ngettext("%(field)s in the last day", "%(field)s in the last %(days)d days", days) % told


def _told(field: Field | None, op: str, needed: Any) -> dict[str, str]:
    """The values of a pattern: one, several joined by "or", or two ends."""
    if op in _BETWEEN and isinstance(needed, list) and len(needed) == 2:
        return {"low": _value(field, needed[0]), "high": _value(field, needed[1])}
    joined = (
        gettext("%(list)s and %(last)s")
        if op in ("has_all", "not_has_all")
        else gettext("%(list)s or %(last)s")
    )
    return {"value": _value(field, needed, joined)}


def _value(field: Field | None, value: Any, joined: str = "") -> str:
    """A JSON value as people read it."""
    if isinstance(value, list):
        return _listed([_value(field, one) for one in value], joined)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    text = str(value)
    if field is None:
        return text
    if field.choices is not None:
        return str(field.choices.get(text, text))
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        return _moment(field.type, text)
    if field.type in (FieldType.NUMBER, FieldType.MONEY):
        return f"{_number(field.type, text)} {field.unit}".rstrip()
    return text.removesuffix(":00") if field.type is FieldType.TIME and len(text) > 5 else text


def _number(kind: FieldType, text: str) -> str:
    """Thousands separated, without trailing zeros; money that is written with decimals keeps two of them."""
    try:
        exact = Decimal(text)
    except InvalidOperation:  # a stored value of another type: shown as it is
        return text
    pattern = "#,##0.00####" if kind is FieldType.MONEY and "." in text else "#,##0.######"
    written = str(format_decimal(abs(exact), format=pattern, locale=_locale(), decimal_quantization=False))
    return f"{MINUS}{written}" if exact < 0 else written


def _moment(kind: FieldType, text: str) -> str:
    try:
        if kind is FieldType.DATE:
            return _date_words(parse_date(text))
        return format_datetime(parse_instant(text), "d MMM y, HH:mm 'UTC'", locale=_locale())
    except Invalid:  # a stored value of another type: shown as it is
        return text


def _date_words(day: date) -> str:
    return format_date(day, "d MMM y", locale=_locale())


def _locale() -> Locale:
    try:
        return Locale.parse(get_language() or "en", sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def _listed(parts: Iterable[str], pattern: str) -> str:
    """`a, b and c`; a long list is cut with the number of the rest."""
    shown = [str(part) for part in parts]
    if len(shown) > MAX_LISTED:
        more = len(shown) - MAX_LISTED
        shown = [*shown[:MAX_LISTED], ngettext("%(count)d more", "%(count)d more", more) % {"count": more}]
    if len(shown) < 2 or not pattern:
        return ", ".join(shown)
    return pattern % {"list": ", ".join(shown[:-1]), "last": shown[-1]}
