"""What programs give to the registers of the core: their steps of the nightly run."""

from __future__ import annotations

from loyalty.base import job_files
from loyalty.programs import idempotency
from loyalty.programs.files import own_sections
from loyalty.programs.nightly import Night, nightly_steps


def plug_in() -> None:
    """Called once, when the app is ready."""
    own_sections.register()
    nightly_steps.register("forget_idempotency_keys", idempotency.step, order=90)
    nightly_steps.register("forget_job_files", _forget_job_files, order=90)


def _forget_job_files(night: Night) -> int:
    return job_files.forget(night.program.code, at=night.at)
