"""What a batch knows of each program it touches: read once, before anything is rated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaigns import versions
from campaigns.versions import InForce
from loyalty.base.numbers import Rounding
from loyalty.ledger.books import SYSTEM, Actor
from loyalty.programs.models import Channel, PointType, Program


class ChannelRow(NamedTuple):
    """What rating reads of the channel an event came through; events of our own come through none."""

    code: str = ""
    kind: str = ""


HERE = ChannelRow()


@dataclass(slots=True)
class ProgramContext:
    """A program, its point types by id, its channels by id and the campaign versions ever in force."""

    program: Program
    zone: ZoneInfo
    rounding: Rounding
    point_types: dict[int, PointType]
    default_type: PointType | None
    channels: dict[int, ChannelRow]
    in_force: InForce

    def channel(self, channel_id: int | None) -> ChannelRow:
        return self.channels[channel_id] if channel_id is not None else HERE

    def actor(self, channel_id: int | None) -> Actor:
        channel = self.channel(channel_id)
        return Actor("channel", channel.code) if channel.code else SYSTEM


def load(spans: Mapping[int, tuple[datetime, datetime]]) -> dict[int, ProgramContext]:
    """The programs with these ids, and their campaigns for events of that time (first and last instant)."""
    return {program_id: _load_one(program_id, *spans[program_id]) for program_id in sorted(spans)}


def _load_one(program_id: int, first: datetime, last: datetime) -> ProgramContext:
    program = Program.objects.get(pk=program_id)
    point_types = {one.pk: one for one in PointType.objects.filter(program=program)}
    for one in point_types.values():
        one.program = program
    return ProgramContext(
        program=program,
        zone=program.zone,
        rounding=Rounding(program.rounding),
        point_types=point_types,
        default_type=next((one for one in point_types.values() if one.is_default), None),
        channels={
            pk: ChannelRow(code, kind)
            for pk, code, kind in Channel.objects.filter(program=program).values_list("pk", "code", "kind")
        },
        in_force=versions.in_force(program_id, first, last),
    )
