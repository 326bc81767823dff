"""The form of the campaign builder: everything a draft holds, typed as people write it, without JSON.

Saving needs values that can be stored; what keeps a draft from being published (`campaigns.faults`) is shown beside
its field but does not stop the saving: nobody loses work over a missing date.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import drafts
from campaigns.builder.blockers import told
from campaigns.builder.describe import TRIGGER_WORDS, plain
from campaigns.caps import PERIODS
from campaigns.faults import TRIGGERS, faults
from campaigns.fields import schema_for
from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from campaigns.words.summary import PER
from loyalty.base.errors import LaurelError
from loyalty.base.numbers import format_points, typed_points, ungrouped
from loyalty.base.text import clean
from loyalty.conditions.fields import FieldType
from loyalty.conditions.standard import WEEKDAYS
from loyalty.console.condition_editor import Editor
from loyalty.console.fields import LocalMomentField
from loyalty.events.models import EventType
from loyalty.programs.models import PointType, Program

EDITORS = ("conditions", "items", "audience")
ROWS = ("caps", "hours", "table")
MAX_LINES = 30
REDRAWS = {"trigger", "basis"}
_COMMON = [
    "name", "code", "description", "point_type", "trigger", "starts_at", "ends_at", "priority", "stacking_group",
]  # fmt: skip
_EARNING = ["basis", "points", "step", "step_rounding", "attribute"]
_BONUS = ["bonus", "multiplier", "table_field", "extra_points"]


class BudgetField(forms.CharField):
    """Points as people write them; kept in smallest units."""


class DraftForm(forms.ModelForm):  # type: ignore[type-arg]
    """What both kinds of campaigns have. Editors and repeated rows are read from the same data by their prefix."""

    starts_at = LocalMomentField(label=gettext_lazy("Starts"))
    ends_at = LocalMomentField(label=gettext_lazy("Ends"))
    budget_points = BudgetField(
        required=False, max_length=30, label=gettext_lazy("Budget for all members together")
    )
    trigger = forms.ChoiceField(label=gettext_lazy("What has to happen"))

    def __init__(self, data: Mapping[str, Any] | None = None, *, instance: Campaign) -> None:
        super().__init__(data, instance=instance)
        self.program = instance.program
        for name in ("starts_at", "ends_at"):
            self.fields[name].program = self.program  # type: ignore[attr-defined]
        self.fields["trigger"].choices = triggers_of(self.program)  # type: ignore[attr-defined]
        self.fields["point_type"].queryset = PointType.objects.filter(program=self.program)  # type: ignore[attr-defined]
        self.fields["point_type"].empty_label = None  # type: ignore[attr-defined]
        if instance.pk:
            del self.fields["code"]
        for name, field in self.fields.items():
            if name in REDRAWS:  # what they say decides which other fields there are
                field.widget.attrs |= {"hx-post": "", "hx-trigger": "change"}
            if isinstance(field, forms.DecimalField) and isinstance(self.initial.get(name), Decimal):
                self.initial[name] = plain(self.initial[name])
                field.widget.input_type = "text"  # a stepper is of no use for rates
        if instance.budget is not None:
            self.initial["budget_points"] = format_points(instance.budget, instance.point_type.decimals)
        if data is None:
            self.editors = {name: Editor.of(name, getattr(instance, name)) for name in EDITORS}
            self.lines = {name: _stored_lines(name, instance) for name in ROWS}
            self.weekdays = list(instance.weekdays)
        else:
            self.editors = {name: Editor.posted(name, data) for name in EDITORS}
            self.lines = {name: _posted_lines(name, data) for name in ROWS}
            self.weekdays = [day for day in WEEKDAYS if day in data.getlist("weekdays")]  # type: ignore[attr-defined]

    # --- reading ---------------------------------------------------------------------------------------------------

    def clean_name(self) -> str:
        return self._clean_text("name", 120)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            drafts.check_code(self.program, code)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong
        return code

    def clean_description(self) -> str:
        return self._clean_text("description", 2000, multiline=True)

    def _clean_text(self, name: str, length: int, *, multiline: bool = False) -> str:
        try:
            return clean(self.cleaned_data[name], max_length=length, multiline=multiline)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        point_type = data.get("point_type")
        if text := (data.get("budget_points") or "").strip():
            try:
                data["budget"] = typed_points(text, point_type.decimals) if point_type else None
                if data["budget"] is not None and data["budget"] < 1:
                    self.add_error("budget_points", _("A budget is above zero. Leave it empty for none."))
            except LaurelError as wrong:
                self.add_error("budget_points", wrong.detail)
        return data

    def values(self) -> dict[str, Any]:
        """What to store in the draft; for a form that was checked."""
        data = self.cleaned_data
        schema = schema_for(self.program, data.get("trigger") or self.instance.trigger)
        plain = {name: data[name] for name in self.fields if name in data and name != "budget_points"}
        trees = {name: editor.tree(schema) for name, editor in self.editors.items()}
        return (
            plain
            | trees
            | {
                "budget": data.get("budget"),
                "weekdays": self.weekdays,
                "hours": [
                    [line["from"], line["to"]] for line in self.lines["hours"] if line["from"] or line["to"]
                ],
                "caps": [_cap(line) for line in self.lines["caps"] if line["amount"]],
                **self.own_values(),
            }
        )

    def own_values(self) -> dict[str, Any]:
        """What the kind of campaign adds."""
        return {}

    def preview(self) -> Campaign:
        """The draft as typed so far, unsaved; values that cannot be read stay as they were."""
        if not self.is_bound:
            return draft_of(self.instance)
        self.is_valid()
        draft = draft_of(self.instance)
        values = self.values()
        if values.get("point_type") is None:
            values["point_type"] = self.instance.point_type
        for name, value in values.items():
            setattr(draft, name, value)
        return draft

    # --- faults ----------------------------------------------------------------------------------------------------

    def publishing_faults(self) -> list[dict[str, str]]:
        """What is in the way of publishing, each with what it is about and where; put beside conditions where they
        are."""
        draft = self.preview()
        schema = schema_for(self.program, draft.trigger)
        labels = {name: self[name].label for name in self.fields}
        found: list[dict[str, str]] = []
        trees: dict[str, list[tuple[str, str]]] = {name: [] for name in EDITORS}
        for fault in faults(draft):
            name, _slash, rest = fault.path.strip("/").partition("/")
            found.append(told(fault, labels=labels, editors=self.editors, lines=self.lines, schema=schema))
            if name in trees:
                trees[name].append((f"/{rest}" if rest else "", fault.message))
        for name, listed in trees.items():
            self.editors[name].show_faults(listed, schema)
        return found

    @property
    def notices(self) -> list[str]:
        """Times that daylight saving moved."""
        return [
            field.notice
            for field in self.fields.values()
            if isinstance(field, LocalMomentField) and field.notice
        ]

    def periods(self) -> list[tuple[str, Any]]:
        return [(period, PER[period]) for period in PERIODS]


def draft_of(campaign: Campaign) -> Campaign:
    """A copy that can be changed without changing the campaign."""
    draft = type(campaign)()
    for field in campaign._meta.concrete_fields:
        setattr(draft, field.attname, getattr(campaign, field.attname))
    draft.program, draft.point_type = campaign.program, campaign.point_type
    return draft


class EarningForm(DraftForm):
    class Meta:
        model = EarningCampaign
        fields = [*_COMMON, *_EARNING]

    def __init__(self, data: Mapping[str, Any] | None = None, *, instance: Campaign) -> None:
        super().__init__(data, instance=instance)
        trigger = (data or {}).get("trigger") or instance.trigger
        numbers = [
            one
            for one in schema_for(self.program, str(trigger))
            if one.scope == "event" and one.type is FieldType.NUMBER
        ]
        choices = [("", _("Choose a number"))] + [(one.measure, str(one.label)) for one in numbers]
        self.fields["attribute"] = forms.ChoiceField(
            choices=choices, required=False, label=_("Number in the event")
        )
        self.fields["points"].label = _("Points")


class BonusForm(DraftForm):
    class Meta:
        model = BonusCampaign
        fields = [*_COMMON, *_BONUS]

    def __init__(self, data: Mapping[str, Any] | None = None, *, instance: Campaign) -> None:
        super().__init__(data, instance=instance)
        trigger = (data or {}).get("trigger") or instance.trigger
        kinds = (FieldType.CHOICE, FieldType.TEXT, FieldType.NUMBER, FieldType.BOOLEAN)
        fields = [
            one
            for one in schema_for(self.program, str(trigger))
            if one.scope != "item" and one.type in kinds and not one.windowed
        ]
        choices = [("", _("The same for everyone"))] + [(one.name, str(one.label)) for one in fields]
        self.fields["table_field"] = forms.ChoiceField(
            widget=forms.Select(attrs={"hx-post": "", "hx-trigger": "change"}),
            choices=choices,
            required=False,
            label=_("Multiplier depends on"),
        )

    def own_values(self) -> dict[str, Any]:
        rows = [line for line in self.lines["table"] if line["value"]]
        table = {line["value"]: _decimal_text(line["multiplier"]) for line in rows}
        return {"table": table if self.cleaned_data.get("table_field") else {}}


FORMS: dict[str, type[DraftForm]] = {"earning": EarningForm, "bonus": BonusForm}


def form_for(campaign: Campaign, data: Mapping[str, Any] | None = None) -> DraftForm:
    """The form of this kind of campaign."""
    return FORMS["earning" if isinstance(campaign, EarningCampaign) else "bonus"](data, instance=campaign)


def triggers_of(program: Program) -> list[tuple[str, Any]]:
    """Kinds of events to choose from: the built-in ones and the program's own."""
    own = EventType.objects.filter(program=program).values_list("code", "name")
    words = {code: str(TRIGGER_WORDS.get(code, code)) for code in dict.fromkeys(TRIGGERS)}
    return [*((code, text[:1].upper() + text[1:]) for code, text in words.items()), *own]


