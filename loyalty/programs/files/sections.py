"""The register of sections: each app says what of its configuration stands in a program file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from loyalty.base.errors import FieldError, LaurelError
from loyalty.base.registry import Registry
from loyalty.programs.files.faults import Fault, Path
from loyalty.programs.files.shapes import Entry
from loyalty.programs.models import Program


@dataclass(slots=True)
class Applying:
    """One file on its way into the database. A section writes what differs and notes what is wrong; with any fault,
    all of it is undone."""

    at: datetime
    by: str
    program: Program = field(default_factory=Program)
    is_new: bool = False
    faults: list[Fault] = field(default_factory=list)
    named: dict[str, set[str]] = field(
        default_factory=dict
    )  # by section, the codes in the file, sound or not
    default_type: str = ""  # the point type that the file says is the default
    left: list[str] = field(default_factory=list)  # parts of entries that the file does not name: they stay

    def refuse(self, path: Path, code: str, message: str) -> None:
        self.faults.append(Fault(path, code, message))

    def refuse_all(self, path: Path, wrong: LaurelError | Iterable[FieldError]) -> None:
        """Every fault of a domain function, below `path`."""
        if isinstance(wrong, LaurelError):
            wrong = wrong.errors or [wrong.at_path("")]
        for one in wrong:
            self.refuse((*path, *pointer(one.path)), one.code, one.message)


def pointer(path: str) -> Path:
    """`conditions/all/1` as keys and indexes."""
    return tuple(int(part) if part.isdecimal() else part for part in path.split("/") if part)


Put = Callable[[Applying, Any, Path], None]
Read = Callable[[Program], list[dict[str, Any]]]


def _nothing(applying: Applying) -> None:
    """Most sections have no rule about all of their entries together."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the file. `read` gives the entries of a program in their one normal form; `put` brings one entry in,
    and writes nothing when the program says so already; `finish` looks at all of them together."""

    entry: type[Entry]
    read: Read
    put: Put
    finish: Callable[[Applying], None] = _nothing
    single: bool = False  # one mapping instead of a list
    key: str = "code"  # what names an entry in its list


sections: Final[Registry[Section]] = Registry("section of program files")
