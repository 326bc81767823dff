"""Compiled conditions against a naive reading of the same JSON, on random trees and views."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty.base import strict_json
from loyalty.conditions.compiler import compile as compile_condition
from loyalty.conditions.explain import Explanation, Outcome
from loyalty.conditions.fields import LIST_OPERATORS, PRESENCE_OPERATORS, Field, FieldType
from loyalty.conditions.sentences import say, say_miss
from loyalty.conditions.standard import STANDARD
from loyalty.conditions.validate import normalise, validate
from tests.examples import examples

Json = dict[str, Any]

SCHEMA = STANDARD.extended(
    [
        Field("event.note", FieldType.TEXT, "Note"),
        Field("event.nights", FieldType.NUMBER, "Nights"),
        Field("event.booked", FieldType.DATETIME, "Booked"),
        Field("item.tags", FieldType.SET, "Tags"),
    ]
)
WORDS = ["coffee", "Coffee", "TEA", "tea room", "straße", "STRASSE", "x"]
MOMENTS = [datetime(2026, month, 1, 12, tzinfo=UTC) for month in (1, 6, 12)]
VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.sampled_from(WORDS),
    FieldType.CHOICE: st.sampled_from(["mon", "sat", "sun"]),
    FieldType.NUMBER: st.integers(-3, 12) | st.sampled_from([Decimal("0.5"), Decimal("2.0")]),
    FieldType.MONEY: st.sampled_from([Decimal(text) for text in ("0.00", "9.99", "10.00", "50")]),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.dates(date(2026, 1, 30), date(2026, 2, 2)),
    FieldType.DATETIME: st.sampled_from(MOMENTS),
    FieldType.TIME: st.sampled_from([time(0), time(7, 30), time(12), time(22), time(23, 59, 59)]),
    FieldType.SET: st.frozensets(st.sampled_from(["vip", "new", "moms"])),
}
NAMES = [
    "order.total",
    "event.note",
    "event.nights",
    "event.booked",
    "time.weekday",
    "time.time",
    "time.date",
    "member.is_birthday",
    "member.segments",
    "activity.spend",
]
ITEM_NAMES = ["item.category", "item.amount", "item.quantity", "item.gift_card", "item.tags"]
WINDOWS = [7, 90]


def as_json(value: Any) -> Any:
    return (
        value
        if isinstance(value, bool | str | int)
        else str(value)
        if isinstance(value, Decimal)
        else _moment(value)
    )


def _moment(value: date | time) -> str:
    return value.isoformat()


@st.composite
def leaves(draw: st.DrawFn, names: list[str]) -> Json:
    field = SCHEMA.get(draw(st.sampled_from(names)))
    assert field is not None
    op = draw(st.sampled_from(field.operators))
    made: Json = {"field": field.name, "op": op}
    literals = st.sampled_from(["vip", "new"]) if field.type is FieldType.SET else VALUES[field.type]
    if op == "between":
        ends = [draw(literals), draw(literals)]
        made["value"] = [as_json(end) for end in (ends if field.type is FieldType.TIME else sorted(ends))]
    elif op in LIST_OPERATORS:
        made["value"] = [as_json(one) for one in draw(st.lists(literals, min_size=1, max_size=3))]
    elif op not in PRESENCE_OPERATORS:
        made["value"] = as_json(draw(literals))
    if field.windowed:
        made["days"] = draw(st.sampled_from(WINDOWS))
    return made


def trees(leaf: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=4).map(lambda many: {"any": many})
            | st.lists(inner, max_size=4).map(lambda many: {"all": many})
            | inner.map(lambda one: {"not": one})
        ),
        max_leaves=6,
    )


@st.composite
def item_questions(draw: st.DrawFn) -> Json:
    quantifier = draw(st.sampled_from(["any", "every", "none", "count", "sum"]))
    made: Json = {"items": quantifier}
    where = trees(leaves(ITEM_NAMES))
    if quantifier in ("any", "every", "none"):
        return made | {"where": draw(where)}
    if draw(st.booleans()):
        made["where"] = draw(where)
    if quantifier == "sum":
        made["field"] = draw(st.sampled_from(["item.amount", "item.quantity"]))
    op = draw(st.sampled_from(["eq", "gte", "lt", "between", "in"]))
    return made | {"op": op, "value": ["1", "10.00"] if op in ("between", "in") else draw(st.integers(0, 30))}


def view_of(names: list[str]) -> st.SearchStrategy[Json]:
    fields = [field for field in SCHEMA if field.name in names and not field.windowed]
    return st.fixed_dictionaries(
        {}, optional={field.name: st.none() | VALUES[field.type] for field in fields}
    )


@st.composite
def views(draw: st.DrawFn) -> Json:
    made = draw(view_of(NAMES))
    if draw(st.booleans()):
        made["items"] = draw(st.lists(view_of(ITEM_NAMES), max_size=4))
    if draw(st.booleans()):
        windows = st.dictionaries(
            st.sampled_from([("spend", days) for days in WINDOWS]), VALUES[FieldType.MONEY]
        )
        made["activity"] = draw(windows)
    return made


TREES = trees(leaves(NAMES) | item_questions())


def naive(tree: Json | None, view: Mapping[str, Any]) -> bool:
    """The language as its documentation tells it, without any cleverness."""
    if not tree:
        return True
    if "all" in tree:
        return all(naive(child, view) for child in tree["all"])
    if "any" in tree:
        return any(naive(child, view) for child in tree["any"])
    if "not" in tree:
        return not naive(tree["not"], view)
    if "items" in tree:
        return naive_items(tree, view.get("items") or [])
    value = view.get(tree["field"])
    if "days" in tree:
        value = (view.get("activity") or {}).get(("spend", tree["days"]))
    return naive_leaf(tree, value)


def naive_items(tree: Json, items: list[Json]) -> bool:
    matching = [item for item in items if naive(tree.get("where"), item)]
    match tree["items"]:
        case "any":
            return len(matching) > 0
        case "none":
            return len(matching) == 0
        case "every":
            return len(items) > 0 and len(matching) == len(items)
        case "count":
            return naive_leaf({"field": "event.nights", **tree}, len(matching))
    total = sum((item[tree["field"]] for item in matching if item.get(tree["field"]) is not None), Decimal(0))
    return naive_leaf(tree, total)


def naive_leaf(leaf: Json, value: Any) -> bool:
    field = SCHEMA.get(leaf["field"])
    assert field is not None
    op = leaf["op"]
    if op in ("exists", "not_exists"):
        there = bool(value) if field.type is FieldType.SET else value is not None
        return there is (op == "exists")
    if value is None:
        return op in ("ne", "not_in", "has_none")
    if field.type is FieldType.SET:
        common = [one for one in leaf["value"] if one in value]
        if op == "has_all":
            return len(common) == len(leaf["value"])
        return (common != []) is (op == "has_any")
    fold: Callable[[Any], Any] = str.casefold if field.type is FieldType.TEXT else (lambda one: one)
    listed = leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]
    return naive_compare(op, fold(value), [fold(field.read(one)) for one in listed], field)


def naive_compare(op: str, value: Any, wanted: list[Any], field: Field) -> bool:
    first, last = wanted[0], wanted[-1]
    if op == "between":
        over_midnight = field.type is FieldType.TIME and last < first
        return bool(value >= first or value <= last if over_midnight else first <= value <= last)
    if op in ("in", "not_in"):
        return any(value == one for one in wanted) is (op == "in")
    if op in ("contains", "starts_with"):
        return bool(first in value if op == "contains" else value[: len(first)] == first)
    answers = {"eq": value == first, "ne": value != first}
    if op in answers:
        return bool(answers[op])
    return bool({"gt": value > first, "gte": value >= first, "lt": value < first, "lte": value <= first}[op])


@settings(max_examples=examples(600), deadline=None)
@given(TREES, views())
def test_closures_agree_with_a_naive_reading(tree: Json, view: Json) -> None:
    assert validate(tree, SCHEMA) == []
    assert compile_condition(tree, SCHEMA).matches(view) is naive(tree, view)


@settings(max_examples=examples(400), deadline=None)
@given(TREES, views())
def test_an_explanation_agrees_with_the_decision_and_blames_someone_exactly_when_it_fails(
    tree: Json, view: Json
) -> None:
    condition = compile_condition(tree, SCHEMA)
    explanation = condition.explain(view)
    assert explanation.passed is condition.matches(view)
    misses = explanation.misses()
    assert all(miss.passed is miss.negated for miss in misses)
    if explanation.passed:
        assert misses == []
    else:
        assert misses != [] or _has_empty_group(tree)


def _has_empty_group(tree: Json) -> bool:
    """`not` of an empty `all` fails, and there is nobody to blame."""
    return "'all': []" in str(tree)


@settings(max_examples=examples(300), deadline=None)
@given(TREES, views())
def test_every_condition_and_every_miss_can_be_said_also_after_storing(tree: Json, view: Json) -> None:
    condition = compile_condition(tree, SCHEMA)
    assert "%(" not in say(tree, SCHEMA)
    for miss in condition.explain(view).misses():
        stored = strict_json.loads_trusted(strict_json.dumps(miss.to_json()))
        assert Outcome.from_json(stored) == miss
        assert say_miss(Outcome.from_json(stored), SCHEMA)
        assert say_miss(Outcome.from_json(stored), STANDARD)  # the program's own fields have gone since


@settings(max_examples=examples(300), deadline=None)
@given(TREES, views())
def test_the_normal_form_is_sound_stable_and_means_the_same(tree: Json, view: Json) -> None:
    normal = normalise(tree, SCHEMA)
    assert normalise(normal, SCHEMA) == normal
    assert strict_json.loads(strict_json.dumps(normal).encode()) == normal
    assert compile_condition(normal, SCHEMA).matches(view) is compile_condition(tree, SCHEMA).matches(view)


@settings(max_examples=examples(200), deadline=None)
@given(TREES, views())
def test_a_condition_reads_only_what_it_says_it_needs(tree: Json, view: Json) -> None:
    condition = compile_condition(tree, SCHEMA)
    needs = condition.needs
    only = {name: value for name, value in view.items() if name in needs.fields}
    if needs.items and "items" in view:
        only["items"] = [{name: item.get(name) for name in needs.item_fields} for item in view["items"]]
    only["activity"] = {
        window: amount for window, amount in view.get("activity", {}).items() if window in needs.windows
    }
    assert condition.matches(only) is condition.matches(view)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(max_size=5)
    | st.sampled_from([*NAMES, "gte"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "items", "field", "op", "value", "where", "days", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=examples(500), deadline=None)
@given(JUNK)
def test_any_json_is_sound_or_has_faults_and_never_breaks_the_reader(tree: object) -> None:
    faults = validate(tree, SCHEMA)
    for fault in faults:
        assert fault.code
        assert fault.message
        assert fault.path == "" or fault.path.startswith("/")
    if not faults:
        assert isinstance(compile_condition(tree, SCHEMA).explain({}), Explanation)
