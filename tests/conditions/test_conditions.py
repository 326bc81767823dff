"""The condition language by example: meaning, refusals, explanations and words."""

import time as clock_time
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest

from loyalty.base.errors import Invalid
from loyalty.conditions.compiler import NOTHING
from loyalty.conditions.compiler import compile as compile_condition
from loyalty.conditions.explain import Outcome
from loyalty.conditions.fields import ALL_OPERATORS, Field, FieldType, Schema
from loyalty.conditions.patterns import INVERSE, ITEM_TRAITS, MISSES, STATEMENTS
from loyalty.conditions.sentences import say, say_miss
from loyalty.conditions.standard import STANDARD
from loyalty.conditions.validate import normalise, validate

Json = dict[str, Any]

COFFEE = {"items": "any", "where": {"field": "item.category", "op": "eq", "value": "Coffee"}}
BIG_COFFEE = {"all": [{"field": "order.total", "op": "gte", "value": "50.00"}, COFFEE]}
ORDER: Json = {
    "order.total": Decimal("60.00"),
    "member.segments": frozenset({"vip"}),
    "time.time": time(23, 30),
    "items": [
        {
            "item.name": "Beans",
            "item.category": "coffee",
            "item.amount": Decimal("20.00"),
            "item.quantity": Decimal(2),
        },
        {
            "item.name": "Socks",
            "item.category": "Clothes",
            "item.amount": Decimal("40.00"),
            "item.quantity": Decimal(1),
        },
    ],
    "activity": {("spend", 90): Decimal("120.00")},
}


def matches(tree: object, view: Json = ORDER) -> bool:
    return compile_condition(tree, STANDARD).matches(view)


def leaf(field: str, op: str, value: object = None, **more: object) -> Json:
    return {"field": field, "op": op, **({} if value is None else {"value": value}), **more}


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


def sentences(tree: object, view: Json) -> list[str]:
    return [say_miss(miss, STANDARD) for miss in compile_condition(tree, STANDARD).explain(view).misses()]


BIG = leaf("order.total", "gte", "50.00")
BIG_LINE = leaf("item.amount", "gte", "9")
MITTE_OR_WEB = {"any": [leaf("order.store", "eq", "Mitte"), leaf("channel.code", "eq", "web")]}


def test_a_condition_reads_as_a_sentence() -> None:
    assert say(BIG_COFFEE, STANDARD) == "the order total is at least 50.00 and any item has category Coffee"


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (leaf("time.weekday", "in", ["sat", "sun"]), "the day of the week is Saturday or Sunday"),
        (
            leaf("activity.spend", "gte", "100.00", days=90),
            "the member's spend in the last 90 days is at least 100.00",
        ),
        (
            leaf("activity.orders", "gte", 1, days=1),
            "the member's number of orders in the last day is at least 1",
        ),
        (leaf("time.time", "between", ["17:00", "19:30"]), "the time of day is from 17:00 to 19:30"),
        (leaf("member.enrolled", "gte", "2026-01-31"), "the member's joining date is 31 Jan 2026 or later"),
        (leaf("member.segments", "has_all", ["a", "b"]), "the member's segments include all of a and b"),
        (leaf("member.is_birthday", "eq", True), "it is the member's birthday"),
        (leaf("member.is_birthday", "ne", True), "it is not the member's birthday"),
        ({"not": leaf("order.total", "gte", 5)}, "the order total is less than 5"),
        ({"not": {"not": leaf("order.total", "gte", 5)}}, "the order total is at least 5"),
        ({"not": COFFEE}, "no item has category Coffee"),
        (
            {"items": "count", "where": COFFEE["where"], "op": "gte", "value": 2},
            "the number of items with category Coffee is at least 2",
        ),
        (
            {"items": "sum", "field": "item.amount", "op": "lt", "value": "9.50"},
            "the total amount of all items is less than 9.50",
        ),
        (
            {"any": [BIG_COFFEE, leaf("order.store", "eq", "Mitte")]},
            "(the order total is at least 50.00 and any item has category Coffee) or the store is Mitte",
        ),
        (
            {"not": {"any": [leaf("order.store", "eq", "Mitte"), COFFEE]}},
            "it is not true that (the store is Mitte or any item has category Coffee)",
        ),
        (
            {"not": {"not": {"any": [leaf("order.store", "eq", "Mitte"), COFFEE]}}},
            "the store is Mitte or any item has category Coffee",
        ),
        (
            {"all": [BIG, {"all": [MITTE_OR_WEB]}]},
            "the order total is at least 50.00 and (the store is Mitte or the channel is web)",
        ),
        (
            {"all": [BIG, {"not": {"not": MITTE_OR_WEB}}]},
            "the order total is at least 50.00 and (the store is Mitte or the channel is web)",
        ),
        (
            {"all": [{"items": "any", "where": {"any": [COFFEE["where"], BIG_LINE]}}, BIG]},
            "(any item has category Coffee or amount of at least 9) and the order total is at least 50.00",
        ),
    ],
)
def test_every_kind_of_question_can_be_said(tree: object, words: str) -> None:
    assert say(tree, STANDARD) == words


