"""Writes a program file: stable order, exact numbers, texts as they are."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import yaml


class _Writer(yaml.SafeDumper):
    """No anchors, whatever repeats; entries of a list are indented below their section."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _number(writer: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value, "f")
    kind = "float" if "." in text else "int"
    return writer.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


def _list(writer: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
    """A list of plain values stands on one line."""
    flow = not any(isinstance(one, dict) for one in value)
    return writer.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Writer.add_representer(Decimal, _number)
_Writer.add_representer(list, _list)


def write(snapshot: Mapping[str, Any]) -> str:
    """The YAML of a snapshot; an empty line parts the sections."""
    return "\n".join(
        yaml.dump({name: value}, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100)
        for name, value in snapshot.items()
        if value != []
    )
