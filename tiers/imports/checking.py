"""Lines of a file against what is there: repeated rows, members, rows that were booked before, tiers brought before.

What is refused here is refused alike in a dry run and in the import: both read with this and only the import writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.ledger.models import Transaction
from loyalty.ledger.terms import terms_of
from loyalty.members import identifiers
from loyalty.members.identifiers import Ref
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from tiers import published
from tiers.imports import batches
from tiers.imports.lines import Line, Placing, Terms
from tiers.imports.seen import Seen, said
from tiers.models import Placement


def terms(program: Program, *, at: datetime) -> Terms:
    """What the reading of a file needs to know of the program."""
    types = list(PointType.objects.filter(program=program).select_related("program"))
    main = published.main_of(program.pk)
    version = main.at(at) if main else None
    rungs = version.ladder.rungs if version else ()
    tiers = {rung.name.casefold(): rung.code for rung in rungs}
    return Terms(
        at=at,
        phone_region=program.phone_region,
        point_types={one.code.casefold(): (one, terms_of(one)) for one in types},
        default_type=next((one.code.casefold() for one in types if one.is_default), ""),
        tiers=tiers | {rung.code.casefold(): rung.code for rung in rungs},
    )


def within_file(line: Line, key: str, seen: Seen, *, keep_duplicates: bool) -> bool:
    """Refuse what an earlier row of the file has said already, or has said otherwise. Whether the member is new in the
    file."""
    if line.ref is None:
        return False
    is_new = seen.member(line.ref)
    if line.fault:
        return is_new
    first = seen.line(key, line.row.number)
    if first is not None and not keep_duplicates:
        line.refuse("duplicate_row", f"The same as row {first}.")
    elif line.placing:
        _same_tier(line, line.ref, line.placing, seen)
    return is_new


def _same_tier(line: Line, ref: Ref, placing: Placing, seen: Seen) -> None:
    earlier = seen.tier(ref, placing, line.row.number)
    if earlier is None:
        return
    line.repeats_tier = True
    if earlier[0] != said(placing):
        line.refuse("tier_differs", f"Row {earlier[1]} gives this member another tier or other days.")


class Checker:
    """Looks up what the rows of a chunk are about, in one query a question."""

    def __init__(self, program: Program, batch_ids: Collection[UUID], prefixes: Collection[str]) -> None:
        """`batch_ids` and `prefixes` are those of the imports of this file so far, this one included."""
        self.program = program
        self._batch_ids = frozenset(batch_ids)
        self._prefixes = prefixes

    def unknown(self, lines: Iterable[Line]) -> dict[Ref, list[Line]]:
        """Name the members of these lines; what is nobody's yet, with its lines."""
        open_ones = [line for line in lines if not line.fault and line.ref and line.member_id is None]
        found = identifiers.resolve(self.program.pk, {line.ref for line in open_ones if line.ref})
        missing: dict[Ref, list[Line]] = {}
        for line in open_ones:
            assert line.ref is not None
            known = found.get(line.ref)
            if known and known.member_id:
                line.member_id = known.member_id
            else:
                missing.setdefault(line.ref, []).append(line)
        return missing

    def members(self, lines: Iterable[Line], *, lock: bool) -> dict[UUID, Member]:
        """The members of these lines, locked when something is to be written; lines of closed ones are refused."""
        ids = {line.member_id for line in lines if line.member_id and not line.fault}
        rows = (
            Member.objects.filter(pk__in=ids).order_by("pk").only("id", "program_id", "state", "enrolled_at")
        )
        people = {one.pk: one for one in (rows.select_for_update(no_key=True, of=["self"]) if lock else rows)}
        for line in lines:
            member = people.get(line.member_id) if line.member_id else None
            if member and member.state == Member.State.CLOSED:
                line.refuse("member_closed", "This membership is closed.")
        return people

    def what_is_known(self, lines: Sequence[Line]) -> None:
        """Mark what was booked before, and refuse a tier that the member has got from elsewhere."""
        placed = self._placed({line.member_id for line in lines if line.placing and line.member_id})
        booked = self._booked(lines)
        here: dict[UUID, Placing] = {}
        for line in lines:
            line.points_known = line.row.number in booked
            if line.placing and line.member_id and not line.fault:
                if line.member_id in placed:
                    self._compare(line, line.placing, placed[line.member_id])
                elif here.setdefault(line.member_id, line.placing) is not line.placing:
                    self._repeat(line, line.placing, here[line.member_id])

    def _compare(self, line: Line, placing: Placing, placement: Placement) -> None:
        if placement.batch not in self._batch_ids:
            words = "A tier was imported for this member before, from another file; undo that first."
            line.refuse("tier_imported_before", words)
            return
        line.tier_known = True
        self._repeat(line, placing, Placing(placement.tier_code, placement.since, placement.ends_on))

    def _repeat(self, line: Line, placing: Placing, before: Placing) -> None:
        """The member may be named in several ways, which only now turn out to be one."""
        line.repeats_tier = line.repeats_tier or not line.tier_known
        if said(before) != said(placing):
            line.refuse(
                "tier_differs", "Another row of this file gives the member another tier or other days."
            )

    def _placed(self, member_ids: Collection[UUID | None]) -> dict[UUID | None, Placement]:
        rows = Placement.objects.filter(
            member__in=member_ids, kind=Placement.Kind.IMPORT, ended_at=None, tier_set__is_main=True
        )
        return {row.member_id: row for row in rows.order_by("pk")}

    def _booked(self, lines: Iterable[Line]) -> set[int]:
        numbers = [line.row.number for line in lines if line.units and not line.fault]
        references = [f"{prefix}{number}" for prefix in self._prefixes for number in numbers]
        if not references:
            return set()
        rows = Transaction.objects.filter(
            program=self.program, reference__in=references, kind="adjust", reason_code=batches.REASON
        )
        return {batches.row_of(one) for one in rows.values_list("reference", flat=True)}
