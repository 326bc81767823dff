"""The fields that conditions of a program may ask about: the standard ones and those the program declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.conditions.declared import declared
from loyalty.conditions.fields import Field, FieldType, Schema
from loyalty.conditions.standard import STANDARD
from loyalty.events.models import EventType
from loyalty.programs.models import Program

BUILT_IN: dict[str, list[dict[str, Any]]] = {
    "review.submitted": [
        {"code": "rating", "type": "number", "label": _("rating")},
        {"code": "has_photo", "type": "boolean", "label": _("photo")},
        {"code": "length", "type": "number", "label": _("length of the review")},
        {"code": "sku", "type": "text", "label": _("reviewed article")},
    ],
    "visit.checked_in": [{"code": "store", "type": "text", "label": _("store of the visit")}],
}


def schema_for(program: Program, trigger: str) -> Schema:
    """What a campaign of this program on this kind of event may ask about. One query for a custom kind."""
    own = BUILT_IN.get(trigger)
    if own is None and not trigger.startswith("order."):
        kinds = EventType.objects.filter(program=program, code=trigger)
        own = kinds.values_list("attributes", flat=True).first()
    known = STANDARD.extended([*declared("member", program.member_schema), *declared("event", own or ())])
    return known.in_currency(program.currency)


def to_json(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Declared fields as a definition keeps them, so that a version reads the same whatever is declared later."""
    return [
        {
            "name": field.name,
            "type": field.type.value,
            "label": str(field.label),
            "choices": {code: str(label) for code, label in field.choices.items()} if field.choices else None,
        }
        for field in fields
    ]


def from_json(stored: Iterable[Mapping[str, Any]]) -> list[Field]:
    """The declared fields of a definition."""
    return [
        Field(
            one["name"],
            FieldType(one["type"]),
            one["label"],
            phrase=one["label"],
            choices=one["choices"],
            private=one["name"].startswith("member."),
        )
        for one in stored
    ]
