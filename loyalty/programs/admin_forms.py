"""Forms of the settings: lists as lines instead of JSON, and rules between fields said in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from loyalty.base.errors import FieldError, Invalid
from loyalty.programs import channels, programs
from loyalty.programs.admin_together import TogetherForm
from loyalty.programs.attributes import TYPES, check_schema
from loyalty.programs.models import (
    LAST_PENDING_YEAR,
    MOST_EXPIRY,
    MOST_PENDING_DAYS,
    Channel,
    ExpiryKind,
    PointType,
    Program,
)

_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-([0-2][0-9]|3[01])")
_LONGEST = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


class DaysOfYear(forms.CharField):
    """Days such as 12-31, separated by commas or blanks; kept as a list."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = [part for part in re.split(r"[\s,]+", str(value or "")) if part]
        for part in parts:
            if not _MONTH_DAY.fullmatch(part) or int(part[3:]) not in range(1, _LONGEST[int(part[:2])] + 1):
                told = _("%(day)s is not a day of the year. Write month and day, such as 12-31.")
                raise ValidationError(told, params={"day": part})
        return parts

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial or []) != (data or ""))


class AttributesField(forms.CharField):
    """Declared attributes, one a line: `nights | number | Nights stayed | required`, and for a choice
    `board | choice | Board | room only, breakfast`."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(_line_of(one) for one in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        try:
            return check_schema([_attribute_of(line) for line in lines])
        except Invalid as wrong:
            raise ValidationError([_in_line(fault) for fault in wrong.errors]) from wrong

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial or []) != (data or ""))


def _line_of(attribute: dict[str, Any]) -> str:
    parts = [attribute["code"], attribute["type"], attribute.get("label") or attribute["code"]]
    if attribute.get("choices"):
        parts.append(", ".join(attribute["choices"]))
    return " | ".join([*parts, *(["required"] if attribute.get("required") else [])])


def _attribute_of(line: str) -> dict[str, Any]:
    code, kind, label, *rest = [*(part.strip() for part in line.split("|")), "", "", ""][
        : max(3, line.count("|") + 1)
    ]
    choices = [choice.strip() for part in rest if part not in ("", "required") for choice in part.split(",")]
    return {
        "code": code,
        "type": kind or "text",
        "label": label or code,
        "required": "required" in rest,
        "choices": [choice for choice in choices if choice],
    }


def _in_line(fault: FieldError) -> str:
    index = fault.path.strip("/").partition("/")[0]
    if not index.isdigit():
        return fault.message
    return _("Line %(number)d: %(message)s") % {"number": int(index) + 1, "message": fault.message}


def add_faults(form: Any, faults: Callable[[Any], list[FieldError]]) -> None:
    """Show what the domain finds wrong beside the fields it is about."""
    for fault in faults(form.instance):
        name = fault.path.strip("/").partition("/")[0]
        if name in form.errors:
            continue
        form.add_error(name if name in form.fields else None, fault.message)


class ExpiryForm(TogetherForm):
    """What the chosen kind of expiry needs must be there."""

    expiry_dates = DaysOfYear(
        label=gettext_lazy("Expiry dates"),
        required=False,
        help_text=gettext_lazy("Last days on which points count, as month-day: 06-30, 12-31."),
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        kind = data.get("expiry_kind")
        if kind in (ExpiryKind.ROLLING, ExpiryKind.INACTIVITY) and not data.get("expiry_count"):
            self.add_error("expiry_count", _("Say after how many days, months or years points lapse."))
        if kind == ExpiryKind.FIXED and not data.get("expiry_dates") and "expiry_dates" not in self.errors:
            self.add_error("expiry_dates", _("Give at least one date on which points lapse."))
        most = MOST_EXPIRY.get(data["expiry_unit"]) if "expiry_unit" in data else None
        if most and (data.get("expiry_count") or 0) > most:
            self.add_error("expiry_count", _("At most %(most)s.") % {"most": f"{most:,}"})
        return data


_EXPIRY = ["expiry_kind", "expiry_count", "expiry_unit", "expiry_rounding", "expiry_dates"]
_EXPIRY_LABELS = {"expiry_kind": gettext_lazy("Points lapse"), "expiry_count": gettext_lazy("After how many")}


class ProgramForm(ExpiryForm):
    member_schema = AttributesField(
        label=gettext_lazy("Member attributes"),
        required=False,
        help_text=gettext_lazy(
            "One a line: code | type | label. Types: %(types)s. For a choice add | first, second."
        )
        % {"types": ", ".join(TYPES)},
    )

    class Meta:
        model = Program
        fields = [
            "code", "name", "currency", "timezone", "rounding", "debt_policy", "refund_grace_days", "event_window_days",
            "phone_region", "member_schema", "mode", "status", *_EXPIRY,
        ]  # fmt: skip
        labels = _EXPIRY_LABELS

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        add_faults(self, programs.faults)


USUAL_AT_CHECKOUT = ("redeem_max_percent", "hold_minutes")  # left empty, they are as usual


class PointTypeForm(ExpiryForm):
    class Meta:
        model = PointType
        fields = [
            "code", "name_one", "name_many", "decimals", "is_default", "use_program_expiry", "pending_kind",
            "pending_days", "pending_date", "debt_policy", "redeem_rate", "redeem_minimum", "redeem_increment",
            "redeem_max_percent", "hold_minutes", *_EXPIRY,
        ]  # fmt: skip
        labels = _EXPIRY_LABELS

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self._check_pending(data)
        self._check_checkout(data)
        if self.instance.is_default and not data.get("is_default"):
            told = _("A program always has a default. Make another point type the default instead.")
            self.add_error("is_default", told)
        return data

    def _get_validation_exclusions(self) -> set[str]:
        """There may be a default already: the mark moves here when the form is saved."""
        return super()._get_validation_exclusions() | {"is_default"}  # type: ignore[misc, no-any-return]

    def _check_pending(self, data: dict[str, Any]) -> None:
        kind, days, first = (data.get(f"pending_{name}") for name in ("kind", "days", "date"))
        if kind == PointType.Pending.DAYS and not days:
            self.add_error("pending_days", _("Say after how many days points can be spent."))
        if days and days > MOST_PENDING_DAYS:
            self.add_error("pending_days", _("At most %(most)s.") % {"most": f"{MOST_PENDING_DAYS:,}"})
        if kind == PointType.Pending.DATE and not first:
            self.add_error("pending_date", _("Say from which date points can be spent."))
        if first and first.year > LAST_PENDING_YEAR:
            told = _("The date is not after the year %(year)s.") % {"year": LAST_PENDING_YEAR}
            self.add_error("pending_date", told)

    def _check_checkout(self, data: dict[str, Any]) -> None:
        if data.get("redeem_rate") == 0:
            self.add_error("redeem_rate", _("Above zero, or empty when these points cannot pay."))
        if (data.get("redeem_minimum") or 0) < 0:
            self.add_error("redeem_minimum", _("Not below zero."))
        for name in USUAL_AT_CHECKOUT:
            if name not in self.errors and data.get(name) is None:
                data[name] = getattr(PointType(), name)


class ChannelForm(TogetherForm):
    class Meta:
        model = Channel
        fields = ["code", "name", "kind", "timezone", "is_active"]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        add_faults(self, channels.faults)
