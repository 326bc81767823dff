"""What the program app has in a program file: the program itself, member attributes, point types and channels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.db import models
from pydantic import Field, model_validator

from loyalty.base.errors import Invalid
from loyalty.base.numbers import MAX_DECIMALS, MAX_UNITS, parse_points, points_of
from loyalty.programs import attributes, channels, programs
from loyalty.programs.files.faults import Path
from loyalty.programs.files.sections import Applying, Section, sections
from loyalty.programs.files.shapes import (
    NEVER,
    Code,
    Currency,
    Day,
    Days,
    Entry,
    ExpiryEntry,
    Name,
    Number4,
    Number6,
    Region,
    Returns,
    Zone,
    expiry_entry,
    text,
)
from loyalty.programs.models import (
    LAST_PENDING_YEAR,
    MAX_HOLD_MINUTES,
    MOST_PENDING_DAYS,
    Channel,
    PointType,
    Program,
)


class ProgramEntry(Entry):
    code: Code
    name: Name
    currency: Currency
    timezone: Zone
    mode: Literal["live", "test"] = "live"
    rounding: Literal["down", "half_up", "half_even", "up"] = "half_up"
    returns: Returns = "unlimited"
    refund_grace_days: Days = 30
    event_window_days: Days = 365
    phone_region: Region = ""
    expiry: ExpiryEntry = NEVER


class AttributeEntry(Entry):
    code: str
    type: Literal["text", "number", "boolean", "date", "datetime", "choice"]
    label: Annotated[str, text(100)] = ""
    required: bool = False
    choices: list[Annotated[str, text(100, required=True)]] = []


class PointNames(Entry):
    one: Annotated[str, text(40, required=True)]
    many: Annotated[str, text(40, required=True)]


class PendingEntry(Entry):
    """Points can be spent some days after they were earned, or from a date on."""

    days: Annotated[int, Field(ge=1, le=MOST_PENDING_DAYS)] | None = None
    date: Day | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> PendingEntry:
        if (self.days is None) == (self.date is None):
            raise ValueError("Say either days or a date.")
        if self.date is not None and self.date.year > LAST_PENDING_YEAR:
            raise ValueError(f"The date is not after the year {LAST_PENDING_YEAR}.")
        return self


class CheckoutEntry(Entry):
    """Paying with points: the money that one point pays, the fewest and the steps in points, the most of an order in
    percent, and for how many minutes they are reserved."""

    rate: Number6
    minimum: Number4 | None = None
    increment: Number4 | None = None
    max_percent: Annotated[int, Field(ge=1, le=100)] = 100
    hold_minutes: Annotated[int, Field(ge=1, le=MAX_HOLD_MINUTES)] = 15


class PointTypeEntry(Entry):
    code: Code
    name: PointNames
    default: bool = False
    decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS)] = 0
    expiry: ExpiryEntry = NEVER
    pending: PendingEntry | None = None
    returns: Returns | None = None
    checkout: CheckoutEntry | None = None


class ChannelEntry(Entry):
    code: Code
    name: Name
    kind: Literal["shop", "till", "app", "partner", "backfill"] = "shop"
    timezone: Annotated[str, Field(max_length=60)] = ""
    active: bool = True


def changed(row: models.Model, values: dict[str, Any]) -> bool:
    """Set the values; whether any of them is new."""
    found = [name for name, value in values.items() if getattr(row, name) != value]
    for name in found:
        setattr(row, name, values[name])
    return bool(found)


def _put_program(applying: Applying, entry: ProgramEntry, path: Path) -> None:
    found = Program.objects.filter(code=entry.code).first()
    program = found or Program(code=entry.code, created_at=applying.at)
    applying.program, applying.is_new = program, found is None
    if entry.expiry.kind == "program":
        applying.refuse(
            (*path, "expiry", "kind"), "expiry_invalid", "Only a point type can lapse as its program says."
        )
    for name in ("currency", "mode") if found else ():
        if getattr(program, name) != getattr(entry, name):
            words = f"This is {getattr(program, name)} for good: amounts and keys hold it."
            applying.refuse((*path, name), "unchangeable", words)
    values = entry.model_dump(exclude={"code", "returns", "expiry"})
    differs = changed(program, values | {"debt_policy": entry.returns} | entry.expiry.fields())
    wrong = programs.faults(program)
    applying.refuse_all(path, wrong)
    if wrong:  # the rest of the file is looked at all the same, in a program that will be undone
        program.currency, program.timezone = "EUR", "UTC"
    if differs or found is None:
        program.save()


def _read_program(program: Program) -> list[dict[str, Any]]:
    names = ("code", "name", "currency", "timezone", "mode", "rounding")
    made = {name: getattr(program, name) for name in names} | {"returns": program.debt_policy}
    made |= {
        name: getattr(program, name) for name in ("refund_grace_days", "event_window_days", "phone_region")
    }
    return [made | {"expiry": expiry_entry(program)}]


def attributes_in_file(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Declared attributes without what is not said."""
    return [{key: value for key, value in one.items() if value not in ([], False)} for one in stored]


