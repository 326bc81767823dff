"""The form to give or take points by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.email import impersonal
from loyalty.base.errors import LaurelError
from loyalty.base.numbers import typed_points
from loyalty.base.text import clean
from loyalty.console.reasons import REASONS
from loyalty.programs.models import PointType, Program

DIRECTIONS = {"give": gettext_lazy("Give points"), "take": gettext_lazy("Take points")}
NOTE_NEEDED = {"other"}
MOST_BY_HAND = (
    1_000_000_000  # whole points; nobody means more, and a slip of the finger stays in the books for ever
)


class AdjustForm(forms.Form):
    """Amounts are typed as people write them and become whole smallest units, never a float."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    direction = forms.ChoiceField(choices=list(DIRECTIONS.items()), label=gettext_lazy("What to do"))
    points = forms.CharField(max_length=30, label=gettext_lazy("How many"))
    point_type = forms.ModelChoiceField(
        PointType.objects.none(), label=gettext_lazy("Kind of points"), empty_label=None
    )
    reason_code = forms.ChoiceField(
        choices=[("", gettext_lazy("Choose a reason")), *REASONS.items()], label=gettext_lazy("Reason")
    )
    reference = forms.CharField(max_length=120, required=False, label=gettext_lazy("Reference"))
    counts = forms.BooleanField(required=False, label=gettext_lazy("Counts for tiers"))
    note = forms.CharField(
        max_length=500, required=False, label=gettext_lazy("Note for colleagues"), widget=forms.Textarea
    )

    def __init__(self, *args: Any, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = (
            PointType.objects.filter(program=program)
            .select_related("program")
            .order_by("-is_default", "code")
        )
        self.fields["point_type"].queryset = types  # type: ignore[attr-defined]
        self.fields["point_type"].initial = types.first()

    @property
    def form_token(self) -> UUID:
        return self.cleaned_data["token"]  # type: ignore[no-any-return]

    @property
    def chosen_type(self) -> PointType | None:
        """The chosen kind of points, also before the form was sent."""
        if not self.is_bound:
            return self.fields["point_type"].initial  # type: ignore[no-any-return]
        return self.cleaned_data.get("point_type")

    @property
    def counts_for_tiers(self) -> bool:
        """Whether the change is also part of what the member did today."""
        return self.is_bound and bool(self.cleaned_data.get("counts"))

    @property
    def units(self) -> int:
        """The signed change in smallest units; 0 while there is no valid amount."""
        if not self.is_bound or not isinstance(self.cleaned_data.get("points"), int):
            return 0
        return int(self.cleaned_data["points"]) * (-1 if self.cleaned_data.get("direction") == "take" else 1)

    @property
    def fault(self) -> str:
        """What is wrong with the amount that was typed; nothing while there is none."""
        typed = self.is_bound and str(self.data.get("points") or "").strip()
        return str(self.errors["points"][0]) if typed and "points" in self.errors else ""

    def clean_reference(self) -> str:
        return impersonal(self._text("reference", 120))

    def clean_note(self) -> str:
        return impersonal(self._text("note", 500, multiline=True))

    def _text(self, name: str, length: int, *, multiline: bool = False) -> str:
        try:
            return clean(self.cleaned_data[name], max_length=length, multiline=multiline)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        self._read_points(data)
        if data.get("reason_code") in NOTE_NEEDED and not data.get("note"):
            self.add_error("note", _("Say in the note what the reason is."))
        point_type = data.get("point_type")
        if data.get("counts") and point_type and not point_type.is_default:
            told = _("Only the kind “%(points)s” counts for tiers. Choose it, or take the mark away.")
            default = self.fields["point_type"].initial
            self.add_error("counts", told % {"points": default.name_many if default else _("default points")})
        return data

    def _read_points(self, data: dict[str, Any]) -> None:
        point_type, text = data.get("point_type"), data.get("points")
        if point_type is None or text is None:
            return
        try:
            units = typed_points(text, point_type.decimals)
        except LaurelError as wrong:
            self.add_error("points", wrong.detail)
            return
        if units <= 0:
            self.add_error(
                "points", _("Give a number above zero, and choose above whether to give or to take.")
            )
            return
        if units > MOST_BY_HAND * 10**point_type.decimals:
            told = _("At most %(most)s at once: please check the number.")
            self.add_error("points", told % {"most": f"{MOST_BY_HAND:,}"})
            return
        data["points"] = units
