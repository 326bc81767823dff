"""What events give to the registers of the core: their part of a program's file and their checks of the proof."""

from __future__ import annotations

from loyalty.events import program_file
from loyalty.events.checks import EVENT_CHECKS
from loyalty.ledger.proof import checks


def plug_in() -> None:
    """Called once, when the app is ready."""
    program_file.register()
    for name, check in EVENT_CHECKS.items():
        checks.register(name, check)
