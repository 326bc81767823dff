"""What keeps a draft from being published, told with the field or the condition it is about and the way to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import FieldError
from loyalty.base.words import Words
from loyalty.conditions.fields import Schema
from loyalty.console.condition_editor import Editor

SECTION_OF: Final = {
    "name": "goal", "code": "goal", "description": "goal", "point_type": "goal",
    "trigger": "event", "conditions": "event",
    "audience": "who",
    "starts_at": "time", "ends_at": "time", "weekdays": "time", "hours": "time",
    "caps": "limits", "budget": "limits", "priority": "limits", "stacking_group": "limits",
}  # fmt: skip
LABELS: Final[dict[str, Words]] = {
    "conditions": gettext_lazy("Conditions"),
    "items": gettext_lazy("Items that count"),
    "audience": gettext_lazy("Who"),
    "weekdays": gettext_lazy("Only on these days"),
    "hours": gettext_lazy("Only at these hours"),
    "caps": gettext_lazy("For each member"),
    "table": gettext_lazy("Multiplier by value"),
}
FORM_NAMES: Final = {"budget": "budget_points"}
FIRST_INPUT: Final = {"caps": "amount", "hours": "from", "table": "value"}


def told(
    fault: FieldError,
    *,
    labels: Mapping[str, Words],
    editors: Mapping[str, Editor],
    lines: Mapping[str, Sequence[Mapping[str, str]]],
    schema: Schema,
) -> dict[str, str]:
    """A fault as the builder shows it: `message` begins with what it is about, `anchor` is the id of its place on the
    page, `field` its name in the form. `labels` of the fields of the form."""
    name, _slash, rest = fault.path.strip("/").partition("/")
    field = FORM_NAMES.get(name, name)
    section = SECTION_OF.get(name, "effect")
    label, anchor = str(LABELS.get(name) or labels.get(field) or ""), f"section-{section}"
    asked = editors[name].asked_at(f"/{rest}" if rest else "", schema) if name in editors else None
    if asked is not None:
        label, anchor = _("%(label)s, %(field)s") % {"label": label, "field": asked[0]}, asked[1]
    elif name in FIRST_INPUT and (place := _place(name, rest, lines[name])) is not None:
        anchor = f"{name}-{place}-{FIRST_INPUT[name]}"
    elif field in labels:
        anchor = f"id_{field}"
    message = _("%(label)s: %(fault)s") % {"label": label, "fault": fault.message} if label else fault.message
    return {"section": section, "field": field, "anchor": anchor, "message": message}


def _place(name: str, rest: str, lines: Sequence[Mapping[str, str]]) -> int | None:
    """Which of the repeated rows it is; those of a table are known by their value."""
    if name == "table":
        return next((place for place, line in enumerate(lines) if line["value"] == rest), None)
    return int(rest) if rest.isdigit() else None
