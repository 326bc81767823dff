"""A second, simple-minded importer: plain Python over the file, no project code. It knows the club of these tests,
whose points and stars never lapse by themselves, and imports on 20 November 2026."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

TODAY = date(2026, 11, 20)
DECIMALS = {"points": 0, "stars": 2}


class Bad(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


def demand(holds: object, code: str) -> None:
    if not holds:
        raise Bad(code)


@dataclass
class Lot:
    earned: date
    last: date | None
    left: int


@dataclass
class Account:
    lots: list[Lot] = field(default_factory=list)
    debt: int = 0

    def bring(self, units: int, earned: date, last: date | None) -> None:
        if units < 0:
            self.debt -= units
            return
        repaid = min(self.debt, units)
        self.debt -= repaid
        self.lots.append(Lot(earned, last, units - repaid))


@dataclass
class Outcome:
    accounts: dict[tuple[str, str], Account] = field(default_factory=lambda: defaultdict(Account))
    refused: list[tuple[int, str]] = field(default_factory=list)
    file: Counter[tuple[str, str]] = field(default_factory=Counter)
    booked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def lots(self) -> list[tuple[str, str, int, date, date | None]]:
        return sorted(
            (
                (who, code, lot.left, lot.earned, lot.last)
                for (who, code), account in self.accounts.items()
                for lot in account.lots
                if lot.left
            ),
            key=str,
        )

    def debts(self) -> dict[tuple[str, str], int]:
        return {key: account.debt for key, account in self.accounts.items() if account.debt}


def carry_out(path: Path, members: set[str]) -> Outcome:
    """What a file brings, which rows it does not, and its sums by point type and year."""
    outcome = Outcome()
    seen: set[tuple[str, ...]] = set()
    with path.open(newline="") as file:
        for number, cells in enumerate(list(csv.reader(file))[1:], 2):
            try:
                who, code, units, earned, last = _read(cells, outcome.file)
                demand(tuple(cells) not in seen, "duplicate_row")
                seen.add(tuple(cells))
                demand(who in members, "member_unknown")
            except Bad as bad:
                outcome.refused.append((number, bad.code))
                continue
            year = "owed" if units < 0 else str(last.year) if last else "never"
            outcome.booked[code, year] += units
            outcome.accounts[who, code].bring(units, earned, last)
    return outcome


def _read(cells: list[str], sums: Counter[tuple[str, str]]) -> tuple[str, str, int, date, date | None]:
    """Raises the first fault, in the order member, points, days; a readable amount counts in the file all the same."""
    faults: list[str] = []
    who = cells[0].removeprefix("ext:")
    if not who or who.startswith("email:"):
        faults.append("member_missing" if not who else "email_invalid")
    code, units = "", None
    try:
        code, units = _amount(cells)
    except Bad as bad:
        faults.append(bad.code)
    earned, last, year = TODAY, None, "?"
    if units:
        try:
            earned = _earned(cells[3])
            year = "owed" if units < 0 else "?"
            demand(units > 0 or not cells[4], "debt_with_expiry")
            demand(earned <= TODAY, "earned_in_future")
            if units > 0:
                last = _last(cells[4], earned)
                year = str(last.year) if last else "never"
                demand(last is None or last >= TODAY, "already_lapsed")
        except Bad as bad:
            year = "owed" if bad.code == "debt_with_expiry" else year
            faults.append(bad.code)
    if units is not None:
        sums[code, year] += units
    if not faults and not units:
        faults.append("row_empty")
    if faults:
        raise Bad(faults[0])
    assert units is not None
    return who, code, units, earned, last


def _amount(cells: list[str]) -> tuple[str, int | None]:
    if not cells[2]:
        return "", None
    code = cells[1].lower() or "points"
    if code not in DECIMALS:
        raise Bad("point_type_unknown")
    if not re.fullmatch(r"-?[0-9.]+", cells[2]):
        raise Bad("number_invalid")
    if len(cells[2]) > 20:
        raise Bad("number_out_of_range")
    try:
        units = Decimal(cells[2]).scaleb(DECIMALS[code])
    except InvalidOperation as wrong:
        raise Bad("number_invalid") from wrong
    if units != int(units):
        raise Bad("points_decimals")
    return code, int(units)


def _earned(text: str) -> date:
    return _day(text[:10]) if text else TODAY


def _last(text: str, earned: date) -> date | None:
    if text in ("", "never", "9999-12-31"):
        return None
    last = _day(text)
    if last < earned:
        raise Bad("expires_before_earned")
    return last


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise Bad("day_invalid") from wrong
