"""Telling a worker that a person's job waits. The job is a row: when no message gets through, the sweep finds it
seconds later, so nobody waits for the broker."""

from __future__ import annotations

import logging

from celery import current_app
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def wake() -> None:
    """Send one message. Call after the commit."""
    try:
        current_app.send_task("loyalty.base.tasks.run_jobs", expires=5)
    except OperationalError as wrong:
        log.warning("no worker could be woken, the sweep will find the job: %s", wrong)
