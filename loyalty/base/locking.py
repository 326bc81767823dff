"""What to do when PostgreSQL says that somebody else holds a row.

A deadlock or a serialization failure undoes the whole transaction, so it is repeated from its beginning, by the
outermost caller only. A lock that was not had within `lock_timeout` is an honest "busy, come back in a second".
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection

from loyalty.base.errors import Busy

TRIES = 4
LOCK_NOT_AVAILABLE = "55P03"
VICTIM = frozenset({"40P01", "40001"})  # deadlock, serialization failure

STOPPING = frozenset({"57P01", "57P02", "57P03"})  # the server ends this connection, crashed, or starts up

P = ParamSpec("P")
R = TypeVar("R")


def retrying(act: Callable[P, R]) -> Callable[P, R]:
    """Put outside `transaction.atomic`: repeats `act`, with jitter, when it was the victim of a deadlock.

    Inside a transaction nothing can be repeated; the error goes on to whoever began it. Raises Busy when a lock was
    not had in time, or when the last of the tries was a victim too.
    """

    @wraps(act)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, TRIES + 1):
            try:
                return act(*args, **kwargs)
            except OperationalError as error:
                if not _worth_repeating(error, attempt):
                    raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311  jitter, not a secret
        raise AssertionError("the last try returns or raises")

    return repeated


def is_lost(error: Exception) -> bool:
    """Whether the connection broke, or the server went away: whatever was asked is not to blame."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state in STOPPING or state.startswith("08")


def _worth_repeating(error: OperationalError, attempt: int) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    if state == LOCK_NOT_AVAILABLE:
        raise Busy(retry_after=1) from error
    if state not in VICTIM or connection.in_atomic_block:
        return False
    if attempt == TRIES:
        raise Busy(retry_after=1) from error
    return True
