"""JSON that keeps its word: numbers are exact, and whatever is ambiguous or hostile is refused with a code.

Reading (`loads`): whole numbers become int (64 bit), all others Decimal; no float in between.
Writing (`dumps`): Decimals are written digit by digit as JSON numbers, instants as RFC 3339 with Z, UUIDs and
dates as text.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

import orjson
from django.utils.functional import Promise

from loyalty.base.clock import write_instant
from loyalty.base.errors import BadRequest, Invalid, TooLarge

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_ITEMS = 50_000  # values in all lists and objects together
MAX_DIGITS = 34
MAX_EXPONENT = 18  # numbers stay below 10**19 in size, like 64-bit integers

# An unfinished string runs to the end, and nothing is tried twice: the scan stays linear on hostile input.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_RISKY_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NOT_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_BIG_EXPONENT = re.compile(r"[eE][+-]?0*[1-9][0-9]{2,}$")


def loads(
    body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS
) -> Any:
    """The value of a JSON body from outside.

    Raises TooLarge `body_too_large`; BadRequest `not_utf8`, `malformed_json`, `duplicate_key`, `too_deep`,
    `too_many_items`; Invalid `number_out_of_range`, `text_nul`, `text_surrogate`.
    """
    if len(body) > max_bytes:
        raise TooLarge(f"The body may have at most {max_bytes} bytes.")
    text = _decode(body)
    _measure(body, max_depth, max_items)
    try:
        value = _READER.decode(text)
    except (ValueError, RecursionError) as wrong:
        raise BadRequest(f"This is not JSON: {_where(wrong)}.", code="malformed_json") from wrong
    if _RISKY_ESCAPE.search(body):
        _check_strings(value)
    return value


def _decode(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf") or b"\x00" in body[:4]:  # a byte order mark, or UTF-16/32 without one
        raise BadRequest("Send UTF-8 without a byte order mark.", code="not_utf8")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise BadRequest("The body is not valid UTF-8.", code="not_utf8") from wrong


def _measure(body: bytes, max_depth: int, max_items: int) -> None:
    """Bound depth and number of values before anything is built in memory."""
    if body.count(b",") >= max_items and _STRING.sub(b"", body).count(b",") >= max_items:
        raise BadRequest(f"More than {max_items} values.", code="too_many_items")
    depth = 0
    for byte in _brackets(body):
        depth += 1 if byte in b"[{" else -1
        if depth > max_depth:
            raise BadRequest(f"Nested deeper than {max_depth} levels.", code="too_deep")


def _brackets(body: bytes) -> bytes:
    """The brackets outside of strings."""
    if b"\\" not in body:
        marks = body.translate(None, _NOT_MARKS).replace(b'""', b"")
        if b'"' not in marks:  # no string holds a bracket
            return marks
    return _STRING.sub(b"", body).translate(None, _NOT_BRACKETS)


def _where(wrong: Exception) -> str:
    if isinstance(wrong, json.JSONDecodeError):
        return f"{wrong.msg} at line {wrong.lineno}, column {wrong.colno}"
    return "it could not be parsed"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        shown = twice[:80].encode("utf-8", "backslashreplace").decode()
        raise BadRequest(f"The key {shown!r} appears twice.", code="duplicate_key")
    return made


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**63:
        raise _out_of_range()
    return value


def _decimal(text: str) -> Decimal:
    if len(text) > 2 * MAX_DIGITS or _BIG_EXPONENT.search(text):
        raise _out_of_range()
    value = Decimal(text)
    _, digits, exponent = value.as_tuple()
    if len(digits) > MAX_DIGITS or value.adjusted() > MAX_EXPONENT or int(exponent) < -MAX_DIGITS:
        raise _out_of_range()
    return value if value else abs(value)


def _constant(name: str) -> NoReturn:
    raise BadRequest(f"{name} is not a JSON value.", code="malformed_json")


def _out_of_range() -> Invalid:
    return Invalid("A number is larger or finer than can be kept exactly.", code="number_out_of_range")


def _check_strings(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise Invalid("Text must not hold the NUL character.", code="text_nul")
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise Invalid("Text holds half of a surrogate pair.", code="text_surrogate")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_strings(key)
            _check_strings(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_strings(inner)


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)


class TrustedDecoder(json.JSONDecoder):
    """Reads what we wrote ourselves, fractions as Decimal. Also the `decoder=` of our JSON columns."""

    def __init__(self) -> None:
        super().__init__(parse_float=Decimal)


_TRUSTED = TrustedDecoder()


def loads_trusted(text: str) -> Any:
    """Fast reading of text that came out of our own database."""
    return _TRUSTED.decode(text)


# The encoders have no way to write a bare Decimal, so one is written as marked text and the marks are taken
# off. The mark is random per process: no text from outside can carry it.
_MARK = secrets.token_hex(12)
_MARKED = re.compile(f'"{_MARK}([^"]*)"')
_MARK_BYTES = _MARK.encode()
_MARKED_BYTES = re.compile(_MARKED.pattern.encode())


def _plain(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError("only finite numbers can be written")
    return format(value, "f") if -60 < value.adjusted() < 60 else str(value)


def _normal(value: Decimal) -> str:
    text = _plain(value)
    if "." in text and "E" not in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _writable(value: object, number: Callable[[Decimal], str]) -> object:
    match value:
        case Decimal():
            return _MARK + number(value)
        case datetime():
            return write_instant(value)
        case date() | time():
            return value.isoformat()
        case UUID() | Promise():
            return str(value)
        case set() | frozenset():
            return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


class Encoder(json.JSONEncoder):
    """The `encoder=` of our JSON columns: exact and compact."""

    def __init__(self, **_: Any) -> None:
        super().__init__(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def default(self, o: object) -> object:
        return _writable(o, _plain)

    def encode(self, o: object) -> str:
        text = super().encode(o)
        return _MARKED.sub(r"\1", text) if _MARK in text else text


_NO_HELP = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_SORTED = orjson.OPT_SORT_KEYS | _NO_HELP


def dumps(value: object) -> str:
    """Compact JSON text. Decimals keep every digit they have (12.50 stays 12.50). Raises TypeError or
    ValueError for what has no exact form: naive times, Decimals that are no number, unknown types. A float is none of
    ours."""
    return encoded(value).decode()


def encoded(value: object) -> bytes:
    """The same, as it is sent."""
    text = orjson.dumps(value, _exact, _NO_HELP)
    return _MARKED_BYTES.sub(rb"\1", text) if _MARK_BYTES in text else text


def _exact(value: object) -> object:
    return _writable(value, _plain)


def canonical(value: object) -> bytes:
    """One text for equal content: keys sorted, 1, 1.0 and 1.00 alike. For comparing and hashing, not for
    sending."""
    text = orjson.dumps(value, _canonical, _SORTED)
    return _MARKED_BYTES.sub(rb"\1", text) if _MARK_BYTES in text else text


def _canonical(value: object) -> object:
    return _writable(value, _normal)


def fingerprint(value: object) -> bytes:
    """SHA-256 of the canonical text: 32 bytes."""
    return hashlib.sha256(canonical(value)).digest()
