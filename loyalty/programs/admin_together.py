"""Two people in one form of the settings at the same time: neither undoes what the other has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _


class TogetherForm(forms.ModelForm):  # type: ignore[type-arg]
    """What only the other one changed stays as they made it. What both changed is told beside the field, and whoever
    saves again after that means it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            for field in self.fields.values():
                field.show_hidden_initial = True  # the form says what it showed when it was opened

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self._changed_meanwhile():
            if name not in self.changed_data:
                data[name] = getattr(self.instance, name)
            elif self._differs(name, self.add_prefix(name)):
                self._tell(name)
        return data

    def _changed_meanwhile(self) -> Iterator[str]:
        if not self.instance._state.adding:
            for name in self.fields:
                shown = self.add_initial_prefix(name)
                if shown in self.data and self._differs(name, shown):
                    yield name

    def _differs(self, name: str, sent: str) -> bool:
        """Whether what was sent under that name is another value than the stored one."""
        raw = self.fields[name].widget.value_from_datadict(self.data, self.files, sent)
        return self.fields[name].has_changed(self.initial.get(name), raw)

    def _tell(self, name: str) -> None:
        field = self[name]
        stored = self.fields[name].prepare_value(self.initial.get(name))
        choices = dict(getattr(self.fields[name], "choices", ()))
        told = _("Someone else set this to “%(value)s” in the meantime. Save again to keep what stands here.")
        self.add_error(name, told % {"value": choices.get(stored, stored)})
        sent = cast(QueryDict, self.data).copy()
        sent[field.html_initial_name] = stored
        self.data = sent
