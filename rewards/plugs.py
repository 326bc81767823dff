"""What rewards give to the registers of the core."""

from __future__ import annotations


def plug_in() -> None:
    """Called once, when the app is ready."""
