"""Made-up files of balances with all that is wrong with real ones; a seed makes one again."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.tiers_imports.club import HEADER, row

Cells = Sequence[str]
MEMBERS = [f"m{number}" for number in range(12)]


def write(path: Path, rows: Iterable[Cells], header: Cells = HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


class Chance:
    """Rows of which a third is bad in one way or another."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def rows(self, count: int) -> list[Cells]:
        found: list[Cells] = []
        for _ in range(count):
            again = found and self.dice.random() < 0.05
            found.append(self.dice.choice(found) if again else self._row())
        return found

    def _row(self) -> Cells:
        pick = self.dice.choice
        points = pick(["", "points", "POINTS", "stars", "stars", "coins"])
        amount = str(self.dice.randint(1, 900))
        if points == "stars":
            amount += pick(["", ".5", ".25", ".125"])
        amount = pick([amount] * 8 + [f"-{amount}", "0", "1e3", "", "ten", "9" * 30])
        expires = pick(["2027-03-31", "2027-12-31", "2028-02-29", "never", "9999-12-31", "2026-11-20"])
        expires = pick([expires] * 6 + ["2026-11-19", "2027-02-30", "2026-01-01", ""])
        if amount.startswith("-"):
            expires = pick(["", "", "", expires])
        earned = pick(
            ["2026-10-01", "2026-10-25 23:30:00", "2025-02-28", "2026-11-20"] * 3 + ["", "2026-11-21", "soon"]
        )
        member = pick([*MEMBERS * 3, "nobody", "", "email:none", "ext:m3"])
        return row(member, amount, points=points, earned=earned, expires=expires)
