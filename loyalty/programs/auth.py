"""Who sends a request: a key of a channel of a program. A recognised key is remembered for a second at most."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime

from loyalty.base.errors import Forbidden, Unauthorized
from loyalty.programs.credentials import authenticate
from loyalty.programs.errors import KeyNotValid
from loyalty.programs.models import ApiKey, Channel, Program

REMEMBERED_SECONDS = 1.0  # within this time a revoked key is refused by every process
MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Caller:
    """A recognised key, and what it may do."""

    key_id: int
    channel: Channel
    scopes: frozenset[str]
    rate_per_minute: int
    expires_at: datetime | None

    @property
    def program(self) -> Program:
        return self.channel.program

    def needs(self, scope: str) -> None:
        """Raises Forbidden `missing_scope`."""
        if scope not in self.scopes:
            told = f"This key lacks the scope {scope}."
            raise Forbidden(told, code="missing_scope", extra={"scope": scope})


def caller_by(header: str, *, at: datetime) -> Caller:
    """The caller behind an Authorization header. Raises Unauthorized `key_missing`, KeyNotValid."""
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthorized("Send the header Authorization: Bearer lk_…", code="key_missing")
    known = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()  # no secret stays in memory
    until, caller = _remembered.get(known, _NOBODY)
    if caller is None or time.monotonic() >= until:
        caller = _caller(authenticate(secret, at=at))
        _remember(known, caller)
    if caller.expires_at is not None and at >= caller.expires_at:
        raise KeyNotValid
    return caller


_NOBODY: tuple[float, Caller | None] = (0.0, None)
_remembered: dict[bytes, tuple[float, Caller | None]] = {}


def _remember(known: bytes, caller: Caller) -> None:
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[known] = (time.monotonic() + REMEMBERED_SECONDS, caller)


def forget() -> None:
    """Drop what this process remembers of keys."""
    _remembered.clear()


def _caller(key: ApiKey) -> Caller:
    return Caller(
        key_id=key.pk,
        channel=key.channel,
        scopes=frozenset(key.scopes),
        rate_per_minute=key.rate_per_minute,
        expires_at=key.expires_at,
    )
