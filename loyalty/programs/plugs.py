"""What programs give to the registers of the core: their steps of the nightly run."""

from __future__ import annotations

from loyalty.programs import idempotency
from loyalty.programs.files import own_sections
from loyalty.programs.nightly import nightly_steps


def plug_in() -> None:
    """Called once, when the app is ready."""
    own_sections.register()
    nightly_steps.register("forget_idempotency_keys", idempotency.step, order=90)
