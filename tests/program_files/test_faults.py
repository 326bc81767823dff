"""A file that says nonsense is refused with every fault, each with its line."""

from __future__ import annotations

import pytest

from loyalty.programs.files import source
from loyalty.programs.files.faults import FileRefused
from loyalty.programs.files.source import MAX_BYTES
from loyalty.programs.models import Program
from tests.program_files.files import CAFE, apply, faults, line_of

pytestmark = pytest.mark.django_db

ONE_FAULT = [
    # what is written, instead of what; the place and the code of its fault
    ("currency: EUR", "currency: EURO", "program/currency", "form_invalid"),
    ("currency: EUR", "currency: XXX", "program/currency", "currency_unknown"),
    ("timezone: Europe/Madrid", "timezone: Europe/Madird", "program/timezone", "zone_unknown"),
    ("timezone: Europe/Madrid", "timezone: Europe/Madrid\n  color: red", "program/color", "unknown_key"),
    ("timezone: Europe/Madrid", "timezone: Europe/Madrid\n  code: again", "program/code", "duplicate_key"),
    ("type: text", "type: string", "members/attributes/0/type", "choice_unknown"),
    ("code: city", "code: 9city", "members/attributes/0/code", "code_invalid"),
    ("default: true", "default: yes", "point_types/0/default", "bool_type"),
    ("count: 12", "count: 12.0", "point_types/0/expiry/count", "int_type"),
    ("kind: rolling, count", "kind: fixed, count", "point_types/0/expiry", "invalid"),
    ("rate: 0.01", "rate: 1e-2", "point_types/0/checkout/rate", "number_invalid"),
    ("rate: 0.01", "rate: 0.0000001", "point_types/0/checkout/rate", "number_decimals"),
    ("minimum: 200", "minimum: 200.5", "point_types/0/checkout/minimum", "points_decimals"),
    ("kind: till", "kind: tills", "channels/0/kind", "choice_unknown"),
    ("code: stay.completed", "code: order.stayed", "event_types/0/code", "code_reserved"),
    ("name: Silver", 'name: ""', "tiers/0/tiers/0/name", "text_required"),
    ("kind: rolling, count: 6", "kind: lifetime, count: 6", "tiers/0/window", "invalid"),
    ("count: 6, unit: months", "count: 600, unit: months", "tiers/0/window/count", "span_invalid"),
    ("kind: duration, count: 1, unit: months", "kind: period", "tiers/0/validity", "no_periods"),
    ("threshold: 300.50", "threshold: 100.0", "tiers/0/tiers/1/threshold", "threshold_not_above"),
    (
        "earning_multiplier: 1.5",
        "earning_multiplier: 0.5",
        "tiers/0/tiers/1/earning_multiplier",
        "multiplier_invalid",
    ),
    ("kind: rolling, count: 2", "kind: none, count: 2", "tiers/0/tiers/1/expiry", "invalid"),
    ("code: gold", "code: silver", "tiers/0/tiers/1/code", "code_taken"),
    ("text: A seat by the window", "txt: A seat", "tiers/0/tiers/1/perks/0/txt", "unknown_key"),
    ("points: 1,", "points: 0,", "campaigns/0/earn/points", "points_invalid"),
    ("step: 1.00", "step: 1.00, step_rounding: up, basis: price", "campaigns/0/earn/basis", "choice_unknown"),
    ("multiplier: 2", "multiplier: 2, extra_points: 3", "campaigns/1/bonus", "invalid"),
    ("multiplier: 2", "multiplier: 0.5", "campaigns/1/bonus/multiplier", "multiplier_invalid"),
    ("[sat, sun]", "[sat, sunday]", "campaigns/1/weekdays/1", "choice_unknown"),
    ("field: order.total", "field: order.totl", "campaigns/1/conditions/all/0/field", "unknown_field"),
    ("value: 12.50", "value: twelve", "campaigns/1/conditions/all/0/value", "number_invalid"),
    ("attribute: nights", "attribute: night", "campaigns/2/earn/attribute", "attribute_unknown"),
    ("trigger: stay.completed", "trigger: stay.complete", "campaigns/2/trigger", "trigger_unknown"),
    ("code: nights\n", "code: base\n", "campaigns/2/code", "code_taken"),
    ("format: 1", "format: 2", "format", "format_unknown"),
    ("campaigns:", "campains: []\n\ncampaigns:", "campains", "unknown_key"),
]


@pytest.mark.parametrize(("right", "wrong", "place", "code"), ONE_FAULT)
def test_a_fault_is_told_with_its_line(right: str, wrong: str, place: str, code: str) -> None:
    text = CAFE.replace(right, wrong, 1)
    assert text != CAFE
    found = faults(text)
    assert (place, code) in [(where, what) for _, where, what in found]
    [line] = [line for line, where, _ in found if where == place]
    below = wrong.startswith(right) and "\n" in wrong  # a line was added
    assert line == line_of(CAFE, right) + below
    assert not Program.objects.exists()


