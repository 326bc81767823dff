"""What a batch knows of each program it touches: read once, before anything is rated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection

from campaigns import versions
from campaigns.versions import InForce
from loyalty.base.numbers import Rounding
from loyalty.ledger.books import SYSTEM, Actor
from loyalty.programs.models import Channel, PointType, Program
from tiers import published
from tiers.published import Published


class ChannelRow(NamedTuple):
    """What rating reads of the channel an event came through; events of our own come through none."""

    code: str = ""
    kind: str = ""


HERE = ChannelRow()


@dataclass(slots=True)
class ProgramContext:
    """A program, its point types by id, its channels by id, and the versions ever in force of its campaigns
    and ladders."""

    program: Program
    zone: ZoneInfo
    rounding: Rounding
    point_types: dict[int, PointType]
    default_type: PointType | None
    channels: dict[int, ChannelRow]
    in_force: InForce
    ladders: tuple[Published, ...]

    def channel(self, channel_id: int | None) -> ChannelRow:
        return self.channels[channel_id] if channel_id is not None else HERE

    def actor(self, channel_id: int | None) -> Actor:
        channel = self.channel(channel_id)
        return Actor("channel", channel.code) if channel.code else SYSTEM


# What a context was read from: any insert, update or delete there gives another text. Cheaper than reading it all.
_ROWS = "SELECT string_agg(t.id || ':' || t.xmin::text, ',' ORDER BY t.id) FROM {} t WHERE {}"
_STAMP = "SELECT concat_ws('|', ({}))".format(
    "), (".join(
        [
            _ROWS.format("programs_program", "t.id = %(program)s"),
            _ROWS.format("programs_pointtype", "t.program_id = %(program)s"),
            _ROWS.format("programs_channel", "t.program_id = %(program)s"),
            _ROWS.format("programs_programpause", "t.program_id = %(program)s"),
            _ROWS.format("campaigns_campaign", "t.program_id = %(program)s"),
            _ROWS.format(
                "campaigns_campaignpause",
                "t.campaign_id IN (SELECT id FROM campaigns_campaign WHERE program_id = %(program)s)",
            ),
            "SELECT count(*) || ':' || max(id) FROM campaigns_campaignversion WHERE program_id = %(program)s",
            f"SELECT {published.STAMP}",
        ]
    )
)
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)

_read: dict[tuple[str, int], tuple[str, ProgramContext]] = {}


def load(program_ids: Iterable[int]) -> dict[int, ProgramContext]:
    """The programs with these ids. What this process has read of one before is used again while it is unchanged."""
    return {program_id: _current(program_id) for program_id in sorted(set(program_ids))}


def _current(program_id: int) -> ProgramContext:
    key = str(connection.settings_dict["NAME"]), program_id
    with connection.cursor() as cursor:
        cursor.execute(_STAMP, {"program": program_id})
        stamp = cursor.fetchone()[0]
    known = _read.get(key)
    if known is None or known[0] != stamp:
        known = _read[key] = stamp, _load_one(program_id)
    return known[1]


def _load_one(program_id: int) -> ProgramContext:
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
        in_force=versions.in_force(program_id, _EARLIEST, _LATEST),
        ladders=published.load(program_id),
    )
