"""What rewards give to the registers of the core."""

from __future__ import annotations

from rewards.screens import plugs as screens


def plug_in() -> None:
    """Called once, when the app is ready."""
    screens.plug_in()
