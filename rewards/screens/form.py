"""The form of a reward: everything its kind holds, typed as people write it, without JSON.

A draft can be saved half done; what keeps it from going live is shown with its place. A live reward is saved whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms import modelform_factory
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.errors import FieldError, LaurelError
from loyalty.base.numbers import format_points, typed_points
from loyalty.base.text import clean
from loyalty.base.words import Words
from loyalty.conditions.standard import WEEKDAYS
from loyalty.console.condition_editor import Editor
from loyalty.console.fields import LocalMomentField
from loyalty.programs.models import PointType
from rewards import audience, catalogue
from rewards.models import KINDS, PointsReward, Price, ProductReward, Reward
from rewards.screens import lines
from rewards.screens.lines import PriceLine, Prices
from rewards.screens.places import told

JSON_FIELDS: Final = frozenset({"weekdays", "hours", "audience", "caps", "delivery_attributes"})
UNITS: Final = frozenset({"gives", "auto_redeem_at"})
REDRAWS: Final = frozenset({"off", "delivery"})
TEXTS: Final[dict[str, tuple[Words, Words]]] = {
    "name": (gettext_lazy("Name"), ""),
    "code": (
        gettext_lazy("Code"),
        gettext_lazy("For channels and exports. Stays for good once it was published."),
    ),
    "description": (gettext_lazy("Description"), ""),
    "terms": (
        gettext_lazy("Terms"),
        gettext_lazy("The small print. What was taken keeps the terms of its day."),
    ),
    "starts_at": (gettext_lazy("Starts"), gettext_lazy("From this moment on.")),
    "ends_at": (gettext_lazy("Ends"), gettext_lazy("Up to, and not including, this moment.")),
    "cooldown_hours": (gettext_lazy("Hours to wait before the next one"), ""),
    "reserve_minutes": (
        gettext_lazy("Minutes that a reservation holds"),
        gettext_lazy("Then points and stock are free again by themselves."),
    ),
    "low_stock_at": (gettext_lazy("Warn when so many are left"), ""),
    "unit_cost": (
        gettext_lazy("What one costs you"),
        gettext_lazy("In the program's currency; members do not see it."),
    ),
    "position": (gettext_lazy("Place in the catalogue"), gettext_lazy("Lower comes first.")),
    "off": (gettext_lazy("What is taken off"), ""),
    "value": (gettext_lazy("Value"), ""),
    "minimum_order": (gettext_lazy("On orders from"), ""),
    "valid_days": (
        gettext_lazy("Days that the code can be used"),
        gettext_lazy("The day of issue not counted. Empty: for ever."),
    ),
    "delivery": (gettext_lazy("How it gets to the member"), ""),
    "sku": (gettext_lazy("Article number"), ""),
    "target_hours": (
        gettext_lazy("Sent or ready within hours"),
        gettext_lazy("The queue shows what is late."),
    ),
    "beneficiary": (gettext_lazy("Who gets the money"), ""),
    "partner_code": (gettext_lazy("Code of the partner"), gettext_lazy("Settlements are made by it.")),
    "partner_name": (gettext_lazy("Name of the partner"), ""),
    "into": (gettext_lazy("Into points of the kind"), ""),
    "gives": (gettext_lazy("How many it gives"), ""),
    "auto_redeem_at": (
        gettext_lazy("Redeem by itself from so many points"),
        gettext_lazy("At night, for members who have this many. Empty: only when asked for."),
    ),
    "auto_redeem_per_day": (gettext_lazy("At most so many a night"), ""),
}


FIELD_LABELS: Final[dict[str, Words]] = {name: label for name, (label, _help) in TEXTS.items()}


class RewardForm(forms.ModelForm):  # type: ignore[type-arg]
    """What all kinds have. Rows and conditions are read from the same data by their prefix."""

    starts_at = LocalMomentField()
    ends_at = LocalMomentField()
    is_being_typed = False

    def __init__(self, data: Any = None, *, instance: Reward) -> None:
        super().__init__(data, instance=instance)
        self.program = instance.program
        self.schema = audience.schema_of(self.program)
        kinds = PointType.objects.filter(program=self.program).select_related("program")
        self.types = {str(one.pk): one for one in kinds.order_by("-is_default", "code")}
        self.kind_of_points = next(iter(self.types.values()), None)
        self._dress(instance)
        if data is None:
            self.prices = Prices.of(instance, self.kind_of_points)
            self.audience = Editor.of("audience", instance.audience)
            self.lines = {name: lines.stored_lines(name, instance) for name in ("caps", "hours", "asks")}
            self.weekdays = list(instance.weekdays)
        else:
            self.prices = Prices.posted(data)
            self.audience = Editor.posted("audience", data)
            self.lines = {name: lines.posted_lines(name, data) for name in ("caps", "hours", "asks")}
            self.weekdays = [day for day in WEEKDAYS if day in data.getlist("weekdays")]

    def _dress(self, instance: Reward) -> None:
        """Labels and helps in plain words, and values as people write them."""
        for name, field in self.fields.items():
            field.label, field.help_text = TEXTS.get(name, (field.label or name, field.help_text))
            if isinstance(field, LocalMomentField):
                field.program = self.program
            if name in REDRAWS:  # what they say decides which other fields there are
                field.widget.attrs |= {"hx-post": "", "hx-trigger": "change"}
            if isinstance(field, forms.DecimalField):
                field.widget.input_type = "text"  # a stepper is of no use for money
                field.widget.attrs["inputmode"] = "decimal"
                if isinstance(self.initial.get(name), Decimal):
                    self.initial[name] = f"{self.initial[name].normalize():f}"
        if instance.pk and instance.status != Reward.Status.DRAFT:
            del self.fields["code"]
        if "into" in self.fields:
            self.fields["into"].queryset = PointType.objects.filter(program=self.program)  # type: ignore[attr-defined]
        for name in UNITS & set(self.fields):
            value = getattr(instance, name)
            kind = self._kind_for(name, instance)
            self.initial[name] = format_points(value, kind.decimals) if value is not None and kind else ""

    def _kind_for(self, name: str, instance: Reward) -> PointType | None:
        """The points that a number of them is in."""
        if name == "gives":
            return instance.into if isinstance(instance, PointsReward) and instance.into_id else None
        first = instance.prices.select_related("point_type").first() if instance.pk else None
        return first.point_type if first else self.kind_of_points

    # --- reading ---------------------------------------------------------------------------------------------------

    def clean_name(self) -> str:
        return self._text("name", 120)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            catalogue.check_code(self.instance, code)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong
        return code

    def clean_description(self) -> str:
        return self._text("description", 2000, multiline=True)

    def clean_terms(self) -> str:
        return self._text("terms", 5000, multiline=True)

    def _text(self, name: str, length: int, *, multiline: bool = False) -> str:
        try:
            return clean(self.cleaned_data[name], max_length=length, multiline=multiline)
        except LaurelError as wrong:
            raise ValidationError(wrong.detail) from wrong

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.typed_prices = self.prices.read(self.types, self.schema)
        for place, line in enumerate(self.prices.lines, 1):
            for fault in line.faults:
                self.add_error(None, _("Price %(n)d: %(fault)s") % {"n": place, "fault": fault})
        first = self.typed_prices[0]["point_type"] if self.typed_prices else self.kind_of_points
        if "gives" in data:
            self._read_units(data, "gives", data.get("into"), required=True)
        self._read_units(data, "auto_redeem_at", first)
        return data

    def _read_units(
        self, data: dict[str, Any], name: str, kind: PointType | None, *, required: bool = False
    ) -> None:
        text = str(data.get(name) or "").strip()
        data[name] = None
        if not text or kind is None:
            if required:
                self.add_error(name, _("Say how many."))
            return
        try:
            data[name] = typed_points(text, kind.decimals)
        except LaurelError as wrong:
            self.add_error(name, wrong.detail)
            return
        if data[name] < 1:
            self.add_error(name, _("Give a number above zero."))

    def _post_clean(self) -> None:
        """The row takes what could be read. The catalogue checks it where it is written; what no row can hold is said
        here already, with all else that is wrong."""
        read = [name for name in self.fields if name in self.cleaned_data]
        for name in read:
            if not (name == "gives" and self.cleaned_data[name] is None):
                setattr(self.instance, name, self.cleaned_data[name])
        try:
            self.instance.clean_fields({field.name for field in self.instance._meta.fields} - set(read))
        except ValidationError as wrong:
            self.add_error(None, wrong)

    def values(self) -> dict[str, Any]:
        """What the catalogue is to keep; of a form with faults, what could be read of it."""
        found = {name: self.cleaned_data[name] for name in self.fields if name in self.cleaned_data}
        found |= {
            "weekdays": self.weekdays,
            "hours": lines.hours(self.lines["hours"]),
            "caps": lines.caps(self.lines["caps"]),
            "audience": self.audience.tree(self.schema),
            **({} if self.prices.has_faults else {"prices": self.typed_prices}),
        }
        if isinstance(self.instance, ProductReward):
            found["delivery_attributes"] = lines.asks(self.lines["asks"])
        return found

    def preview(self) -> Reward:
        """The reward as typed so far, unsaved; what cannot be read stays as it was."""
        if self.is_bound:
            self.is_valid()
            self.instance.weekdays = self.weekdays
            self.instance.hours = lines.hours(self.lines["hours"])
        return self.instance  # type: ignore[no-any-return]

    def costs(self) -> list[tuple[int, PointType]]:
        """The prices for everybody, as typed; those for some only when there are no others."""
        read = self.prices.read(self.types, self.schema)
        plain = [one for one in read if not one["tiers"] and not one["audience"]] or read[:1]
        return [(one["points"], one["point_type"]) for one in plain]

    def price_rows(self) -> list[Price]:
        """The typed prices as rows that are not stored."""
        read = self.prices.read(self.types, self.schema)
        return [Price(position=place, **one) for place, one in enumerate(read)]

    # --- faults ----------------------------------------------------------------------------------------------------

    def add_faults(self, faults: Iterable[FieldError]) -> None:
        """What the catalogue refuses, each beside the field it is about, or above all with a link to its place."""
        self.placed: list[dict[str, str]] = []
        trees: list[tuple[str, str]] = []
        editors = {one.prefix: one for one in (self.audience, *(line.editor for line in self.prices.lines))}
        for fault in faults:
            head, _slash, rest = fault.path.partition("/")
            if head in self.fields:
                self.add_error(head, fault.message)
                continue
            message, place = told(fault, labels=FIELD_LABELS, editors=editors, schema=self.schema)
            self.placed.append({"message": message, "place": place})
            if head == "audience":
                trees.append((f"/{rest}" if rest else "", fault.message))
            elif head == "prices" and rest[:1].isdigit():
                self.prices.lines[int(rest.partition("/")[0])].faults.append(fault.message)
        self.audience.show_faults(trees, self.schema)

    def add_further(self, faults: Iterable[FieldError]) -> None:
        """The same for a form that has faults: what is said already is not said twice."""
        self.add_faults([fault for fault in faults if fault.path.partition("/")[0] not in self.errors])

    def faults_of(self, line: PriceLine) -> list[str]:
        """What is wrong with a price; a new one is not blamed for being empty while it is typed."""
        return [] if self.is_being_typed and not line.points else line.faults

    @property
    def notices(self) -> list[str]:
        """Times that daylight saving moved."""
        return [
            one.notice for one in self.fields.values() if isinstance(one, LocalMomentField) and one.notice
        ]


@cache
def _class_of(kind: str) -> type[RewardForm]:
    model = KINDS[kind]
    names = [name for name in ("code", *catalogue.fields_of(model())) if name not in JSON_FIELDS]
    texts = {name: forms.CharField(required=False, max_length=30) for name in UNITS if name in names}
    base = type("Typed", (RewardForm,), texts)
    return cast(type[RewardForm], modelform_factory(model, form=base, fields=names))


def form_for(reward: Reward, data: Any = None) -> RewardForm:
    """The form of this kind of reward. The reward given is changed by it, not the stored one."""
    return _class_of(reward.kind)(data, instance=reward)


def missing(reward: Reward) -> list[dict[str, str]]:
    """What keeps a stored reward from going live, each with what it is about and the way to its place."""
    trees = {"audience": reward.audience}
    trees |= {lines.prefix(place): price.audience for place, price in enumerate(reward.prices.all())}
    editors = {prefix: Editor.of(prefix, tree) for prefix, tree in trees.items()}
    schema, page = audience.schema_of(reward.program), reverse("rewards:edit", args=[reward.pk])
    found = []
    for fault in catalogue.faults(reward):
        message, place = told(fault, labels=FIELD_LABELS, editors=editors, schema=schema)
        is_slot = fault.path.partition("/")[0] == "slots"
        url = reverse("rewards:add-stock", args=[reward.pk]) if is_slot else f"{page}#{place}"
        found.append({"message": message, "url": url})
    return found


def draft(program: Any, kind: str, values: Mapping[str, Any] | None = None) -> Reward:
    """A new reward of a kind that is not stored yet."""
    return KINDS[kind](program=program, **(values or {}))
