"""Kinds of events in program files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from loyalty.events import types
from loyalty.events.models import EventType
from loyalty.programs.files.faults import Path
from loyalty.programs.files.own_sections import AttributeEntry, attributes_in_file, changed, declared
from loyalty.programs.files.sections import Applying, Section, sections
from loyalty.programs.files.shapes import Entry, Name
from loyalty.programs.models import Program


class EventTypeEntry(Entry):
    code: Annotated[str, Field(max_length=types.MAX_CODE)]
    name: Name
    attributes: list[AttributeEntry] = []


def _put(applying: Applying, entry: EventTypeEntry, path: Path) -> None:
    found = EventType.objects.filter(program=applying.program, code=entry.code).first()
    row = found or EventType(program=applying.program, code=entry.code)
    place, owner = (*path, "attributes"), f"event_types/{entry.code}"
    schema = declared(applying, entry.attributes, place, row.attributes, owner=owner)
    differs = changed(row, {"name": entry.name, "attributes": schema})
    if wrong := types.faults(row):
        applying.refuse_all(path, wrong)
    elif differs or found is None:
        row.save()


def _read(program: Program) -> list[dict[str, Any]]:
    return [
        {"code": row.code, "name": row.name, "attributes": attributes_in_file(row.attributes)}
        for row in EventType.objects.filter(program=program).order_by("code")
    ]


def register() -> None:
    """Called once, when the app is ready."""
    sections.register("event_types", Section(EventTypeEntry, _read, _put), order=30)
