"""The history of settings in words: who changed what, when, from what to what.

Any model with `history = HistoricalRecords()` can be told. What is special about one, such as amounts of points or
conditions, its app registers as `Told` in `histories` under the label of the model ("programs.program").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Field, ForeignKey, Model
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from loyalty.base.registry import Registry
from loyalty.base.words import Words
from loyalty.console import words
from loyalty.console.words import NONE
from loyalty.programs.models import Program

Say = Callable[[Any, Any], str]
"""(value, the row as it was then) -> words."""

NOT_TOLD = frozenset(
    {"id", "program", "revision", "created_at", "updated_at", "updated_by", "polymorphic_ctype"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; "–" for nothing."""

    label: str
    old: str
    new: str


Compare = Callable[[Any, Any, Program], list[Change]]
"""(the row before or None, the row after, program) -> what differs."""


@dataclass(frozen=True, slots=True)
class Child:
    """Rows that belong to the setting and are told with it, such as the tiers of a ladder."""

    model: type[Model]
    parent: str
    """The name of its foreign key."""
    title: Words


@dataclass(frozen=True, slots=True)
class Told:
    """How the history of one model is told."""

    model: type[Model]
    url: Callable[[Any], str]
    """The page of the setting."""
    permission: str = ""
    """Empty: the permission to view the model."""
    say: Mapping[str, Say] = field(default_factory=dict)
    """Fields that need more than their choices, by "field" or, for a child, "model.field"."""
    labels: Mapping[str, Words] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    children: Sequence[Child] = ()
    compare: Compare | None = None
    """Instead of field by field, for the setting itself."""

    @property
    def needs(self) -> str:
        meta = self.model._meta
        return self.permission or f"{meta.app_label}.view_{meta.model_name}"


histories: Registry[Told] = Registry("history")


def tell(told: Told) -> None:
    """Register how a model is told."""
    histories.register(told.model._meta.label_lower, told)


class Comparer:
    """Says what differs between two states of a row. Names that it had to look up are kept."""

    def __init__(self, told: Told, program: Program) -> None:
        self.told, self.program = told, program
        self._names: dict[tuple[type[Model], Any], str] = {}

    def changes(self, model: type[Model], old: Any, new: Any) -> list[Change]:
        """Both are rows as they were. With no old one, everything that the new one says."""
        if self.told.compare and model is self.told.model:
            return self.told.compare(old, new, self.program)
        found = [
            self._change(model, one, old, new)
            for one in model._meta.concrete_fields
            if self._is_told(model, one)
        ]
        return [change for change in found if change]

    def _is_told(self, model: type[Model], one: Field[Any, Any]) -> bool:
        parents = {child.parent for child in self.told.children if child.model is model}
        hidden = NOT_TOLD | self.told.hidden | parents
        return one.name not in hidden and not one.name.endswith("_ptr")

    def _change(self, model: type[Model], one: Field[Any, Any], old: Any, new: Any) -> Change | None:
        before = self._said(model, one, old) if old is not None else NONE
        after = self._said(model, one, new)
        return Change(self._label(model, one), before, after) if before != after else None

    def _label(self, model: type[Model], one: Field[Any, Any]) -> str:
        label = self._own(self.told.labels, model, one.name)
        return str(label) if label else str(capfirst(str(one.verbose_name)))

    def _said(self, model: type[Model], one: Field[Any, Any], row: Any) -> str:
        value = getattr(row, one.attname)
        if value in (None, "", [], {}, ()):
            return _empty_choice(one, value)
        say: Say | None = self._own(self.told.say, model, one.name)
        if say:
            return say(value, row) or NONE
        return self._name(one, value) if isinstance(one, ForeignKey) else self._plain(one, value)

    def _own(self, given: Mapping[str, Any], model: type[Model], name: str) -> Any:
        own = given.get(f"{model._meta.model_name}.{name}")
        return own if own or model is not self.told.model else given.get(name)

    def _name(self, one: ForeignKey[Any, Any], value: Any) -> str:
        key = one.related_model, value
        if key not in self._names:
            found = one.related_model._default_manager.filter(pk=value).first()
            self._names[key] = str(found) if found else _("deleted (%(id)s)") % {"id": value}
        return self._names[key]

    def _plain(self, one: Field[Any, Any], value: Any) -> str:
        labels = dict(one.flatchoices)
        return str(labels[value]) if labels and value in labels else plain(value, self.program)


def _empty_choice(one: Field[Any, Any], value: Any) -> str:
    """Nothing may be one of the choices too, such as "Exact"."""
    return str(dict(one.flatchoices).get(value) or NONE) if isinstance(value, str) else NONE


def plain(value: Any, program: Program) -> str:
    """Any stored value as people write it."""
    match value:
        case bool():
            return _("Yes") if value else _("No")
        case datetime():
            return words.moment(value, program.zone)
        case date():
            return words.day(value)
        case int():
            return words.number(value)
        case Decimal():
            return trimmed(value)
        case list() | tuple():
            return _(", ").join(plain(one, program) for one in value)
        case dict():
            pairs = [
                (str(key), plain(one, program)) for key, one in value.items() if one not in (None, "", [], {})
            ]
            return _("; ").join(f"{key}: {one}" for key, one in pairs)
        case None:
            return NONE
    return str(value)


def trimmed(value: Decimal) -> str:
    """`1.5000` is `1.5`, `12500` is `12,500`."""
    text = f"{abs(value):,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{words.MINUS}{text}" if value < 0 else text


def as_points(value: Any, row: Any) -> str:
    """For amounts in smallest units of the row's own kind of points."""
    return words.points(value, row if hasattr(row, "name_many") else row.point_type)
