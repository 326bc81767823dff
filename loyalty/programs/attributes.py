"""Declared attributes: the typed fields that a program adds to members and to its own kinds of events.

A schema is a list of {code, type, label, required, choices}. Values are stored as JSON without loss: numbers
as plain text ("12.50"), dates and instants as RFC 3339 text; `typed` gives them back as Python values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from loyalty.base.clock import parse_date, parse_instant, write_instant
from loyalty.base.errors import FieldError, Invalid
from loyalty.base.numbers import parse_decimal
from loyalty.base.text import clean
from loyalty.programs.errors import key_path, refuse

MAX_ATTRIBUTES = 50
MAX_CHOICES = 200
MAX_TEXT = 500
TYPES = ("text", "number", "boolean", "date", "datetime", "choice")
Value = str | Decimal | bool | date | datetime

_CODE = re.compile(r"[a-z][a-z0-9_]{0,49}")
_KEYS = frozenset({"code", "type", "label", "required", "choices"})


@dataclass(frozen=True, slots=True)
class Attribute:
    code: str
    type: str
    label: str
    required: bool = False
    choices: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "type": self.type,
            "label": self.label,
            "required": self.required,
            "choices": list(self.choices),
        }


Schema = Mapping[str, Attribute]


def schema_of(stored: Iterable[Mapping[str, Any]]) -> Schema:
    """The schema from its stored form, which `check_schema` made."""
    attributes = (
        Attribute(
            code=one["code"],
            type=one["type"],
            label=one.get("label") or one["code"],
            required=bool(one.get("required")),
            choices=tuple(one.get("choices") or ()),
        )
        for one in stored
    )
    return {attribute.code: attribute for attribute in attributes}


def check_schema(raw: object, path: str = "") -> list[dict[str, Any]]:
    """The schema as it is stored. Raises Invalid with a path for each fault."""
    faults: list[FieldError] = []
    if not isinstance(raw, list):
        raise Invalid.field(path, "list_expected", "Attributes are a list.")
    if len(raw) > MAX_ATTRIBUTES:
        raise Invalid.field(path, "too_many_items", f"At most {MAX_ATTRIBUTES} attributes.")
    seen: dict[str, Attribute] = {}
    for index, one in enumerate(raw):
        attribute = _attribute(one, f"{path}/{index}", faults)
        if attribute is None:
            continue
        if attribute.code in seen:
            faults.append(FieldError(f"{path}/{index}/code", "code_taken", "This code is declared twice."))
        seen[attribute.code] = attribute
    refuse(faults)
    return [attribute.as_json() for attribute in seen.values()]


def _attribute(raw: object, path: str, faults: list[FieldError]) -> Attribute | None:
    if not isinstance(raw, dict):
        faults.append(FieldError(path, "object_expected", "An attribute is an object with code and type."))
        return None
    before = len(faults)
    refuse_unknown(raw, _KEYS, path, faults)
    code = raw.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        words = "A code starts with a letter and has at most 50 lower-case letters, digits and _."
        faults.append(FieldError(f"{path}/code", "code_invalid", words))
    if raw.get("type") not in TYPES:
        faults.append(FieldError(f"{path}/type", "type_invalid", f"The type is one of {', '.join(TYPES)}."))
    if not isinstance(raw.get("required", False), bool):
        faults.append(FieldError(f"{path}/required", "boolean_expected", "This must be true or false."))
    label = _label(raw, path, faults)
    choices = _choices(raw, path, faults)
    if len(faults) > before:
        return None
    return Attribute(str(code), raw["type"], label, raw.get("required", False), choices)


def _label(raw: Mapping[str, Any], path: str, faults: list[FieldError]) -> str:
    try:
        return clean(raw.get("label") or str(raw.get("code", "")), max_length=100)
    except Invalid as wrong:
        faults.append(wrong.at_path(f"{path}/label"))
        return ""


def _choices(raw: Mapping[str, Any], path: str, faults: list[FieldError]) -> tuple[str, ...]:
    given = raw.get("choices") or []
    wanted = raw.get("type") == "choice"
    if not isinstance(given, list) or len(given) > MAX_CHOICES or bool(given) != wanted:
        words = f"A choice lists 1 to {MAX_CHOICES} texts; other types list none."
        faults.append(FieldError(f"{path}/choices", "choices_invalid", words))
        return ()
    texts: list[str] = []
    for index, one in enumerate(given):
        try:
            texts.append(clean(one, max_length=100, required=True))
        except Invalid as wrong:
            faults.append(wrong.at_path(f"{path}/choices/{index}"))
    if len(set(texts)) != len(texts):
        faults.append(FieldError(f"{path}/choices", "choice_taken", "A choice is listed twice."))
    return tuple(texts)


def refuse_unknown(
    raw: Mapping[str, Any], known: frozenset[str], path: str, faults: list[FieldError]
) -> None:
    """A fault for each key that is not known."""
    if raw.keys() <= known:
        return
    faults.extend(
        FieldError(key_path(path, key), "unknown_field", "There is no such field here.")
        for key in sorted(raw.keys() - known)[:20]
    )


def check_values(
    schema: Schema, raw: object, path: str, faults: list[FieldError], *, partial: bool = False
) -> dict[str, Any]:
    """The values as they are stored; faults are added to `faults`, each with its path.

    `partial` is for changes: nothing is required, and null is kept to say that the value is taken away.
    """
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        faults.append(FieldError(path, "object_expected", "Attributes are an object."))
        return {}
    refuse_unknown(raw, frozenset(schema), path, faults)
    kept: dict[str, Any] = {}
    for code, attribute in schema.items():
        value = raw.get(code)
        if value is not None:
            try:
                kept[code] = _CHECKS[attribute.type](value, attribute)
            except Invalid as wrong:
                faults.append(wrong.at_path(f"{path}/{code}"))
        elif partial and code in raw:
            kept[code] = None
        if attribute.required and value is None and (not partial or code in raw):
            faults.append(FieldError(f"{path}/{code}", "required", f"{attribute.label} is required."))
    return kept


def _text(value: object, _: Attribute) -> str:
    return clean(value, max_length=MAX_TEXT)


def _number(value: object, _: Attribute) -> str:
    return format(parse_decimal(value), "f")


def _boolean(value: object, _: Attribute) -> bool:
    if not isinstance(value, bool):
        raise Invalid("This must be true or false.", code="boolean_expected")
    return value


def _date(value: object, _: Attribute) -> str:
    return parse_date(value).isoformat()


def _instant(value: object, _: Attribute) -> str:
    return write_instant(parse_instant(value))


def _choice(value: object, attribute: Attribute) -> str:
    if not isinstance(value, str) or value not in attribute.choices:
        raise Invalid("This is not one of the choices.", code="choice_unknown")
    return value


_CHECKS: dict[str, Callable[[object, Attribute], str | bool]] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _instant,
    "choice": _choice,
}


_TYPED: dict[str, Callable[[Any], Value]] = {
    "text": str,
    "number": Decimal,
    "boolean": bool,
    "date": date.fromisoformat,
    "datetime": parse_instant,
    "choice": str,
}


def typed(schema: Schema, stored: Mapping[str, Any]) -> dict[str, Value]:
    """Stored values as Python values: Decimal, date, aware datetime, bool or text.

    Values whose attribute is no longer declared, or was declared with another type, are left out.
    """
    values: dict[str, Value] = {}
    for code, raw in stored.items():
        attribute = schema.get(code)
        if attribute is not None and raw is not None:
            try:
                values[code] = _TYPED[attribute.type](raw)
            except (ValueError, TypeError, ArithmeticError, Invalid):
                continue  # kept from a time when the attribute had another type
    return values
