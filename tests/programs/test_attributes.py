from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from loyalty.base.errors import FieldError, Invalid
from loyalty.programs.attributes import check_schema, check_values, schema_of, typed

WORKSHOP = check_schema(
    [
        {"code": "title", "type": "text", "label": "Title", "required": True},
        {"code": "hours", "type": "number"},
        {"code": "online", "type": "boolean"},
        {"code": "day", "type": "date"},
        {"code": "began", "type": "datetime"},
        {"code": "level", "type": "choice", "choices": ["easy", "hard"]},
    ]
)


def checked(values: object, *, partial: bool = False) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    faults: list[FieldError] = []
    kept = check_values(schema_of(WORKSHOP), values, "/data", faults, partial=partial)
    return kept, [(fault.path, fault.code) for fault in faults]


def test_values_are_kept_without_loss_and_come_back_typed() -> None:
    sent = {
        "title": "Latte  art",
        "hours": Decimal("1.50"),
        "online": False,
        "day": "2026-02-28",
        "began": "2026-02-28T10:00:00+01:00",
        "level": "hard",
    }
    kept, faults = checked(sent)
    assert not faults
    assert kept["hours"] == "1.50"
    assert typed(schema_of(WORKSHOP), kept) == {
        "title": "Latte art",
        "hours": Decimal("1.5"),
        "online": False,
        "day": date(2026, 2, 28),
        "began": datetime(2026, 2, 28, 9, tzinfo=UTC),
        "level": "hard",
    }


@pytest.mark.parametrize(
    ("wrong", "path", "code"),
    [
        ({"hours": True}, "/data/hours", "number_invalid"),
        ({"hours": 1.5}, "/data/hours", "number_invalid"),
        ({"hours": "1e3"}, "/data/hours", "number_invalid"),
        ({"online": 1}, "/data/online", "boolean_expected"),
        ({"online": "true"}, "/data/online", "boolean_expected"),
        ({"day": "2026-02-30"}, "/data/day", "date_invalid"),
        ({"day": 20260228}, "/data/day", "date_invalid"),
        ({"began": "2026-02-28T10:00:00"}, "/data/began", "timestamp_needs_offset"),
        ({"began": 1772000000}, "/data/began", "timestamp_invalid"),
        ({"began": "9999-12-31T23:59:59-12:00"}, "/data/began", "timestamp_out_of_range"),
        ({"level": "medium"}, "/data/level", "choice_unknown"),
        ({"level": ["easy"]}, "/data/level", "choice_unknown"),
        ({"title": "\ud800"}, "/data/title", "text_surrogate"),
        ({"title": "a\x00"}, "/data/title", "text_nul"),
        ({"title": "x" * 501}, "/data/title", "text_too_long"),
        ({"price": 1}, "/data/price", "unknown_field"),
        ({"a/b~c": 1}, "/data/a~1b~0c", "unknown_field"),
    ],
)
def test_each_fault_has_its_path_and_code(wrong: dict[str, Any], path: str, code: str) -> None:
    _, faults = checked({"title": "Latte art", **wrong})
    assert faults == [(path, code)]


def test_all_faults_are_found_at_once() -> None:
    _, faults = checked({"hours": "x", "online": 2, "extra": 1})
    assert {path for path, _ in faults} == {"/data/hours", "/data/online", "/data/extra", "/data/title"}


def test_a_change_requires_nothing_but_may_not_empty_what_is_required() -> None:
    assert checked({"hours": None}, partial=True) == ({"hours": None}, [])
    assert checked({"title": None}, partial=True)[1] == [("/data/title", "required")]


def test_values_of_attributes_that_changed_their_type_are_left_out() -> None:
    assert typed(schema_of([{"code": "hours", "type": "number"}]), {"hours": "many", "gone": "x"}) == {}


@pytest.mark.parametrize(
    ("schema", "path", "code"),
    [
        ("text", "", "list_expected"),
        ([{"code": "a", "type": "text"}] * 51, "", "too_many_items"),
        (["a"], "/0", "object_expected"),
        ([{"code": "__class__", "type": "text"}], "/0/code", "code_invalid"),
        ([{"code": "a", "type": "text"}, {"code": "a", "type": "date"}], "/1/code", "code_taken"),
        ([{"code": "a", "type": "choice"}], "/0/choices", "choices_invalid"),
        ([{"code": "a", "type": "choice", "choices": ["x", "x"]}], "/0/choices", "choice_taken"),
        ([{"code": "a", "type": "text", "choices": ["x"]}], "/0/choices", "choices_invalid"),
        ([{"code": "a", "type": "text", "required": 1}], "/0/required", "boolean_expected"),
        ([{"code": "a", "type": "text", "default": 1}], "/0/default", "unknown_field"),
        ([{"code": "a", "type": "text", "label": "\x00"}], "/0/label", "text_nul"),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(schema: object, path: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_schema(schema)
    assert (path, code) in [(fault.path, fault.code) for fault in refused.value.errors]
