"""A condition, and why it did not match, in words."""

import pytest

from loyalty.conditions.compiler import compile as compile_condition
from loyalty.conditions.explain import Outcome
from loyalty.conditions.fields import ALL_OPERATORS, Field, FieldType
from loyalty.conditions.patterns import INVERSE, ITEM_TRAITS, MISSES, STATEMENTS
from loyalty.conditions.sentences import say, say_miss
from loyalty.conditions.standard import STANDARD
from tests.conditions.trees import BIG_COFFEE, COFFEE, ORDER, Json, leaf


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
