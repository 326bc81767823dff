"""Who a reward or a price is for: conditions over the member and what the member did, and what they are asked of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from loyalty.base.errors import FieldError
from loyalty.conditions import compiler
from loyalty.conditions.compiler import Condition, Needs
from loyalty.conditions.declared import declared
from loyalty.conditions.fields import Field, Schema
from loyalty.conditions.standard import STANDARD
from loyalty.conditions.validate import validate
from loyalty.events import activity
from loyalty.events.activity import Window
from loyalty.members.models import Member
from loyalty.members.traits import TRAITS
from loyalty.programs.models import Program

SCOPES: Final = frozenset({"member", "activity"})


def schema_of(program: Program) -> Schema:
    """What a condition on who may have a reward can ask about."""
    about = [field for field in STANDARD if field.scope in SCOPES]
    return Schema([*about, *declared("member", program.member_schema)]).in_currency(program.currency)


def faults(path: str, tree: object, schema: Schema) -> list[FieldError]:
    """What is wrong with such a condition, each fault with its place below `path`."""
    return [FieldError(path + fault.path, fault.code, fault.message) for fault in validate(tree, schema)]


def compiled(tree: Mapping[str, Any], schema: Schema) -> Condition:
    return compiler.compile(tree, schema)


def view_of(
    member: Member,
    needs: Needs,
    declared_fields: Mapping[str, Field],
    local: datetime,
    lately: Mapping[Window, Decimal] | None = None,
) -> dict[str, Any]:
    """What conditions with these needs see of a member. `lately` is what the member did in the windows that they ask
    about; without it, that is one query."""
    view: dict[str, Any] = {}
    for name in needs.fields:
        if name in TRAITS:
            view[name] = TRAITS[name](member, local)
        elif name in declared_fields:
            field = declared_fields[name]
            view[name] = field.read(member.attributes.get(field.measure))
    if needs.windows:
        found = activity.windows(member.pk, needs.windows, local.date()) if lately is None else lately
        view["activity"] = found
    return view
