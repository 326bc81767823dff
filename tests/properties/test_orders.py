"""Orders, returns, amendments and cancellations in any order, redelivered and cut into batches at will, against a
plain oracle that knows only what was kept in the end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import earning
from campaigns.models import Award, BudgetUse, CapUse
from loyalty.base import clock
from loyalty.events import intake
from loyalty.events.models import Activity, Event
from loyalty.ledger import proof
from loyalty.ledger.models import Wallet
from loyalty.members import members
from loyalty.members.models import Member
from tests.earning.shop import NOON, Shop, open_shop
from tests.examples import examples

pytestmark = pytest.mark.django_db
HALF = Fraction(1, 2)
COFFEE = {"field": "item.category", "op": "eq", "value": "Coffee"}
numbers = itertools.count(1)
Json = dict[str, Any]

several = settings(
    max_examples=examples(30),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# --- what happens --------------------------------------------------------------------------------------------


def cents(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).map(lambda amount: str(Decimal(amount).scaleb(-2)))


@st.composite
def lines(draw: st.DrawFn) -> Json:
    quantity = draw(st.integers(1, 5))
    price = Decimal(draw(cents(5_000)))
    amount = price * quantity
    tax = (amount * draw(st.sampled_from([Decimal(0), Decimal("0.21")]))).quantize(Decimal("0.01"))
    return {
        "sku": draw(st.sampled_from(["S1", "S2"])),
        "category": draw(st.sampled_from(["Coffee", "Tea"])),
        "quantity": quantity,
        "unit_price": str(price),
        "tax": str(tax),
        "gift_card": draw(st.sampled_from([False, False, False, True])),
    }


@st.composite
def baskets(draw: st.DrawFn) -> Json:
    bought = draw(st.lists(lines(), min_size=1, max_size=4))
    total = sum(Decimal(line["unit_price"]) * line["quantity"] for line in bought)
    part = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal("0.1"), Decimal("0.25")]))
    paid = draw(st.sampled_from([Decimal(0), Decimal("0.2")]))
    return {
        "currency": "EUR",
        "lines": [{"id": f"L{n}", **line} for n, line in enumerate(bought, 1)],
        "discount": str((total * part).quantize(Decimal("0.01"))),
        "points_paid": str((total * paid).quantize(Decimal("0.01"))),
        "shipping": draw(st.sampled_from(["0.00", "4.90"])),
    }


@st.composite
def returned(draw: st.DrawFn) -> Json:
    """One line sent back: by its id, some with the money that was paid out for it, or by article."""
    quantity = draw(st.integers(1, 3))
    which = draw(st.sampled_from(["L1", "L2", "L3", "L4", "S1", "S2"]))
    if which.startswith("S"):
        return {"sku": which, "quantity": quantity}
    line: Json = {"id": which, "quantity": quantity}
    if draw(st.booleans()):
        line["amount"] = draw(cents(4_000))
    return line


@st.composite
def follow_ups(draw: st.DrawFn) -> tuple[str, Json]:
    kind = draw(
        st.sampled_from(["order.returned"] * 4 + ["order.amended"] * 2 + ["order.cancelled", "everything"])
    )
    if kind == "order.amended":
        return kind, draw(baskets())
    if kind == "order.returned":
        sent = draw(st.lists(returned(), min_size=1, max_size=3, unique_by=lambda one: str(one.get("id"))))
        return kind, {"lines": sent}
    return ("order.returned", {}) if kind == "everything" else (kind, {})


@st.composite
def order_lives(draw: st.DrawFn) -> list[tuple[str, Json]]:
    """An order and what happens to it; amendments are numbered in the order of the story."""
    life = [("order.completed", draw(baskets()))]
    life += draw(st.lists(follow_ups(), max_size=5))
    return [
        (kind, data | {"revision": number} if kind == "order.amended" else data)
        for number, (kind, data) in enumerate(life)
    ]


@st.composite
def deliveries(draw: st.DrawFn, length: int) -> list[list[int]]:
    """Every event at least once, some again, in any order, cut into batches."""
    again = draw(st.lists(st.integers(0, length - 1), max_size=4))
    arriving = draw(st.permutations([*range(length), *again]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(arriving) - 1)), max_size=4)))
    return [arriving[a:b] for a, b in itertools.pairwise([0, *cuts, len(arriving)]) if a < b]


# --- what must come out of it --------------------------------------------------------------------------------


def kept_qualifying(basket: Json, returns: list[Json]) -> dict[str, Fraction]:
    """Per category the money that counts, when all of `returns` came back of this basket."""
    amounts = {line["id"]: Fraction(line["unit_price"]) * line["quantity"] for line in basket["lines"]}
    total, off = sum(amounts.values()), Fraction(basket["discount"]) + Fraction(basket["points_paid"])
    left = {line["id"]: Fraction(line["quantity"]) for line in basket["lines"]}
    kept = dict(amounts)
    for line_id, amount in amounts.items():
        mine = [one for one in returns if one.get("id") == line_id]
        priced = sum(Fraction(one["amount"]) for one in mine if "amount" in one)
        unpriced = sum(one["quantity"] for one in mine if "amount" not in one)
        each = amount / left[line_id]
        left[line_id] = max(Fraction(0), left[line_id] - sum(one["quantity"] for one in mine))
        kept[line_id] = (
            max(Fraction(0), kept[line_id] - priced - unpriced * each) if left[line_id] else Fraction(0)
        )
    for sku in ("S1", "S2"):
        wanted = Fraction(sum(one["quantity"] for one in returns if one.get("sku") == sku))
        for line in basket["lines"]:
            if line["sku"] == sku and left[line["id"]]:
                units = min(wanted, left[line["id"]])
                kept[line["id"]] *= 1 - units / left[line["id"]]
                left[line["id"]] -= units
                wanted -= units
    found = {"Coffee": Fraction(0), "Tea": Fraction(0)}
    for line in basket["lines"]:
        amount = amounts[line["id"]]
        if line["gift_card"] or not amount or not left[line["id"]]:
            continue
        counts = max(Fraction(0), amount - Fraction(line["tax"]) - off * amount / total)
        found[line["category"]] += counts * kept[line["id"]] / amount
    return found


def expected(life: list[tuple[str, Json]]) -> tuple[int, Fraction]:
    """Points and qualifying money of one order: 1.5 a euro, coffee twice, rounded once, half up."""
    if any(kind == "order.cancelled" or data == {} for kind, data in life):
        return 0, Fraction(0)
    basket = max(
        (data for kind, data in life if kind in ("order.completed", "order.amended")),
        key=lambda data: int(data.get("revision", 0)),
    )
    returns = [line for kind, data in life if kind == "order.returned" for line in data["lines"]]
    counts = kept_qualifying(basket, returns)
    exact = Fraction(3, 2) * (counts["Tea"] + 2 * counts["Coffee"])
    return floor(exact + HALF), counts["Tea"] + counts["Coffee"]


# --- the two brought together --------------------------------------------------------------------------------


@pytest.fixture
def shop() -> Iterator[Shop]:
    with clock.pinned(NOON):
        shop = open_shop()
        shop.campaign(points=Decimal("1.5"))
        shop.campaign("coffee", multiplier=Decimal(2), items=COFFEE)
        yield shop


def a_new_member(shop: Shop) -> tuple[Member, int]:
    number = next(numbers)
    member, _ = members.register(
        shop.program, {"external_id": f"m-{number}"}, channel=shop.channel, at=NOON - timedelta(days=1)
    )
    return member, number


def told(member: Member, number: int, lives: list[list[tuple[str, Json]]]) -> list[Json]:
    """The story as events, all an hour ago or less, in the order in which it happened."""
    return [
        {
            "id": f"{number}-{which}-{step}",
            "type": kind,
            "occurred_at": (NOON - timedelta(minutes=60 - 10 * which - step)).isoformat(),
            "data": {"order_id": f"{number}-{which}", **data},
        }
        | ({"member": str(member.pk)} if kind == "order.completed" else {})
        for which, life in enumerate(lives)
        for step, (kind, data) in enumerate(life)
    ]


def deliver(shop: Shop, events: list[Json], batches: list[list[int]], *, after_each: bool) -> None:
    for batch in batches:
        for receipt in intake.receive(shop.channel, [events[index] for index in batch], at=NOON):
            assert receipt.fault is None, receipt.fault.errors
        if after_each:
            earning.drain()
    earning.drain()
    assert not Event.objects.exclude(status="processed").exists()


def balance(member: Member) -> int:
    return Wallet.objects.filter(member=member).aggregate(sum=Sum("balance"))["sum"] or 0


@several
@given(data=st.data(), lives=st.lists(order_lives(), min_size=1, max_size=2), after_each=st.booleans())
def test_whatever_arrives_how_often_and_when_the_kept_baskets_count(
    shop: Shop, data: st.DataObject, lives: list[list[tuple[str, Json]]], after_each: bool
) -> None:
    member, number = a_new_member(shop)
    events = told(member, number, lives)
    deliver(shop, events, data.draw(deliveries(len(events)), "batches"), after_each=after_each)
    wanted = [expected(life) for life in lives]
    for which, (points, _) in enumerate(wanted):
        awards = Award.objects.filter(order__reference=f"{number}-{which}")
        assert (awards.aggregate(sum=Sum("points"))["sum"] or 0) == points
    assert balance(member) == sum(points for points, _ in wanted)
    day = Activity.objects.filter(member=member).aggregate(
        points=Sum("points"), spend=Sum("spend"), orders=Sum("orders")
    )
    assert (day["points"] or 0) == sum(points for points, _ in wanted)
    spend = sum((money for _, money in wanted), Fraction(0))
    assert abs(Fraction(day["spend"] or 0) - spend) <= Fraction(len(wanted), 10_000)
    assert not proof.verify(at=NOON).breaches


STORY: list[tuple[str, Json]] = [
    ("order.completed", {"order_id": "A", "lines": [("1", "10.50", 1), ("2", "20.30", 1)]}),
    ("order.completed", {"order_id": "B", "lines": [("1", "7.70", 3)]}),
    ("order.completed", {"order_id": "C", "lines": [("1", "100.00", 1)]}),
    ("order.completed", {"order_id": "D", "lines": [("1", "9.99", 4), ("2", "0.01", 1)]}),
    ("order.returned", {"order_id": "A", "lines": [{"id": "1", "quantity": 1}]}),
    ("order.returned", {"order_id": "B", "lines": [{"sku": "S1", "quantity": 1}]}),
    ("order.returned", {"order_id": "B", "lines": [{"id": "1", "quantity": 1}]}),
    ("order.cancelled", {"order_id": "C"}),
    ("order.returned", {"order_id": "C", "lines": [{"id": "1", "quantity": 1}]}),
    ("order.amended", {"order_id": "D", "revision": 3, "lines": [("1", "30.00", 1)]}),
    ("order.amended", {"order_id": "D", "revision": 2, "lines": [("1", "50.00", 1)]}),
    ("order.amended", {"order_id": "A", "revision": 1, "lines": [("1", "10.50", 1), ("2", "21.00", 1)]}),
]
# A: 21.00 is kept: 31.5, so 32. B: 7.70: 11.55, so 12. C: nothing. D: the third revision, 30.00: 45.
STORYS_END = 32 + 12 + 0 + 45


def story_of(member: Member, number: int) -> list[Json]:
    events = []
    for step, (kind, told_data) in enumerate(STORY):
        data = told_data | {"order_id": f"{number}-{told_data['order_id']}"}
        if kind in ("order.completed", "order.amended"):
            lines = [
                {"id": line_id, "sku": f"S{line_id}", "unit_price": price, "quantity": quantity}
                for line_id, price, quantity in data["lines"]
            ]
            data |= {"currency": "EUR", "lines": lines}
        events.append(
            {
                "id": f"{number}-{step}",
                "type": kind,
                "occurred_at": (NOON - timedelta(minutes=60 - step)).isoformat(),
                "data": data,
            }
            | ({"member": str(member.pk)} if step % 2 or kind == "order.completed" else {})
        )
    return events


@several
@given(data=st.data(), after_each=st.booleans())
def test_a_story_of_twelve_events_ends_the_same_in_every_order(
    shop: Shop, data: st.DataObject, after_each: bool
) -> None:
    member, number = a_new_member(shop)
    events = story_of(member, number)
    deliver(shop, events, data.draw(deliveries(len(events)), "batches"), after_each=after_each)
    assert balance(member) == STORYS_END


# --- nothing is left of what came back as a whole ------------------------------------------------------------


@pytest.fixture
def limited(shop: Shop) -> Shop:
    shop.campaign(
        "capped", points=Decimal(3), caps=[{"points": "40", "per": "month"}, {"times": 2, "per": "day"}]
    )
    shop.campaign("budgeted", basis="fixed", points=Decimal(70), budget=200)
    shop.campaign("gift", extra_points=Decimal(5), bonus="extra", caps=[{"times": 1, "per": "lifetime"}])
    return shop


@st.composite
def sent_back(draw: st.DrawFn, basket: Json) -> list[tuple[str, Json]]:
    """Everything of the basket: cut into returns at will, or at once, or cancelled."""
    how = draw(st.sampled_from(["pieces", "pieces", "everything", "cancelled"]))
    if how == "cancelled":
        return [("order.cancelled", {})]
    if how == "everything":
        return [("order.returned", {})]
    pieces = []
    for line in basket["lines"]:
        first = draw(st.integers(0, line["quantity"]))
        pieces += [(line["id"], units) for units in (first, line["quantity"] - first) if units]
    return [
        ("order.returned", {"lines": [{"id": line_id, "quantity": units}]})
        for line_id, units in draw(st.permutations(pieces))
    ]


@several
@given(data=st.data(), sold=st.lists(baskets(), min_size=1, max_size=4), after_each=st.booleans())
def test_when_everything_came_back_points_activity_caps_and_budgets_are_as_before(
    limited: Shop, data: st.DataObject, sold: list[Json], after_each: bool
) -> None:
    member, number = a_new_member(limited)
    lives = [[("order.completed", one), *data.draw(sent_back(one), "back")] for one in sold]
    events = told(member, number, lives)
    deliver(limited, events, data.draw(deliveries(len(events)), "batches"), after_each=after_each)
    assert balance(member) == 0
    for day in Activity.objects.filter(member=member):
        assert [day.orders, day.spend, day.points] == [0, 0, 0]
    assert set(CapUse.objects.filter(member=member).values_list("points", "times")) <= {(0, 0)}
    assert set(BudgetUse.objects.values_list("points", flat=True)) <= {0}
    assert not proof.verify(at=NOON).breaches
