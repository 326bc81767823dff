"""Rows of one order together, in the order in which the orders begin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
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


def grouped(rows: Iterable[Row], column: int, width: int, *, window: int = WINDOW) -> Iterator[Group]:
    """Groups by the order's id in `column` of `width`. An id that comes again after `window` other rows is another
    group, which the inbox then refuses, unless it is a repetition word for word. The same file gives the same groups
    always.

    A row that does not say for certain whose it is belongs to an order all the same: it must not be missing there
    unseen. It waits for the next one that is certain (see `_order_of`).
    """
    open_ones: dict[str, Group] = {}
    unsure: list[Row] = []
    before = ""
    for row in rows:
        reference = _certain(row, column, width)
        if not reference:
            unsure.append(row)
            if len(unsure) < window:
                continue
        for one in unsure:
            _put(open_ones, _order_of(_shown(one, column, width), (before, reference), open_ones), one)
        unsure.clear()
        if reference:
            _put(open_ones, reference, row)
            before = reference
        while (first := next(iter(open_ones))) and open_ones[first].last + window < row.number:
            yield open_ones.pop(first)
    for one in unsure:
        _put(open_ones, _order_of(_shown(one, column, width), (before, ""), open_ones), one)
    yield from open_ones.values()


def _put(open_ones: dict[str, Group], reference: str, row: Row) -> None:
    key = reference or f"\n{row.number}"  # no id holds a line break once it is stripped
    open_ones.setdefault(key, Group(reference)).rows.append(row)


def _certain(row: Row, column: int, width: int) -> str:
    """The order's id where nothing can have moved it: in a sound row, or in the first cell of another."""
    if row.fault:
        return next(iter(_shown(row, column, width)), "") if column == 0 else ""
    return row.cells[column].strip()


def _shown(row: Row, column: int, width: int) -> list[str]:
    """What may be the order's id in a row that is not certain: counted from the left; with cells too many, from the
    right."""
    if not row.fault:
        return []
    moved = len(row.cells) - width if column else 0
    places = [column, column + moved] if moved > 0 else [column]
    found = (row.cells[place].strip() for place in places if place < len(row.cells))
    return [text for text in found if text and text.isprintable()]


def _order_of(shown: Sequence[str], beside: tuple[str, str], open_ones: Collection[str]) -> str:
    """Whose a row is that is not certain: the order's beside it, or another's, that it may name; the one's around it;
    nobody's that is known."""
    for near in (beside, open_ones):
        for one in shown:
            if one in near:
                return one
    before, after = beside
    if before == after:
        return before
    return shown[0] if shown else ""
