"""One event, its campaigns, and what each gives: the order of effects, limits, rounding and the trace."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from campaigns.basket import Basket, returning
from campaigns.rating import points_by_line
from campaigns.runs import Rules, Standing
from loyalty.base.errors import Invalid
from loyalty.base.numbers import Rounding
from tests.campaigns.making import (
    THURSDAY,
    Ann,
    bonus,
    compiled,
    earning,
    extra,
    line,
    order,
    outcomes,
    rated,
    row_of,
)

COFFEE = {"field": "item.category", "op": "eq", "value": "Coffee"}
GOLD = {"field": "member.tier", "op": "eq", "value": "gold"}
SATURDAY = datetime(2026, 11, 14, 12, tzinfo=UTC)


class Silver(Ann):
    tier_code = "silver"


# --- base rules -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        (earning(points="1", step="1"), 48),
        (earning(points="3", step="10"), 14),  # 14.46
        (earning(points="5", step="10", rounding="down"), 20),
        (earning(points="5", step="10", rounding="half_up"), 25),
        (earning(points="5", step="10", rounding="up"), 25),
        (earning(points="2", basis="item"), 6),
        (earning(points="2", step="2", basis="item", rounding="down"), 2),
        (earning(points="100", basis="fixed"), 100),
        (earning(points="0.5", basis="attribute", attribute="stamps"), 4),
    ],
)
def test_a_base_rule_counts_amounts_items_events_or_an_attribute(rule: dict[str, Any], points: int) -> None:
    data = order(line("40.00", quantity="2", amount="40.00"), line("8.20"), stamps="7.5")
    assert rated(data, rule).totals == {1: points}


def test_items_limit_a_rule_to_the_lines_that_match() -> None:
    data = order(line("10.00", category="coffee"), line("30.00", category="Tea"))
    assert rated(data, earning(items=COFFEE)).totals == {1: 10}


def test_a_gift_card_counts_neither_as_amount_nor_as_item() -> None:
    data = order(line("10.00"), line("50.00", gift_card=True))
    rating = rated(data, earning(), earning("pieces", "5", basis="item"))
    assert outcomes(rating) == {"base": ("given", 10), "pieces": ("given", 5)}
    assert {"what": "gift_card", "amount": "50.00"} in rating.detail["excluded"]


def test_base_rules_add_up_before_the_one_rounding() -> None:
    rating = rated(order(line("0.50")), earning("a"), earning("b"))
    assert rating.totals == {1: 1}
    assert [award.points for award in rating.awards] == [1]
    assert outcomes(rating)["b"] == ("rounded_to_zero", 0)


@pytest.mark.parametrize(
    ("amount", "down", "half_up", "half_even", "up"),
    [
        ("0.33", 0, 0, 0, 1),
        ("0.67", 1, 1, 1, 2),
        ("1.00", 1, 2, 2, 2),
        ("3.00", 4, 5, 4, 5),
        ("2.00", 3, 3, 3, 3),
    ],
)
def test_half_cases_follow_the_programs_mode(
    amount: str, down: int, half_up: int, half_even: int, up: int
) -> None:
    for mode, expected in [("down", down), ("half_up", half_up), ("half_even", half_even), ("up", up)]:
        rules = Rules(Rounding(mode), "GBP")
        rating = rated(order(line(amount)), earning(points="1.5"), rules=rules)
        assert rating.totals.get(1, 0) == expected, mode


def test_decimals_of_the_point_type_are_kept() -> None:
    stars = {"id": 1, "code": "stars", "decimals": 2}
    rating = rated(order(line("0.33")), earning(points="1.5", point_type=stars))
    assert rating.totals == {1: 50}
    assert row_of(rating, "base")["raw"] == "0.495"
    assert rating.detail["rounding"] == {"mode": "half_up", "before": "0.495", "after": "0.5"}


def test_an_amount_beyond_what_can_be_booked_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        rated(order(line("9999999999999.00")), earning(points="9999999999"))
    assert refused.value.code == "amount_out_of_range"


# --- bonuses --------------------------------------------------------------------------------------------


def test_multipliers_are_worked_out_from_the_base_and_add_up() -> None:
    rating = rated(
        order(line("48.00")), earning(), bonus("a", "2"), bonus("b", "3"), bonus("c", "1.5"), extra("d", "10")
    )
    assert outcomes(rating) == {
        "base": ("given", 48),
        "a": ("given", 48),
        "b": ("given", 96),
        "c": ("given", 24),
        "d": ("given", 10),
    }


def test_a_bonus_on_items_multiplies_the_base_of_those_lines_only() -> None:
    data = order(line("10.00", category="Coffee"), line("30.00"))
    rating = rated(
        data, earning(), earning("welcome", "100", basis="fixed"), bonus("coffee", "3", items=COFFEE)
    )
    assert outcomes(rating)["coffee"] == ("given", 20)


def test_fixed_base_points_are_multiplied_only_without_a_filter() -> None:
    fixed = earning("welcome", "100", basis="fixed")
    data = order(line("10.00", category="Coffee"))
    assert rated(data, fixed, bonus("all", "2")).totals == {1: 200}
    assert outcomes(rated(data, fixed, bonus("coffee", "2", items=COFFEE)))["coffee"] == (
        "nothing_qualifies",
        0,
    )


def test_a_bonus_reaches_only_lines_that_both_it_and_the_base_rule_count() -> None:
    data = order(
        line("10.00", category="Coffee", brand="Acme"),
        line("20.00", category="Coffee"),
        line("5.00", brand="Acme"),
    )
    acme = {"field": "item.brand", "op": "eq", "value": "Acme"}
    assert outcomes(rated(data, earning(items=COFFEE), bonus("acme", "2", items=acme)))["acme"] == (
        "given",
        10,
    )


def test_a_table_chooses_the_multiplier_by_the_members_tier() -> None:
    tiers = bonus("tiers", "", table_field="member.tier", table={"gold": "2", "platinum": "2.5"})
    data = order(line("40.00"))
    assert outcomes(rated(data, earning(), tiers))["tiers"] == ("given", 40)
    missed = row_of(rated(data, earning(), tiers, member=Silver), "tiers")
    assert (missed["outcome"], missed["misses"][0]["was"]) == ("condition_not_met", "silver")
    assert missed["misses"][0]["needed"] == ["gold", "platinum"]


def test_where_the_table_has_no_row_the_plain_multiplier_counts() -> None:
    tiers = bonus("tiers", "1.5", table_field="member.tier", table={"gold": "2"})
    assert outcomes(rated(order(line("40.00")), earning(), tiers, member=Silver))["tiers"] == ("given", 20)


def test_a_table_can_hang_on_a_declared_attribute_of_the_member() -> None:
    city = [{"name": "member.city", "type": "text", "label": "City", "choices": None}]
    local = bonus("local", "", table_field="member.city", table={"leeds": "2"}, fields=city)
    assert outcomes(rated(order(line("40.00")), earning(), local))["local"] == ("given", 40)


# --- who, when, whether ---------------------------------------------------------------------------------


def test_a_condition_that_is_not_met_tells_what_was_needed_and_what_was_there() -> None:
    rich = extra("rich", "50", conditions={"field": "order.total", "op": "gte", "value": "100"})
    row = row_of(rated(order(line("48.20"), shipping="3.00"), rich), "rich")
    assert row["outcome"] == "condition_not_met"
    miss = row["misses"][0]
    assert (miss["field"], miss["op"], miss["needed"], miss["was"]) == ("order.total", "gte", "100", "51.20")


def test_who_is_not_in_the_audience_is_told_so() -> None:
    row = row_of(rated(order(line("10.00")), earning(audience=GOLD), member=Silver), "base")
    assert (row["outcome"], row["misses"][0]["was"]) == ("not_in_audience", "silver")


def test_outside_its_dates_a_campaign_gives_nothing_and_says_when_the_order_was() -> None:
    weekend = bonus("weekend", weekdays=["sat", "sun"])
    row = row_of(rated(order(line("10.00")), earning(), weekend), "weekend")
    assert row["outcome"] == "outside_dates"
    assert row["detail"] == {"dates": "weekday", "weekdays": ["sat", "sun"], "was": "2026-11-12T14:03+00:00"}
    assert outcomes(rated(order(line("10.00")), earning(), weekend, at=SATURDAY))["weekend"] == ("given", 10)


@pytest.mark.parametrize("outcome", ["campaign_paused", "campaign_ended", "not_published"])
def test_a_campaign_that_was_not_running_is_named_with_its_reason(outcome: str) -> None:
    rules = Rules(Rounding.HALF_UP, "GBP", {1: Standing(outcome, THURSDAY)})
    rating = rated(order(line("10.00")), earning(), rules=rules)
    assert (rating.outcome, outcomes(rating)) == ("nothing", {"base": (outcome, 0)})


def test_a_paused_program_gives_nothing_and_keeps_the_reasons() -> None:
    rules = Rules(Rounding.HALF_UP, "GBP", program_paused=True)
    rating = rated(order(line("10.00")), earning(), bonus("weekend", weekdays=["sat"]), rules=rules)
    assert (rating.outcome, rating.totals, rating.awards) == ("program_paused", {}, ())
    assert outcomes(rating) == {"base": ("program_paused", 0), "weekend": ("outside_dates", 0)}


def test_a_member_who_may_not_earn_gets_nothing() -> None:
    class Closed(Ann):
        may_earn = False

    assert rated(order(line("10.00")), earning(), member=Closed).outcome == "member_may_not_earn"


def test_campaigns_on_other_events_are_not_considered() -> None:
    rating = rated(order(line("10.00")), earning(trigger="visit.checked_in", basis="fixed"))
    assert (rating.detail["campaigns"], rating.outcome) == ([], "nothing")


def test_an_order_of_nothing_gets_nothing() -> None:
    assert outcomes(rated(order(line("0.00")), earning()))["base"] == ("nothing_qualifies", 0)


def test_activity_in_a_window_is_asked_as_it_was() -> None:
    loyal = extra(
        "loyal", "50", audience={"field": "activity.spend", "op": "gte", "value": "100", "days": 90}
    )
    given = rated(order(line("1.00")), loyal, activity={("spend", 90): Decimal(120)})
    remembered = rated(order(line("1.00")), loyal, remembered={"activity": {"spend:90": "99.99"}})
    assert (given.totals, outcomes(remembered)["loyal"][0]) == ({1: 50}, "not_in_audience")


# --- after returns --------------------------------------------------------------------------------------

EVERYTHING = [
    earning(),
    earning("pieces", "5", basis="item"),
    earning("welcome", "100", basis="fixed"),
    bonus("double"),
    extra("gift", "20"),
]


def test_a_return_of_everything_nets_to_zero() -> None:
    data = order(line("40.00", quantity="4", amount="40.00"), line("10.00"))
    bought = Basket.from_payload(data, "GBP")
    gone = returning({}, [{"id": "1", "quantity": "4"}, {"id": "2", "quantity": "1"}])
    assert rated(bought, *EVERYTHING).totals == {1: 50 + 25 + 100 + 175 + 20}
    rating = rated(bought.kept(gone), *EVERYTHING)
    assert (rating.totals, {outcome for outcome, _ in outcomes(rating).values()}) == (
        {},
        {"nothing_qualifies"},
    )


def test_what_is_kept_must_meet_the_conditions_itself() -> None:
    rich = extra("rich", "50", conditions={"field": "order.total", "op": "gte", "value": "45"})
    bought = Basket.from_payload(order(line("40.00"), line("10.00")), "GBP")
    assert rated(bought, rich).totals == {1: 50}
    assert rated(bought.kept(returning({}, [{"id": "2", "quantity": "1"}])), rich).totals == {}


# --- sums -----------------------------------------------------------------------------------------------


def test_points_on_seven_lines_add_up_to_the_points_of_the_order() -> None:
    data = order(*[line("1.33") for _ in range(7)])
    bought = Basket.from_payload(data, "GBP")
    rating = rated(bought, earning(), bonus("double"), extra("gift", "10"))
    by_line = points_by_line(rating, bought)[1]
    assert sum(by_line) == rating.totals[1] == 29
    assert max(by_line) - min(by_line) <= 1


def test_a_filtered_bonus_falls_on_the_lines_it_was_for() -> None:
    data = order(line("10.00", category="Coffee"), line("10.00"))
    bought = Basket.from_payload(data, "GBP")
    rating = rated(bought, earning(), bonus("coffee", "3", items=COFFEE))
    assert points_by_line(rating, bought) == {1: [30, 10]}


def test_point_types_are_kept_apart() -> None:
    stars = {"id": 2, "code": "stars", "decimals": 0}
    rating = rated(
        order(line("10.00")), earning(), earning("stars", "0.5", point_type=stars), bonus("double")
    )
    assert rating.totals == {1: 20, 2: 5}
    assert rating.detail["points"] == {"points": 20, "stars": 5}
    assert rating.detail["rounding"]["types"]["stars"] == {"before": "5", "after": "5"}


def test_the_trace_tells_the_arithmetic() -> None:
    rating = rated(order(line("48.20")), earning(), bonus("gold", audience=GOLD))
    assert row_of(rating, "base")["arithmetic"] == "48.20 GBP at 1 per 1.00 GBP"
    assert row_of(rating, "gold")["arithmetic"] == "48.2 base × (2 − 1)"
    assert rating.detail["qualifying"] == "48.20"
    assert rating.detail["rounding"] == {"mode": "half_up", "before": "96.4", "after": "96"}


def test_compiled_terms_say_what_to_load() -> None:
    terms = compiled(earning(audience=GOLD), bonus("coffee", items=COFFEE))
    assert terms[0].needs.fields == {"member.tier"}
    assert terms[1].needs.item_fields == {"item.category"}
    assert terms[0].cap_keys(THURSDAY.date()) == []
