"""The Idempotency-Key: a repeated POST gets the first answer again, and acts once.

Of the key a digest is kept. Its row is inserted before the act, in the act's transaction. A parallel repetition waits
on that row: it then finds the answer, or, when the first one came to nothing, acts itself.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from django.conf import settings
from django.db import OperationalError, connection, transaction

from loyalty.base import strict_json
from loyalty.base.errors import BadRequest, Conflict, LaurelError
from loyalty.base.locking import retrying
from loyalty.programs.models import Channel, IdempotencyKey, Program
from loyalty.programs.nightly import Night

KEPT = timedelta(days=30)

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


class Answer(NamedTuple):
    """A finished answer, as text so that its repetition is the same byte for byte."""

    status: int
    text: str
    replayed: bool = False


class InProgress(Conflict):
    """The first request with this key is still at work."""

    code = "idempotency_key_in_progress"
    retry_after = 1


def check_key(key: str | None) -> str:
    """Raises BadRequest: `idempotency_key_missing`, `idempotency_key_invalid`."""
    if key is None:
        told = (
            "Send an Idempotency-Key header: a new unique text for each act, the same one when you repeat it."
        )
        raise BadRequest(told, code="idempotency_key_missing")
    if not _KEY.fullmatch(key):
        told = "An Idempotency-Key has 1 to 255 printable ASCII characters."
        raise BadRequest(told, code="idempotency_key_invalid")
    return key


def digest(key: str) -> str:
    """What is kept of a key, which is the caller's own text and may hold what is personal. Keyed itself, so that nobody
    finds out by trying."""
    return hmac.new(settings.KEY_PEPPER.encode(), key.encode(), "sha256").hexdigest()


@retrying
def once(
    channel: Channel,
    key: str,
    *,
    route: str,
    request: object,
    at: datetime,
    act: Callable[[], tuple[int, object]],
    refusal: Callable[[LaurelError], str],
) -> Answer:
    """Do `act` unless this key was used before; its answer is kept in the same transaction.

    Of its refusals only conflicts with the state of things (409, such as too few points) are kept: after any
    other the caller may correct the request and use the key again. `refusal` writes the text of a kept one.
    The answers must hold no personal data. Raises Conflict `idempotency_key_reused`, InProgress.
    """
    fingerprint = strict_json.fingerprint({"route": route, "request": request})
    with transaction.atomic():
        row_id = _claim(channel, key, route, fingerprint, at)
        if row_id is None:
            return _earlier(channel, key, route, fingerprint)
        answer = _act(act, refusal)
        IdempotencyKey.objects.filter(pk=row_id).update(status=answer.status, body=answer.text)
        return answer


def _act(act: Callable[[], tuple[int, object]], refusal: Callable[[LaurelError], str]) -> Answer:
    try:
        with transaction.atomic():
            status, body = act()
    except Conflict as refused:
        return Answer(refused.status, refusal(refused))
    return Answer(status, strict_json.dumps(body))


_INSERT = """
    INSERT INTO programs_idempotencykey (channel_id, key, route, request_hash, status, body, created_at)
    VALUES (%s, %s, %s, %s, 0, '""', %s)
    ON CONFLICT (channel_id, key) DO NOTHING
    RETURNING id
"""


def _claim(channel: Channel, key: str, route: str, fingerprint: bytes, at: datetime) -> int | None:
    """The new row's id, or None when the key is taken. Waits for a transaction that is just taking it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [channel.pk, digest(key), route[:200], fingerprint, at])
            row = cursor.fetchone()
    except OperationalError as wrong:
        if isinstance(wrong.__cause__, psycopg.errors.LockNotAvailable):
            raise InProgress("The first request with this key is still being worked on.") from wrong
        raise
    return int(row[0]) if row else None


def _earlier(channel: Channel, key: str, route: str, fingerprint: bytes) -> Answer:
    row = IdempotencyKey.objects.get(channel=channel, key=digest(key))
    if bytes(row.request_hash) != fingerprint:
        differs = "the address" if row.route != route[:200] else "the body"
        raise Conflict(
            f"The Idempotency-Key {key} was used before for another request: {differs} differs.",
            code="idempotency_key_reused",
            extra={
                "idempotency_key": key,
                "first_request": row.route,
                "differs": differs.removeprefix("the "),
            },
        )
    return Answer(row.status, row.body, replayed=True)


def forget_old(program: Program, *, at: datetime) -> int:
    """Delete keys past their time: how many. What they did stays protected by the ids of the business."""
    old = IdempotencyKey.objects.filter(channel__program=program, created_at__lt=at - KEPT)
    return old.delete()[0]


def step(night: Night) -> int:
    """The nightly step."""
    return forget_old(night.program, at=night.at)
