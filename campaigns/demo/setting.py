"""The program of the demonstration, as its own program file describes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template

from campaigns.demo.year import Span
from loyalty.base.clock import write_instant
from loyalty.programs.files.applying import apply
from loyalty.programs.models import Channel, PointType, Program

MANAGER = "olga"
ZONE = "Europe/Madrid"
FILE = Path(__file__).parent / "almendra.yaml"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the play needs to know of the program."""

    program: Program
    points: PointType
    channels: dict[str, Channel]


def make(span: Span) -> Setting:
    """The program with its points, channels and campaigns, as three days before it opened."""
    dates = {
        "autumn_starts": write_instant(span.day(60)),
        "autumn_ends": write_instant(span.day(-20)),
        "tea_starts": write_instant(span.day(200)),
        "cupping_first": write_instant(span.day(-6)),
        "cupping_second": write_instant(span.day(-20)),
        "cupping_third": write_instant(span.day(-41)),
    }
    text = Template(FILE.read_text(encoding="utf-8")).substitute(dates)
    made = apply(text.encode(), at=span.start - timedelta(days=3), by=MANAGER)
    program = Program.objects.get(code=made.program)
    channels = {
        channel.code: channel for channel in Channel.objects.filter(program=program).select_related("program")
    }
    points = PointType.objects.select_related("program").get(program=program, is_default=True)
    return Setting(program, points, channels)
