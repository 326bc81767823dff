"""Facts about tiers: what members can see of their changes, told once, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from loyalty.outbox.facts import FactRow
from tiers.lines import Line
from tiers.models import TierChange
from tiers.rows import ChangeRow

Kind = TierChange.Kind
JOINED, UPGRADED, RETAINED = "tier.joined", "tier.upgraded", "tier.retained"
DOWNGRADED, WILL_DOWNGRADE = "tier.downgraded", "tier.will_downgrade"
TOLD = (JOINED, UPGRADED, RETAINED, DOWNGRADED, WILL_DOWNGRADE)


class Announcing:
    """What is told of changes. The same change of many members is put in words once."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Mapping[str, Any], str | None, dict[str, Any]]] = {}

    def changes(self, line: Line) -> Iterator[FactRow]:
        """What to tell of a line's new changes; nothing of what a manual tier covers, nor of what an import brings."""
        for change in line.changes:
            if change.beneath or change.kind == Kind.IMPORTED:
                continue
            fact, data = self._words(line, change)
            if fact is not None:
                yield FactRow(change.program_id, change.member_id, fact, data, change.at, change.decided_at)

    def _words(self, line: Line, change: ChangeRow) -> tuple[str | None, dict[str, Any]]:
        numbers = change.numbers  # kept with the words, so that no other object gets its id
        key = (
            id(numbers),
            change.kind,
            change.from_code,
            change.to_code,
            change.valid_until,
            change.version_id,
            change.event_id,
        )
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = numbers, _type(line, change), _data(line, change)
        return found[1], found[2]


def will_downgrade(line: Line, coming: Mapping[str, Any]) -> FactRow:
    """A drop that comes unless the member does something."""
    data = {"tier_set": line.tier_set.code, **coming}
    return FactRow(line.tier_set.program_id, line.person.id, WILL_DOWNGRADE, data, line.at, line.at)


def _type(line: Line, change: ChangeRow) -> str | None:
    if change.kind == Kind.RETAINED:
        return RETAINED
    if change.from_code == change.to_code:
        return None
    if not change.from_code:
        return JOINED
    versions = line.course.versions
    newest = next(one.ladder for one in versions if one.id == change.version_id)
    return UPGRADED if newest.rank(change.to_code) > _rank(line, change.from_code) else DOWNGRADED


def _rank(line: Line, code: str) -> int:
    """The rank of a tier on the newest ladder that has it."""
    ladders = (version.ladder for version in reversed(line.course.versions))
    return next((ladder.rank(code) for ladder in ladders if code in ladder.by_code), 0)


def _data(line: Line, change: ChangeRow) -> dict[str, Any]:
    data: dict[str, Any] = {
        "tier_set": line.tier_set.code,
        "from": change.from_code,
        "to": change.to_code,
        "kind": change.kind,
        "valid_until": change.valid_until.isoformat() if change.valid_until else None,
        "version": next(one.published_as for one in line.course.versions if one.id == change.version_id),
    }
    if "value" in change.numbers:
        data |= {"value": change.numbers["value"], "needed": change.numbers["needed"]}
    if change.event_id is not None:
        data["event"] = str(change.event_id)
    return data
