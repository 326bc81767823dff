"""The condition language by example: what conditions mean, and the fields they ask about."""

import time as clock_time
from datetime import date, time
from decimal import Decimal

import pytest

from loyalty.conditions.compiler import NOTHING
from loyalty.conditions.compiler import compile as compile_condition
from loyalty.conditions.fields import Field, FieldType, Schema
from loyalty.conditions.sentences import say
from loyalty.conditions.standard import STANDARD
from loyalty.conditions.validate import normalise, validate
from tests.conditions.trees import BIG_COFFEE, COFFEE, ORDER, leaf, matches


@pytest.mark.parametrize("empty", [None, {}])
def test_no_condition_is_always_true_and_says_nothing(empty: object) -> None:
    condition = compile_condition(empty, STANDARD)
    assert condition.matches({}) is True
    assert condition.explain({}).passed is True
    assert condition.explain({}).misses() == []
    assert condition.needs == NOTHING
    assert say(empty, STANDARD) == ""
    assert normalise(empty, STANDARD) is None


@pytest.mark.parametrize(
    ("tree", "answer"),
    [
        (BIG_COFFEE, True),
        ({"not": BIG_COFFEE}, False),
        ({"all": []}, True),
        (leaf("order.total", "between", ["60", "60.00"]), True),
        (leaf("order.total", "gt", "60"), False),
        (leaf("order.total", "in", [60, "61"]), True),
        (leaf("time.time", "between", ["22:00", "02:00"]), True),
        (leaf("time.time", "between", ["00:00", "22:00"]), False),
        (leaf("member.segments", "has_all", ["vip", "new"]), False),
        (leaf("activity.spend", "gte", 120, days=90), True),
        (leaf("activity.spend", "gte", 1, days=30), False),
        ({"items": "every", "where": leaf("item.amount", "gte", "20")}, True),
        ({"items": "none", "where": leaf("item.category", "in", ["TEA", "coffee"])}, False),
        ({"items": "count", "op": "eq", "value": 2}, True),
        (
            {"items": "sum", "field": "item.amount", "where": COFFEE["where"], "op": "lte", "value": "20.00"},
            True,
        ),
        ({"items": "sum", "field": "item.quantity", "op": "gte", "value": 4}, False),
    ],
)
def test_conditions_mean_what_they_say(tree: object, answer: bool) -> None:
    assert matches(tree) is answer


def test_money_is_compared_exactly() -> None:
    tree = leaf("order.total", "gte", "0.30")
    assert matches(tree, {"order.total": Decimal("0.1") + Decimal("0.2")})
    assert not matches(tree, {"order.total": Decimal("0.2999999999999999999999")})


def test_a_missing_value_is_false_except_for_questions_about_absence() -> None:
    assert not matches(leaf("member.tier", "eq", "gold"), {})
    assert not matches(leaf("order.total", "lt", "5"), {"order.total": None})
    for tree in [
        leaf("member.tier", "ne", "gold"),
        leaf("member.tier", "not_exists"),
        leaf("member.segments", "has_none", ["x"]),
    ]:
        assert matches(tree, {})


def test_every_item_of_an_empty_basket_earns_nothing() -> None:
    assert not matches({"items": "every", "where": leaf("item.amount", "gte", "1")}, {"items": []})


def test_needs_name_what_must_be_loaded() -> None:
    needs = compile_condition(
        {"all": [BIG_COFFEE, leaf("activity.spend", "gte", 1, days=90)]}, STANDARD
    ).needs
    assert needs.fields == {"order.total"}
    assert needs.item_fields == {"item.category"}
    assert needs.windows == {("spend", 90)}
    assert needs.items


def test_a_program_brings_its_own_fields_and_codes() -> None:
    schema = STANDARD.extended([Field("event.nights", FieldType.NUMBER, "nights")]).with_choices(
        {"member.tier": {"gold": "Gold"}}
    )
    tree = {"all": [leaf("event.nights", "gte", 2), leaf("member.tier", "eq", "gold")]}
    assert compile_condition(tree, schema).matches({"event.nights": 2, "member.tier": "gold"})
    assert say(tree, schema) == "nights is at least 2 and the member's tier is Gold"
    assert [fault.code for fault in validate(leaf("member.tier", "eq", "tin"), schema)] == [
        "value_not_a_choice"
    ]
    assert STANDARD.get("event.nights") is None
    with pytest.raises(ValueError, match="twice"):
        schema.extended([Field("event.nights", FieldType.TEXT, "again")])


@pytest.mark.parametrize(
    "name",
    ["__class__", "event.__class__", "event", "Event.x", "event.a.b", "event.x\n", "event." + "x" * 70],
)
def test_a_field_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="field name"):
        Field(name, FieldType.TEXT, "x")


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (FieldType.NUMBER, "1.50", Decimal("1.50")),
        (FieldType.NUMBER, 3, Decimal(3)),
        (FieldType.NUMBER, True, None),
        (FieldType.NUMBER, "x", None),
        (FieldType.TEXT, 5, None),
        (FieldType.BOOLEAN, "true", None),
        (FieldType.DATE, "2026-01-31", date(2026, 1, 31)),
        (FieldType.DATE, "2026-13-31", None),
        (FieldType.DATETIME, "2026-01-31T00:00:00", None),
        (FieldType.TIME, "17:30", time(17, 30)),
        (FieldType.SET, ["a", "a"], frozenset({"a"})),
        (FieldType.SET, ["a", 1], None),
        (FieldType.TEXT, None, None),
    ],
)
def test_stored_attributes_are_read_by_type_or_count_as_missing(
    kind: FieldType, raw: object, value: object
) -> None:
    assert Field("event.x", kind, "x").read(raw) == value


def test_a_schema_keeps_its_order() -> None:
    schema = Schema([Field("event.b", FieldType.TEXT, "b"), Field("event.a", FieldType.TEXT, "a")])
    assert [field.name for field in schema] == ["event.b", "event.a"]
    assert len(schema) == 2


def test_three_questions_are_answered_within_microseconds() -> None:
    tree = {"all": [leaf("order.total", "gte", "50.00"), leaf("time.time", "gte", "08:00"), COFFEE]}
    decide = compile_condition(tree, STANDARD).matches
    begun = clock_time.process_time()
    for _ in range(20_000):
        decide(ORDER)
    assert (clock_time.process_time() - begun) / 20_000 < 30e-6  # about 1 µs on a quiet machine
