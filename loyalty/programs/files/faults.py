"""What is wrong with a program file, and where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from loyalty.base.errors import FieldError, Invalid

Path = tuple[str | int, ...]
"""Where a value is in the file: ("campaigns", 2, "earn", "points")."""


class Fault(NamedTuple):
    """`line` 0 is: look it up by the path."""

    path: Path
    code: str
    message: str
    line: int = 0

    @property
    def place(self) -> str:
        """For people: what cannot be printed is escaped."""
        parts = (part if part.isprintable() else ascii(part)[1:-1] for part in map(str, self.path))
        return "/".join(parts)[:200]


class FileRefused(Invalid):
    """The file says something that cannot be; `faults` holds all of it, in the order of the lines."""

    code = "program_file_invalid"
    title = "The program file cannot be applied"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.line)
        told = [
            FieldError(fault.place, fault.code, f"line {fault.line}: {fault.message}")
            for fault in self.faults
        ]
        super().__init__(told[0].message if len(told) == 1 else f"{len(told)} faults", errors=told)
