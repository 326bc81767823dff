"""Tiers that were brought along: rows of placements, from which the computation goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.base.clock import local_date
from loyalty.base.models import Job
from loyalty.ledger.acts import Actor
from loyalty.members.models import Member
from tiers import published
from tiers.errors import NoLadder
from tiers.imports.lines import Line
from tiers.lines import Cause
from tiers.models import Placement
from tiers.published import Published
from tiers.standings import Standings, recount


def place(
    batch: Job, lines: Sequence[Line], people: Mapping[UUID, Member], *, actor: Actor, at: datetime
) -> None:
    """Give these members the tiers of their lines from today on, within the caller's transaction."""
    if not lines:
        return
    main = _ladder(next(iter(people.values())).program_id)
    today = local_date(at, main.zone)
    Placement.objects.bulk_create(
        Placement(
            program_id=main.program_id, tier_set_id=main.set_id, member_id=line.member_id,
            kind=Placement.Kind.IMPORT, tier_code=line.placing.tier, since=line.placing.since,
            starts_on=today, ends_on=line.placing.until, reason_code="import", batch=batch.pk,
            created_at=at, created_by=actor.name,
        )
        for line in lines
        if line.placing and line.member_id
    )  # fmt: skip
    _recount([people[line.member_id] for line in lines if line.member_id], batch, actor, at)


def end(batch: Job, people: Mapping[UUID, Member], *, actor: Actor, at: datetime) -> int:
    """Take back the tiers that an import gave these members; how many those were."""
    open_ones = Placement.objects.filter(batch=batch.pk, member__in=list(people), ended_at=None)
    found = set(open_ones.values_list("member_id", flat=True))
    ended = open_ones.update(ended_at=at, ended_by=actor.name)
    _recount([people[member_id] for member_id in sorted(found)], batch, actor, at)
    return ended


def _recount(members: Sequence[Member], batch: Job, actor: Actor, at: datetime) -> None:
    if not members:
        return
    program_id = members[0].program_id
    standings = Standings({program_id: published.of_program(program_id)}, at=at)
    standings.load(members, anew=True)
    cause = Cause(job_id=batch.pk, actor=actor.name, reason="import")
    standings.write(cause, first=recount)


def _ladder(program_id: int) -> Published:
    main = published.main_of(program_id)
    if main is None:
        raise NoLadder
    return main
