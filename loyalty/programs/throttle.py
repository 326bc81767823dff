"""Rate limits, counted in Redis for all processes together, and in this process alone while Redis is away."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import NamedTuple

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string

from loyalty.base import clock
from loyalty.base.errors import TooMany

ANONYMOUS_PER_MINUTE = 300
WINDOW_SECONDS = 60
LOTS_PER_LIMIT = 500
REDIS_SECONDS = 0.25
RETRY_REDIS_SECONDS = 5.0

log = logging.getLogger(__name__)


class Allowance(NamedTuple):
    """What is left in the present window, `reset` seconds before it ends."""

    allowed: bool
    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }

    def check(self) -> None:
        """Raises TooMany `rate_limited`."""
        if not self.allowed:
            told = f"More than {self.limit} requests in a minute."
            raise TooMany(told, code="rate_limited", retry_after=max(1, self.reset))


def count(kind: str, subject: str, per_minute: int) -> Allowance:
    """Count one request of `subject` against its limit. Windows are the minutes of the clock, so that all processes
    agree on when they end.

    A busy key is counted in small lots: a process takes some requests at once and hands them out itself, which saves
    it most round trips. What it took and did not hand out is less than one in LOTS_PER_LIMIT of the limit.
    """
    minute, passed = divmod(int(clock.now().timestamp()), WINDOW_SECONDS)
    used = _handed_out(_key(kind, subject, per_minute, minute), minute, max(1, per_minute // LOTS_PER_LIMIT))
    return Allowance(used <= per_minute, per_minute, max(0, per_minute - used), WINDOW_SECONDS - passed)


@lru_cache(maxsize=1024)
def _key(kind: str, subject: str, per_minute: int, minute: int) -> str:
    return RateLimitItemPerMinute(per_minute, namespace="laurel").key_for(kind, subject, str(minute))


def _handed_out(key: str, minute: int, size: int) -> int:
    """Requests in this window, this one included, as far as this process knows."""
    with _lock:
        lot = _lots.get(key)
        if lot is not None and lot.next <= lot.last:
            lot.next += 1
            return lot.next - 1
    last = _taken(key, size)
    with _lock:
        if minute != _lots_of.minute:
            _lots_of.minute = minute
            _lots.clear()
        _lots[key] = _Lot(last - size + 2, last)
    return last - size + 1


def _taken(key: str, size: int) -> int:
    """Take `size` requests of this window; how many are taken then in all."""
    if time.monotonic() >= _redis.away_until:
        try:
            return _shared().incr(key, WINDOW_SECONDS, size)
        except StorageError as wrong:
            _redis.away_until = time.monotonic() + RETRY_REDIS_SECONDS
            log.warning(
                "rate limits are counted by each process alone: %s", type(wrong.storage_error).__name__
            )
    return _local().incr(key, WINDOW_SECONDS, size)


@dataclass(slots=True)
class _Lot:
    """Requests that this process may still hand out: from `next` to `last`."""

    next: int
    last: int


class _LotsOf:
    """The window that `_lots` belong to."""

    minute = -1


_lots_of = _LotsOf()
_lots: dict[str, _Lot] = {}
_lock = Lock()


class _Redis:
    """When to ask Redis again, after it failed: a request must not wait for a dead one each time."""

    away_until = 0.0


_redis = _Redis()


@lru_cache(maxsize=1)
def _shared() -> Storage:
    return storage_from_string(  # type: ignore[return-value]  # the sync kind, by its URL
        settings.RATE_LIMIT_URL,
        wrap_exceptions=True,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
    )


@lru_cache(maxsize=1)
def _local() -> Storage:
    return MemoryStorage()


def forget() -> None:
    """Start counting afresh in this process."""
    _lots.clear()
    _redis.away_until = 0.0
    _shared.cache_clear()
    _local.cache_clear()
