"""A delimited file, plain or compressed, row by row. What cannot be read is a row with a fault, never the end."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from campaigns.imports.mapping import Mapping
from loyalty.base.errors import Invalid

_PIECE = 1 << 20
LONGEST_CELL = 100_000


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


def header(path: Path, mapping: Mapping) -> list[str]:
    """The names of the columns. Raises Invalid when one that the mapping names is not there."""
    with _text(path, mapping) as file:
        names = next(csv.reader(file, delimiter=mapping.delimiter), [])
    found = [name.strip() for name in names]
    if missing := [column for column in mapping.columns.values() if column not in found]:
        raise Invalid(
            f"The file has no column {', '.join(missing)}; it has {', '.join(found)}.", code="column_missing"
        )
    return found


def rows(path: Path, mapping: Mapping, width: int) -> Iterator[Row]:
    """All rows after the header; empty ones are left out."""
    csv.field_size_limit(LONGEST_CELL)
    with _text(path, mapping) as file:
        reader = csv.reader(file, delimiter=mapping.delimiter)
        next(reader, None)
        number = 1
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as wrong:
                yield Row(number, [], f"This row is no {mapping.delimiter!r}-separated text: {wrong}.")
                continue
            if cells:
                yield Row(number, cells, _fault(cells, width))


def _fault(cells: list[str], width: int) -> str:
    if len(cells) != width:
        return f"The row has {len(cells)} cells, the header has {width}."
    line = "".join(cells)
    if not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line):
        return "The row is not text in the expected encoding: say --encoding, e.g. cp1252."
    return ""


def _binary(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _text(path: Path, mapping: Mapping) -> IO[str]:
    return io.TextIOWrapper(_binary(path), encoding=mapping.encoding, errors="surrogateescape", newline="")
