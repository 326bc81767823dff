"""Results of checks, imports and undoings as screens show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from loyalty.base.job_kinds import title_of
from loyalty.base.models import Job
from loyalty.console.job_words import Watched
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tiers.imports import batches, undo, work
from tiers.imports.wording import grouped, in_order


class Amounts(NamedTuple):
    """A line of a table of sums: a year, and for each part its words, amount and rows."""

    year: str
    cells: list[tuple[str, str, int]]
    unread: int


class Example(NamedTuple):
    """What one row does."""

    row: int
    member: Member | None
    point_type: PointType | None
    units: int
    expires_at: datetime | None
    tier: str


@dataclass(frozen=True)
class Row:
    """One job in the list."""

    job: Job

    @property
    def watched(self) -> Watched:
        return Watched(self.job)

    @property
    def title(self) -> str:
        return title_of(self.job.kind)

    @property
    def is_check(self) -> bool:
        return self.job.kind == work.CHECK

    @property
    def is_import(self) -> bool:
        return self.job.kind in batches.KINDS

    @property
    def is_undoing(self) -> bool:
        return self.job.kind in (undo.BY_STAFF, undo.BY_COMMAND)

    @property
    def is_undone(self) -> bool:
        return batches.is_undone(self.job)

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.job.result.get("counts", {})
        return counts


class Told:
    """What a job that is done has to say."""

    def __init__(self, job: Job) -> None:
        self.job, self.result = job, job.result
        self.counts: dict[str, int] = job.result["counts"]

    @property
    def facts(self) -> list[tuple[str, int]]:
        """Counts with their words."""
        words = (
            ("rows", _("Rows in the file")),
            ("booked", _("Rows that bring something")),
            ("known", _("Known already, without effect")),
            ("refused", _("Refused")),
            ("members", _("Members named")),
            ("enrolled", _("Of these enrolled")),
        )
        return [(label, self.counts.get(name, 0)) for name, label in words]

    @property
    def points(self) -> list[tuple[str, list[Amounts]]]:
        """Sums by point type, year by year."""
        found = self.result.get("points", {})
        return [
            (self._name(code), [_amounts(*pair) for pair in in_order(found[code])]) for code in sorted(found)
        ]

    @property
    def tiers(self) -> list[tuple[str, dict[str, int]]]:
        return sorted(self.result.get("tiers", {}).items())

    @property
    def faults(self) -> list[tuple[str, int, str]]:
        """Why rows were refused: words, how many, and the first of them."""
        found = sorted(self.result.get("faults", {}).items(), key=lambda pair: -pair[1]["count"])
        return [
            (code.replace("_", " ").capitalize(), one["count"], ", ".join(map(str, one["rows"])))
            for code, one in found
        ]

    @cached_property
    def examples(self) -> list[Example]:
        """Some rows that bring something, with the members they are about."""
        kept = self.result.get("examples", [])
        people = Member.objects.in_bulk([one["member"] for one in kept if one["member"]])
        by_id = {str(key): member for key, member in people.items()}
        return [self._example(one, by_id.get(one["member"])) for one in kept]

    @property
    def taken(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Of an undoing: what became of the points."""
        words = (
            ("brought", _("Brought by the import")),
            ("taken", _("Taken back")),
            ("lapsed", _("Lapsed meanwhile")),
            ("spent", _("Spent meanwhile")),
        )
        found = sorted(self.result.get("points", {}).items())
        return [
            (self._name(code), [(label, grouped(row[name])) for name, label in words if name in row])
            for code, row in found
        ]

    @cached_property
    def _types(self) -> dict[str, PointType]:
        return {one.code: one for one in PointType.objects.filter(program__code=self.job.scope)}

    def _name(self, code: str) -> str:
        known = self._types.get(code)
        return known.name_many if known else _("Kind that is not known")

    def _example(self, kept: dict[str, Any], member: Member | None) -> Example:
        at = kept.get("expires_at")
        return Example(
            kept["row"], member, self._types.get(kept.get("point_type", "")), kept.get("units", 0),
            datetime.fromisoformat(at) if at else None, kept.get("tier", ""),
        )  # fmt: skip


def _amounts(year: str, row: Mapping[str, Any]) -> Amounts:
    parts = (
        ("file", _("In the file")),
        ("booked", _("Booked")),
        ("known", _("Known already")),
        ("refused", _("Refused")),
    )
    cells = [(label, grouped(row[part]), row[f"{part}_rows"]) for part, label in parts]
    words = {"all": _("In all"), "never": _("Never"), "owed": _("Owed"), "?": _("Not readable")}
    return Amounts(words.get(year, year), cells, row["unread_rows"])
