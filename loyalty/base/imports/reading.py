"""A delimited file, plain or compressed, row by row. What cannot be read is a row with a fault, never the end."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, Protocol, cast

from loyalty.base.errors import Invalid

_PIECE = 1 << 20
LONGEST_CELL = 100_000
UNREADABLE = (OSError, EOFError, UnicodeError, LookupError, lzma.LZMAError, zlib.error)
"""What reading may raise beside Invalid: no such file, a damaged archive, an encoding that nobody knows."""


class Layout(Protocol):
    """How a file is laid out. `columns` names the file's column for each of our fields."""

    @property
    def columns(self) -> Mapping[str, str]: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def encoding(self) -> str: ...


class Row(NamedTuple):
    """`number` counts as a spreadsheet does: the header is row 1. With a `fault` the cells mean nothing."""

    number: int
    cells: list[str]
    fault: str = ""


def fingerprint(path: Path) -> str:
    """What tells this file from every other: SHA-256 of its bytes as they are on the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def count_lines(path: Path) -> int:
    """Lines without the header. A cell with a line break makes it a few too many: this is for progress only."""
    lines = 0
    with _binary(path) as file:
        while piece := file.read(_PIECE):
            lines += piece.count(b"\n")
    return max(lines - 1, 0)


def measure(path: Path, *, most_bytes: int, longest_line: int) -> int:
    """Lines without the header, of a file that somebody sent. Raises Invalid `file_too_large` when it unpacks to more
    than that, or goes on and on without the end of a line."""
    lines = size = since = 0
    with _binary(path) as file:
        while piece := file.read(_PIECE):
            lines += piece.count(b"\n")
            size += len(piece)
            ends = piece.rfind(b"\n")
            since = since + len(piece) if ends < 0 else len(piece) - ends - 1
            if size > most_bytes or since > longest_line:
                raise Invalid("Unpacked, this file is larger than can be read here.", code="file_too_large")
    return max(lines - 1, 0)


def names(path: Path, delimiter: str, encoding: str) -> list[str]:
    """The first row. Raises Invalid when it is no text of that kind."""
    try:
        with _text(path, encoding) as file:
            first = next(csv.reader(file, delimiter=delimiter), [])
    except csv.Error as wrong:
        raise Invalid(
            f"The first row is no {delimiter!r}-separated text: {wrong}.", code="header_unreadable"
        ) from wrong
    if any(_is_damaged(name) or "\0" in name for name in first):
        words = "The first row is not text in the expected encoding: say which it is, e.g. cp1252 or utf-16."
        raise Invalid(words, code="header_unreadable")
    return [name.strip() for name in first]


def header(path: Path, layout: Layout) -> list[str]:
    """The names of the columns. Raises Invalid when one that the mapping names is not there."""
    found = names(path, layout.delimiter, layout.encoding)
    if missing := [column for column in layout.columns.values() if column not in found]:
        raise Invalid(
            f"The file has no column {', '.join(missing)}; it has {', '.join(found)}.", code="column_missing"
        )
    return found


def rows(path: Path, layout: Layout, width: int) -> Iterator[Row]:
    """All rows after the header; empty ones are left out."""
    csv.field_size_limit(LONGEST_CELL)
    with _text(path, layout.encoding) as file:
        reader = csv.reader(file, delimiter=layout.delimiter)
        next(reader, None)
        number = 1
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as wrong:
                yield Row(number, [], f"This row is no {layout.delimiter!r}-separated text: {wrong}.")
                continue
            if cells:
                yield Row(number, cells, _fault(cells, width))


def _fault(cells: list[str], width: int) -> str:
    if len(cells) != width:
        return f"The row has {len(cells)} cells, the header has {width}."
    if _is_damaged("".join(cells)):
        return "The row is not text in the expected encoding: say --encoding, e.g. cp1252."
    return ""


def _is_damaged(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _binary(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _text(path: Path, encoding: str) -> IO[str]:
    return io.TextIOWrapper(_binary(path), encoding=encoding, errors="surrogateescape", newline="")