def declared(
    applying: Applying, entries: list[AttributeEntry], path: Path, stored: list[dict[str, Any]], *, owner: str
) -> list[dict[str, Any]]:
    """Attributes as they are to be stored: those of the file, and those that it does not name as they are. Faults are
    noted, also another type than the stored one: what was sent and what campaigns ask would not fit any more.
    `owner` is the entry that they belong to, in words of places."""
    try:
        named = attributes.check_schema([one.model_dump() for one in entries])
    except Invalid as wrong:
        applying.refuse_all(path, wrong)
        return stored
    types = {one["code"]: one["type"] for one in stored}
    for index, one in enumerate(named):
        if (kept := types.pop(one["code"], one["type"])) != one["type"]:
            told = f"“{one['code']}” is of the type {kept} and stays so. Declare another attribute."
            applying.refuse((*path, index, "type"), "type_fixed", told)
    applying.left += [f"{owner}/attributes/{code}" for code in types]
    return named + [one for one in stored if one["code"] in types]


class AttributesEntry(Entry):
    attributes: list[AttributeEntry] = []


def _put_attributes(applying: Applying, entry: AttributesEntry, path: Path) -> None:
    program, place = applying.program, (*path, "attributes")
    schema = declared(applying, entry.attributes, place, program.member_schema, owner="members")
    if changed(program, {"member_schema": schema}):
        applying.program.save(update_fields=["member_schema"])


def _read_attributes(program: Program) -> list[dict[str, Any]]:
    return [{"attributes": attributes_in_file(program.member_schema)}]


def _put_point_type(applying: Applying, entry: PointTypeEntry, path: Path) -> None:
    found = PointType.objects.filter(program=applying.program, code=entry.code).first()
    row = found or PointType(program=applying.program, code=entry.code, decimals=entry.decimals)
    if row.decimals != entry.decimals:
        words = "Decimals stay as they are: every amount is a whole number of the smallest unit."
        applying.refuse((*path, "decimals"), "unchangeable", words)
    if entry.default and applying.default_type:
        words = f"{applying.default_type!r} is the default already: one point type is."
        applying.refuse((*path, "default"), "default_twice", words)
    if entry.default:
        applying.default_type = entry.code
    if entry.default and not row.is_default:
        programs.clear_default(applying.program, keep=row)
    if changed(row, _point_type_values(applying, entry, path)) or found is None:
        row.save()


def _point_type_values(applying: Applying, entry: PointTypeEntry, path: Path) -> dict[str, Any]:
    pending = entry.pending
    return {
        "name_one": entry.name.one,
        "name_many": entry.name.many,
        "is_default": entry.default,
        "use_program_expiry": entry.expiry.kind == "program",
        **entry.expiry.fields(),
        "pending_kind": "none" if pending is None else "days" if pending.days else "date",
        "pending_days": pending.days if pending else None,
        "pending_date": pending.date if pending else None,
        "debt_policy": entry.returns or "",
        **_checkout_values(applying, entry, (*path, "checkout")),
    }