def test_amounts_are_said_in_the_currency_of_the_program() -> None:
    euros = STANDARD.in_currency("EUR")
    tree = leaf("order.total", "between", ["10", "1250.50"])
    assert say(tree, euros) == "the order total is from 10 EUR to 1,250.50 EUR"
    miss = Outcome("", "order.total", "gte", "60", "29.27", False)
    assert say_miss(miss, euros) == "the order total was 29.27 EUR, needed at least 60 EUR"


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (leaf("order.total", "gte", "75.00"), "the order total was 60.00, needed at least 75.00"),
        (leaf("member.tier", "in", ["gold", "vip"]), "the member had no tier, needed gold or vip"),
        (leaf("member.tier", "exists"), "the member had no tier"),
        ({"not": leaf("order.total", "gte", "50")}, "the order total was 60.00, needed less than 50"),
        (leaf("member.segments", "has_any", ["new"]), "the member's segments were vip, needed new"),
        (
            leaf("activity.spend", "gte", 500, days=90),
            "the member's spend in the last 90 days was 120.00, needed at least 500",
        ),
        (
            {"items": "any", "where": leaf("item.category", "eq", "Shoes")},
            "no item has category Shoes (items: Beans and Socks)",
        ),
        ({"items": "every", "where": COFFEE["where"]}, "not every item has category Coffee (others: Socks)"),
        ({"items": "none", "where": COFFEE["where"]}, "an item has category Coffee (items: Beans)"),
        ({"not": COFFEE}, "an item has category Coffee (items: Beans)"),
        ({"items": "count", "op": "gte", "value": 3}, "the number of items was 2, needed at least 3"),
        (leaf("time.time", "lt", "17:00"), "the time of day was 23:30, needed before 17:00"),
        (leaf("member.is_birthday", "eq", True), "it is not the member's birthday"),
    ],
)
def test_a_miss_says_what_was_needed_and_what_was_there(tree: object, words: str) -> None:
    assert sentences(tree, ORDER) == [words]


def test_only_what_failed_is_blamed() -> None:
    tree = {
        "all": [
            leaf("order.total", "gte", 1),
            {"any": [leaf("order.store", "eq", "A"), leaf("order.total", "gt", 99)]},
        ]
    }
    assert sentences(tree, ORDER) == [
        "the store was none, needed A",
        "the order total was 60.00, needed more than 99",
    ]
    assert [miss.path for miss in compile_condition(tree, STANDARD).explain(ORDER).misses()] == [
        "/all/1/any/0",
        "/all/1/any/1",
    ]


def test_private_values_stay_out_of_the_trace_and_the_words() -> None:
    condition = compile_condition(leaf("member.age", "gte", 21), STANDARD)
    miss = condition.explain({"member.age": 19}).misses()[0]
    assert "19" not in str(miss.to_json())
    assert say_miss(miss, STANDARD) == "the member's age was something else, needed at least 21"


def test_a_false_that_was_there_is_told_from_a_value_that_was_not() -> None:
    schema = STANDARD.extended([Field("event.member_only", FieldType.BOOLEAN, "members only")])
    condition = compile_condition(leaf("event.member_only", "eq", True), schema)
    assert (
        say_miss(condition.explain({"event.member_only": False}).misses()[0], schema)
        == "members only was no, needed yes"
    )
    assert say_miss(condition.explain({}).misses()[0], schema) == "members only was none, needed yes"


def test_long_lists_are_cut_in_words() -> None:
    words = say(leaf("order.store", "in", [f"s{n}" for n in range(40)]), STANDARD)
    assert words.endswith("s11 or 28 more")


def test_every_operator_has_its_words_and_its_opposite() -> None:
    assert set(INVERSE) == ALL_OPERATORS
    wanted = ALL_OPERATORS | set(INVERSE.values())
    for table in (STATEMENTS, ITEM_TRAITS, MISSES):
        assert set(table) == wanted


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
