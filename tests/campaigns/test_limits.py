"""Stacking groups, caps and budgets: who gives when not all may."""

from __future__ import annotations

from campaigns.caps import Usage, Used
from tests.campaigns.making import bonus, earning, line, order, outcomes, rated, row_of


def used(points: int = 0, times: int = 0, key: str = "m:2026-11", campaign: int = 1) -> Usage:
    return Usage({(campaign, key): Used(points, times)}, {})


# --- stacking -------------------------------------------------------------------------------------------


def test_of_one_group_only_the_best_counts_and_names_what_it_blocked() -> None:
    rating = rated(
        order(line("40.00")),
        earning(),
        bonus("double", "2", stacking_group="x"),
        bonus("triple", "3", stacking_group="x"),
        bonus("other", "2"),
    )
    assert outcomes(rating) == {
        "base": ("given", 40),
        "double": ("blocked_by_campaign", 0),
        "triple": ("given", 80),
        "other": ("given", 40),
    }
    assert row_of(rating, "double")["detail"]["blocked_by"] == "triple"


def test_ties_in_a_group_go_to_priority_then_code() -> None:
    a, b = bonus("a", stacking_group="x"), bonus("b", stacking_group="x")
    first = bonus("c", stacking_group="x", priority=5)
    assert outcomes(rated(order(line("9.00")), earning(), b, a))["a"] == ("given", 9)
    assert outcomes(rated(order(line("9.00")), earning(), b, a, first))["c"] == ("given", 9)


def test_a_base_rule_that_lost_its_group_is_not_multiplied() -> None:
    small, big = earning("small", "1", stacking_group="x"), earning("big", "2", stacking_group="x")
    assert rated(order(line("10.00")), small, big, bonus("double")).totals == {1: 40}


def test_what_has_nothing_left_to_give_does_not_block_the_others() -> None:
    rating = rated(
        order(line("10.00")),
        bonus("triple", "3", stacking_group="x", caps=[{"times": 1, "per": "month"}]),
        bonus("double", "2", stacking_group="x"),
        earning(),
        usage=used(times=1),
    )
    assert outcomes(rating)["triple"] == ("cap_reached", 0)
    assert outcomes(rating)["double"] == ("given", 10)


# --- limits ---------------------------------------------------------------------------------------------


def test_a_cap_cuts_to_what_is_left_and_says_so() -> None:
    rating = rated(order(line("80.00")), earning(caps=[{"points": "500", "per": "month"}]), usage=used(450))
    assert rating.totals == {1: 50}
    row = row_of(rating, "base")
    assert (row["raw"], row["points"]) == ("80", 50)
    assert row["detail"]["cut_by"] == {"cap": {"per": "month", "points": 500, "used": 450}}


def test_a_cap_that_is_used_up_gives_nothing_in_its_period_only() -> None:
    rule = earning(caps=[{"points": "500", "per": "month"}])
    assert outcomes(rated(order(line("80.00")), rule, usage=used(500)))["base"] == ("cap_reached", 0)
    assert rated(order(line("80.00")), rule, usage=used(500, key="m:2026-10")).totals == {1: 80}


def test_the_tightest_of_several_caps_counts() -> None:
    rule = earning(caps=[{"points": "500", "per": "year"}, {"points": "30", "per": "day"}])
    assert rated(order(line("80.00")), rule).totals == {1: 30}


def test_a_limit_of_times_counts_events() -> None:
    rule = earning("welcome", "100", basis="fixed", caps=[{"times": 1, "per": "lifetime"}])
    assert rated(order(line("1.00")), rule).totals == {1: 100}
    assert outcomes(rated(order(line("1.00")), rule, usage=used(times=1, key="l")))["welcome"] == (
        "cap_reached",
        0,
    )


def test_a_budget_cuts_and_then_is_used_up() -> None:
    rule = earning(budget=1000)
    cut = rated(order(line("80.00")), rule, usage=Usage({}, {1: 30}))
    assert (cut.totals, row_of(cut, "base")["detail"]["cut_by"]) == ({1: 30}, {"budget": 1000, "left": 30})
    assert outcomes(rated(order(line("80.00")), rule, usage=Usage({}, {1: 0})))["base"] == (
        "budget_used_up",
        0,
    )


def test_a_bonus_is_worked_out_from_the_base_before_its_cap_cuts_it() -> None:
    rating = rated(order(line("80.00")), earning(caps=[{"points": "50", "per": "day"}]), bonus("double"))
    assert outcomes(rating) == {"base": ("given", 50), "double": ("given", 80)}


def test_a_base_rule_with_nothing_left_is_no_base() -> None:
    rating = rated(
        order(line("80.00")),
        earning(caps=[{"times": 1, "per": "lifetime"}]),
        bonus("double"),
        usage=used(times=1, key="l"),
    )
    assert outcomes(rating) == {"base": ("cap_reached", 0), "double": ("nothing_qualifies", 0)}
