"""Reads the YAML of a program file strictly, and remembers the line of every value.

Only what a configuration needs is YAML here: mappings, lists, texts, plain numbers, true, false and null. Anchors,
tags, keys that come twice and everything oversized are refused. 17:00, no, 1e3 and 2026-11-22 are texts; numbers are
exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import yaml

from loyalty.programs.files.faults import Fault, FileRefused, Path

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 30
MAX_VALUES: Final = 50_000

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_EXACT = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\.[0-9]{1,19}")
_WORDS: Final[dict[str, Any]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Source:
    """The value of a file, and the line (from 1) on which each part of it stands."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a value, or of the nearest thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: bytes) -> Source:
    """The value with its lines; keys that come twice are noted in `faults`. Raises FileRefused for what cannot be read
    at all."""
    if len(text) > MAX_BYTES:
        raise _refused(1, "file_too_large", f"A program file has at most {MAX_BYTES // 1024} KiB.")
    try:
        return _Reader(yaml.parse(text, Loader=_LOADER)).read()
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        raise _refused(
            mark.line + 1 if mark else 1, "yaml_invalid", f"This is not YAML: {wrong.problem}."
        ) from wrong
    except (yaml.YAMLError, UnicodeError) as wrong:
        told = str(wrong).splitlines()[0][:200]
        raise _refused(1, "yaml_invalid", f"This is not YAML text in UTF-8: {told}.") from wrong


class _Reader:
    """Builds the value from the events of the parser, which come one by one and can be stopped at any time."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.events = events
        self.source = Source()
        self.values = 0

    def read(self) -> Source:
        next(self.events)  # the stream begins
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise _refused(1, "file_empty", "The file is empty.")
        self.source.value = self._value(next(self.events), ())
        next(self.events)  # the document ends
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _refused(after.start_mark.line + 1, "documents", "A program file is one document.")
        return self.source

    def _value(self, event: Any, path: Path) -> Any:
        line = event.start_mark.line + 1
        self.source.lines.setdefault(path, line)
        self.values += 1
        if self.values > MAX_VALUES or len(path) > MAX_DEPTH:
            words = f"A program file has at most {MAX_VALUES} values, nested {MAX_DEPTH} levels deep."
            raise _refused(line, "file_too_large", words)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _refused(line, "anchor", "Anchors and aliases (& and *) are not used in program files.")
        if event.tag is not None and not (event.tag == "!" and isinstance(event, yaml.ScalarEvent)):
            raise _refused(line, "tag", "Tags (!) are not used in program files.")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return _scalar(event)

    def _mapping(self, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise _refused(line, "key_invalid", "A key is a plain text.")
            key = event.value
            inner = (*path, key)
            if key in made:
                words = (
                    f"The key {key[:60]!r} comes twice; it stands on line {self.source.lines[inner]} already."
                )
                self.source.faults.append(Fault(inner, "duplicate_key", words, line))
                self._value(next(self.events), (*path, f"{key} (again)"))
                continue
            self.source.lines[inner] = line
            made[key] = self._value(next(self.events), inner)
        return made

    def _list(self, path: Path) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            made.append(self._value(event, (*path, len(made))))
        return made


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if _EXACT.fullmatch(text) else text


def _refused(line: int, code: str, message: str) -> FileRefused:
    return FileRefused([Fault((), code, message, line)])
