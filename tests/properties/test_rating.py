"""Rating against a plain oracle in fractions, and what must hold whatever the campaigns and the orders are."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.basket import Basket, returning
from campaigns.caps import Usage, Used
from campaigns.rating import Rating, points_by_line
from campaigns.runs import Rules
from loyalty.base.numbers import Rounding
from tests.campaigns.making import bonus, compiled, earning, extra, line, order, rated
from tests.examples import examples

CATEGORIES = ["Coffee", "Tea"]
COFFEE = {"field": "item.category", "op": "eq", "value": "Coffee"}
Definitions = list[dict[str, Any]]

money = st.integers(0, 20_000).map(lambda cents: str(Decimal(cents).scaleb(-2)))
rates = st.sampled_from(["0.1", "0.3333", "1", "1.5", "2", "7"])
steps = st.sampled_from(["0.5", "1", "3", "10"])
filters = st.sampled_from([None, COFFEE])
groups = st.sampled_from(["", "", "x"])
limits: st.SearchStrategy[list[dict[str, Any]]] = st.one_of(
    st.just([]),
    st.builds(lambda points: [{"points": str(points), "per": "month"}], st.integers(1, 200)),
    st.just([{"times": 2, "per": "month"}]),
)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    amount = draw(money)
    quantity = draw(st.integers(1, 4))
    tax = draw(st.sampled_from(["0", "0.1", "0.5"]))
    taxed = (Decimal(amount) * Decimal(tax)).quantize(Decimal("0.01"))
    return line(
        amount,
        amount=amount,
        quantity=str(quantity),
        tax=str(taxed),
        category=draw(st.sampled_from(CATEGORIES)),
        gift_card=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    bought = draw(st.lists(lines(), min_size=1, max_size=6))
    return order(*bought, discount=draw(money), points_paid=draw(st.sampled_from(["0.00", "1.00", "12.34"])))


@st.composite
def campaigns(draw: st.DrawFn) -> Definitions:
    made: Definitions = []
    for number in range(draw(st.integers(1, 5))):
        common = {
            "items": draw(filters),
            "stacking_group": draw(groups),
            "caps": draw(limits),
            "budget": draw(st.sampled_from([None, None, 50])),
            "priority": draw(st.integers(1, 3)),
        }
        kind, code = (
            draw(st.sampled_from(["amount", "amount", "item", "fixed", "bonus", "extra"])),
            f"c{number}",
        )
        if kind == "bonus":
            made.append(bonus(code, draw(st.sampled_from(["1.5", "2", "3"])), **common))
        elif kind == "extra":
            made.append(extra(code, draw(rates), **common))
        else:
            rounding = draw(st.sampled_from(["", "down", "half_up", "up"]))
            made.append(earning(code, draw(rates), draw(steps), basis=kind, rounding=rounding, **common))
    return made


modes = st.sampled_from(list(Rounding))
usages = st.builds(
    lambda points, times, budgets: Usage(
        {(number, "m:2026-11"): Used(points, times) for number in range(1, 6)}, dict(enumerate(budgets, 1))
    ),
    st.integers(0, 150),
    st.integers(0, 2),
    st.lists(st.integers(0, 50), min_size=5, max_size=5),
)


# --- the oracle: slow, and as the documentation says it ---------------------------------------------------


def qualifying(data: dict[str, Any]) -> list[Fraction]:
    whole = sum(Fraction(one["amount"]) for one in data["lines"])
    off = Fraction(data["discount"]) + Fraction(data["points_paid"])
    parts = []
    for one in data["lines"]:
        share = off * Fraction(one["amount"]) / whole if whole else Fraction(0)
        part = Fraction(one["amount"]) - Fraction(one["tax"]) - share
        parts.append(Fraction(0) if one["gift_card"] else max(Fraction(0), part))
    return parts


def base_by_line(definition: dict[str, Any], data: dict[str, Any]) -> tuple[Fraction, list[Fraction]]:
    """What a base rule gives in all, and how much of it each line brought."""
    effect, hits = definition["effect"], matching(definition, data)
    points, step = Fraction(effect["points"]), Fraction(effect["step"])
    nothing = [Fraction(0)] * len(hits)
    if effect["basis"] == "fixed":
        return (points if definition["items"] is None or any(hits) else Fraction(0)), nothing
    if effect["basis"] == "amount":
        counted = qualifying(data)
    else:
        counted = [Fraction(0 if one["gift_card"] else one["quantity"]) for one in data["lines"]]
    counted = [part if hit else Fraction(0) for part, hit in zip(counted, hits, strict=True)]
    whole = sum(counted, Fraction(0))
    steps = whole / step
    match effect["step_rounding"]:
        case "down":
            steps = Fraction(floor(steps))
        case "up":
            steps = Fraction(ceil(steps))
        case "half_up":
            steps = Fraction(floor(steps + Fraction(1, 2)))
    raw = steps * points
    return raw, [raw * part / whole for part in counted] if whole else nothing


def matching(definition: dict[str, Any], data: dict[str, Any]) -> list[bool]:
    if definition["items"] is None:
        return [True] * len(data["lines"])
    return [one["category"] == "Coffee" and not one["gift_card"] for one in data["lines"]]


def left_of(number: int, definition: dict[str, Any], usage: Usage) -> Fraction | None:
    used = usage.used.get((number, "m:2026-11"), Used())
    left: list[Fraction] = []
    for cap in definition["caps"]:
        if "points" in cap:
            left.append(Fraction(max(0, int(cap["points"]) - used.points)))
        elif used.times >= cap["times"]:
            left.append(Fraction(0))
    if definition["budget"] is not None:
        left.append(Fraction(usage.budget_left.get(number, definition["budget"])))
    return min(left) if left else None


def best_of_groups(raws: dict[int, Fraction], definitions: Definitions) -> dict[int, Fraction]:
    kept = {number: raw for number, raw in raws.items() if raw > 0}
    by_group: dict[str, list[int]] = defaultdict(list)
    for number in kept:
        by_group[definitions[number - 1]["stacking_group"]].append(number)
    for group, members in by_group.items():
        if group:
            ranked = sorted(
                members, key=lambda n: (-kept[n], definitions[n - 1]["priority"], definitions[n - 1]["code"])
            )
            for loser in ranked[1:]:
                del kept[loser]
    return kept


def oracle(data: dict[str, Any], definitions: Definitions, usage: Usage) -> dict[int, Fraction]:
    """The exact points of each campaign, cut but not rounded."""
    numbered = dict(enumerate(definitions, 1))
    open_ = {n: one for n, one in numbered.items() if left_of(n, one, usage) != 0}
    based = {n: base_by_line(one, data) for n, one in open_.items() if one["kind"] == "earning"}
    base = best_of_groups({n: raw for n, (raw, _) in based.items()}, definitions)
    raws = {}
    for number, one in open_.items():
        if one["kind"] == "bonus":
            hits = matching(one, data)
            if one["effect"]["bonus"] == "extra":
                whole = one["items"] is None or any(hits)
                raws[number] = Fraction(one["effect"]["extra_points"]) if whole else Fraction(0)
                continue
            brought = Fraction(0)
            for n in base:
                by_line = [part for part, hit in zip(based[n][1], hits, strict=True) if hit]
                brought += based[n][0] if one["items"] is None else sum(by_line, Fraction(0))
            raws[number] = brought * (Fraction(one["effect"]["multiplier"]) - 1)
    values = base | best_of_groups(raws, definitions)
    cut = {}
    for number, raw in values.items():
        left = left_of(number, numbered[number], usage)
        cut[number] = raw if left is None else min(raw, left)
    return cut


def rounded(exact: Fraction, mode: Rounding) -> int:
    whole, rest = floor(exact), exact - floor(exact)
    match mode:
        case Rounding.DOWN:
            return whole
        case Rounding.UP:
            return ceil(exact)
        case Rounding.HALF_UP:
            return whole + (rest >= Fraction(1, 2))
    return whole + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1))


def points_of(rating: Rating) -> dict[int, int]:
    return {award.terms.campaign_id: award.points for award in rating.awards}


# --- promises -------------------------------------------------------------------------------------------


@given(orders(), campaigns(), usages, modes)
@settings(max_examples=examples(300), deadline=None)
def test_rating_agrees_with_the_oracle(
    data: dict[str, Any], made: Definitions, usage: Usage, mode: Rounding
) -> None:
    rating = rated(data, *made, usage=usage, rules=Rules(mode, "GBP"))
    exact = oracle(data, made, usage)
    assert rating.totals.get(1, 0) == rounded(sum(exact.values(), Fraction(0)), mode)
    given_points = points_of(rating)
    for number in range(1, len(made) + 1):
        part = exact.get(number, Fraction(0))
        assert floor(part) <= given_points.get(number, 0) <= ceil(part)


@given(orders(), campaigns(), usages, modes)
@settings(max_examples=examples(150), deadline=None)
def test_awards_lines_and_trace_add_up_to_the_rounded_total(
    data: dict[str, Any], made: Definitions, usage: Usage, mode: Rounding
) -> None:
    bought = Basket.from_payload(data, "GBP")
    rating = rated(bought, *made, usage=usage, rules=Rules(mode, "GBP"))
    total = rating.totals.get(1, 0)
    assert sum(award.points for award in rating.awards) == total
    assert sum(row["points"] for row in rating.detail["campaigns"]) == total
    assert sum(points_by_line(rating, bought).get(1, [])) == total
    assert len(rating.detail["campaigns"]) == len(made)
    assert all(row["outcome"] for row in rating.detail["campaigns"])


@given(st.lists(orders(), min_size=1, max_size=6), campaigns(), modes)
@settings(max_examples=examples(80), deadline=None)
def test_what_is_given_never_exceeds_caps_and_budgets(
    bought: list[dict[str, Any]], made: Definitions, mode: Rounding
) -> None:
    points: dict[int, int] = defaultdict(int)
    times: dict[int, int] = defaultdict(int)
    for data in bought:
        used = {(n, "m:2026-11"): Used(points[n], times[n]) for n in range(1, len(made) + 1)}
        left = {n: one["budget"] - points[n] for n, one in enumerate(made, 1) if one["budget"] is not None}
        rating = rated(data, *made, usage=Usage(used, left), rules=Rules(mode, "GBP"))
        for number, amount in points_of(rating).items():
            points[number] += amount
            times[number] += 1
    for number, one in enumerate(made, 1):
        for cap in one["caps"]:
            assert points[number] <= int(cap.get("points", points[number]))
            assert times[number] <= cap.get("times", times[number])
        assert one["budget"] is None or points[number] <= one["budget"]


@st.composite
def returns(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """An order, some returned lines, and the same ones in another order."""
    data = draw(orders())
    count = len(data["lines"])
    some = draw(
        st.lists(
            st.one_of(
                st.fixed_dictionaries(
                    {"id": st.integers(1, count).map(str), "quantity": st.sampled_from(["0.5", "1", "2"])},
                    optional={"amount": money},
                ),
                st.fixed_dictionaries({"sku": st.just("S1"), "quantity": st.sampled_from(["0.5", "1"])}),
            ),
            max_size=6,
        )
    )
    return data, some, draw(st.permutations(some))


@given(returns(), campaigns(), modes)
@settings(max_examples=examples(150), deadline=None)
def test_rating_the_kept_basket_is_independent_of_the_order_of_partial_returns(
    case: tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]], made: Definitions, mode: Rounding
) -> None:
    data, first, second = case
    bought = Basket.from_payload(data, "GBP")
    together: dict[str, dict[str, str]] = {}
    one_by_one: dict[str, dict[str, str]] = {}
    for back in first:
        together = returning(together, [back])
    for back in second:
        one_by_one = returning(one_by_one, [back])
    kept, other = bought.kept(together), bought.kept(one_by_one)
    assert kept == other
    assert 0 <= kept.qualifying <= bought.qualifying
    terms, rules = compiled(*made), Rules(mode, "GBP")
    ratings = [rated(basket, terms=terms, rules=rules) for basket in (kept, other)]
    assert ratings[0].detail == ratings[1].detail


@given(orders(), campaigns(), modes)
@settings(max_examples=examples(80), deadline=None)
def test_a_full_return_nets_to_zero(data: dict[str, Any], made: Definitions, mode: Rounding) -> None:
    everything = [{"id": str(n), "quantity": one["quantity"]} for n, one in enumerate(data["lines"], 1)]
    kept = Basket.from_payload(data, "GBP").kept(returning({}, everything))
    assert rated(kept, *made, rules=Rules(mode, "GBP")).totals == {}
