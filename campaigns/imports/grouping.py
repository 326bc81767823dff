"""Rows of one order together, in the order in which the orders begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from loyalty.base.imports.reading import Row

WINDOW = 2_000  # tills write at the same time: rows of one order may have others between them, up to so many


@dataclass(slots=True)
class Group:
    """The rows of one order. Without a `reference` it is a single row that names no order."""

    reference: str
    rows: list[Row] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.rows[-1].number


def grouped(rows: Iterable[Row], column: int, *, window: int = WINDOW) -> Iterator[Group]:
    """Groups by the order's id in `column`. An id that comes again after `window` other rows is another group, which
    the inbox then refuses, unless it is a repetition word for word. The same file gives the same groups always.
    """
    open_ones: dict[str, Group] = {}
    for row in rows:
        reference = "" if row.fault else row.cells[column].strip()
        key = reference or f"\n{row.number}"  # no id holds a line break once it is stripped
        if key in open_ones:
            open_ones[key].rows.append(row)
        else:
            open_ones[key] = Group(reference, [row])
        while (first := next(iter(open_ones))) and open_ones[first].last + window < row.number:
            yield open_ones.pop(first)
    yield from open_ones.values()
