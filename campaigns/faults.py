"""What keeps a draft from being published: all of it at once, each with the field that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from campaigns.caps import Cap
from campaigns.definitions import TABLE_TYPES, table_key
from campaigns.fields import BUILT_IN, schema_for
from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from loyalty.base.errors import FieldError, LaurelError
from loyalty.conditions import compiler
from loyalty.conditions.compiler import Needs
from loyalty.conditions.fields import Field, FieldType, Schema
from loyalty.conditions.literals import BadLiteral, read_literal
from loyalty.conditions.validate import validate
from loyalty.events.models import EventType
from loyalty.programs.schedule import WEEKDAYS, window

ORDER = "order.completed"
TRIGGERS = (ORDER, "member.registered", "referral.converted", *BUILT_IN)
MAX_MULTIPLIER = Decimal(1000)
OF_MEMBER = frozenset({"member", "activity"})


def faults(campaign: Campaign) -> list[FieldError]:
    """The faults of a draft, none when it can be published."""
    schema = schema_for(campaign.program, campaign.trigger)
    return [
        *_general(campaign),
        *_conditions(campaign, schema),
        *_dates(campaign),
        *_limits(campaign),
        *_effect(campaign, schema),
    ]


def _general(campaign: Campaign) -> Iterator[FieldError]:
    if not campaign.name.strip():
        yield FieldError("name", "required", _("Give the campaign a name."))
    if campaign.point_type.program_id != campaign.program_id:
        yield FieldError("point_type", "point_type_unknown", _("Choose a point type of this program."))
    known = campaign.trigger in TRIGGERS
    if not known and not EventType.objects.filter(program=campaign.program, code=campaign.trigger).exists():
        yield FieldError("trigger", "trigger_unknown", _("Choose a kind of event that this program knows."))
    if campaign.ended_at is not None:
        yield FieldError("", "campaign_ended", _("The campaign has ended. Make a copy to run it again."))


def _conditions(campaign: Campaign, schema: Schema) -> Iterator[FieldError]:
    for name in ("conditions", "audience"):
        tree = getattr(campaign, name)
        found = validate(tree, schema)
        yield from (FieldError(name + fault.path, fault.code, fault.message) for fault in found)
        if not found:
            yield from _scopes(name, compiler.compile(tree, schema).needs, campaign)
    if campaign.items:
        if campaign.trigger != ORDER:
            yield FieldError("items", "no_items", _("Only orders have items."))
        wrapped = {"items": "any", "where": campaign.items}
        for fault in validate(wrapped, schema):
            yield FieldError("items" + fault.path.removeprefix("/where"), fault.code, fault.message)


def _scopes(name: str, needs: Needs, campaign: Campaign) -> Iterator[FieldError]:
    """The audience is about the member; and only an order has a basket to ask about."""
    scopes = {field.partition(".")[0] for field in needs.fields}
    if name == "audience" and (needs.items or scopes - OF_MEMBER):
        yield FieldError(name, "not_about_member", _("The audience can only ask about the member."))
    if campaign.trigger != ORDER and (needs.items or "order" in scopes):
        yield FieldError(name, "no_order", _("This kind of event has no order to ask about."))


def _dates(campaign: Campaign) -> Iterator[FieldError]:
    starts, ends = campaign.starts_at, campaign.ends_at
    if starts is not None and ends is not None and ends <= starts:
        message = _("The end date is not after the start date. Change one of them.")
        yield FieldError("ends_at", "ends_before_start", message)
    if not isinstance(campaign.weekdays, list) or set(map(str, campaign.weekdays)) - set(WEEKDAYS):
        yield FieldError("weekdays", "weekday_unknown", _("Choose days of the week."))
    for index, pair in enumerate(campaign.hours if isinstance(campaign.hours, list) else [None]):
        try:
            window(pair)
        except ValueError:
            yield FieldError(f"hours/{index}", "hours_invalid", _("Give two times such as 17:00 and 19:00."))


def _limits(campaign: Campaign) -> Iterator[FieldError]:
    seen = set()
    for index, raw in enumerate(campaign.caps if isinstance(campaign.caps, list) else [None]):
        path = f"caps/{index}"
        try:
            cap = Cap.parse(raw, campaign.point_type.decimals)
        except (LaurelError, ValueError, TypeError, AttributeError):
            message = _("Give a period and either points or a number of times, above zero.")
            yield FieldError(path, "cap_invalid", message)
            continue
        key = cap.per, cap.points is None
        if key in seen:
            yield FieldError(path, "cap_twice", _("There is already such a limit for this period."))
        seen.add(key)
    if campaign.budget is not None and campaign.budget < 1:
        yield FieldError("budget", "budget_invalid", _("A budget is above zero. Leave it empty for none."))


def _effect(campaign: Campaign, schema: Schema) -> Iterable[FieldError]:
    if isinstance(campaign, EarningCampaign):
        return _earning(campaign, schema)
    if isinstance(campaign, BonusCampaign):
        return _bonus(campaign, schema)
    return [FieldError("kind", "kind_unknown", _("Choose what members get."))]


def _earning(campaign: EarningCampaign, schema: Schema) -> Iterator[FieldError]:
    if campaign.points is None or campaign.points <= 0:
        yield FieldError("points", "points_invalid", _("Say how many points it gives."))
    if campaign.step is None or campaign.step <= 0:
        yield FieldError("step", "step_invalid", _("A step is above zero."))
    if campaign.basis in ("amount", "item") and campaign.trigger != ORDER:
        yield FieldError("basis", "no_order", _("Only orders have amounts and items."))
    if campaign.basis == "attribute":
        field = schema.get(f"event.{campaign.attribute}")
        if field is None or field.type is not FieldType.NUMBER:
            yield FieldError(
                "attribute", "attribute_unknown", _("Choose a number that this kind of event has.")
            )


def _bonus(campaign: BonusCampaign, schema: Schema) -> Iterator[FieldError]:
    if campaign.bonus == "extra":
        if campaign.extra_points is None or campaign.extra_points <= 0:
            yield FieldError("extra_points", "points_invalid", _("Say how many extra points it gives."))
        return
    if campaign.bonus == "tier":
        return
    if campaign.multiplier is None and not campaign.table:
        yield FieldError("multiplier", "multiplier_missing", _("Say by how much the base is multiplied."))
    if campaign.multiplier is not None and not 1 <= campaign.multiplier <= MAX_MULTIPLIER:
        yield FieldError("multiplier", "multiplier_invalid", _multiplier_message())
    yield from _table(campaign, schema)


def _table(campaign: BonusCampaign, schema: Schema) -> Iterator[FieldError]:
    if not isinstance(campaign.table, dict):
        yield FieldError("table", "table_invalid", _("Give a multiplier for each value."))
        return
    if bool(campaign.table) != bool(campaign.table_field):
        yield FieldError("table", "table_incomplete", _("A table needs a field and at least one row."))
        return
    field = schema.get(campaign.table_field) if campaign.table_field else None
    if campaign.table_field and (field is None or not _hangs_on(field)):
        yield FieldError("table_field", "unknown_field", _("A table cannot depend on this field."))
    if field is not None and field.scope == "order" and campaign.trigger != ORDER:
        yield FieldError("table_field", "no_order", _("This kind of event has no order to ask about."))
    for key, value in campaign.table.items():
        if not _is_multiplier(value):
            yield FieldError(f"table/{key}", "multiplier_invalid", _multiplier_message())
    if field is not None and _hangs_on(field):
        yield from _rows(field, campaign.table)


def _hangs_on(field: Field) -> bool:
    """One value for the whole event; what is counted in a window has as many as there are windows."""
    return field.type in TABLE_TYPES and field.scope != "item" and not field.windowed


def _rows(field: Field, keys: Iterable[str]) -> Iterator[FieldError]:
    """Rows that no value could ever find, and those that find what another one does: 1 and 1.0, Tea and tea."""
    seen = set()
    for key in keys:
        try:
            written = {"true": True, "false": False}.get(key, key) if field.type is FieldType.BOOLEAN else key
            read = read_literal(field, "eq", written)
        except BadLiteral as wrong:
            yield FieldError(f"table/{key}", wrong.code, wrong.message)
            continue
        if isinstance(read, str) and read != key:  # blanks around it, letters in another form
            yield FieldError(f"table/{key}", "value_invalid", _("Write it as %(value)s.") % {"value": read})
        if (value := table_key(field, read)) in seen:
            yield FieldError(f"table/{key}", "row_twice", _("There is already a row for this value."))
        seen.add(value)


def _multiplier_message() -> str:
    return _("A multiplier is from 1 to %(max)d.") % {"max": MAX_MULTIPLIER}


def _is_multiplier(value: object) -> bool:
    return _is_number(value) and 1 <= Decimal(str(value)) <= MAX_MULTIPLIER


def _is_number(value: object) -> bool:
    try:
        return not isinstance(value, bool | float) and Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False
