"""Members whom nobody knows yet: made on the first day that the file knows of them, or reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loyalty.base.clock import midnight
from loyalty.events import guests
from loyalty.members.bulk import register_many
from loyalty.members.identifiers import Ref
from loyalty.programs.models import Channel, Program
from tiers.imports.lines import Line
from tiers.imports.mapping import Mapping as FileMapping

CHANNEL = "import"


def channel_of(program: Program, *, at: datetime) -> Channel:
    """The channel in whose name members are enrolled, made if missing."""
    kind = Channel.Kind.BACKFILL
    found, _ = Channel.objects.get_or_create(
        program=program, code=CHANNEL, defaults={"name": "Import", "kind": kind, "created_at": at}
    )
    return found


def report(missing: Mapping[Ref, Sequence[Line]]) -> None:
    """Refuse the rows of people who are no members."""
    for lines in missing.values():
        for line in lines:
            line.refuse(
                "member_unknown", "Nobody is a member by this name; enrol them with the import if you like."
            )


def enrol(
    channel: Channel,
    missing: Mapping[Ref, Sequence[Line]],
    mapping: FileMapping,
    *,
    told: Mapping[str, Any],
    at: datetime,
) -> int:
    """Make members of them, within the caller's transaction; how many are new. What waited for them follows."""
    since = {ref: min(_first(line, mapping, at) for line in lines) for ref, lines in missing.items()}
    made, waited_for = register_many(channel, since, at=at, told=told)
    for member in waited_for:
        guests.claim(member, at=at)
    return len(made)


def _first(line: Line, mapping: FileMapping, at: datetime) -> datetime:
    """The earliest that a row says of its member."""
    days = [line.earned_at or at]
    if line.placing and line.placing.since:
        days.append(midnight(line.placing.since, mapping.zone))
    return min(*days, at)
