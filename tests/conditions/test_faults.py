"""What is no condition is refused at its place, and hostile input at once."""

import time as clock_time
from decimal import Decimal

import pytest

from loyalty.base.errors import Invalid
from loyalty.conditions.compiler import compile as compile_condition
from loyalty.conditions.standard import STANDARD
from loyalty.conditions.validate import normalise, validate
from tests.conditions.trees import BIG_COFFEE, COFFEE, Json, leaf


@pytest.mark.parametrize(
    ("tree", "path", "code"),
    [
        (5, "", "not_a_condition"),
        ([], "", "not_a_condition"),
        ({"all": [BIG_COFFEE, 7]}, "/all/1", "not_a_condition"),
        ({"all": {}}, "/all", "not_a_list"),
        ({"any": []}, "/any", "group_empty"),
        ({"all": [], "any": []}, "", "unknown_key"),
        ({**leaf("order.total", "exists"), "__class__": 1}, "", "unknown_key"),
        (leaf("__class__", "exists"), "/field", "unknown_field"),
        (leaf("order.__class__", "exists"), "/field", "unknown_field"),
        ({"not": leaf("order.totl", "exists")}, "/not/field", "unknown_field"),
        (leaf("item.sku", "exists"), "/field", "item_field_outside_items"),
        ({"items": "any", "where": leaf("order.total", "exists")}, "/where/field", "not_an_item_field"),
        ({"items": "any", "where": COFFEE}, "/where", "items_nested"),
        ({"items": "any"}, "/where", "where_missing"),
        ({"items": "most", "where": {}}, "/items", "unknown_quantifier"),
        ({"items": "count", "op": "exists"}, "/op", "operator_not_allowed"),
        ({"items": "sum", "field": "item.sku", "op": "gte", "value": 1}, "/field", "field_not_a_number"),
        (leaf("order.store", "matches", "(a+)+$"), "/op", "unknown_operator"),
        (leaf("order.store", "gte", "x"), "/op", "operator_not_allowed"),
        (
            {"all": [leaf("order.total", "exists"), leaf("order.total", "gte", "x")]},
            "/all/1/value",
            "number_invalid",
        ),
        (leaf("order.total", "gte", 1.5), "/value", "number_invalid"),
        (leaf("order.total", "gte", True), "/value", "number_invalid"),
        (leaf("order.total", "gte", Decimal("1E+999999")), "/value", "number_out_of_range"),
        (leaf("order.total", "gte"), "/value", "value_missing"),
        (leaf("order.total", "exists", 1), "/value", "value_unexpected"),
        (leaf("order.total", "in", "5"), "/value", "value_invalid"),
        (leaf("order.total", "in", []), "/value", "list_empty"),
        (leaf("order.total", "in", [1] * 501), "/value", "list_too_long"),
        (leaf("order.total", "in", [1, "x"]), "/value/1", "number_invalid"),
        (leaf("order.total", "between", [2, 1]), "/value", "range_reversed"),
        (leaf("order.total", "between", [1]), "/value", "value_invalid"),
        (leaf("time.weekday", "in", ["mon", "funday"]), "/value/1", "value_not_a_choice"),
        (leaf("time.time", "gte", "25:00"), "/value", "value_invalid"),
        (leaf("time.date", "gte", "2026-02-30"), "/value", "date_invalid"),
        (leaf("member.is_birthday", "eq", "true"), "/value", "value_invalid"),
        (leaf("order.store", "eq", "x" * 201), "/value", "text_too_long"),
        (leaf("order.store", "eq", "x\x00"), "/value", "text_nul"),
        (leaf("activity.spend", "gte", 1), "/days", "days_invalid"),
        (leaf("activity.spend", "gte", 1, days=True), "/days", "days_invalid"),
        (leaf("activity.spend", "gte", 1, days=4000), "/days", "days_invalid"),
        (leaf("order.total", "gte", 1, days=5), "/days", "days_unexpected"),
    ],
)
def test_faults_are_found_at_their_place(tree: object, path: str, code: str) -> None:
    assert (path, code) in {(fault.path, fault.code) for fault in validate(tree, STANDARD)}
    with pytest.raises(Invalid) as refused:
        compile_condition(tree, STANDARD)
    assert refused.value.code == "condition_invalid"
    assert code in {error.code for error in refused.value.errors}


def nested(levels: int) -> Json:
    tree = leaf("order.total", "exists")
    for _ in range(levels - 1):
        tree = {"not": tree}
    return tree


def test_depth_and_size_have_limits_that_can_be_reached() -> None:
    assert validate(nested(12), STANDARD) == []
    assert [fault.code for fault in validate(nested(13), STANDARD)] == ["too_deep"]
    assert validate({"all": [nested(1)] * 199}, STANDARD) == []
    assert [fault.code for fault in validate({"all": [nested(1)] * 200}, STANDARD)] == ["too_many_conditions"]


def test_questions_about_each_item_have_a_limit_of_their_own() -> None:
    """They are asked of a thousand lines, so two hundred of them would take long to decide. Lists count once."""

    def items(count: int) -> Json:
        return {"items": "any", "where": {"any": [leaf("item.sku", "in", ["a", "b"])] * count}}

    assert validate(items(50), STANDARD) == []
    assert validate({"any": [items(25), items(25), nested(1)]}, STANDARD) == []
    (fault,) = validate({"any": [items(25), items(26), nested(1)]}, STANDARD)
    assert (fault.path, fault.code) == ("/any/1/where/any/25", "too_many_item_conditions")
    assert [fault.code for fault in validate(items(190), STANDARD)] == ["too_many_item_conditions"]
    published_before_there_was_such_a_limit = compile_condition(items(190), STANDARD)
    assert published_before_there_was_such_a_limit.matches({"items": [{"item.sku": "B"}]})


@pytest.mark.parametrize(
    "tree",
    [
        nested(5000),
        leaf("order.store", "eq", "x" * 10_000_000),
        leaf("order.total", "eq", "9" * 10_000_000),
        leaf("order.total", "eq", 10**5000),
        leaf("x" * 10_000_000, "exists"),
        leaf("order.total", "x" * 10_000_000),
        {"all": [nested(3)] * 1_000_000},
        {"all": [5] * 1_000_000},
        {"x" * 10_000_000: 1, "field": "order.total"},
        {str(n): n for n in range(100_000)},
    ],
    ids=["deep", "text", "digits", "integer", "field", "operator", "wide", "wide junk", "key", "keys"],
)
def test_hostile_conditions_are_refused_at_once_with_short_words(tree: object) -> None:
    begun = clock_time.process_time()
    faults = validate(tree, STANDARD)
    assert clock_time.process_time() - begun < 0.05
    assert faults
    assert len(faults) <= 201
    assert all(len(fault.message) < 300 for fault in faults)


def test_the_normal_form_writes_numbers_as_text_and_drops_doubles() -> None:
    tree = {"all": [leaf("order.total", "in", [5, "5", Decimal("7.50")]), leaf("time.time", "gte", "17:30")]}
    assert normalise(tree, STANDARD) == {
        "all": [
            {"field": "order.total", "op": "in", "value": ["5", "7.50"]},
            {"field": "time.time", "op": "gte", "value": "17:30:00"},
        ]
    }
