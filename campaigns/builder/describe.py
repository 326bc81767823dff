"""A campaign in plain words: one summary, one line per part, and what changed between two of them.

Works on definitions (the JSON of a version, or of a draft that may not be complete yet), so that drafts and versions
read the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.fields import from_json, schema_for
from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from campaigns.words.phrases import voice_of
from campaigns.words.summary import PER, summary
from loyalty.base.clock import parse_instant, write_instant
from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.conditions.fields import Schema
from loyalty.conditions.standard import WEEKDAYS
from loyalty.console.condition_drawing import said
from loyalty.console.words import moment, number
from loyalty.events.models import EventType
from loyalty.programs.models import PointType, Program

Definition = Mapping[str, Any]

TRIGGER_WORDS: dict[str, Words] = {
    "order.completed": gettext_lazy("an order"),
    "member.registered": gettext_lazy("joining the program"),
    "referral.converted": gettext_lazy("a successful referral"),
    "review.submitted": gettext_lazy("a review"),
    "visit.checked_in": gettext_lazy("a visit"),
}
PARTS: dict[str, Words] = {
    "name": gettext_lazy("Name"),
    "description": gettext_lazy("Description"),
    "trigger": gettext_lazy("Happens on"),
    "conditions": gettext_lazy("Conditions"),
    "effect": gettext_lazy("Members get"),
    "items": gettext_lazy("Items that count"),
    "audience": gettext_lazy("Who"),
    "starts_at": gettext_lazy("Starts"),
    "ends_at": gettext_lazy("Ends"),
    "weekdays": gettext_lazy("Days"),
    "hours": gettext_lazy("Hours"),
    "caps": gettext_lazy("Limits per member"),
    "budget": gettext_lazy("Budget"),
    "priority": gettext_lazy("Priority"),
    "stacking_group": gettext_lazy("Group"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a campaign in words."""

    key: str
    label: Words
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs: old and new words, "–" for none."""

    key: str
    label: Words
    old: str
    new: str


def draft_definition(campaign: Campaign) -> dict[str, Any]:
    """The draft as JSON without any check: also for drafts that cannot be published yet."""
    kind = campaign.point_type
    return {
        "kind": "earning" if isinstance(campaign, EarningCampaign) else "bonus",
        "code": campaign.code,
        "name": campaign.name,
        "description": campaign.description,
        "point_type": {"id": kind.pk, "code": kind.code, "decimals": kind.decimals},
        "currency": campaign.program.currency,
        "trigger": campaign.trigger,
        "conditions": campaign.conditions or None,
        "audience": campaign.audience or None,
        "items": campaign.items or None,
        "starts_at": write_instant(campaign.starts_at) if campaign.starts_at else None,
        "ends_at": write_instant(campaign.ends_at) if campaign.ends_at else None,
        "weekdays": list(campaign.weekdays),
        "hours": [list(pair) for pair in campaign.hours],
        "caps": list(campaign.caps),
        "budget": campaign.budget,
        "priority": campaign.priority,
        "stacking_group": campaign.stacking_group,
        "effect": _effect_as_typed(campaign),
    }


def _effect_as_typed(campaign: Campaign) -> dict[str, Any]:
    if isinstance(campaign, EarningCampaign):
        names = ["basis", "points", "step", "step_rounding", "attribute"]
    else:
        names = ["bonus", "multiplier", "table_field", "extra_points"]
    effect = {name: plain(getattr(campaign, name)) for name in names}
    return effect | {"table": dict(campaign.table)} if isinstance(campaign, BonusCampaign) else effect


def plain(value: object) -> str:
    """A number without trailing zeros, anything else as text; nothing stays empty."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return "" if value is None else str(value)


