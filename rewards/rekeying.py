"""Bringing all codes under the present key, so that the key before it can be thrown away.

A row that is under the present key already is passed over, so that it may be stopped at any moment and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.db import connection

from rewards import codes
from rewards.errors import CodeUnreadable
from rewards.models import CodeBatch

CHUNK: Final = 1_000
Row: TypeAlias = tuple[int, bytes, bytes]

_OLD: Final = """
    SELECT id, ciphertext, digest FROM rewards_code
    WHERE id > %(after)s AND substring(ciphertext FROM 1 FOR %(length)s) <> %(key)s
    ORDER BY id LIMIT %(chunk)s
"""
# Only what is still as it was read: somebody else may be at it too.
_RENEW: Final = """
    UPDATE rewards_code code SET ciphertext = one.renewed
    FROM unnest(%(ids)s::bigint[], %(before)s::bytea[], %(renewed)s::bytea[]) AS one (id, before, renewed)
    WHERE code.id = one.id AND code.ciphertext = one.before
"""


@dataclass(slots=True)
class Renewed:
    """How many rows were brought under the present key, and which codes no key that is there can read."""

    codes: int = 0
    files: int = 0
    unreadable: int = 0


def renew(*, tell: Callable[[Renewed], None] = lambda _so_far: None) -> Renewed:
    """Encrypt everything anew that is not under the present key, in short statements; `tell` after each."""
    found = Renewed()
    after = 0
    while rows := _old(after):
        after = rows[-1][0]
        _renew(rows, found)
        tell(found)
    _renew_files(found)
    return found


def _old(after: int) -> list[Row]:
    key = codes.current_id()
    with connection.cursor() as cursor:
        cursor.execute(_OLD, {"after": after, "length": len(key), "key": key, "chunk": CHUNK})
        return [(row_id, bytes(sealed), bytes(digest)) for row_id, sealed, digest in cursor.fetchall()]


def _renew(rows: Sequence[Row], found: Renewed) -> None:
    read = [(row_id, sealed, _anew(sealed, digest)) for row_id, sealed, digest in rows]
    good = [(row_id, sealed, renewed) for row_id, sealed, renewed in read if renewed is not None]
    found.unreadable += len(read) - len(good)
    if not good:
        return
    ids, before, renewed = zip(*good, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, {"ids": list(ids), "before": list(before), "renewed": list(renewed)})
        found.codes += cursor.rowcount


def _anew(sealed: bytes, bound_to: bytes) -> bytes | None:
    try:
        return codes.encrypt(codes.decrypt(sealed, bound_to=bound_to), bound_to=bound_to)
    except CodeUnreadable:
        return None


def _renew_files(found: Renewed) -> None:
    """Files that wait to be loaded, or whose loading was stopped."""
    for batch in CodeBatch.objects.exclude(content=None).only("pk", "content").iterator(chunk_size=1):
        assert batch.content is not None
        sealed = bytes(batch.content)
        if codes.is_current(sealed):
            continue
        renewed = _anew(sealed, batch.pk.bytes)
        found.unreadable += renewed is None
        if renewed is not None:
            waiting = CodeBatch.objects.filter(pk=batch.pk).exclude(content=None)  # it may be loaded by now
            found.files += waiting.update(content=renewed)
