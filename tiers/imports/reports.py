"""Refused rows of a job that staff started: kept with the job."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty.base import job_files
from loyalty.base.imports.badrows import REASONS, Refused, fitted
from loyalty.base.models import Job


class JobReport:
    """Rows with the reason beside each, to be downloaded from the job's page."""

    def __init__(self, job: Job, header: Sequence[str]) -> None:
        self.job, self.header = job, list(header)
        self.size = 0

    def add(self, refused: list[Refused]) -> int:
        """Append these, in the transaction of their chunk; how many rows there are then."""
        rows = [
            [*fitted(one.row.cells, len(self.header)), one.row.number, one.code, one.reason]
            for one in refused
        ]
        job_files.add_errors(self.job, [*self.header, *REASONS], rows)
        return self.size + len(rows)
