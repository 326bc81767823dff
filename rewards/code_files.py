"""Reading files and pastes of codes: one code a line, or CSV with a header and an expiry column.

A line is a code, a code with its expiry, or it is bad and says why; nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from loyalty.base.clock import add_days, midnight, parse_date, parse_instant
from loyalty.base.errors import Invalid
from loyalty.base.words import Words
from rewards.codes import LONGEST

SHORTEST: Final = 4
_CODE: Final = frozenset({"code", "codes", "voucher", "voucher code", "coupon", "coupon code"})
_EXPIRES: Final = frozenset({"expires", "expires at", "expires on", "expiry", "expiry date", "valid until"})
_USED: Final = frozenset({"used", "redeemed"})
_YES: Final = frozenset({"1", "yes", "true", "x", "used", "redeemed"})
_NO: Final = frozenset({"", "0", "no", "false"})

WHY: Final[dict[str, Words]] = {
    "code_missing": _("There is no code on this line."),
    "code_too_short": _("A code has at least 4 signs."),
    "code_too_long": _("A code has at most 200 signs."),
    "code_invalid": _("A code has no blanks or control characters."),
    "columns_unknown": _("There are more columns than a code and its expiry."),
    "expiry_invalid": _("Write the expiry as 2026-12-31."),
    "expiry_past": _("It has expired already."),
    "used_unknown": _("Say yes or no in the column of used codes."),
    "repeated": _("It stands in this file before."),
    "known": _("It was loaded before."),
    "taken": _("It was loaded before, and a member has had it."),
    "used": _("The file says that it is used."),
}


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of the file. `why` is empty for a code that can be loaded."""

    number: int
    code: str
    expires_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Columns:
    code: int = 0
    expires: int | None = 1
    used: int | None = None
    count: int = 2


def decode(content: bytes) -> str:
    """The text of a file. Raises Invalid `not_utf8`."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Invalid("Save the file as UTF-8 and send it again.", code="not_utf8") from wrong


def read(
    text: str, *, zone: ZoneInfo, at: datetime, expires_at: datetime | None = None
) -> Iterator[CodeLine]:
    """The lines from the top, blank ones left out. `expires_at` is for codes that name no expiry; a date counts whole,
    in the program's zone."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    columns: _Columns | None = None
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = _header(cells)
            if columns is not None:
                continue
            columns = _Columns()
        yield _line(rows.line_num, cells, columns, zone, at, expires_at)


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _header(cells: Sequence[str]) -> _Columns | None:
    """The columns by their names; None when the first line is a code already."""
    names = [" ".join(cell.casefold().replace("_", " ").split()) for cell in cells]
    code = next((place for place, name in enumerate(names) if name in _CODE), None)
    if code is None:
        return None
    expires = next((place for place, name in enumerate(names) if name in _EXPIRES), None)
    used = next((place for place, name in enumerate(names) if name in _USED), None)
    return _Columns(code, expires, used, len(names))


def _line(  # noqa: PLR0917  # as they stand in the file
    number: int,
    cells: Sequence[str],
    columns: _Columns,
    zone: ZoneInfo,
    at: datetime,
    default: datetime | None,
) -> CodeLine:
    def cell(place: int | None) -> str:
        return cells[place] if place is not None and place < len(cells) else ""

    code = unicodedata.normalize("NFC", cell(columns.code))
    if why := _wrong(code, cells, columns):
        return CodeLine(number, code, why=why)
    if (used := cell(columns.used).casefold()) not in _NO:
        return CodeLine(number, code, why="used" if used in _YES else "used_unknown")
    try:
        ends = _expiry(cell(columns.expires), zone) or default
    except Invalid:
        return CodeLine(number, code, why="expiry_invalid")
    if ends is not None and ends <= at:
        return CodeLine(number, code, why="expiry_past")
    return CodeLine(number, code, ends)


def _wrong(code: str, cells: Sequence[str], columns: _Columns) -> str:
    if not code:
        return "code_missing"
    if any(cells[columns.count :]):
        return "columns_unknown"
    if len(code) < SHORTEST:
        return "code_too_short"
    if len(code) > LONGEST:
        return "code_too_long"
    return "" if code.isprintable() and not any(sign.isspace() for sign in code) else "code_invalid"


def _expiry(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    if "T" in text or "t" in text:
        return parse_instant(text)
    return midnight(add_days(parse_date(text), 1), zone)
