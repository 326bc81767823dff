"""Orders paid with points and sent back bit by bit, in any order and redelivered at will, against an oracle that only
counts what is left of the basket."""

from __future__ import annotations

import itertools
from datetime import timedelta
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import earning
from loyalty.base import clock
from loyalty.ledger import ledger, proof
from loyalty.ledger.acts import Actor
from loyalty.ledger.checkout import CHECKOUT
from loyalty.ledger.models import Hold, Lot, Transaction
from loyalty.members import members
from loyalty.members.models import Member
from tests.earning.shop import NOON, Shop, open_shop
from tests.examples import examples

pytestmark = pytest.mark.django_db
numbers = itertools.count(1)
TILL = Actor("channel", "web")

baskets = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5_000)), min_size=1, max_size=4)
returns = st.lists(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=2, unique_by=lambda one: one[0]
    ),
    max_size=5,
)
payments = st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=2)


class Story(NamedTuple):
    """A basket of (quantity, price), payments of (points, whether they were reserved), and what came back."""

    basket: list[tuple[int, int]]
    paid: list[tuple[int, bool]]
    sent_back: list[list[tuple[int, int]]]
    cancelled: bool
    says_so: bool  # whether the order tells how much was paid with points


stories = st.builds(Story, baskets, payments, returns, st.booleans(), st.booleans())


def oracle(story: Story) -> Fraction:
    """How much of the basket is gone, by what its articles cost."""
    if story.cancelled:
        return Fraction(1)
    gone = 0
    for number, (quantity, price) in enumerate(story.basket, 1):
        back = sum(count for parcel in story.sent_back for line, count in parcel if line == number)
        gone += min(back, quantity) * price
    return Fraction(gone, sum(quantity * price for quantity, price in story.basket))


@pytest.fixture
def shop() -> Shop:
    shop = open_shop()
    shop.campaign()
    return shop


@settings(
    max_examples=examples(40),
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stories, st.randoms(use_true_random=False))
def test_what_came_back_is_what_the_basket_lost_in_whatever_order(
    shop: Shop, story: Story, random: Any
) -> None:
    number = next(numbers)
    member = a_member(shop, number)
    own = Lot.objects.filter(member_id=member.pk, transaction__kind="adjust").order_by("id")
    before = list(own.values_list("remaining", flat=True))
    made = [a_payment(shop, member, number, points, hold=hold) for points, hold in story.paid]
    tell(shop, member, number, told(number, story), random)
    gone = oracle(story)
    assert [given_back(one) for one in made] == [floor(gone * points) for points, _ in story.paid]
    if gone == 1:
        assert list(own.values_list("remaining", flat=True)) == before
    assert not Hold.objects.filter(member_id=member.pk, state="open").exists()
    assert proof.verify(program=shop.program, at=NOON).breaches == []


def told(number: int, story: Story) -> list[tuple[str, dict[str, Any]]]:
    order = f"A-{number}"
    events = [("order.completed", order_data(number, story.basket, story.paid if story.says_so else []))]
    for parcel in story.sent_back:
        lines = [{"id": str(line), "quantity": quantity} for line, quantity in parcel]
        events.append(("order.returned", {"order_id": order, "lines": lines}))
    return [*events, *([("order.cancelled", {"order_id": order})] if story.cancelled else [])]


def a_member(shop: Shop, number: int) -> Member:
    member, _ = members.register(shop.program, {"external_id": f"m{number}"}, channel=shop.channel, at=NOON)
    for units, days in ((150, 30), (90, 60), (600, None)):
        ends = NOON + timedelta(days=days) if days else None
        ledger.adjust(
            member, shop.points, units, at=NOON, actor=TILL, reason_code="goodwill", expires_at=ends
        )
    return member


def a_payment(shop: Shop, member: Member, number: int, points: int, *, hold: bool) -> Transaction:
    return ledger.redeem(
        member, shop.points, points, at=NOON, actor=TILL, reference=f"A-{number}", reason_code=CHECKOUT,
        lapses_at=NOON + timedelta(minutes=15) if hold else None,
    )  # fmt: skip


def order_data(number: int, basket: list[tuple[int, int]], paid: list[tuple[int, bool]]) -> dict[str, Any]:
    lines = [
        {"id": str(n), "sku": f"S{n}", "quantity": quantity, "unit_price": f"{price / 100:.2f}"}
        for n, (quantity, price) in enumerate(basket, 1)
    ]
    total = sum(quantity * price for quantity, price in basket)
    covered = min(total, sum(points for points, _ in paid))
    return {
        "order_id": f"A-{number}",
        "currency": "EUR",
        "lines": lines,
        "points_paid": f"{covered / 100:.2f}",
    }


def tell(
    shop: Shop, member: Member, number: int, story: list[tuple[str, dict[str, Any]]], random: Any
) -> None:
    """Every event at least once, in any order, some again, and processed whenever it pleases."""
    sent = [(f"{number}-{place}", kind, data) for place, (kind, data) in enumerate(story)]
    sent += [one for one in sent if random.random() < 0.4]
    random.shuffle(sent)
    with clock.pinned(NOON):
        for event_id, kind, data in sent:
            shop.send(kind, data, event_id=event_id, member=str(member.pk), at=NOON)
            if random.random() < 0.5:
                earning.sweep()
        earning.sweep()
        earning.sweep()


def given_back(payment: Transaction) -> int:
    return sum(Transaction.objects.filter(reverses=payment, kind="refund").values_list("amount", flat=True))
