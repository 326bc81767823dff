"""What tiers give to the registers of the core."""

from __future__ import annotations

from tiers import program_file


def plug_in() -> None:
    """Called once, when the app is ready."""
    program_file.register()
