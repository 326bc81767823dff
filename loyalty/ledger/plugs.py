"""What the ledger gives to the registers of the core: its steps of the nightly run and its checks of the proof."""

from __future__ import annotations

from loyalty.ledger import activation, expiry
from loyalty.ledger.checks import LEDGER_CHECKS
from loyalty.ledger.fact_checks import FACT_CHECKS
from loyalty.ledger.hold_checks import HOLD_CHECKS
from loyalty.ledger.proof import checks
from loyalty.programs.nightly import nightly_steps


def plug_in() -> None:
    """Called once, when the app is ready."""
    nightly_steps.register("activate", activation.step, order=10)
    nightly_steps.register("expire", expiry.step, order=40)
    for name, check in {**LEDGER_CHECKS, **HOLD_CHECKS, **FACT_CHECKS}.items():
        checks.register(name, check)
