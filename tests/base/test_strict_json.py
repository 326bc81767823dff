"""JSON from outside: exact or refused with a code, and quickly."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.base import strict_json
from loyalty.base.errors import BadRequest, Invalid, LaurelError, TooLarge

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal(-(10**18)), max_value=Decimal(10**18), places=8
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


def refusal(body: bytes, **limits: int) -> LaurelError:
    with pytest.raises(LaurelError) as refused:
        strict_json.loads(body, **limits)
    return refused.value


def test_fractions_never_pass_through_a_float() -> None:
    read = strict_json.loads(b'{"a": 12345678901234567.89, "b": 1.0000000000000000000001, "c": 3, "d": 1e2}')
    assert read["a"] == Decimal("12345678901234567.89")
    assert read["b"] == Decimal("1.0000000000000000000001")
    assert type(read["c"]) is int
    assert read["d"] == 100
    assert not any(isinstance(value, float) for value in read.values())


def test_nothing_has_no_sign() -> None:
    assert str(strict_json.loads(b"-0.00")) == "0.00"
    assert strict_json.loads(b"-0") == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"NaN", 400, "malformed_json"),
        (b"[Infinity]", 400, "malformed_json"),
        (b"-Infinity", 400, "malformed_json"),
        (b"1e400", 422, "number_out_of_range"),
        (b"1e999999", 422, "number_out_of_range"),
        (b"0e999999", 422, "number_out_of_range"),
        (b"1e-999999", 422, "number_out_of_range"),
        (b"1E99999999999999999999999999", 422, "number_out_of_range"),
        (b"0." + b"1" * 1000, 422, "number_out_of_range"),
        (b"9" * 5000, 422, "number_out_of_range"),
        (b"9223372036854775808", 422, "number_out_of_range"),
        (b"-9223372036854775809", 422, "number_out_of_range"),
        (b"1_000", 400, "malformed_json"),
        ("١٢".encode(), 400, "malformed_json"),
        (b"01", 400, "malformed_json"),
        (b"+1", 400, "malformed_json"),
        (b"1.", 400, "malformed_json"),
        (b'{"a":1,"a":2}', 400, "duplicate_key"),
        (b'{"x":{"a":1,"b":0,"\\u0061":2}}', 400, "duplicate_key"),
        ('{"a":1}'.encode("utf-16"), 400, "not_utf8"),
        ('{"a":1}'.encode("utf-16-le"), 400, "not_utf8"),
        ('{"a":1}'.encode("utf-32-be"), 400, "not_utf8"),
        (b'\xef\xbb\xbf{"a":1}', 400, "not_utf8"),
        (b'"\xff"', 400, "not_utf8"),
        (b'"\xed\xa0\x80"', 400, "not_utf8"),
        (b"{} {}", 400, "malformed_json"),
        (b'{"a":1}x', 400, "malformed_json"),
        (b"", 400, "malformed_json"),
        (b"{'a':1}", 400, "malformed_json"),
        (b'{"a":1,}', 400, "malformed_json"),
        (b'"abcd\x00"', 400, "malformed_json"),
        (b'"\\u0000"', 422, "text_nul"),
        (b'{"\\u0000":1}', 422, "text_nul"),
        (b'["\\ud800"]', 422, "text_surrogate"),
        (b'["\\uDC00\\uD800"]', 422, "text_surrogate"),
    ],
)
def test_what_is_ambiguous_or_hostile_is_refused(body: bytes, status: int, code: str) -> None:
    refused = refusal(body)
    assert (refused.status, refused.code) == (status, code)


def test_escapes_that_only_look_dangerous_are_kept() -> None:
    assert strict_json.loads(b'["\\\\u0000", "\\ud83d\\ude00", "\\uD7FF"]') == ["\\u0000", "😀", "\ud7ff"]


def test_limits_are_inclusive() -> None:
    assert strict_json.loads(b"9223372036854775807") == 2**63 - 1
    assert strict_json.loads(b"[" * 32 + b"]" * 32)
    assert isinstance(refusal(b"[" * 33 + b"]" * 33), BadRequest)
    assert strict_json.loads(b"[1,2,3]", max_items=3) == [1, 2, 3]
    assert refusal(b"[1,2,3,4]", max_items=3).code == "too_many_items"
    assert strict_json.loads(b'"ab"', max_bytes=4) == "ab"
    assert isinstance(refusal(b'"abc"', max_bytes=4), TooLarge)


def test_brackets_and_commas_inside_text_do_not_count() -> None:
    text = "[{," * 100 + '"\\'
    assert strict_json.loads(json.dumps([text]).encode(), max_items=2) == [text]


def test_an_event_of_64_kib_passes() -> None:
    body = json.dumps({"items": [{"sku": f"sku-{n}", "amount": "1.00"} for n in range(1800)]}).encode()
    assert len(body) > 64 * 1024
    assert len(strict_json.loads(body)["items"]) == 1800


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 40_000,
        b"[" + b"0," * 120_000 + b"0]",
        b"[]" * 130_000,
        b'"' + b'\\"' * 130_000,
        b'"' * 260_001,
        b'["' + b"\\" * 260_000,
        b"[" + b"9" * 260_000 + b"]",
        b"{" + b",".join(b'"%d":%d' % (n, n) for n in range(15_000)) + b',"7":1}',
    ],
    ids=["lists", "objects", "items", "closed", "escapes", "quotes", "backslashes", "digits", "keys"],
)
def test_hostile_bodies_are_refused_quickly_and_in_little_memory(body: bytes) -> None:
    begun = time.process_time()
    refusal(body)
    assert time.process_time() - begun < 0.2
    tracemalloc.start()
    try:
        refusal(body)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()


@given(VALUES)
def test_what_is_written_is_read_back_exactly(value: Any) -> None:
    text = strict_json.dumps(value)
    assert strict_json.loads(text.encode(), max_items=10**6) == value
    assert strict_json.loads_trusted(text) == value


@given(st.binary() | st.text().map(str.encode) | st.text('[]{}",:\\u0d89e+-.1 \n').map(str.encode))
def test_any_bytes_are_a_value_or_refused(body: bytes) -> None:
    status = 200
    try:
        strict_json.loads(body)
    except LaurelError as refused:
        status = refused.status
    assert status in (200, 400, 422)


@given(VALUES)
def test_the_python_reader_agrees_wherever_we_accept(value: Any) -> None:
    text = strict_json.dumps(value)
    assert json.loads(text, parse_float=Decimal) == strict_json.loads(text.encode())


def test_everything_we_store_has_one_written_form() -> None:
    value = {
        "money": Decimal("12.50"),
        "whole": Decimal("1E+2"),
        "at": datetime(2026, 11, 12, 14, 3, tzinfo=UTC),
        "on": date(2026, 11, 12),
        "id": UUID("01890000-0000-7000-8000-000000000000"),
        "tags": frozenset({"b", "a"}),
    }
    assert strict_json.dumps(value) == (
        '{"money":12.50,"whole":100,"at":"2026-11-12T14:03:00Z","on":"2026-11-12",'
        '"id":"01890000-0000-7000-8000-000000000000","tags":["a","b"]}'
    )


@pytest.mark.parametrize("value", [Decimal("NaN"), datetime(2026, 1, 1), object()])  # noqa: DTZ001
def test_what_has_no_exact_form_is_not_written(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        strict_json.dumps([value])


def test_equal_content_has_one_fingerprint() -> None:
    one = strict_json.loads(b'{"a": 1.0, "b": {"x": 100, "y": [0.0]}}')
    same = strict_json.loads(b'{"b": {"y": [-0.00], "x": 1e2}, "a": 1}')
    other = strict_json.loads(b'{"a": "1", "b": {"x": 100, "y": [0]}}')
    assert strict_json.canonical(one) == b'{"a":1,"b":{"x":100,"y":[0]}}'
    assert strict_json.fingerprint(one) == strict_json.fingerprint(same)
    assert strict_json.fingerprint(one) != strict_json.fingerprint(other)


@given(VALUES)
def test_the_canonical_text_is_that_of_the_python_writer(value: Any) -> None:
    written = strict_json.canonical(value)
    assert strict_json.loads(written) == value
    if b"." not in written:  # fractions are what that writer cannot write
        read = json.loads(written)
        assert written.decode() == json.dumps(read, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@given(
    st.recursive(st.sampled_from(["", "[[[[", "]", '{"', "a\\"]), lambda inner: st.lists(inner, max_size=3))
)
def test_only_brackets_outside_of_texts_make_it_deep(value: Any) -> None:
    deepest = max(_depths(value))
    body = json.dumps(value).encode()
    assert strict_json.loads(body, max_depth=deepest) == value
    if deepest:
        assert refusal(body, max_depth=deepest - 1).code == "too_deep"


def _depths(value: Any, depth: int = 0) -> Iterator[int]:
    yield depth + isinstance(value, list)
    for inner in value if isinstance(value, list) else ():
        yield from _depths(inner, depth + 1)


@given(VALUES, VALUES)
def test_fingerprints_differ_exactly_when_contents_do(one: Any, other: Any) -> None:
    same = strict_json.canonical(one) == strict_json.canonical(other)
    assert (strict_json.fingerprint(one) == strict_json.fingerprint(other)) is same
    if same:
        assert one == other


def test_columns_keep_decimals_exactly() -> None:
    text = json.dumps({"a": Decimal("0.10")}, cls=strict_json.Encoder)
    read = json.loads(text, cls=strict_json.TrustedDecoder)
    assert text == '{"a":0.10}'
    assert str(read["a"]) == "0.10"
    with pytest.raises(ValueError, match="not JSON compliant"):
        json.dumps([float("nan")], cls=strict_json.Encoder)


def test_refusals_do_not_repeat_long_or_broken_keys() -> None:
    key = "k" * 5000
    refused = refusal(f'{{"{key}":1,"{key}":2}}'.encode())
    assert len(refused.detail) < 200
    refusal(b'{"\\ud800":1,"\\ud800":2}').detail.encode()


def test_numbers_refused_for_range_are_invalid_not_malformed() -> None:
    assert isinstance(refusal(b"1e400"), Invalid)
