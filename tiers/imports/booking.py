"""A checked chunk into the books: lots and debts through `Books`, tiers through `Standings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.base.models import Job
from loyalty.ledger.acts import Actor
from loyalty.ledger.books import Books
from loyalty.ledger.errors import AmountOutOfRange
from loyalty.members.models import Member
from tiers.imports import batches, placing
from tiers.imports.lines import Line


def book(
    batch: Job, lines: Sequence[Line], people: Mapping[UUID, Member], *, actor: Actor, at: datetime
) -> None:
    """Write what these lines bring, within the caller's transaction; their members are locked. A line that the books
    refuse is refused as a whole."""
    books = Books.open(
        (line.member_id, line.point_type)
        for line in lines
        if line.brings_points and line.member_id and line.point_type
    )
    for line in lines:
        if line.brings_points:
            _bring(books, batch, line, actor, at)
    books.write()
    placing.place(batch, [line for line in lines if line.brings_tier], people, actor=actor, at=at)


def _bring(books: Books, batch: Job, line: Line, actor: Actor, at: datetime) -> None:
    if line.member_id is None or line.point_type is None or line.units is None or line.earned_at is None:
        raise ValueError("a line that brings points has all of them")
    try:
        books.bring(
            line.member_id, line.point_type, line.units,
            earned_at=line.earned_at, expires_at=line.expires_at, recorded_at=at, actor=actor,
            reason_code=batches.REASON, reference=batches.reference(batch, line.row.number),
        )  # fmt: skip
    except AmountOutOfRange as wrong:
        line.refuse(wrong.code, wrong.detail)
