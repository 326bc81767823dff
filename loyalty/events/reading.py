"""Small readers for the values inside an event: each gives the normal form, or adds a fault and gives a
harmless value, so that all faults of an event are found in one go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from loyalty.base.currencies import MAX_MONEY, check_money, currency_decimals
from loyalty.base.email import holds_address, impersonal
from loyalty.base.errors import FieldError, Invalid
from loyalty.base.numbers import parse_decimal
from loyalty.base.text import clean

Faults = list[FieldError]

MAX_QUANTITY = Decimal(1_000_000)
MAX_LINE_ATTRIBUTES = 30
MAX_INT = 2**31 - 1

_QUANTITY = re.compile(r"[1-9][0-9]{0,5}")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}")


def fault(faults: Faults, path: str, code: str, message: str) -> None:
    faults.append(FieldError(path, code, message))


def text(raw: Any, path: str, faults: Faults, *, required: bool = False, most: int = 200) -> str:
    """Cleaned text; empty when it was not given."""
    if raw is None:
        if required:
            fault(faults, path, "required", "This is required.")
        return ""
    try:
        return impersonal(clean(raw, max_length=most, required=required))
    except Invalid as wrong:
        faults.append(wrong.at_path(path))
        return ""


def reference(raw: Any, path: str, faults: Faults, *, most: int = 100) -> str:
    """A required id of the sender's. One that holds an e-mail address is refused: it could not be blanked
    without making two different ids alike."""
    try:
        kept = clean(raw, max_length=most, required=True)
    except Invalid as wrong:
        code = "required" if raw is None or raw == "" else wrong.code
        fault(faults, path, code, "This is required." if code == "required" else wrong.detail)
        return ""
    if holds_address(kept):
        fault(faults, path, "personal_data", "An id must not hold an e-mail address.")
    return kept


def boolean(raw: Any, path: str, faults: Faults, *, default: bool = False) -> bool:
    if raw is None:
        return default
    if raw is not True and raw is not False:
        fault(faults, path, "boolean_expected", "This must be true or false.")
        return default
    return bool(raw)


def whole(
    raw: Any, path: str, faults: Faults, *, least: int = 0, most: int = MAX_INT, default: int | None = None
) -> int:
    """A JSON whole number between two bounds; required without a `default`."""
    if raw is None and default is not None:
        return default
    if isinstance(raw, Decimal) and raw == raw.to_integral_value() and abs(raw) <= MAX_INT:
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool):
        code = "required" if raw is None else "integer_expected"
        fault(faults, path, code, "This must be a whole number.")
        return least
    if not least <= raw <= most:
        fault(faults, path, "number_out_of_range", f"This must be between {least} and {most}.")
        return least
    return raw


def quantity(raw: Any, path: str, faults: Faults, *, default: Decimal | None = None) -> Decimal:
    """A quantity above 0 with at most three decimals."""
    if raw is None and default is not None:
        return default
    if (type(raw) is int and 0 < raw < MAX_QUANTITY) or (type(raw) is str and _QUANTITY.fullmatch(raw)):
        return Decimal(raw)
    if raw is None:
        fault(faults, path, "required", "A quantity is required.")
        return Decimal(1)
    try:
        number = parse_decimal(raw, max_places=3)
    except Invalid as wrong:
        faults.append(wrong.at_path(path))
        return Decimal(1)
    if not 0 < number < MAX_QUANTITY:
        words = f"A quantity is above 0 and below {MAX_QUANTITY}."
        fault(faults, path, "quantity_out_of_range", words)
        return Decimal(1)
    return number


def plain(number: Decimal) -> str:
    """`2`, `1.5`: without zeros at the end and without an exponent."""
    written = format(number, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


class Money:
    """Reads amounts of one currency and rounds to its smallest coin."""

    __slots__ = ("_coin", "_exact", "currency", "zero")

    def __init__(self, currency: str) -> None:
        decimals = currency_decimals(currency)
        self.currency = currency
        self.zero = Decimal(0).scaleb(-decimals)
        self._coin = Decimal(1).scaleb(-decimals)
        tail = rf"\.[0-9]{{{decimals}}}" if decimals else ""
        self._exact = re.compile(rf"(?:0|[1-9][0-9]{{0,12}}){tail}")

    def read(self, raw: Any, path: str, faults: Faults, *, required: bool = False) -> Decimal:
        """An amount of 0 or more, with the currency's decimals; 0 when it was not given."""
        if type(raw) is str and self._exact.fullmatch(raw):
            return Decimal(raw)
        if type(raw) is Decimal and raw.same_quantum(self._coin) and 0 < raw < MAX_MONEY:
            return raw
        if raw is None:
            if required:
                fault(faults, path, "required", "An amount is required.")
            return self.zero
        try:
            return check_money(raw, self.currency)
        except Invalid as wrong:
            faults.append(wrong.at_path(path))
            return self.zero

    def round(self, amount: Decimal) -> Decimal:
        return amount.quantize(self._coin, rounding=ROUND_HALF_UP)

    def check_currency(self, raw: Any, path: str, faults: Faults, *, required: bool = False) -> None:
        """The currency must be the program's: amounts of two currencies are never added."""
        if raw is None:
            if required:
                fault(faults, path, "required", "A currency is required.")
        elif raw != self.currency:
            self._refuse_currency(raw, path, faults)

    def _refuse_currency(self, raw: Any, path: str, faults: Faults) -> None:
        try:
            currency_decimals(raw)
        except Invalid as wrong:
            faults.append(wrong.at_path(path))
        else:
            fault(faults, path, "currency_mismatch", f"This program keeps its books in {self.currency}.")


@lru_cache(maxsize=64)
def money(currency: str) -> Money:
    """The reader of a currency. Raises Invalid `currency_unknown`."""
    return Money(currency)


def loose_attributes(raw: Any, path: str, faults: Faults) -> dict[str, Any]:
    """Undeclared attributes of an order line: a few plain values. Numbers are kept as text."""
    if not isinstance(raw, dict):
        fault(faults, path, "object_expected", "Attributes are an object.")
        return {}
    if len(raw) > MAX_LINE_ATTRIBUTES:
        fault(faults, path, "too_many_items", f"At most {MAX_LINE_ATTRIBUTES} attributes.")
        return {}
    return _values(raw, path, faults)


def _values(raw: Mapping[Any, Any], path: str, faults: Faults) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in raw.items():
        if not isinstance(key, str) or not _ATTRIBUTE.fullmatch(key):
            words = "A name starts with a letter and has at most 50 letters, digits and _ . -"
            fault(faults, path, "attribute_name_invalid", words)
        elif isinstance(value, bool):
            kept[key] = value
        elif isinstance(value, (int, Decimal)):
            kept[key] = _number(value, f"{path}/{key}", faults)
        elif value is not None:
            kept[key] = text(value, f"{path}/{key}", faults)
    return kept


def _number(raw: int | Decimal, path: str, faults: Faults) -> str:
    try:
        return plain(parse_decimal(raw))
    except Invalid as wrong:
        faults.append(wrong.at_path(path))
        return "0"
