"""Forms of a stock: how many there are, and what a variant or a date is called."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import LaurelError
from loyalty.base.numbers import ungrouped
from loyalty.base.text import clean
from loyalty.console.fields import LocalMomentField
from loyalty.programs.models import CODE, Program
from rewards.models import ExperienceReward, Reward, Stock
from rewards.stock import MOST


def whole(text: str, *, signed: bool = False) -> int | None:
    """A whole number as people type it; None for no number."""
    digits = ungrouped(text.strip().replace("\u2212", "-"))
    bare = digits[1:] if signed and digits[:1] in ("-", "+") else digits
    if not (bare.isascii() and bare.isdigit() and len(bare) < 11):
        return None
    return int(digits)


class AmountForm(forms.Form):
    """Add so many, or say how many there are in all. A token makes sure that a double click adds once."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    how = forms.ChoiceField(
        choices=[
            ("add", gettext_lazy("Add")),
            ("set", gettext_lazy("Set the total")),
            ("lift", gettext_lazy("No limit")),
        ]
    )
    count = forms.CharField(required=False, max_length=20, label=gettext_lazy("How many"))
    note = forms.CharField(required=False, max_length=500, label=gettext_lazy("Note"))

    def clean_note(self) -> str:
        return _clean("note", self.cleaned_data["note"], 500)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("how") == "lift":
            return data
        count = whole(data.get("count") or "", signed=data.get("how") == "add")
        if count is None or abs(count) > MOST:
            self.add_error("count", _("Give a whole number."))
        elif data.get("how") == "add" and not count:
            self.add_error("count", _("Say how many to add; a minus takes some away."))
        data["count"] = count
        return data


class StockForm(forms.Form):
    """A variant, or a date with its places."""

    code = forms.CharField(required=False, max_length=50, label=gettext_lazy("Code"))
    name = forms.CharField(required=False, max_length=120, label=gettext_lazy("Name"))
    starts_at = LocalMomentField(label=gettext_lazy("Begins"))
    ends_at = LocalMomentField(label=gettext_lazy("Ends"))
    loaded = forms.CharField(
        required=False,
        max_length=20,
        label=gettext_lazy("How many"),
        help_text=gettext_lazy("Empty: no limit."),
    )

    def __init__(self, data: Any = None, *, reward: Reward, stock: Stock | None = None) -> None:
        super().__init__(data, initial=_stored(stock) if stock else None)
        self.is_slot = isinstance(reward, ExperienceReward)
        self.program: Program = reward.program
        if self.is_slot:
            self.fields["starts_at"].program = self.fields["ends_at"].program = reward.program  # type: ignore[attr-defined]
            self.fields["loaded"].label = _("Places")
        else:
            del self.fields["starts_at"], self.fields["ends_at"]
        if stock is not None:
            del self.fields["code"], self.fields["loaded"]

    def clean_name(self) -> str:
        return _clean("name", self.cleaned_data["name"], 120)

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if self.is_slot and "starts_at" in data and data["starts_at"] is None:
            self.add_error("starts_at", _("Say when it begins."))
        if not self.is_slot and not data.get("name") and "name" in data:
            self.add_error("name", _("Give it a name, such as a size or a colour."))
        if "code" in self.fields:
            self._code(data)
            self._loaded(data)
        return data

    def _code(self, data: dict[str, Any]) -> None:
        """What was typed, or one made of the name or the date."""
        made = slugify(data.get("name") or "")[:40]
        if not made and data.get("starts_at"):
            made = data["starts_at"].astimezone(self.program.zone).strftime("%Y-%m-%d-%H%M")
        data["code"] = data.get("code") or made
        try:
            CODE(data["code"])
        except ValidationError:
            self.add_error("code", _("A code has lower-case letters, digits and dashes, such as blue-l."))

    def _loaded(self, data: dict[str, Any]) -> None:
        text = data.get("loaded") or ""
        data["loaded"] = whole(text)
        if text and data["loaded"] is None:
            self.add_error("loaded", _("Give a whole number, or leave it empty for no limit."))


def _stored(stock: Stock) -> dict[str, Any]:
    return {"name": stock.name, "starts_at": stock.starts_at, "ends_at": stock.ends_at}


def _clean(name: str, text: str, length: int) -> str:
    try:
        return clean(text, max_length=length)
    except LaurelError as wrong:
        raise ValidationError(wrong.detail) from wrong
