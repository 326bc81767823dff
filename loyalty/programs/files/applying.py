"""Program files: `export` a program, `apply` a file to the database, all of it or nothing, and say what it changes.

There is one way: everything is written in one transaction, and what has changed is read back by comparing the program's
own export before and after. A dry run is the same, undone at the end; so is a file with any fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from django.db import DataError, IntegrityError, transaction
from pydantic import create_model

from loyalty.base.errors import Conflict, LaurelError
from loyalty.base.ids import uuid7
from loyalty.base.locking import retrying
from loyalty.programs.files import reading, writing
from loyalty.programs.files.changes import Change, compare
from loyalty.programs.files.faults import Fault, FileRefused, Path
from loyalty.programs.files.reading import FORMAT, FORMAT_KEY, Document
from loyalty.programs.files.sections import Applying, sections
from loyalty.programs.files.shapes import Entry
from loyalty.programs.models import Program

STAND_IN: Final = {"name": "-", "currency": "EUR", "timezone": "UTC"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a file changes, or has changed; `left` are entries of the program that the file does not name."""

    program: str
    changes: list[Change]
    left: list[str]


class _Undone(Exception):
    """A dry run is over: roll back."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def export(program: Program) -> str:
    """The whole configuration as YAML. The same configuration gives the same bytes."""
    return writing.write(snapshot(program))


def snapshot(program: Program) -> dict[str, Any]:
    """The whole configuration as plain values, by section."""
    made: dict[str, Any] = {FORMAT_KEY: FORMAT}
    for name, section in sections.items():
        entries = section.read(program)
        made[name] = entries[0] if section.single else entries
    return made


def schema() -> dict[str, Any]:
    """The JSON Schema of program files, for editors."""
    fields: dict[str, Any] = {FORMAT_KEY: (int, FORMAT)}
    for name, section in sections.items():
        kind: Any = section.entry if section.single else list[section.entry]  # type: ignore[name-defined]
        fields[name] = (kind, ...) if name == "program" else (kind, None)
    model = create_model("ProgramFile", __base__=Entry, **fields)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


@retrying
def apply(text: bytes, *, at: datetime, by: str, dry_run: bool = False) -> Outcome:
    """Bring the database to what the file says, and publish what is new in campaigns. With `dry_run` nothing is kept.

    Raises FileRefused with every fault of the file and its line; then nothing was changed.
    """
    document = reading.read(text)
    try:
        with transaction.atomic():
            outcome = _apply(document, Applying(at=at, by=by, named=document.named))
            if dry_run:
                raise _Undone(outcome)  # noqa: TRY301 - the way to roll back
    except _Undone as undone:
        return undone.outcome
    except IntegrityError as clash:
        raise Conflict(
            "Somebody changed this program at the same time. Try again.", code="changed_meanwhile"
        ) from clash
    return outcome


def _apply(document: Document, applying: Applying) -> Outcome:
    _find_program(document, applying)
    before = {} if applying.is_new else snapshot(applying.program)
    for found in document.entries:
        _carry_out(applying, found.path, lambda f=found: sections[f.section].put(applying, f.entry, f.path))  # type: ignore[misc]
    if not document.faults:
        for name, section in sections.items():
            _carry_out(applying, (name,), lambda s=section: s.finish(applying))  # type: ignore[misc]
    if document.faults or applying.faults:
        _refuse(document, applying.faults)
    after = snapshot(applying.program)
    return Outcome(applying.program.code, compare(before, after), [*_left(document, after), *applying.left])


def _carry_out(applying: Applying, path: Path, act: Callable[[], None]) -> None:
    """One step in a savepoint, so that its failure leaves the others to be looked at."""
    try:
        with transaction.atomic():
            act()
    except LaurelError as wrong:
        applying.refuse_all(path, wrong)
    except DataError as wrong:
        applying.refuse(path, "out_of_range", f"The database cannot hold this: {str(wrong).splitlines()[0]}.")


def _find_program(document: Document, applying: Applying) -> None:
    """The program of the file; one that will be undone when the file does not say it soundly."""
    raw = document.source.value.get("program") if isinstance(document.source.value, Mapping) else None
    code = raw.get("code") if isinstance(raw, Mapping) else None
    rows = Program.objects.select_for_update(no_key=True)  # one file at a time: the next sees what it wrote
    found = rows.filter(code=code).first() if isinstance(code, str) and code.isprintable() else None
    if found is not None:
        applying.program = found
        return
    applying.is_new = True
    if not any(one.section == "program" for one in document.entries):
        # Everything below it is looked at all the same.
        applying.program = Program.objects.create(code=f"-{uuid7()}", created_at=applying.at, **STAND_IN)


def _refuse(document: Document, faults: list[Fault]) -> NoReturn:
    source = document.source
    raise FileRefused(
        one._replace(line=one.line or source.line(one.path)) for one in [*document.faults, *faults]
    )


def _left(document: Document, after: Mapping[str, Any]) -> Iterator[str]:
    """Entries that the file does not name, and sections that it does not have: they stay as they are."""
    for name, section in sections.items():
        if not section.single:
            codes = document.named.get(name, set())
            yield from (f"{name}/{one[section.key]}" for one in after[name] if one[section.key] not in codes)
        elif document.source.value.get(name) is None and any(after[name].values()):
            yield name
