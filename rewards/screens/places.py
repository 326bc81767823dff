"""Where a fault of a reward is put right, and what it is about in the words of the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import FieldError
from loyalty.base.words import Words
from loyalty.conditions.fields import Schema
from loyalty.console.condition_editor import Editor

LINE_PLACES: Final = {
    "caps": "caps-{}-times",
    "hours": "hours-{}-from",
    "delivery_attributes": "asks-{}-label",
}
SECTIONS: Final = {"prices": "section-price", "weekdays": "section-time", "audience": "section-who"}
LABELS: Final[dict[str, Words]] = {
    "audience": gettext_lazy("Who can have it"),
    "caps": gettext_lazy("Each member at most"),
    "delivery_attributes": gettext_lazy("What the member is asked for"),
    "hours": gettext_lazy("Only at these hours"),
    "prices": gettext_lazy("What it costs"),
    "weekdays": gettext_lazy("Only on these days"),
}


def place_of(path: str) -> str:
    """The id on the page of the field that a fault is about."""
    head, _slash, rest = path.partition("/")
    number = rest.partition("/")[0]
    if head in LINE_PLACES and number.isdigit():
        return LINE_PLACES[head].format(number)
    if head == "prices" and number.isdigit():
        return f"prices-{number}-points"
    return SECTIONS.get(head, f"id_{head}")


def told(
    fault: FieldError, *, labels: Mapping[str, Words], editors: Mapping[str, Editor], schema: Schema
) -> tuple[str, str]:
    """A fault with what it is about before it, and the id of its place. `labels` of the fields of the form; `editors`
    of the conditions by their prefix."""
    head, number = [*fault.path.split("/"), ""][:2]
    label, place = str(LABELS.get(head) or labels.get(head, "")), place_of(fault.path)
    if head == "prices" and number.isdigit():
        label = _("Price %(n)d") % {"n": int(number) + 1}
    prefix, path = _condition(fault.path)
    if prefix in editors and (asked := editors[prefix].asked_at(path, schema)):
        label = _("%(label)s, %(field)s") % {"label": label, "field": asked[0]}
        place = asked[1]
    return (
        _("%(label)s: %(fault)s") % {"label": label, "fault": fault.message} if label else fault.message
    ), place


def _condition(path: str) -> tuple[str, str]:
    """Of a fault of a condition: the prefix of its editor, and the path in it."""
    head, _slash, rest = path.partition("/")
    if head == "prices":
        number, _slash, rest = rest.partition("/")
        part, _slash, rest = rest.partition("/")
        head = f"prices-{number}" if part == "audience" else ""
    return head, f"/{rest}" if rest else ""
