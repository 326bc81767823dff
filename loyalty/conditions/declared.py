"""The fields that a program declares itself, beside the standard ones: `member.*` and `event.*` attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loyalty.conditions.fields import Field, FieldType
from loyalty.conditions.standard import STANDARD


def declared(scope: str, declarations: Iterable[Mapping[str, Any]]) -> list[Field]:
    """Fields such as `event.nights` from declarations [{code, type, label, choices}]; standard names win."""
    fields = []
    for one in declarations:
        name = f"{scope}.{one['code']}"
        if STANDARD.get(name) is None:
            fields.append(_field(name, one))
    return fields


def _field(name: str, declaration: Mapping[str, Any]) -> Field:
    label = str(declaration.get("label") or declaration["code"])
    choices = declaration.get("choices")
    named = {str(choice): str(choice) for choice in choices} if choices else None
    private = name.startswith("member.")  # what is known of a person stays out of stored explanations
    return Field(name, FieldType(declaration["type"]), label, phrase=label, choices=named, private=private)
