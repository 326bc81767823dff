"""A person's profile as a channel or staff send it: checked, and split into identifiers and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from loyalty.base.clock import local_date, parse_date
from loyalty.base.errors import FieldError, Invalid
from loyalty.base.text import clean
from loyalty.members.identifiers import CARD, EMAIL, EXTERNAL, PHONE, Ref, normal
from loyalty.programs.attributes import check_values, refuse_unknown, schema_of
from loyalty.programs.errors import refuse
from loyalty.programs.models import Program

IDENTIFIERS = {"external_id": EXTERNAL, "email": EMAIL, "phone": PHONE, "card": CARD}
FIELDS = frozenset({*IDENTIFIERS, "name", "birthday", "attributes", "state"})
STATES = ("pending", "active")  # that a channel may give; the others are for staff
MAX_NAME = 200


@dataclass(slots=True)
class Profile:
    """What was given. In a change, None as an identifier, name or birthday means: take it away."""

    identifiers: dict[str, str | None] = field(default_factory=dict)
    name: str | None = None
    birthday: date | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    state: str = "active"
    fields: frozenset[str] = frozenset()

    @property
    def refs(self) -> list[Ref]:
        return sorted(Ref(kind, value) for kind, value in self.identifiers.items() if value is not None)


def read(program: Program, raw: object, *, at: datetime, partial: bool = False) -> Profile:
    """The profile in `raw`. Raises Invalid with a path for each fault."""
    faults: list[FieldError] = []
    profile = check(program, raw, "", faults, at=at, partial=partial)
    refuse(faults)
    return profile


def check(
    program: Program, raw: object, path: str, faults: list[FieldError], *, at: datetime, partial: bool = False
) -> Profile:
    """The profile in `raw`; faults are added to `faults`. In a whole profile null means "not given"."""
    if not isinstance(raw, dict):
        faults.append(FieldError(path, "object_expected", "A profile is an object."))
        return Profile()
    refuse_unknown(raw, FIELDS, path, faults)
    given = frozenset(key for key in FIELDS & raw.keys() if partial or raw[key] is not None)
    return Profile(
        identifiers=_identifiers(program, raw, given, path, faults),
        name=_name(raw.get("name"), path, faults),
        birthday=_birthday(program, raw.get("birthday"), path, faults, at),
        attributes=_attributes(program, raw, given, path, faults, partial=partial),
        state=_state(raw, given, path, faults, partial=partial),
        fields=given,
    )


def _identifiers(
    program: Program, raw: Mapping[str, Any], given: frozenset[str], path: str, faults: list[FieldError]
) -> dict[str, str | None]:
    kept: dict[str, str | None] = {}
    for name, kind in IDENTIFIERS.items():
        if name in given:
            try:
                kept[kind] = None if raw[name] is None else normal(kind, raw[name], program.phone_region)
            except Invalid as wrong:
                faults.append(wrong.at_path(f"{path}/{name}"))
    return kept


def _state(
    raw: Mapping[str, Any], given: frozenset[str], path: str, faults: list[FieldError], *, partial: bool
) -> str:
    """A member may begin as pending, and then become active."""
    state = raw["state"] if "state" in given else "active"
    if state in (("active",) if partial else STATES):
        return str(state)
    told = "The state can become active." if partial else "A member begins as pending or active."
    faults.append(FieldError(f"{path}/state", "choice_unknown", told))
    return "active"


def _name(raw: object, path: str, faults: list[FieldError]) -> str | None:
    try:
        return None if raw is None else clean(raw, max_length=MAX_NAME)
    except Invalid as wrong:
        faults.append(wrong.at_path(f"{path}/name"))
        return None


def _birthday(
    program: Program, raw: object, path: str, faults: list[FieldError], at: datetime
) -> date | None:
    if raw is None:
        return None
    try:
        day = parse_date(raw)
    except Invalid as wrong:
        faults.append(wrong.at_path(f"{path}/birthday"))
        return None
    if day > local_date(at, program.zone):
        faults.append(FieldError(f"{path}/birthday", "birthday_in_future", "A birthday is in the past."))
    return day


def _attributes(
    program: Program,
    raw: Mapping[str, Any],
    given: frozenset[str],
    path: str,
    faults: list[FieldError],
    *,
    partial: bool,
) -> dict[str, Any]:
    if partial and "attributes" not in given:
        return {}
    schema = schema_of(program.member_schema)
    return check_values(schema, raw.get("attributes"), f"{path}/attributes", faults, partial=partial)


def announced(program: Program, profile: Profile) -> dict[str, Any]:
    """What an event may keep of a profile: the names of the fields, and attributes that name nobody."""
    plain = {one["code"] for one in program.member_schema if one["type"] in ("number", "boolean", "choice")}
    kept = {code: value for code, value in sorted(profile.attributes.items()) if code in plain}
    return {"fields": sorted(profile.fields), **({"attributes": kept} if kept else {})}