_LINE_NAMES = {"caps": ("what", "amount", "per"), "hours": ("from", "to"), "table": ("value", "multiplier")}


def _posted_lines(name: str, data: Mapping[str, Any]) -> list[dict[str, str]]:
    lines = []
    for index in range(MAX_LINES):
        line = {part: str(data.get(f"{name}-{index}-{part}", ""))[:80].strip() for part in _LINE_NAMES[name]}
        if any(line[part] for part in _LINE_NAMES[name] if part not in ("what", "per")):
            lines.append(line)
    return lines


def _stored_lines(name: str, campaign: Campaign) -> list[dict[str, str]]:
    if name == "hours":
        return [{"from": str(pair[0]), "to": str(pair[1])} for pair in campaign.hours]
    if name == "table":
        table = getattr(campaign, "table", {}) or {}
        return [{"value": str(value), "multiplier": str(times)} for value, times in table.items()]
    return [
        {
            "what": "times" if cap.get("times") is not None else "points",
            "amount": str(cap.get("times") if cap.get("times") is not None else cap.get("points", "")),
            "per": str(cap.get("per", "")),
        }
        for cap in campaign.caps
    ]


def _cap(line: Mapping[str, str]) -> dict[str, Any]:
    """The JSON of a limit. What is no number is stored as typed and refused when it is published."""
    amount = ungrouped(line["amount"])
    if line["what"] == "times":
        whole = amount.isascii() and amount.isdigit() and len(amount) < 10
        return {"times": int(amount) if whole else amount, "per": line["per"]}
    return {"points": amount, "per": line["per"]}


def _decimal_text(text: str) -> str:
    try:
        return format(Decimal(text.replace(",", ".")), "f")
    except InvalidOperation:
        return text
