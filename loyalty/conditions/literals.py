"""Literals of a condition: the JSON beside the operator, read by the type of the field."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from loyalty.base.errors import LaurelError
from loyalty.base.text import clean
from loyalty.conditions.fields import LIST_OPERATORS, MAX_TEXT, READERS, Field, FieldType
from loyalty.conditions.tree import MAX_LIST


class BadLiteral(Exception):
    """Why a literal is refused; `path` leads to the element of a list."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


def read_literal(field: Field, op: str, raw: object) -> Any:
    """The Python value to compare with: a tuple for list operators and `between`. Raises BadLiteral."""
    if op in LIST_OPERATORS:
        return tuple(dict.fromkeys(_read_list(field, raw)))
    if op == "between":
        return _read_range(field, raw)
    return _read_one(field, raw)


def _read_list(field: Field, raw: object) -> list[Any]:
    if not isinstance(raw, list | tuple):
        raise BadLiteral("value_invalid", _("Give a list of values."))
    if not raw:
        raise BadLiteral("list_empty", _("Give at least one value."))
    if len(raw) > MAX_LIST:
        raise BadLiteral("list_too_long", _("Give at most %(max)d values.") % {"max": MAX_LIST})
    return [_read_one(field, one, f"/{index}") for index, one in enumerate(raw)]


def _read_range(field: Field, raw: object) -> tuple[Any, Any]:
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        raise BadLiteral("value_invalid", _("Give two values, from and to."))
    low, high = _read_one(field, raw[0], "/0"), _read_one(field, raw[1], "/1")
    if high < low and field.type is not FieldType.TIME:  # 22:00 to 02:00 goes over midnight
        raise BadLiteral("range_reversed", _("The first value must not be above the second."))
    return low, high


def _read_one(field: Field, raw: object, path: str = "") -> Any:
    try:
        if field.type in (FieldType.TEXT, FieldType.CHOICE, FieldType.SET):
            return _read_text(field, raw)
        return READERS[field.type](raw)
    except BadLiteral as wrong:
        wrong.path = path
        raise
    except LaurelError as wrong:
        raise BadLiteral(wrong.code, wrong.detail, path) from wrong
    except (TypeError, ValueError) as wrong:
        raise BadLiteral("value_invalid", _wanted(field.type), path) from wrong


def _read_text(field: Field, raw: object) -> str:
    text = clean(raw, max_length=MAX_TEXT, required=True)
    if field.choices is not None and text not in field.choices:
        raise BadLiteral("value_not_a_choice", _("This is not one of the choices."))
    return text


def _wanted(kind: FieldType) -> str:
    if kind is FieldType.BOOLEAN:
        return _("Give true or false.")
    return _("Give a time such as 17:30.")
