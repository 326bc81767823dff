"""What a file's columns mean, as an operator says it: YAML files, `field=Column` pairs, options. Kinds of imports build
their own mappings from these words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from loyalty.base.errors import Invalid

Said = dict[str, Any]


def gathered(map_words: Sequence[str], options: Mapping[str, Any]) -> Said:
    """What `--map` words (YAML files and `field=Column` pairs, later ones win) and options say; options win over
    files, and one that is None or empty says nothing. Raises Invalid."""
    said: Said = {"columns": {}}
    for word in map_words:
        _merge(said, _pair(word) if "=" in word else _file(Path(word)))
    _merge(said, {key: value for key, value in options.items() if value not in (None, (), [], False, "")})
    return said


def _pair(word: str) -> Said:
    name, _, column = word.partition("=")
    return {"columns": {name.strip(): column.strip()}}


def _file(path: Path) -> Said:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as wrong:
        raise Invalid(f"--map {path}: {wrong}", code="map_unreadable") from wrong
    if not isinstance(found, dict) or not isinstance(found.get("columns", {}), dict):
        raise Invalid(
            f"--map {path}: a mapping has keys such as columns and time_format.", code="map_invalid"
        )
    return found


def _merge(said: Said, more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if key == "columns":
            said["columns"] = said["columns"] | value
        else:
            said[key] = value


def terms(
    said: Said, *, lists: Collection[str] = (), texts: Collection[str] = (), flags: Collection[str] = ()
) -> dict[str, Any]:
    """The values of these keys, each of its kind; nothing else may be said but `columns`. Raises Invalid."""
    if unknown := sorted(map(str, said.keys() - {"columns", *lists, *texts, *flags})):
        raise Invalid(f"The mapping does not know {', '.join(unknown)}.", code="map_invalid")
    found: dict[str, Any] = {key: _texts(key, said[key]) for key in lists if key in said}
    found |= {key: _text(key, said[key]) for key in texts if key in said}
    return found | {key: _flag(key, said[key]) for key in flags if key in said}


def columns(named: Mapping[Any, Any], fields: Sequence[str], required: Sequence[str]) -> dict[str, str]:
    """The file's column by our field. Raises Invalid."""
    if unknown := sorted(map(str, named.keys() - set(fields))):
        raise Invalid(
            f"No field is called {', '.join(unknown)}; there are {', '.join(fields)}.", code="map_invalid"
        )
    if missing := [name for name in required if not named.get(name)]:
        raise Invalid(f"--map must name the column of {', '.join(missing)}.", code="map_incomplete")
    return {name: _text(name, column) for name, column in named.items() if column}


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{key} is text; put it in quotes.", code="map_invalid")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{key} is true or false.", code="map_invalid")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, (list, tuple)) or not all(isinstance(one, str) and one for one in many):
        raise Invalid(f"{key} is a text or a list of texts.", code="map_invalid")
    return tuple(many)
