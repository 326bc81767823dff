"""Traces and campaigns as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns.basket import Basket, returning
from campaigns.caps import Usage, Used
from campaigns.runs import Rules, Standing
from campaigns.words import wording
from campaigns.words.phrases import PointName, Voice
from loyalty.base.numbers import Rounding
from loyalty.conditions.standard import STANDARD
from tests.campaigns.making import Ann, bonus, earning, extra, line, order, rated, row_of

MADRID = Voice(STANDARD, ZoneInfo("Europe/Madrid"), "EUR", {"points": PointName("point", "points")})
GOLD = {"field": "member.tier", "op": "eq", "value": "gold"}
COFFEE = {"field": "item.category", "op": "eq", "value": "Coffee"}


class Silver(Ann):
    tier_code = "silver"


def reasons(*definitions: dict[str, Any], **more: Any) -> list[str]:
    data = more.pop("data", None) or order(line("80.00", name="Socks"))
    return wording.not_given(rated(data, *definitions, **more).detail, MADRID)


def test_an_award_is_the_sum_of_its_parts() -> None:
    detail = rated(order(line("48.20")), earning("base rate"), bonus("Gold double points")).detail
    assert wording.awarded(detail, MADRID) == (
        "96 points = 48 Base rate (1 per 1.00 GBP, v3) + 48 Gold double points (v3)"
    )


def test_large_numbers_have_separators_and_one_point_is_singular() -> None:
    assert wording.awarded(rated(order(line("12500.00")), earning()).detail, MADRID).startswith(
        "12,500 points = "
    )
    assert wording.awarded(rated(order(line("1.00")), earning()).detail, MADRID).startswith("1 point = ")


def test_a_cut_is_told_with_what_it_would_have_been() -> None:
    detail = rated(order(line("80.00")), earning(caps=[{"points": "50", "per": "month"}])).detail
    assert wording.awarded(detail, MADRID) == (
        "50 points = 50 Base (1 per 1.00 GBP, v3, 80 before the limit of 50 points a month)"
    )


def test_what_was_not_given_says_why() -> None:
    shoes = {"items": "any", "where": {"field": "item.category", "op": "eq", "value": "Shoes"}}
    assert reasons(
        bonus("weekend bonus", weekdays=["sun", "sat"]),
        extra("shoes", "5", conditions=shoes),
        extra("silver", "5", audience={"field": "member.tier", "op": "eq", "value": "silver"}),
        extra("early", "5", starts_at="2026-12-05T00:00:00+01:00"),
        extra("late", "5", ends_at="2026-11-01T00:00:00+01:00"),
        extra("happy", "5", hours=[["17:00", "19:00"]]),
        bonus("double"),
    ) == [
        "Double – there were no base points for it to multiply",
        "Early – starts on 5 Dec 2026, this was on Thu 12 Nov 2026",
        "Happy – runs at 17:00–19:00, this was at 14:03 on Thu 12 Nov 2026",
        "Late – ran until 31 Oct 2026, this was on Thu 12 Nov 2026",
        "Shoes – no item has category Shoes (items: Socks)",
        "Silver – for other members: the member's tier was gold, needed silver",
        "Weekend bonus – runs on Saturday and Sunday, this was on Thu 12 Nov 2026",
    ]


@pytest.mark.parametrize(
    ("cap", "used", "said"),
    [
        ({"times": 1, "per": "lifetime"}, Used(100, 1), "Base – already received (once per member)"),
        (
            {"times": 3, "per": "lifetime"},
            Used(0, 3),
            "Base – used up: the limit of 3 times per member in all",
        ),
        (
            {"points": "500", "per": "lifetime"},
            Used(500),
            "Base – used up: the limit of 500 points per member in all",
        ),
    ],
)
def test_a_limit_that_is_used_up_is_named(cap: dict[str, Any], used: Used, said: str) -> None:
    assert reasons(earning(caps=[cap]), usage=Usage({(1, "l"): used}, {})) == [said]


def test_budgets_groups_pauses_and_drafts_are_named() -> None:
    usage = Usage({}, {1: 0})
    rules = Rules(
        Rounding.HALF_UP,
        "GBP",
        {
            4: Standing("campaign_paused", datetime(2026, 11, 11, 23, 30, tzinfo=UTC)),
            5: Standing("not_published"),
        },
    )
    told = reasons(
        extra("spring", "5", budget=200000),
        extra("small", "5", stacking_group="x"),
        extra("big", "6", stacking_group="x"),
        extra("rest", "5"),
        extra("soon", "5"),
        usage=usage,
        rules=rules,
    )
    assert told == [
        "Rest – was paused since 12 Nov 2026",
        "Small – only the best of its group counts, which was Big",
        "Soon – was not published yet",
        "Spring – used up: the budget of 200,000 points",
    ]


def test_after_everything_came_back_the_reason_is_that_nothing_was_kept() -> None:
    bought = Basket.from_payload(order(line("10.00")), "GBP")
    kept = bought.kept(returning({}, [{"id": "1", "quantity": "1"}]))
    assert reasons(earning(), data=kept) == ["Base – nothing of the order was kept"]


def test_the_member_reads_no_versions() -> None:
    given = rated(order(line("48.20")), earning(), bonus("double")).detail
    assert wording.for_member(given, MADRID) == "You got 96 points: 48 for Base and 48 for Double."
    none = rated(order(line("48.20")), earning(), member=type("Closed", (Ann,), {"may_earn": False})).detail
    assert wording.for_member(none, MADRID) == (
        "You got no points for this: the membership was suspended or closed then."
    )


def test_a_name_that_begins_with_a_number_does_not_read_on_from_the_points() -> None:
    detail = rated(order(line("48.20")), earning("10 per euro")).detail
    assert wording.awarded(detail, MADRID) == "48 points = 48 “10 per euro” (1 per 1.00 GBP, v3)"


def settled(before: int, after: int) -> dict[str, Any]:
    """The trace of a return or of another change of an order that had earned `before`."""
    detail = rated(order(line("30.00")), earning()).detail
    change = {"points": after - before} if after != before else {}
    told = {"before": {"points": before}, "after": {"points": after}, "change": change}
    return {**detail, "points": told["change"], "order": {"reference": "A-1", **told}}


def test_a_return_says_what_the_order_earned_before_and_earns_now() -> None:
    assert wording.awarded(settled(1355, 30), MADRID) == (
        "1,325 points taken back: order A-1 earned 1,355 points and now earns 30 points."
    )
    assert wording.awarded(settled(10, 30), MADRID) == (
        "20 points more: order A-1 earned 10 points and now earns 30 points."
    )
    assert wording.awarded(settled(30, 30), MADRID) == "Nothing changed: order A-1 still earns 30 points."
    assert wording.for_member(settled(1355, 30), MADRID).startswith("1,325 points taken back")


def test_debt_dates_and_rounding_are_told_with_the_name_of_the_points() -> None:
    detail = settled(1355, 30) | {
        "ledger": {"points": {"taken": 0, "debt": 1325, "forgiven": 0, "already_expired": 1}},
        "pending_until": "2026-12-05T23:00:00Z",
        "expires_at": "2027-12-31T23:00:00Z",
        "rounding": {"mode": "half_up", "before": "1186.9", "after": "1187"},
    }
    assert wording.booked(detail, MADRID) == [
        "1,325 points became debt, which the next points pay off",
        "1 point had lapsed before",
        "They can be spent from 6 Dec 2026",
        "They lapse after 31 Dec 2027",
    ]
    assert wording.rounded(detail) == "Rounded to the nearest: 1,186.9 to 1,187"
    assert wording.rounded({"rounding": {"mode": "down", "before": "30", "after": "30"}}) == ""


def test_amounts_in_reasons_have_two_decimals_and_a_real_minus() -> None:
    big = {"field": "order.qualifying", "op": "gte", "value": "1250"}
    bought = Basket.from_payload(order(line("118.35", quantity="3")), "GBP")
    kept = bought.kept(returning({}, [{"id": "1", "quantity": "2"}]))
    assert reasons(extra("big", "5", conditions=big), data=kept) == [
        "Big – the qualifying amount was 118.35, needed at least 1,250"
    ]
    low = {"field": "order.total", "op": "lt", "value": "-5.5"}
    assert reasons(extra("low", "5", conditions=low)) == [
        "Low – the order total was 80.00, needed less than −5.50"
    ]


def test_the_explained_trace_has_a_sentence_everywhere_and_keeps_the_rest() -> None:
    rating = rated(order(line("48.20")), earning(), bonus("gold", audience=GOLD), member=Silver)
    told = wording.explained(rating.detail, MADRID)
    assert told["campaigns"][0]["sentence"] == "48 Base (1 per 1.00 GBP, v3)"
    miss = told["campaigns"][1]["misses"][0]
    assert (miss["label"], miss["sentence"]) == ("Tier", "the member's tier was silver, needed gold")
    assert "sentence" not in row_of(rating, "gold")
    assert told["points"] == {"points": 48}


def test_what_did_not_qualify_is_listed_with_its_amount() -> None:
    detail = rated(order(line("10.00", tax="1.50"), shipping="3.00"), earning()).detail
    assert wording.qualified(detail, MADRID) == ["1.50 EUR tax", "3 EUR shipping"]


SEASON: dict[str, Any] = {
    "starts_at": "2026-12-04T23:00:00Z",
    "ends_at": "2026-12-27T23:00:00Z",
    "weekdays": ["sat", "sun"],
    "caps": [{"points": "500", "per": "month"}],
    "budget": 200000,
    "currency": "EUR",
}


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (
            earning(points="2", audience=GOLD, items=COFFEE, **SEASON),
            (
                "Members in Gold earn 2 points per 1 EUR on Coffee, on Saturdays and Sundays, from 5 to 27 Dec 2026, "
                "at most 500 points each a month, until 200,000 points are given. Adds to other base rules."
            ),
        ),
        (
            bonus("tiers", "", table_field="member.tier", table={"gold": "2", "platinum": "2.5"}),
            "All members earn 2 times (Gold) or 2.5 times (Platinum) the base points. Adds to the base rate.",
        ),
        (
            extra(
                "rich",
                "50",
                conditions={"field": "order.total", "op": "gte", "value": "100"},
                stacking_group="x",
            ),
            (
                "All members earn an extra 50 points, when the order total is at least 100. "
                "Of the group “x” only the best counts."
            ),
        ),
        (
            earning(
                points="100",
                basis="fixed",
                trigger="member.registered",
                caps=[{"times": 1, "per": "lifetime"}],
            ),
            "All members earn 100 points for joining, once per member. Adds to other base rules.",
        ),
        (
            earning(points="1", step="10", rounding="down", hours=[["17:00", "19:00"]]),
            "All members earn 1 point per full 10 EUR, at 17:00–19:00. Adds to other base rules.",
        ),
    ],
)
def test_a_campaign_is_one_plain_sentence(definition: dict[str, Any], said: str) -> None:
    assert wording.summary(definition, MADRID) == said


@pytest.mark.parametrize(
    ("ledger", "told"),
    [
        (
            {"taken": 25, "forgiven": 0},
            "25 points taken back: order A-1 earned 30 points and now earns 5 points.",
        ),
        (
            {"taken": 10, "forgiven": 15},
            "10 points taken back: order A-1 earned 30 points and now earns 5 points.",
        ),
        (
            {"taken": 0, "forgiven": 25},
            "Nothing taken back: order A-1 earned 30 points and now earns 5 points.",
        ),
        (
            {"taken": 0, "already_expired": 25},
            "Nothing taken back: order A-1 earned 30 points and now earns 5 points.",
        ),
    ],
)
def test_only_what_was_taken_is_said_to_be_taken_back(ledger: dict[str, int], told: str) -> None:
    detail = settled(30, 5) | {"ledger": {"points": ledger}}
    assert wording.awarded(detail, MADRID) == told


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (25, "25 points taken back: what these items would have earned."),
        (10, "10 points taken back of the 25 points that these items would have earned."),
        (0, "Nothing taken back of the 25 points that these items would have earned."),
    ],
)
def test_a_return_without_an_order_says_what_was_really_taken(taken: int, told: str) -> None:
    detail = {"reversed": True, "points": {"points": -25}, "ledger": {"points": {"taken": taken}}}
    assert wording.awarded(detail, MADRID) == told
