"""What a campaign says: as JSON, frozen with each published version, and compiled to the terms that rating reads.

A definition stands by itself: it holds the point type's decimals and the declared fields that it asks about, so
that a version means for ever what it meant on the day it was published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import Any, Literal

from campaigns import fields
from campaigns.caps import Cap, keys
from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from loyalty.base.clock import write_instant
from loyalty.base.currencies import currency_decimals, format_money
from loyalty.conditions import compiler
from loyalty.conditions.compiler import NOTHING, Condition, Needs
from loyalty.conditions.fields import Field, FieldType, Schema
from loyalty.conditions.standard import STANDARD
from loyalty.conditions.tree import to_json
from loyalty.conditions.validate import normalise, parse
from loyalty.programs.schedule import Schedule

Kind = Literal["earning", "bonus"]
ALWAYS = Condition(None)
_STEPS = {"": "", "down": ", full steps only", "up": ", each started step", "half_up": ", nearest step"}
TABLE_TYPES = frozenset({FieldType.CHOICE, FieldType.TEXT, FieldType.NUMBER, FieldType.BOOLEAN})


@dataclass(frozen=True, slots=True)
class Earning:
    """A base rule: `points` (in smallest units) for each `step` of its basis."""

    basis: str
    points: Fraction
    step: Fraction
    step_rounding: str
    attribute: str
    per_unit: Fraction
    rate: str
    counted: str


@dataclass(frozen=True, slots=True)
class Bonus:
    """On top of the base: times a `multiplier` that may hang on a field, times what the member's tier says, or `extra`
    points (in smallest units)."""

    bonus: str
    multiplier: Fraction | None
    table_field: Field | None
    table: Mapping[str, Fraction]
    extra: Fraction

    def factor(self, view: Mapping[str, Any]) -> Fraction | None:
        """The multiplier for this view; None when the table has no row and there is none without it, or when the tier
        is asked and the member has none."""
        if self.bonus == "tier":
            held = view.get("tier")
            return Fraction(held.benefits.earning_multiplier) if held is not None and held.code else None
        if self.table_field is not None:
            value = view.get(self.table_field.name)
            if value is not None:
                return self.table.get(table_key(self.table_field, value), self.multiplier)
        return self.multiplier


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """A compiled definition, never changed. There is one object per version and process, so it is its own key.

    `declared` are the program's own fields that it reads, `needs` all that its conditions read.
    `rank` is the order in which campaigns are considered: base rules first, then by priority and code.
    """

    version_id: int | None
    campaign_id: int
    number: int | None
    code: str
    name: str
    kind: Kind
    trigger: str
    point_type_id: int
    point_type: str
    decimals: int
    condition: Condition
    audience: Condition
    items: Condition | None
    schedule: Schedule
    caps: tuple[Cap, ...]
    budget: int | None
    priority: int
    group: str
    effect: Earning | Bonus
    needs: Needs
    declared: Mapping[str, Field]
    rank: tuple[bool, int, str]
    definition: Mapping[str, Any]

    def cap_keys(self, day: Any) -> list[str]:
        """The periods in which an award on the local date `day` counts against the caps."""
        return keys(self.caps, day)


def definition_of(campaign: Campaign) -> dict[str, Any]:
    """The draft as JSON, in one normal form. Raises Invalid for conditions that cannot be read."""
    schema = fields.schema_for(campaign.program, campaign.trigger)
    point_type = campaign.point_type
    definition = {
        "kind": "earning" if isinstance(campaign, EarningCampaign) else "bonus",
        "code": campaign.code,
        "name": campaign.name,
        "description": campaign.description,
        "point_type": {"id": point_type.pk, "code": point_type.code, "decimals": point_type.decimals},
        "currency": campaign.program.currency,
        "trigger": campaign.trigger,
        "conditions": normalise(campaign.conditions, schema),
        "audience": normalise(campaign.audience, schema),
        "items": to_json(parse(campaign.items, schema, of_item=True)) if campaign.items else None,
        "starts_at": write_instant(campaign.starts_at) if campaign.starts_at else None,
        "ends_at": write_instant(campaign.ends_at) if campaign.ends_at else None,
        "weekdays": list(campaign.weekdays),
        "hours": [list(pair) for pair in campaign.hours],
        "caps": [dict(cap) for cap in campaign.caps],
        "budget": campaign.budget,
        "priority": campaign.priority,
        "stacking_group": campaign.stacking_group,
        "effect": effect_of(campaign),
    }
    return definition | {"fields": fields.to_json(_declared_used(definition, schema))}


def effect_of(campaign: Campaign) -> dict[str, Any]:
    """What the campaign gives, as JSON; numbers as plain text."""
    if isinstance(campaign, EarningCampaign):
        return {
            "basis": campaign.basis,
            "points": _text(campaign.points),
            "step": _text(campaign.step),
            "step_rounding": campaign.step_rounding,
            "attribute": campaign.attribute,
        }
    if not isinstance(campaign, BonusCampaign):
        raise TypeError(f"a campaign is an earning or a bonus one, not {type(campaign).__name__}")
    return {
        "bonus": campaign.bonus,
        "multiplier": _text(campaign.multiplier),
        "table_field": campaign.table_field,
        "table": {str(key): _text(value) for key, value in campaign.table.items()},
        "extra_points": _text(campaign.extra_points),
    }


def compile_terms(
    definition: Mapping[str, Any],
    *,
    campaign_id: int,
    version_id: int | None = None,
    number: int | None = None,
) -> Terms:
    """The terms of a stored definition. Raises Invalid or ValueError when it is not sound."""
    declared = fields.from_json(definition.get("fields") or ())
    schema = STANDARD.extended(declared)
    point_type = definition["point_type"]
    condition, audience = (
        compiler.compile(definition.get(name), schema) for name in ("conditions", "audience")
    )
    effect = _effect(definition, schema)
    return Terms(
        version_id=version_id,
        campaign_id=campaign_id,
        number=number,
        code=definition["code"],
        name=definition["name"],
        kind=definition["kind"],
        trigger=definition["trigger"],
        point_type_id=point_type["id"],
        point_type=point_type["code"],
        decimals=point_type["decimals"],
        condition=condition,
        audience=audience,
        items=(items := compile_items(definition.get("items"), schema)),
        schedule=Schedule.parse(definition),
        caps=tuple(Cap.parse(cap, point_type["decimals"]) for cap in definition.get("caps") or ()),
        budget=definition.get("budget"),
        priority=definition["priority"],
        group=definition["stacking_group"],
        effect=effect,
        needs=_needs(condition, audience, items, effect),
        declared={field.name: field for field in declared},
        rank=(definition["kind"] == "bonus", definition["priority"], definition["code"]),
        definition=definition,
    )


def label_only(campaign: Campaign) -> Terms:
    """Terms that name a campaign in a trace and never give anything: for drafts that were never published."""
    bare: dict[str, Any] = {
        "kind": "earning",
        "code": campaign.code,
        "name": campaign.name,
        "point_type": {"id": campaign.point_type_id, "code": campaign.point_type.code, "decimals": 0},
        "currency": campaign.program.currency,
        "trigger": campaign.trigger,
        "priority": campaign.priority,
        "stacking_group": "",
        "effect": {"basis": "fixed", "points": "0", "step": "1", "step_rounding": "", "attribute": ""},
    }
    return compile_terms(bare, campaign_id=campaign.pk)


def compile_items(tree: object, schema: Schema) -> Condition | None:
    """A filter of order lines: a condition over item.* fields, matched against one item. None: all lines count."""
    return Condition(parse(tree, schema, of_item=True)) if tree else None


def table_key(field: Field, value: object) -> str:
    """A value of the field as a key of the table: text without regard to case, numbers without trailing zeros."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal | int):
        return _text(Decimal(value)) or "0"
    return str(value).casefold() if field.type is FieldType.TEXT else str(value)