class Describer:
    """Says definitions of one program. Loads what it needs once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._types = {one.pk: one for one in PointType.objects.filter(program=program)}
        self._names = dict(EventType.objects.filter(program=program).values_list("code", "name"))

    def lines(self, definition: Definition) -> list[Line]:
        """Every part that says something, in the order of the builder."""
        texts = {key: self._text(key, definition) for key in PARTS}
        return [Line(key, PARTS[key], text) for key, text in texts.items() if text]

    def changes(self, old: Definition | None, new: Definition) -> list[Change]:
        """The parts that differ. With no old one, everything that the new one says."""
        before = {key: self._text(key, old) if old else "" for key in PARTS}
        after = {key: self._text(key, new) for key in PARTS}
        return [
            Change(key, PARTS[key], before[key] or "–", after[key] or "–")
            for key in PARTS
            if before[key] != after[key]
        ]

    def in_short(self, definition: Definition) -> str:
        """The campaign in one sentence; empty while it is not complete enough for one."""
        try:
            return summary(definition, voice_of(self.program, definition["trigger"])) or ""
        except (LaurelError, ArithmeticError, LookupError, TypeError, ValueError):
            return ""

    def _event(self, definition: Definition) -> str:
        code = str(definition["trigger"])
        return str(TRIGGER_WORDS.get(code, "")) or self._names.get(code, code)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _text(self, key: str, definition: Definition) -> str:
        value = definition.get(key)
        match key:
            case "conditions" | "audience" | "items":
                return self._conditions(key, definition)
            case "effect":
                return self._effect(definition)
            case "trigger":
                return self._event(definition)
            case "starts_at" | "ends_at":
                return self._moment(value)
            case "weekdays":
                return ", ".join(str(WEEKDAYS.get(day, day)) for day in value or ())
            case "hours":
                return ", ".join(f"{pair[0]}–{pair[1]}" for pair in value or () if len(pair) == 2)
            case "caps":
                return _(", ").join(self._cap(cap, definition) for cap in value or ())
            case "priority":
                return "" if value == 100 else str(value)
            case "budget":
                return self._points(value, definition) if isinstance(value, int) else ""
        return str(value) if value not in (None, "") else ""

    def _conditions(self, key: str, definition: Definition) -> str:
        tree = definition.get(key)
        if not tree:
            return ""
        schema = self._schema(definition)
        if key != "items":
            return said(tree, schema)
        whole = said({"items": "any", "where": tree}, schema)
        return whole.removeprefix(_("any item has "))

    def _schema(self, definition: Definition) -> Schema:
        schema = schema_for(self.program, definition["trigger"])
        known = {one.name for one in schema}
        return schema.extended(
            one for one in from_json(definition.get("fields") or ()) if one.name not in known
        )

    def _effect(self, definition: Definition) -> str:
        effect = definition["effect"]
        return (
            self._earning(effect, definition)
            if definition["kind"] == "earning"
            else self._bonus(effect, definition)
        )

    def _earning(self, effect: Definition, definition: Definition) -> str:
        told = {
            "points": self._named(effect["points"], definition),
            "step": effect["step"],
            "currency": self.program.currency,
            "attribute": effect["attribute"] or "…",
        }
        pattern = {
            "amount": _("%(points)s per %(step)s %(currency)s spent"),
            "item": _("%(points)s per item"),
            "fixed": _("%(points)s"),
            "attribute": _("%(points)s per %(step)s of “%(attribute)s”"),
        }[effect["basis"]]
        return pattern % told

    def _bonus(self, effect: Definition, definition: Definition) -> str:
        if effect["bonus"] == "extra":
            return _("%(points)s extra") % {"points": self._named(effect["extra_points"], definition)}
        if effect["bonus"] == "tier":
            return _("the base points × what the member's tier says")
        rows = _(", ").join(
            _("%(multiplier)s × for %(value)s") % {"multiplier": multiplier, "value": value}
            for value, multiplier in effect["table"].items()
        )
        plain = effect["multiplier"]
        if rows and plain:
            return _("%(rows)s, otherwise %(plain)s × the base points") % {"rows": rows, "plain": plain}
        return _("%(times)s the base points") % {"times": rows or f"{plain or '…'} ×"}

    def _cap(self, cap: Any, definition: Definition) -> str:
        if not isinstance(cap, dict):
            return ""
        per = str(PER.get(str(cap.get("per")), cap.get("per")))
        if cap.get("points") is not None:
            return _("at most %(points)s %(per)s") % {
                "points": self._named(cap["points"], definition),
                "per": per,
            }
        times = cap.get("times")
        once = ngettext("once %(per)s", "at most %(n)s times %(per)s", times if isinstance(times, int) else 2)
        return once % {"n": times, "per": per}

    def _named(self, points: Any, definition: Definition) -> str:
        kind = self._type(definition)
        if kind is None or points in (None, ""):
            return "…"
        return f"{points} {kind.name_one if str(points) == '1' else kind.name_many}"

    def _points(self, units: int, definition: Definition) -> str:
        kind = self._type(definition)
        return f"{number(units, kind.decimals)} {kind.name_many}" if kind else str(units)

    def _type(self, definition: Definition) -> PointType | None:
        return self._types.get(definition["point_type"]["id"])

    def _moment(self, text: Any) -> str:
        if not text:
            return ""
        try:
            at: datetime = parse_instant(text)
        except LaurelError:
            return str(text)
        return moment(at, self.program.zone)