def test_all_faults_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = CAFE
    for right, wrong in (
        ("currency: EUR", "currency: EURO"),
        ("kind: till", "kind: tills"),
        ("points: 1,", "points: 0,"),
        ("multiplier: 2", "multiplier: 0.5"),
        ("field: order.total", "field: order.totl"),
        ("[sat, sun]", "[sat, sunday]"),
    ):
        text = text.replace(right, wrong)
    found = faults(text)
    assert [code for _, _, code in found] == [
        "form_invalid", "choice_unknown", "points_invalid", "multiplier_invalid", "choice_unknown", "unknown_field",
    ]  # fmt: skip
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "file_empty", 1),
        ("a: [1, 2\n", "yaml_invalid", 2),
        ("a: &x 1\nb: *x\n", "anchor", 1),
        ("a: 1\nb: *x\n", "anchor", 2),
        ("a: !!python/object/apply:os.system [ls]\n", "tag", 1),
        ("a: 1\n---\nb: 2\n", "documents", 2),
        ("? [1, 2]\n: 3\n", "key_invalid", 1),
        ("a: " + "[" * 40 + "]" * 40, "file_too_large", 1),
        ("a: [" + "1, " * 60_000 + "1]", "file_too_large", 1),
        ("a: " + "x" * MAX_BYTES, "file_too_large", 1),
    ],
)
def test_what_is_no_sound_yaml_is_refused_at_once(text: str, code: str, line: int) -> None:
    with pytest.raises(FileRefused) as refused:
        apply(text)
    assert [(fault.code, fault.line) for fault in refused.value.faults] == [(code, line)]


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe\x00", b"a: \x00", b"a: \x07", "a: \ud800".encode("utf-8", "surrogatepass")]
)
def test_bytes_that_are_no_text_are_refused(raw: bytes) -> None:
    with pytest.raises(FileRefused):
        source.read(raw)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("17:00", "17:00"), ("no", "no"), ("1e3", "1e3"), ("0x10", "0x10"), ("1_000", "1_000"), ("010", "010"),
        (".inf", ".inf"), ("2026-11-22", "2026-11-22"), ('"1"', "1"), ("12", 12), ("true", True), ("~", None),
    ],
)  # fmt: skip
def test_plain_values_mean_what_they_look_like(written: str, read: object) -> None:
    value = source.read(f"a: {written}\n".encode()).value["a"]
    assert (type(value), value) == (type(read), read)


def test_numbers_are_exact() -> None:
    assert (
        str(source.read(b"a: 1234567890123456789.1000000000000000001\n").value["a"])
        == "1234567890123456789.1000000000000000001"
    )


def test_what_cannot_change_any_more_is_refused() -> None:
    apply(CAFE)
    for right, wrong, place in (
        ("currency: EUR", "currency: USD", "program/currency"),
        ("timezone: Europe/Madrid", "timezone: Europe/Madrid\n  mode: test", "program/mode"),
        ("default: true", "default: true\n    decimals: 2", "point_types/0/decimals"),
        ("bonus: {multiplier: 2}", "earn: {points: 2}", "campaigns/1/earn"),
    ):
        assert [(where, code) for _, where, code in faults(CAFE.replace(right, wrong))] == [
            (place, "unchangeable")
        ]


def test_a_point_type_that_nobody_declared_is_named() -> None:
    text = CAFE.replace("trigger: stay.completed", "trigger: stay.completed\n    point_type: miles")
    assert [code for _, _, code in faults(text)] == ["point_type_unknown"]


def test_one_point_type_must_be_the_default() -> None:
    assert "default_missing" in [
        code for _, _, code in faults(CAFE.replace("default: true", "default: false"))
    ]


def test_only_one_point_type_is_the_default() -> None:
    stars = "  - {code: stars, name: {one: star, many: stars}, default: true}\n\n"
    text = CAFE.replace("channels:", f"{stars}channels:")
    assert faults(text) == [(line_of(text, "code: stars"), "point_types/1/default", "default_twice")]


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("points: 1,", "points: 12345678901,", "campaigns/0/earn/points"),
        ("multiplier: 2", "extra_points: 12345678901", "campaigns/1/bonus/extra_points"),
    ],
)
def test_what_no_draft_can_hold_is_told_where_the_file_says_it(right: str, wrong: str, place: str) -> None:
    text = CAFE.replace(right, wrong)
    assert [one[:2] for one in faults(text)] == [(line_of(text, wrong), place)]


@pytest.mark.parametrize(("field", "row"), [("order.lines", "5"), ("order.store", "b/1")])
def test_a_row_of_a_table_is_told_with_its_own_line(field: str, row: str) -> None:
    table = f"table:\n        field: {field}\n        multipliers:\n          1: 2\n          {row}: 0.5"
    text = CAFE.replace("bonus: {multiplier: 2}", f"bonus:\n      {table}")
    place = f"campaigns/1/bonus/table/multipliers/{row}"
    assert faults(text) == [(line_of(text, f"{row}: 0.5"), place, "multiplier_invalid")]


def test_a_ladder_counts_points_that_the_program_has() -> None:
    text = CAFE.replace("measure: spend", "measure: points\n    point_type: miles")
    assert [(where, code) for _, where, code in faults(text)] == [
        ("tiers/0/point_type", "point_type_unknown")
    ]
    text = CAFE.replace("measure: spend", "measure: spend\n    point_type: points")
    assert [(where, code) for _, where, code in faults(text)] == [("tiers/0/point_type", "not_points")]
