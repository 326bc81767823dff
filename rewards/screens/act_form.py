"""The one form of all that is done to a redemption: each act asks for some of its fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.email import impersonal
from loyalty.base.errors import LaurelError
from loyalty.base.numbers import typed_points
from loyalty.base.text import clean
from rewards import deliveries
from rewards.models import Redemption

LENGTHS = {"reason": 200, "problem": 200, "carrier": 80, "tracking": 120, "reference": 120}


class ActForm(forms.Form):
    """`token` makes sure that a double click does it once."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    carrier = forms.CharField(required=False, max_length=80, label=gettext_lazy("Carrier"))
    tracking = forms.CharField(required=False, max_length=120, label=gettext_lazy("Tracking number"))
    amount = forms.DecimalField(
        required=False, max_digits=17, decimal_places=4, label=gettext_lazy("Amount spent"),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}), help_text=gettext_lazy("Empty: all that is left."),
    )  # fmt: skip
    reference = forms.CharField(required=False, max_length=120, label=gettext_lazy("Order or receipt"))
    problem = forms.CharField(max_length=200, label=gettext_lazy("What is the problem"))
    points = forms.CharField(
        required=False, max_length=30, label=gettext_lazy("Points to give back"),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        help_text=gettext_lazy("Empty: those for what is left on it."),
    )  # fmt: skip
    reason = forms.CharField(
        max_length=200, label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Kept with the redemption. No names, please."),
    )  # fmt: skip
    restock = forms.BooleanField(
        required=False, label=gettext_lazy("It came back and can be given to somebody else")
    )

    def __init__(self, data: Any = None, *, asks: tuple[str, ...], row: Redemption, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._row = row
        wanted = {"token", *asks}
        if row.remaining is None:
            wanted -= {"amount", "points"}
        if row.terms["kind"] != "product":
            wanted.discard("restock")
        for name in [name for name in self.fields if name not in wanted]:
            del self.fields[name]
        self.questions: list[str] = []
        if "details" in asks:
            self._ask(row)

    def _ask(self, row: Redemption) -> None:
        """What the reward wants to know of the member, filled in with what was told before."""
        known = deliveries.of(row)
        for one in row.terms.get("asks", []):
            name = f"details-{one['code']}"
            self.questions.append(one["code"])
            self.fields[name] = forms.CharField(
                label=one["label"], required=bool(one.get("required")), max_length=500,
                initial=known.get(one["code"], ""), widget=forms.Textarea,
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for name in [name for name in LENGTHS if isinstance(data.get(name), str)]:
            try:
                data[name] = impersonal(clean(data[name], max_length=LENGTHS[name]))
            except LaurelError as wrong:
                self.add_error(name, wrong.detail)
        if (amount := data.get("amount")) is not None and amount <= Decimal(0):
            self.add_error("amount", ValidationError(_("Give an amount above zero.")))
        if "points" in data:
            data["points"] = self._points(data["points"].strip())
        if self.questions:
            data["details"] = {code: data.get(f"details-{code}", "") for code in self.questions}
        return data

    def _points(self, typed: str) -> int | None:
        """How many are to come back, at most what it cost; None when that was left open."""
        if not typed:
            return None
        try:
            points = typed_points(typed, self._row.point_type.decimals)
        except LaurelError as wrong:
            self.add_error("points", wrong.detail)
            return None
        if not 0 < points <= self._row.points:
            self.add_error("points", _("Give a number above zero, at most what it cost."))
        return points
