"""The form of custom event types: attributes as lines."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty.events.models import EventType
from loyalty.programs.admin_forms import AttributesField
from loyalty.programs.attributes import TYPES


class EventTypeForm(forms.ModelForm):  # type: ignore[type-arg]
    attributes = AttributesField(
        label=_("Attributes"),
        required=False,
        help_text=_(
            "One a line: code | type | label, and | required if it must be there. Types: %(types)s. "
            "For a choice: board | choice | Board | room only, breakfast."
        )
        % {"types": ", ".join(TYPES)},
    )

    class Meta:
        model = EventType
        fields = ["name", "code", "attributes"]
