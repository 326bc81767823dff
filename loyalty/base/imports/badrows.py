"""The report of refused rows: a file like the one that was read, with the reason beside each row, so that it can be
put right and imported again."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from loyalty.base.imports.reading import Row
from loyalty.base.sheets import safe_cell

REASONS = ("row", "code", "reason")


class Refused(NamedTuple):
    """A row that has no effect, and why. `code` is stable."""

    row: Row
    code: str
    reason: str


def fitted(cells: Sequence[str], width: int) -> list[str]:
    """As many cells as the header has, so that the reasons stand in their columns."""
    if len(cells) > width:
        return [*cells[: width - 1], " ".join(cells[width - 1 :])]
    return [*cells, *[""] * (width - len(cells))]


class BadRows:
    """Written as far as the job's cursor says, and no further: what a killed run wrote beyond it is cut off."""

    def __init__(self, path: Path, header: Sequence[str], *, size: int = 0, delimiter: str = ",") -> None:
        self.path = path
        self.size = size
        self.delimiter = delimiter  # that of the file, so that both are read alike
        self._header = header

    def add(self, refused: Iterable[Refused]) -> int:
        """Append these and put them on the disk; the size to remember once the transaction is committed."""
        lines = [
            [*map(safe_cell, fitted(one.row.cells, len(self._header))), one.row.number, one.code, one.reason]
            for one in refused
        ]
        if not lines:
            return self.size
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n")
        if not self.size:
            writer.writerow([*self._header, *REASONS])
        writer.writerows(lines)
        data = text.getvalue().encode("utf-8", "backslashreplace")
        with self.path.open("r+b" if self.size and self.path.exists() else "wb") as file:
            file.seek(0, os.SEEK_END)
            start = min(self.size, file.tell())  # the file may have been taken away meanwhile
            file.seek(start)
            file.truncate()
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return start + len(data)
