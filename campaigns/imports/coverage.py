"""Whether any campaign is in force on the dates of what is imported: without one nothing is earned."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns import context
from campaigns.imports.composing import Sending
from loyalty.events.types import ORDER_COMPLETED
from loyalty.programs.models import Program


def unrated(program: Program, sendings: Iterable[Sending]) -> int:
    """How many of these are of a time at which no campaign about orders was in force."""
    in_force = context.load([program.pk])[program.pk].in_force
    return sum(not in_force.at(ORDER_COMPLETED, sending.at).version_ids for sending in sendings)
