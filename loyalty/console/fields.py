"""Form fields that several screens share."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from loyalty.base.clock import resolve_local
from loyalty.programs.models import Program


class LocalMomentField(forms.CharField):
    """A wall-clock time in the program's zone, as an instant. A time that the clocks skip becomes the first one after
    the gap; one that comes twice, the first of the two. `notice` says so."""

    widget = forms.TextInput(attrs={"type": "datetime-local", "step": "60"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.program: Program | None = None
        self.notice = ""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime) and self.program is not None:
            return value.astimezone(self.program.zone).strftime("%Y-%m-%dT%H:%M")
        return value

    def to_python(self, value: Any) -> Any:
        if not value:
            return None
        if self.program is None:
            raise RuntimeError("the field needs its program")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", str(value), re.ASCII):
            raise ValidationError(_("Write a date and a time, such as 2026-12-05 09:00."))
        try:
            found = resolve_local(datetime.fromisoformat(str(value)), self.program.zone)
        except (ValueError, OverflowError) as wrong:
            raise ValidationError(_("There is no such date or time.")) from wrong
        if not 1900 <= found.at.year <= 9998:
            raise ValidationError(_("Years run from 1900 to 9998."))
        if found.how == "moved":
            self.notice = _("The clocks skip this time; the first moment after it counts.")
        elif found.how == "first_of_two":
            self.notice = _("This time comes twice on that day; the first one counts.")
        return found.at
