"""What a file has said so far, on the disk and not in memory: rows, members, and which tier each of them has."""

from __future__ import annotations

import sqlite3
from hashlib import blake2b

from loyalty.members.identifiers import Ref
from tiers.imports.lines import Placing

_TABLES = (
    "CREATE TABLE line (key BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID",
    "CREATE TABLE member (key BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE stranger (key BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE tier (key BLOB PRIMARY KEY, said TEXT, number INTEGER) WITHOUT ROWID",
)


class Seen:
    """A scratch file that vanishes with it. Personal data is kept as digests only."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA synchronous = OFF")
        for table in _TABLES:
            self._base.execute(table)
        self._base.execute("BEGIN")

    def close(self) -> None:
        self._base.close()

    def line(self, key: str, number: int) -> int | None:
        """Remember a row; the number of an equal one before it."""
        row = (_digest(key), number)
        if self._is_new("INSERT OR IGNORE INTO line VALUES (?, ?)", *row):
            return None
        return int(self._base.execute("SELECT number FROM line WHERE key = ?", row[:1]).fetchone()[0])

    def member(self, ref: Ref) -> bool:
        """Remember whom a row names; whether no row before it did."""
        return self._is_new("INSERT OR IGNORE INTO member VALUES (?)", _of(ref))

    def stranger(self, ref: Ref) -> bool:
        """Remember somebody who is no member; whether it is for the first time."""
        return self._is_new("INSERT OR IGNORE INTO stranger VALUES (?)", _of(ref))

    def tier(self, ref: Ref, placing: Placing, number: int) -> tuple[str, int] | None:
        """Remember which tier a row gives a member; what an earlier one said, with its number."""
        key = _of(ref)
        if self._is_new("INSERT OR IGNORE INTO tier VALUES (?, ?, ?)", key, said(placing), number):
            return None
        found: tuple[str, int] = self._base.execute(
            "SELECT said, number FROM tier WHERE key = ?", [key]
        ).fetchone()
        return found

    def _is_new(self, insert: str, *values: bytes | str | int) -> bool:
        return self._base.execute(insert, values).rowcount == 1


def said(placing: Placing) -> str:
    """A placing in one word, to be compared."""
    return f"{placing.tier} {placing.since or ''} {placing.until or ''}"


def _of(ref: Ref) -> bytes:
    return _digest(f"{ref.kind}:{ref.value}")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