def _effect(definition: Mapping[str, Any], schema: Schema) -> Earning | Bonus:
    effect, scale = definition["effect"], 10 ** definition["point_type"]["decimals"]
    if definition["kind"] == "earning":
        return _earning(effect, scale, definition["currency"])
    return _bonus(effect, scale, schema)


def _earning(effect: Mapping[str, Any], scale: int, currency: str) -> Earning:
    points, step, basis = Fraction(effect["points"]), Fraction(effect["step"]), effect["basis"]
    if step <= 0 or points < 0:
        raise ValueError("a step is above zero and points are not below it")
    counted = {"amount": currency, "item": "items", "attribute": effect["attribute"]}.get(basis, "")
    rate = _rate(effect, counted, currency)
    per_unit = points * scale / step
    return Earning(
        basis, points * scale, step, effect["step_rounding"], effect["attribute"], per_unit, rate, counted
    )


def _rate(effect: Mapping[str, Any], counted: str, currency: str) -> str:
    """The rule in a few signs, for traces: "1 per 1.00 GBP", "10 per 1 items, full steps only"."""
    if effect["basis"] == "fixed":
        return f"{effect['points']} per event"
    step = effect["step"]
    if effect["basis"] == "amount":
        step = format_money(Decimal(step), currency).split()[0] if _fits(step, currency) else step
    return f"{effect['points']} per {step} {counted}{_STEPS[effect['step_rounding']]}"


def _fits(step: str, currency: str) -> bool:
    return len(step.partition(".")[2]) <= currency_decimals(currency)


def _bonus(effect: Mapping[str, Any], scale: int, schema: Schema) -> Bonus:
    field = schema.get(effect["table_field"]) if effect["table_field"] else None
    if effect["table_field"] and (field is None or field.type not in TABLE_TYPES):
        raise ValueError(f"a table cannot hang on {effect['table_field']}")
    read: Callable[[str], str] = (lambda key: _read_key(field, key)) if field else str
    table = {read(key): Fraction(value) for key, value in effect["table"].items()}
    multiplier, extra = effect["multiplier"], effect["extra_points"]
    return Bonus(
        effect["bonus"],
        Fraction(multiplier) if multiplier else None,
        field,
        table,
        Fraction(extra or 0) * scale,
    )


def _read_key(field: Field, key: str) -> str:
    return table_key(field, Decimal(key)) if field.type is FieldType.NUMBER else table_key(field, key)


def _needs(
    condition: Condition, audience: Condition, items: Condition | None, effect: Earning | Bonus
) -> Needs:
    parts = [condition.needs, audience.needs]
    if items is not None:
        parts.append(Needs(frozenset(), items.needs.fields | items.needs.item_fields, frozenset(), True))
    if isinstance(effect, Bonus) and effect.table_field is not None:
        parts.append(Needs(frozenset({effect.table_field.name}), frozenset(), frozenset(), False))
    return reduce(or_, parts, NOTHING)


def _declared_used(definition: Mapping[str, Any], schema: Schema) -> list[Field]:
    """The fields beyond the standard ones that the definition asks about."""
    asked = (
        compiler.compile(definition["conditions"], schema).needs
        | compiler.compile(definition["audience"], schema).needs
    )
    names = asked.fields | asked.item_fields | {definition["effect"].get("table_field") or ""}
    return [field for field in schema if field.name in names and STANDARD.get(field.name) is None]


def _text(number: Decimal | str | int | None) -> str:
    """A number as plain text without trailing zeros; nothing stays empty."""
    if number is None or number == "":
        return ""
    plain = format(Decimal(str(number)), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
