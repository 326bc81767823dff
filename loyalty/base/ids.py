"""Identifiers: UUID version 7 (RFC 9562), which sort by the time they were made and so keep indexes
compact."""

from __future__ import annotations

import os
import random
import re
import time
from datetime import datetime
from threading import Lock
from uuid import UUID, SafeUUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_LOW = (1 << 62) - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")

_lock = Lock()
_last_ms = 0
_tail = 0


def uuid7(at: datetime | None = None) -> UUID:
    """A new id. Without `at`, ids of one process rise strictly, also within a millisecond and when the clock
    steps back; with `at`, the id carries that instant (never before 1970) and a random tail."""
    if at is not None:
        return _build(max(0, int(at.timestamp() * 1000)), int.from_bytes(os.urandom(10), "big") >> 6)
    global _last_ms, _tail  # noqa: PLW0603  # one counter a process
    with _lock:
        ms = time.time_ns() // 1_000_000
        if ms > _last_ms:
            _last_ms = ms
            _tail = int.from_bytes(os.urandom(10), "big") >> 7  # top bit free: room to count up
        else:
            _tail += 1 + random.getrandbits(32)
        ms, tail = _last_ms, _tail
    return _build(ms, tail)


def _build(ms: int, tail: int) -> UUID:
    value = ms << 80 | _VERSION | tail >> 62 << 64 | _VARIANT | tail & _LOW
    made = object.__new__(UUID)  # skips the checks of UUID(int=...), which cost more than the rest
    object.__setattr__(made, "int", value)
    object.__setattr__(made, "is_safe", SafeUUID.unknown)
    return made


def _forget() -> None:
    """A forked child counts on its own, with a lock that no thread of its parent can be holding."""
    global _last_ms, _lock
    _last_ms, _lock = 0, Lock()


os.register_at_fork(after_in_child=_forget)


def is_uuid(text: object) -> bool:
    """Whether `text` is a UUID in its usual 36-character form."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None
