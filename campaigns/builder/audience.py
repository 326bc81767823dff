"""How many members an audience has now, with a few of them: for the builder, while it is typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.subject import Facts, reader_of
from loyalty.base.errors import LaurelError
from loyalty.conditions.compiler import compile as compiled
from loyalty.conditions.fields import Schema
from loyalty.members.models import Member
from loyalty.programs.models import Program

# The condition is asked of each member in turn; of more members than this only the newest are asked.
ASKED = 2_000
SHOWN = 5
_NOT_ASKED = frozenset({"member.segments"})


@dataclass(frozen=True, slots=True)
class Audience:
    """`matching` of `asked` members; `is_part` when the program has more members than were asked."""

    matching: int
    asked: int
    is_part: bool
    sample: list[Member]


def audience(
    program: Program, tree: Mapping[str, Any] | None, schema: Schema, *, at: datetime
) -> Audience | None:
    """The members that the condition fits at this moment. None for a condition that is not complete, and for one that
    asks what a member did lately, which takes longer than a page may."""
    try:
        condition = compiled(tree, schema)
    except LaurelError:
        return None
    if condition.needs.windows or condition.needs.fields & _NOT_ASKED:
        return None
    fields = [field for field in schema if field.name in condition.needs.fields]
    if any(field.scope != "member" for field in fields):
        return None
    readers = {field.name: reader_of(field) for field in fields}
    open_ones = Member.objects.filter(program=program).exclude(state=Member.State.CLOSED)
    asked = list(open_ones.order_by("-pk")[: ASKED + 1])
    matching = list(_matching(asked[:ASKED], condition.matches, readers, program, at))
    return Audience(len(matching), min(len(asked), ASKED), len(asked) > ASKED, matching[:SHOWN])


def _matching(
    members: list[Member], matches: Any, readers: Mapping[str, Any], program: Program, at: datetime
) -> Iterator[Member]:
    local = at.astimezone(program.zone)
    for member in members:
        facts = Facts("", at, local, {}, member)
        if matches({name: read(facts) for name, read in readers.items()}):
            yield member
