"""One row of a file of balances: its cells as values, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Literal, NamedTuple
from uuid import UUID

from loyalty.base.clock import FIRST_YEAR, LAST_YEAR, add_days, local_date, midnight
from loyalty.base.errors import Invalid
from loyalty.base.imports.badrows import Refused
from loyalty.base.imports.reading import Row
from loyalty.base.numbers import parse_points
from loyalty.ledger.terms import PointTerms
from loyalty.members.identifiers import PREFIXES, Ref, parse_ref
from loyalty.programs.models import PointType
from tiers.imports.mapping import Mapping

NEVER = "never"
OWED = "owed"
UNREAD = "?"  # of a point type, an amount or a day that could not be read
NO_DAY_YEAR = 9999  # how other systems write "never"
Outcome = Literal["booked", "known", "refused"]


class Placing(NamedTuple):
    """A tier that a member brings along, held since some day; `until` is its last one."""

    tier: str
    since: date | None
    until: date | None


@dataclass(slots=True)
class Line:
    """What a row says, as far as it could be read. `units` is signed; None without an amount."""

    row: Row
    fault: Refused | None = None
    ref: Ref | None = None
    point_type: PointType | None = None
    units: int | None = None
    year: str = UNREAD  # in which the points lapse
    earned_at: datetime | None = None
    expires_at: datetime | None = None
    has_amount: bool = False
    placing: Placing | None = None
    repeats_tier: bool = False  # an earlier row of this file says the same of the member
    member_id: UUID | None = None
    points_known: bool = False  # booked before
    tier_known: bool = False  # placed before

    def refuse(self, code: str, reason: str) -> None:
        """The first fault is the one that is told."""
        self.fault = self.fault or Refused(self.row, code, reason)

    def fresh(self) -> Line:
        """A copy, for another attempt at its chunk."""
        return replace(self)

    @property
    def brings_points(self) -> bool:
        return bool(self.units) and not self.fault and not self.points_known

    @property
    def brings_tier(self) -> bool:
        return self.placing is not None and not self.fault and not self.repeats_tier and not self.tier_known

    @property
    def outcome(self) -> Outcome:
        if self.fault:
            return "refused"
        return "booked" if self.brings_points or self.brings_tier else "known"

    @property
    def points_outcome(self) -> Outcome:
        return "refused" if self.fault else "known" if self.points_known else "booked"

    @property
    def tier_outcome(self) -> Outcome:
        return "refused" if self.fault else "known" if self.tier_known else "booked"


class Terms(NamedTuple):
    """What the program gives to the reading of a file: point types by code, tiers by code and by name."""

    at: datetime
    phone_region: str
    point_types: AnyMapping[str, tuple[PointType, PointTerms]]
    default_type: str
    tiers: AnyMapping[str, str]


class LineReader:
    """Reads rows of one file. Equal cells are common, so what a cell means is remembered."""

    def __init__(self, mapping: Mapping, header: Sequence[str], terms: Terms) -> None:
        self.mapping, self.terms = mapping, terms
        self.column = {name: header.index(column) for name, column in mapping.columns.items()}
        self.today = local_date(terms.at, mapping.zone)
        self._day = lru_cache(8192)(self._read_day)
        self._midnight = lru_cache(8192)(lambda day: midnight(day, mapping.zone))
        self._amount = lru_cache(8192)(parse_points)

    def read(self, row: Row) -> Line:
        """The line with its first fault, if it has one; it raises nothing."""
        line = Line(row)
        if row.fault:
            line.refuse("row_unreadable", row.fault)
            return line
        for part in (self._read_member, self._read_points, self._read_dates, self._read_tier):
            try:
                part(line)
            except Invalid as wrong:
                line.refuse(wrong.code, wrong.detail)
        if not line.fault and not line.units and line.placing is None:
            line.refuse("row_empty", "The row brings neither points nor a tier.")
        return line

    def key(self, row: Row) -> str:
        """What a repeated row has in common with the first."""
        return "\n".join(row.cells[index].strip() for index in self.column.values())

    def _cell(self, row: Row, name: str) -> str:
        index = self.column.get(name)
        return "" if index is None else row.cells[index].strip()

    def _read_member(self, line: Line) -> None:
        text = self._cell(line.row, "member")
        if not text:
            raise Invalid("The row names no member.", code="member_missing")
        prefix, colon, _ = text.partition(":")
        written = text if colon and prefix in PREFIXES else f"{self.mapping.member_kind}:{text}"
        line.ref = parse_ref(written, self.terms.phone_region)

    def _read_points(self, line: Line) -> None:
        text = self._cell(line.row, "amount")
        code = self._cell(line.row, "point_type").casefold() or self.terms.default_type
        line.has_amount = bool(text)
        if not text:
            return
        found = self.terms.point_types.get(code)
        if found is None:
            raise Invalid(f"There are no points called {code[:40]!r}.", code="point_type_unknown")
        line.point_type = found[0]
        line.units = self._amount(text, line.point_type.decimals)

    def _read_dates(self, line: Line) -> None:
        if not line.units:
            return
        at, zone = self.terms.at, self.mapping.zone
        earned = self._given_day(line, "earned_on")
        if line.units < 0:
            line.year = OWED
            if self._cell(line.row, "expires_on"):
                raise Invalid("What is owed does not lapse: leave the day empty.", code="debt_with_expiry")
        if earned and earned > self.today:
            raise Invalid("These points were earned later than today.", code="earned_in_future")
        line.earned_at = self._midnight(earned) if earned and earned < self.today else at
        if line.units > 0:
            line.expires_at = self._lapse(line, earned or local_date(at, zone))
            line.year = (
                str(add_days(local_date(line.expires_at, zone), -1).year) if line.expires_at else NEVER
            )
            if line.expires_at and line.expires_at <= at:
                raise Invalid("These points have lapsed already.", code="already_lapsed")

    def _lapse(self, line: Line, earned: date) -> datetime | None:
        """The end of the last day, or, where the row names none, what the point type says."""
        text = self._cell(line.row, "expires_on")
        if text.casefold() == NEVER or text.startswith(str(NO_DAY_YEAR)):
            return None
        if not text:
            assert line.point_type is not None
            return self.terms.point_types[line.point_type.code.casefold()][1].expires_at(
                self._midnight(earned)
            )
        last = self._day(text)
        if last < earned:
            raise Invalid("These points lapse before they were earned.", code="expires_before_earned")
        return self._midnight(add_days(last, 1))

    def _read_tier(self, line: Line) -> None:
        text = self._cell(line.row, "tier")
        if not text:
            return
        tier = self.terms.tiers.get(text.casefold())
        if tier is None:
            raise Invalid(f"The ladder in force has no tier {text[:40]!r}.", code="tier_unknown")
        since, until = self._given_day(line, "tier_since"), self._given_day(line, "tier_until")
        if since and since > self.today:
            raise Invalid("The tier begins later than today.", code="tier_in_future")
        if until and until < self.today:
            raise Invalid("The tier has ended already.", code="tier_ended")
        line.placing = Placing(tier, since, until)

    def _given_day(self, line: Line, name: str) -> date | None:
        text = self._cell(line.row, name)
        return self._day(text) if text else None

    def _read_day(self, text: str) -> date:
        form = self.mapping.date_format
        try:
            found = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
        except ValueError as wrong:
            expected = form or "2026-11-12"
            raise Invalid(f"{text[:40]!r} is no day like {expected}.", code="day_invalid") from wrong
        day = local_date(found, self.mapping.zone) if found.tzinfo else found.date()
        if not FIRST_YEAR <= day.year < LAST_YEAR:
            raise Invalid(f"The year {day.year} is outside the calendar.", code="day_invalid")
        return day
