"""Telling a worker that there is something to do. The work itself is a row: when no message gets through, the sweep
finds it seconds later, so a sender never waits for the broker."""

from __future__ import annotations

import logging
import time

from kombu.exceptions import OperationalError

from campaigns.tasks import drain

AT_MOST_EVERY_SECONDS = 0.2
AFTER_FAILURE_SECONDS = 10.0

log = logging.getLogger(__name__)


class _Next:
    """When this process may send again."""

    at = 0.0


def wake() -> None:
    """Send one message, unless one was sent just now or the broker was away a moment ago. Call after the commit."""
    now = time.monotonic()
    if now < _Next.at:
        return
    _Next.at = now + AT_MOST_EVERY_SECONDS
    try:
        drain.apply_async(expires=5)
    except OperationalError as wrong:
        _Next.at = now + AFTER_FAILURE_SECONDS
        log.warning("no worker could be woken, the sweep will find the work: %s", wrong)