def _checkout_values(applying: Applying, entry: PointTypeEntry, path: Path) -> dict[str, Any]:
    checkout = entry.checkout
    values: dict[str, Any] = {
        "redeem_rate": None, "redeem_minimum": 0, "redeem_increment": 1, "redeem_max_percent": 100, "hold_minutes": 15,
    }  # fmt: skip
    if checkout is None:
        return values
    values |= {"redeem_max_percent": checkout.max_percent, "hold_minutes": checkout.hold_minutes}
    if not checkout.rate > 0:
        applying.refuse((*path, "rate"), "rate_invalid", "A point pays something: the rate is above zero.")
    values["redeem_rate"] = checkout.rate
    for name, least in (("minimum", 0), ("increment", 1)):
        given = getattr(checkout, name)
        if given is None:
            continue
        try:
            units = parse_points(given, entry.decimals)
        except Invalid as wrong:
            applying.refuse((*path, name), wrong.code, wrong.detail)
            continue
        if not least <= units <= MAX_UNITS:
            applying.refuse((*path, name), "amount_invalid", f"The {name} is not below {least}.")
        values[f"redeem_{name}"] = units
    return values


def _one_default(applying: Applying) -> None:
    if not PointType.objects.filter(program=applying.program, is_default=True).exists():
        words = "One point type is the default: say default: true with it."
        applying.refuse(("point_types",), "default_missing", words)


def _read_point_types(program: Program) -> list[dict[str, Any]]:
    return [
        _point_type(row) for row in PointType.objects.filter(program=program).order_by("-is_default", "code")
    ]


def _point_type(row: PointType) -> dict[str, Any]:
    made: dict[str, Any] = {
        "code": row.code,
        "name": {"one": row.name_one, "many": row.name_many},
        "default": row.is_default,
        "decimals": row.decimals,
        "expiry": {"kind": "program"} if row.use_program_expiry else expiry_entry(row),
    }
    if row.pending_kind == "days":
        made["pending"] = {"days": row.pending_days}
    if row.pending_kind == "date" and row.pending_date:
        made["pending"] = {"date": row.pending_date.isoformat()}
    if row.debt_policy:
        made["returns"] = row.debt_policy
    if row.redeem_rate is not None:
        made["checkout"] = {
            "rate": row.redeem_rate.normalize(),
            "minimum": points_of(row.redeem_minimum, row.decimals),
            "increment": points_of(row.redeem_increment, row.decimals),
            "max_percent": row.redeem_max_percent,
            "hold_minutes": row.hold_minutes,
        }
    return made


def _put_channel(applying: Applying, entry: ChannelEntry, path: Path) -> None:
    found = Channel.objects.filter(program=applying.program, code=entry.code).first()
    row = found or Channel(program=applying.program, code=entry.code, created_at=applying.at)
    values = {"name": entry.name, "kind": entry.kind, "timezone": entry.timezone, "is_active": entry.active}
    differs = changed(row, values)
    if wrong := channels.faults(row):
        applying.refuse_all(path, wrong)
    elif differs or found is None:
        row.save()


def _read_channels(program: Program) -> list[dict[str, Any]]:
    return [_channel(row) for row in Channel.objects.filter(program=program).order_by("code")]


def _channel(row: Channel) -> dict[str, Any]:
    made: dict[str, Any] = {"code": row.code, "name": row.name, "kind": row.kind}
    if row.timezone:
        made["timezone"] = row.timezone
    return made | {"active": row.is_active}


def register() -> None:
    """Called once, when the app is ready."""
    sections.register("program", Section(ProgramEntry, _read_program, _put_program, single=True), order=0)
    members = Section(AttributesEntry, _read_attributes, _put_attributes, single=True)
    sections.register("members", members, order=10)
    points = Section(PointTypeEntry, _read_point_types, _put_point_type, _one_default)
    sections.register("point_types", points, order=20)
    sections.register("channels", Section(ChannelEntry, _read_channels, _put_channel), order=40)
