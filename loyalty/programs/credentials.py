"""API keys: `lk_live_` or `lk_test_`, a public look-up part, a secret, a checksum.

The database holds the look-up part and a keyed hash, so a stolen dump opens nothing. The checksum lets a typing
error, or a scanner for leaked secrets, be answered without a query.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock

from django.conf import settings
from django.db import connection, transaction

from loyalty.base.errors import FieldError, Invalid
from loyalty.base.text import clean
from loyalty.programs.errors import KeyNotValid, KeyRevoked, KeyRolled, refuse
from loyalty.programs.models import ApiKey, Channel, Program, Scope

TOUCH_EVERY = timedelta(minutes=1)
LOOKUP_CHARS = 12
SECRET_CHARS = 32  # of 62: 190 bits
CHECK_CHARS = 6
MAX_OVERLAP = timedelta(days=30)

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE = re.compile(
    rf"(lk_(?:live|test)_)([0-9A-Za-z]{{{LOOKUP_CHARS}}})[0-9A-Za-z]{{{SECRET_CHARS + CHECK_CHARS}}}",
    re.ASCII,
)
_touched: dict[int, datetime] = {}
_touching = Lock()


def issue(
    channel: Channel,
    *,
    name: str,
    scopes: Sequence[str],
    at: datetime,
    by: str = "",
    expires_at: datetime | None = None,
    rate_per_minute: int = 6000,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once and kept nowhere.

    Raises Invalid: `scope_unknown`, `scope_required`, `expiry_in_past`, or about the name.
    """
    refuse(_faults(name, scopes, expires_at, at))
    prefix = f"lk_{'test' if channel.program.mode == Program.Mode.TEST else 'live'}_"
    lookup = _random(LOOKUP_CHARS)
    body = prefix + lookup + _random(SECRET_CHARS)
    secret = body + _checksum(body)
    key = ApiKey.objects.create(
        channel=channel,
        name=clean(name, max_length=120, required=True),
        prefix=prefix + lookup[:4],
        lookup=lookup,
        digest=_digest(secret),
        last_four=secret[-4:],  # of the checksum: says nothing that helps to guess the secret
        scopes=sorted(set(scopes)),
        rate_per_minute=rate_per_minute,
        created_at=at,
        created_by=by,
        expires_at=expires_at,
    )
    return key, secret


def _faults(name: str, scopes: Sequence[str], expires_at: datetime | None, at: datetime) -> list[FieldError]:
    found: list[FieldError] = []
    try:
        clean(name, max_length=120, required=True)
    except Invalid as wrong:
        found.append(wrong.at_path("name"))
    if not scopes:
        found.append(FieldError("scopes", "scope_required", "A key needs at least one scope."))
    if unknown := set(scopes) - set(Scope.values):
        words = f"There is no scope {sorted(unknown)[0][:40]!r}."
        found.append(FieldError("scopes", "scope_unknown", words))
    if expires_at is not None and expires_at <= at:
        found.append(FieldError("expires_at", "expiry_in_past", "A key expires in the future."))
    return found


def _random(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECK_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _digest(secret: str) -> bytes:
    return hmac.digest(settings.KEY_PEPPER.encode(), secret.encode(), "sha256")


def authenticate(secret: str, *, at: datetime) -> ApiKey:
    """The key of `secret`, with its channel and program, in one query; nothing is cached, so a revocation acts
    on the next request. Raises KeyNotValid, in the same words whatever is wrong."""
    shape = _SHAPE.fullmatch(secret)
    if shape is None or not hmac.compare_digest(_checksum(secret[:-CHECK_CHARS]), secret[-CHECK_CHARS:]):
        raise KeyNotValid
    digest = _digest(secret)
    key = ApiKey.objects.select_related("channel__program").filter(lookup=shape[2]).first()
    if key is None or not hmac.compare_digest(digest, bytes(key.digest)):
        raise KeyNotValid
    if not key.works_at(at) or not key.channel.is_active:
        raise KeyNotValid
    _touch(key, at)
    return key


_TOUCH = """
UPDATE programs_apikey SET last_used_at = %s WHERE id = (
    SELECT id FROM programs_apikey
     WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= %s)
       FOR NO KEY UPDATE SKIP LOCKED)
"""


def _touch(key: ApiKey, at: datetime) -> None:
    """Note the use, at most once a minute; a row that somebody else is noting on is left alone."""
    due = at - TOUCH_EVERY
    if key.last_used_at is not None and key.last_used_at > due:
        return
    with _touching:
        before = _touched.get(key.pk)
        if before is not None and due < before <= at:
            return
        _touched[key.pk] = at
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [at, key.pk, due])
    key.last_used_at = at


def roll(
    key: ApiKey, *, overlap: timedelta, at: datetime, by: str = "", expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A successor with the same rights; the old key goes on for `overlap` (at most 30 days) so that nothing
    stops meanwhile. Raises KeyRevoked, KeyRolled, Invalid `overlap_invalid`."""
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise Invalid("The overlap is between 0 and 30 days.", code="overlap_invalid")
    with transaction.atomic():
        current = _locked(key)
        if current.revoked_at is not None:
            raise KeyRevoked
        if current.successor_id is not None:
            raise KeyRolled
        successor, secret = issue(
            current.channel,
            name=current.name,
            scopes=current.scopes,
            at=at,
            by=by,
            expires_at=expires_at,
            rate_per_minute=current.rate_per_minute,
        )
        end = at + overlap
        current.expires_at = min(current.expires_at or end, end)
        current.successor = successor
        current.save(update_fields=["expires_at", "successor"])
    return successor, secret


def revoke(key: ApiKey, *, at: datetime) -> ApiKey:
    """End a key at once. Revoking twice changes nothing."""
    with transaction.atomic():
        current = _locked(key)
        if current.revoked_at is None:
            current.revoked_at = at
            current.save(update_fields=["revoked_at"])
    return current


def _locked(key: ApiKey) -> ApiKey:
    rows = ApiKey.objects.select_for_update(no_key=True, of=["self"])
    return rows.select_related("channel__program").get(pk=key.pk)
