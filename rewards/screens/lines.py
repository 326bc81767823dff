"""The repeated rows of the reward form: prices in their order, limits, hours, what a member is asked for.

Each is read from what was typed or from what is stored, drawn again, and turned into what the catalogue keeps. What
cannot be read stays as it was typed, with its fault beside it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.text import slugify
from django.utils.translation import gettext as _

from loyalty.base.errors import LaurelError
from loyalty.base.numbers import format_points, typed_points, ungrouped
from loyalty.conditions.fields import Schema
from loyalty.console.condition_editor import Editor
from loyalty.programs.models import PointType
from rewards.models import Price, ProductReward, Reward

MOST: Final = 30
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "caps": ("times", "per"),
    "hours": ("from", "to"),
    "asks": ("label", "code", "required"),
}
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "caps": ("times",),
    "hours": ("from", "to"),
    "asks": ("label", "code"),
}


@dataclass(slots=True)
class PriceLine:
    """One price, as typed. Its condition is edited below it, under a prefix of its own."""

    point_type: str = ""
    points: str = ""
    tiers: list[str] = dataclasses.field(default_factory=list)
    editor: Editor = dataclasses.field(default_factory=lambda: Editor("prices-0"))
    faults: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, price: Price, place: int) -> PriceLine:
        points = format_points(price.points, price.point_type.decimals)
        editor = Editor.of(prefix(place), price.audience)
        return cls(str(price.point_type_id), points, list(price.tiers), editor)

    @classmethod
    def posted(cls, data: Any, place: int) -> PriceLine:
        name = prefix(place)
        return cls(
            str(data.get(f"{name}-point_type", ""))[:20],
            str(data.get(f"{name}-points", ""))[:30].strip(),
            [str(code)[:50] for code in data.getlist(f"{name}-tiers")][:MOST],
            Editor.posted(name, data),
        )

    def read(self, types: Mapping[str, PointType], schema: Schema) -> dict[str, Any] | None:
        """What the catalogue keeps; None, with the fault noted, when it cannot be read."""
        kind = types.get(self.point_type)
        if kind is None:
            self.faults.append(_("Choose the kind of points."))
            return None
        try:
            points = typed_points(self.points, kind.decimals)
        except LaurelError as wrong:
            self.faults.append(wrong.detail if self.points else _("Say how many points."))
            return None
        if points < 0:
            self.faults.append(_("A price is 0 points or more."))
            return None
        return {
            "point_type": kind, "points": points, "tiers": self.tiers, "audience": self.editor.tree(schema),
        }  # fmt: skip


def prefix(place: int) -> str:
    return f"prices-{place}"


@dataclass(slots=True)
class Prices:
    """The prices from the top, with what their buttons do."""

    lines: list[PriceLine]
    focus: str = ""
    """The id of the control that the keyboard goes on with after a button was pressed."""

    @classmethod
    def of(cls, reward: Reward, default: PointType | None) -> Prices:
        """The stored ones; of a reward without any, one to be filled in."""
        stored = list(reward.prices.select_related("point_type")) if reward.pk else []
        lines = [PriceLine.of(price, place) for place, price in enumerate(stored)]
        return cls(lines or [PriceLine(str(default.pk) if default else "")])

    @classmethod
    def posted(cls, data: Any) -> Prices:
        count = str(data.get("prices-count", ""))
        whole = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0
        return cls([PriceLine.posted(data, place) for place in range(min(whole, MOST))])

    def act(self, action: str) -> None:
        """`add`, `remove:1`, `up:1`, `down:1`. Anything else does nothing."""
        name, _colon, number = action.partition(":")
        place = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else -1
        if name == "add" and len(self.lines) < MOST:
            self.lines.append(PriceLine(self.lines[-1].point_type if self.lines else ""))
            self.focus = f"prices-{len(self.lines) - 1}-points"
        elif 0 <= place < len(self.lines):
            if name == "remove":
                del self.lines[place]
                self.focus = "prices-add"
            elif name in ("up", "down"):
                self._move(place, place + (1 if name == "down" else -1))
        for index, line in enumerate(self.lines):
            line.editor.prefix = prefix(index)

    def _move(self, place: int, to: int) -> None:
        if 0 <= to < len(self.lines):
            self.lines[place], self.lines[to] = self.lines[to], self.lines[place]

    def read(self, types: Mapping[str, PointType], schema: Schema) -> list[dict[str, Any]]:
        """Those that can be read, from the top; the faults are with the lines."""
        for line in self.lines:
            line.faults = []
        found = [line.read(types, schema) for line in self.lines]
        return [one for one in found if one is not None]

    @property
    def has_faults(self) -> bool:
        return any(line.faults for line in self.lines)


def posted_lines(name: str, data: Mapping[str, Any]) -> list[dict[str, str]]:
    """The filled rows of one kind."""
    lines = []
    for index in range(MOST):
        line = {part: str(data.get(f"{name}-{index}-{part}", ""))[:200].strip() for part in _PARTS[name]}
        if any(line[part] for part in _NEEDED[name]):
            lines.append(line)
    return lines


def stored_lines(name: str, reward: Reward) -> list[dict[str, str]]:
    if name == "hours":
        return [{"from": str(pair[0]), "to": str(pair[1])} for pair in reward.hours]
    if name == "caps":
        return [{"times": str(one.get("times", "")), "per": str(one.get("per", ""))} for one in reward.caps]
    asks = reward.delivery_attributes if isinstance(reward, ProductReward) else []
    return [
        {
            "label": str(one["label"]),
            "code": str(one["code"]),
            "required": "on" if one.get("required") else "",
        }
        for one in asks
    ]


def hours(lines: Sequence[Mapping[str, str]]) -> list[list[str]]:
    return [[line["from"][:5], line["to"][:5]] for line in lines]


def caps(lines: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The JSON of limits. What is no number is kept as typed and refused when it is published."""
    found = []
    for line in lines:
        times = ungrouped(line["times"])
        whole = times.isascii() and times.isdigit() and len(times) < 8
        found.append({"times": int(times) if whole else times, "per": line["per"]})
    return found


def asks(lines: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """What a member is asked for; a code is made of the label where none was typed."""
    return [
        {
            "code": line["code"] or _code_of(line["label"], place),
            "label": line["label"],
            "required": line["required"] == "on",
        }
        for place, line in enumerate(lines)
    ]


def _code_of(label: str, place: int) -> str:
    code = re.sub(r"[^a-z0-9_]", "_", slugify(label).replace("-", "_"))[:50]
    return code if code[:1].isalpha() else f"field_{place + 1}"
