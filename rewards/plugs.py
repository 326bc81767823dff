"""What rewards give to the registers of the core."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.base.job_kinds import JobKind, job_kinds
from loyalty.ledger.history import tellers
from loyalty.ledger.proof import checks
from loyalty.programs.nightly import nightly_steps
from rewards import automatic, deliveries, program_file, vouchers
from rewards.checks import REWARD_CHECKS
from rewards.fact_checks import REWARD_FACT_CHECKS
from rewards.history import TELLER
from rewards.screens import plugs as screens


def plug_in() -> None:
    """Called once, when the app is ready."""
    program_file.register()
    tellers.register("rewards", TELLER)
    screens.plug_in()
    nightly_steps.register("auto_redeem", automatic.step, order=20)
    nightly_steps.register("forget_deliveries", deliveries.step, order=90)
    job_kinds.register(
        vouchers.JOB, JobKind(_("Upload of codes"), vouchers.upload, permission="rewards.add_code")
    )
    for name, check in {**REWARD_CHECKS, **REWARD_FACT_CHECKS}.items():
        checks.register(name, check)
