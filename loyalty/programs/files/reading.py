"""From the text of a program file to checked entries: every fault of shape is found, each with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from loyalty.programs.files import source
from loyalty.programs.files.faults import Fault, Path
from loyalty.programs.files.sections import Section, sections
from loyalty.programs.files.shapes import FORMS, Entry

FORMAT = 1
FORMAT_KEY = "format"

_WORDS = {
    "missing": "This is required.",
    "model_type": "This is a mapping of keys and values.",
    "dict_type": "This is a mapping of keys and values.",
    "list_type": "This is a list.",
    "string_type": "This is a text; put it in quotes if it looks like a number.",
    "bool_type": "This is true or false.",
    "int_type": "This is a whole number.",
    "less_than_equal": "This is at most {le}.",
    "greater_than_equal": "This is at least {ge}.",
    "string_too_long": "This has at most {max_length} characters.",
}


class Found(NamedTuple):
    """A sound entry and where it stands."""

    section: str
    entry: Entry
    path: Path


class Document(NamedTuple):
    """What could be read. `named` are the codes of all entries by section, sound or not."""

    source: source.Source
    entries: list[Found]
    faults: list[Fault]
    named: dict[str, set[str]]


def read(text: bytes) -> Document:
    """Raises FileRefused only for what is no YAML; all else is in `faults`."""
    read_source = source.read(text)
    document = Document(read_source, [], list(read_source.faults), {})
    if not isinstance(read_source.value, dict):
        document.faults.append(Fault((), "mapping_expected", "A program file is a mapping of sections."))
        return document
    _top(document, read_source.value)
    for name, section in sections.items():
        if (raw := read_source.value.get(name)) is not None:
            _section(document, name, section, raw)
    return document


def _top(document: Document, raw: Mapping[str, Any]) -> None:
    known = [FORMAT_KEY, *sections.names()]
    for key in raw:
        if key not in known:
            document.faults.append(Fault((key,), "unknown_key", _unknown(key, known)))
    if raw.get(FORMAT_KEY) != FORMAT or isinstance(raw.get(FORMAT_KEY), bool):
        path: Path = (FORMAT_KEY,) if FORMAT_KEY in raw else ()
        document.faults.append(Fault(path, "format_unknown", f"A program file begins with format: {FORMAT}."))
    if raw.get("program") is None:
        document.faults.append(
            Fault((), "required", "A program file says which program it is about: program.")
        )


def _section(document: Document, name: str, section: Section, raw: Any) -> None:
    if section.single:
        _entry(document, name, section, raw, (name,))
        return
    if not isinstance(raw, list):
        document.faults.append(Fault((name,), "list_expected", "This section is a list."))
        return
    seen: dict[str, int] = {}
    for index, one in enumerate(raw):
        path: Path = (name, index)
        key = one.get(section.key) if isinstance(one, dict) else None
        if isinstance(key, str) and key in seen:
            words = f"{key!r} is on line {document.source.line((name, seen[key]))} already."
            document.faults.append(Fault((*path, section.key), "code_taken", words))
            continue
        if isinstance(key, str):
            seen[key] = index
        _entry(document, name, section, one, path)
    document.named[name] = set(seen)


def _entry(document: Document, name: str, section: Section, raw: Any, path: Path) -> None:
    try:
        document.entries.append(Found(name, section.entry.model_validate(raw), path))
    except ValidationError as wrong:
        errors = wrong.errors(include_url=False)
        document.faults.extend(_faults(errors, section.entry, path))
        if (rest := _sound_part(section.entry, raw, errors)) is not None:
            document.entries.append(Found(name, rest, path))


def _sound_part(entry: type[Entry], raw: Any, errors: list[ErrorDetails]) -> Entry | None:
    """The entry without its faulty fields, if it can do without them: nothing of the file will be kept, but what else
    is wrong with it is found in the same go."""
    faulty = {error["loc"][0] for error in errors if error["loc"]}
    if not isinstance(raw, dict) or not faulty:
        return None
    try:
        return entry.model_validate({key: value for key, value in raw.items() if key not in faulty})
    except ValidationError:
        return None


def _faults(errors: Iterable[ErrorDetails], entry: type[Entry], path: Path) -> Iterable[Fault]:
    for error in errors:
        context = error.get("ctx") or {}
        place = (*path, *error["loc"])
        match error["type"]:
            case "refused":
                yield Fault(place, context["code"], context["words"])
            case "value_error":
                yield Fault(place, "invalid", str(context["error"]))
            case "extra_forbidden":
                known = list(entry.model_fields) if len(error["loc"]) == 1 else []
                yield Fault(place, "unknown_key", _unknown(str(error["loc"][-1]), known))
            case "literal_error":
                yield Fault(place, "choice_unknown", f"Use one of these: {context['expected']}.")
            case "string_pattern_mismatch":
                yield Fault(place, "form_invalid", FORMS[context["pattern"]])
            case kind:
                words = _WORDS.get(kind, error["msg"] + ".")
                yield Fault(place, "required" if kind == "missing" else kind, words.format(**context))


def _unknown(key: str, known: list[str]) -> str:
    close = get_close_matches(key[:60], known, n=1)
    return f"There is no key {key[:60]!r} here." + (f" Is {close[0]} meant?" if close else "")
