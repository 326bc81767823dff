"""Orders come in, points come out, and whatever comes back is taken off again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from campaigns import versions
from campaigns.models import Award, CapUse, EarningCampaign, Order
from campaigns.words.wording import booked, explained, voice_of
from loyalty.base import clock
from loyalty.events.models import Activity, Event
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.models import Transaction, Wallet
from loyalty.programs.models import PointType
from tests.earning.shop import NOON, Shop, basket, books_add_up, open_shop

pytestmark = pytest.mark.django_db
OLGA = Actor("staff", "olga")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with clock.pinned(NOON):
        shop = open_shop()
        shop.campaign()
        yield shop
        books_add_up()


def test_an_order_earns_points_and_says_why(shop: Shop) -> None:
    event = shop.order("A-1", "48.20")
    assert shop.process() == 1
    assert shop.balance() == 48
    trace = shop.trace(event)
    assert trace["points"] == {"points": 48}
    assert trace["campaigns"][0]["arithmetic"] == "48.20 EUR at 1 per 1.00 EUR"
    event.refresh_from_db()
    assert event.status == "processed"
    day = Activity.objects.get(member=shop.ada)
    assert (day.orders, str(day.spend), day.points) == (1, "48.2000", 48)


def test_the_same_event_again_earns_nothing(shop: Shop) -> None:
    shop.send("order.completed", basket("A-1", "10.00"), event_id="e-1")
    shop.process()
    shop.send("order.completed", basket("A-1", "10.00"), event_id="e-1")
    shop.process()
    assert shop.balance() == 10
    assert Event.objects.filter(type="order.completed").count() == 1


def test_the_same_order_under_another_event_id_is_a_duplicate(shop: Shop) -> None:
    shop.order("A-1", "10.00")
    shop.process()
    again = shop.order("A-1", "99.00")
    shop.process()
    assert shop.balance() == 10
    assert shop.trace(again)["outcome"] == "duplicate"


def test_a_return_of_everything_nets_to_zero(shop: Shop) -> None:
    shop.order("A-1", "10.00", "20.00")
    shop.process()
    back = shop.send("order.returned", {"order_id": "A-1"})
    shop.process()
    assert shop.balance() == 0
    assert shop.trace(back)["order"] == {
        "reference": "A-1", "before": {"points": 30}, "after": {}, "change": {"points": -30},
    }  # fmt: skip
    day = Activity.objects.get(member=shop.ada)
    assert (day.orders, str(day.spend), day.points) == (0, "0.0000", 0)


def test_a_partial_return_leaves_what_the_kept_basket_earns(shop: Shop) -> None:
    shop.order("A-1", "10.50", "20.30")
    shop.process()
    assert shop.balance() == 31
    shop.send("order.returned", {"order_id": "A-1", "lines": [{"id": "1", "quantity": 1}]})
    shop.process()
    assert shop.balance() == 20
    assert sum(Award.objects.values_list("points", flat=True)) == 20


def test_a_return_before_its_order_waits_for_it(shop: Shop) -> None:
    back = shop.send(
        "order.returned", {"order_id": "A-1", "lines": [{"id": "2", "quantity": 1}]}, member=None
    )
    shop.process()
    back.refresh_from_db()
    assert back.status == "waiting"
    shop.order("A-1", "10.00", "20.00")
    shop.process()
    back.refresh_from_db()
    assert back.status == "processed"
    assert back.member == shop.ada
    assert shop.balance() == 10


def test_a_return_that_names_no_order_is_reversed_from_the_balance(shop: Shop) -> None:
    shop.order("A-1", "50.00")
    shop.process()
    data = basket("", "20.00")
    del data["order_id"]
    shop.send("order.returned", data)
    shop.process()
    assert shop.balance() == 30
    assert Transaction.objects.get(kind="reverse").reverses is None


def test_what_is_just_small_enough_to_be_taken_is_processed_also_twelve_times_a_day(shop: Shop) -> None:
    just = "9999999999999.99"
    for number in range(12):
        shop.order(f"A-{number}", just)
    shop.send("order.returned", {"order_id": "A-0"})
    loose = basket("", just)
    del loose["order_id"]
    shop.send("order.returned", loose)
    shop.process()
    assert set(Event.objects.values_list("status", flat=True)) == {"processed"}
    assert shop.balance() == 10 * 10**13  # each rounded up
    day = Activity.objects.get(member=shop.ada)
    assert (day.orders, day.spend) == (11, 10 * Decimal(just))


def test_what_was_spent_meanwhile_becomes_debt_and_is_repaid_first(shop: Shop) -> None:
    data = basket("", "20.00")
    del data["order_id"]
    shop.send("order.returned", data)
    shop.process()
    assert (shop.balance(), Wallet.objects.get().debt) == (-20, 20)
    shop.order("A-2", "50.00")
    shop.process()
    assert (shop.balance(), Wallet.objects.get().debt) == (30, 0)


def test_a_cancelled_order_earns_nothing_whatever_came_before(shop: Shop) -> None:
    shop.order("A-1", "10.00", "20.00")
    shop.process()
    shop.send("order.returned", {"order_id": "A-1", "lines": [{"id": "1", "quantity": 1}]})
    shop.process()
    shop.send("order.cancelled", {"order_id": "A-1"})
    shop.process()
    assert shop.balance() == 0


def test_an_older_revision_after_a_newer_one_is_stale(shop: Shop) -> None:
    shop.order("A-1", "10.00")
    shop.process()
    shop.send("order.amended", basket("A-1", "30.00", revision=3))
    shop.process()
    assert shop.balance() == 30
    old = shop.send("order.amended", basket("A-1", "20.00", revision=2))
    shop.process()
    assert shop.balance() == 30
    assert shop.trace(old)["notes"][0]["code"] == "stale_revision"


def test_a_return_for_another_members_order_is_rejected(shop: Shop) -> None:
    shop.order("A-1", "10.00")
    shop.process()
    stranger = shop.send("member.registered", {"external_id": "ben", "name": "Ben"}, member=None)
    assert stranger.member_id
    back = shop.send("order.returned", {"order_id": "A-1"}, member="ext:ben")
    shop.process()
    back.refresh_from_db()
    assert (back.status, shop.balance()) == ("rejected", 10)


STORY = [
    ("order.completed", basket("A-1", "10.50", "20.30")),
    ("order.returned", {"order_id": "A-1", "lines": [{"id": "1", "quantity": 1}]}),
    ("order.completed", basket("A-2", "7.70")),
    ("order.cancelled", {"order_id": "A-2"}),
    ("order.completed", basket("A-3", "100.00")),
]


@pytest.mark.parametrize("order", list(permutations(range(len(STORY))))[::7])
def test_the_order_of_arrival_makes_no_difference(shop: Shop, order: tuple[int, ...]) -> None:
    for index in order:
        kind, data = STORY[index]
        shop.send(kind, data, event_id=f"s-{index}", at=NOON + timedelta(minutes=index - 10))
        shop.process()
    assert shop.balance() == 120


def test_a_cap_limits_what_a_member_gets_and_a_return_frees_it(shop: Shop) -> None:
    shop.campaign("extra", points=2, caps=[{"points": "30", "per": "month"}])
    shop.order("A-1", "10.00")
    shop.order("A-2", "10.00")
    shop.process()
    assert shop.balance() == 20 + 30
    assert CapUse.objects.get().points == 30
    shop.send("order.returned", {"order_id": "A-1"})
    shop.process()
    assert CapUse.objects.get().points == 10
    shop.order("A-3", "10.00")
    shop.process()
    assert CapUse.objects.get().points == 30
    assert Order.objects.count() == 3


def test_a_budget_is_never_exceeded(shop: Shop) -> None:
    shop.campaign("gift", basis="fixed", points=150, budget=400)
    for number in range(5):
        shop.order(f"A-{number}", "1.00")
    shop.process()
    assert shop.balance() == 5 + 400


def test_nothing_of_a_member_overtakes_a_return_of_the_same_batch(shop: Shop) -> None:
    """Otherwise the later return would take from the first order's lot what its own return is about to take."""
    shop.order("A-1", "50.00", at=NOON - timedelta(minutes=9))
    shop.send("order.returned", {"order_id": "A-1"}, at=NOON - timedelta(minutes=8))
    unnamed = basket("", "20.00")
    del unnamed["order_id"]
    shop.send("order.returned", unnamed, at=NOON - timedelta(minutes=7))
    shop.order("A-2", "30.00", at=NOON - timedelta(minutes=6))
    shop.process()
    kinds = Transaction.objects.order_by("id").values_list("kind", "amount")
    assert list(kinds) == [("earn", 50), ("reverse", -50), ("reverse", -20), ("earn", 30)]
    assert Wallet.objects.get().debt == 0


def test_a_return_that_comes_again_under_another_event_is_taken_off_once(shop: Shop) -> None:
    shop.order("A-1", "10.00", "20.00")
    shop.process()
    back = {"order_id": "A-1", "return_id": "R-1", "lines": [{"id": "1", "quantity": 1}]}
    shop.send("order.returned", back, event_id="r-1")
    shop.process()
    again = shop.send("order.returned", back, event_id="r-2")
    shop.process()
    assert shop.balance() == 20
    assert shop.trace(again)["notes"][0]["code"] == "return_known"


def test_a_return_of_a_line_that_the_order_never_had_says_so(shop: Shop) -> None:
    shop.order("A-1", "10.00")
    shop.process()
    back = shop.send("order.returned", {"order_id": "A-1", "lines": [{"id": "9", "quantity": 1}]})
    shop.process()
    assert shop.balance() == 10
    assert shop.trace(back)["notes"] == [{"code": "line_unknown", "line": "9", "reference": "A-1"}]


def test_what_was_taken_back_by_hand_is_not_taken_again_by_a_return(shop: Shop) -> None:
    shop.order("A-1", "100.00", "100.00")
    shop.process()
    ledger.reverse_transaction(Transaction.objects.get(), points=150, at=NOON, actor=OLGA)
    half = shop.send("order.returned", {"order_id": "A-1", "lines": [{"id": "1", "quantity": 1}]})
    shop.process()
    assert shop.balance() == 0
    assert shop.trace(half)["ledger"]["points"] == {
        "taken": 50, "forgiven": 0, "already_expired": 0, "debt": 0, "taken_before": 50
    }  # fmt: skip
    said = booked(shop.trace(half), voice_of(shop.program, half.type))
    assert "50 points had been taken back by hand before" in said
    rest = shop.send("order.returned", {"order_id": "A-1"})
    shop.process()
    rest.refresh_from_db()
    assert (rest.status, shop.balance()) == ("processed", 0)
    assert shop.trace(rest)["ledger"]["points"]["taken_before"] == 100


def test_a_return_under_an_address_that_nobody_knows_belongs_to_the_orders_member(shop: Shop) -> None:
    shop.order("A-1", "10.00")
    shop.process()
    back = shop.send("order.returned", {"order_id": "A-1"}, member="email:else@example.org")
    shop.process()
    back.refresh_from_db()
    assert (back.status, back.member, shop.balance()) == ("processed", shop.ada, 0)


def test_less_than_a_full_step_is_explained_as_such(shop: Shop) -> None:
    shop.campaign("steps", points=5, step=100, step_rounding="down")
    event = shop.order("A-1", "99.00")
    shop.process()
    [row] = [one for one in shop.trace(event)["campaigns"] if one["campaign"] == "steps"]
    assert row["outcome"] == "nothing_qualifies"
    assert row["detail"] == {"reason": "less_than_a_step", "rate": "5 per 100.00 EUR, full steps only"}
    said = explained(shop.trace(event), voice_of(shop.program, event.type))["not_given"]
    assert any("less than one full step" in sentence for sentence in said)


def test_a_return_under_two_point_types_tells_what_became_of_each(shop: Shop) -> None:
    stars = PointType.objects.create(
        program=shop.program, code="stars", name_one="star", name_many="stars", decimals=1
    )
    campaign = EarningCampaign.objects.create(
        program=shop.program,
        code="stars",
        name="Stars",
        point_type=stars,
        points=1,
        created_at=NOON,
        updated_at=NOON,
    )
    versions.publish(campaign, by="olga", at=NOON - timedelta(days=1))
    shop.order("A-1", "10.00")
    shop.process()
    back = shop.send("order.returned", {"order_id": "A-1"})
    shop.process()
    taken = {code: told["taken"] for code, told in shop.trace(back)["ledger"].items()}
    assert taken == {"points": 10, "stars": 100}


def test_points_of_a_window_are_asked_whole_whatever_their_decimals(shop: Shop) -> None:
    cents = PointType.objects.create(
        program=shop.program, code="cents", name_one="c", name_many="c", decimals=2
    )
    PointType.objects.filter(pk=shop.points.pk).update(is_default=False)
    PointType.objects.filter(pk=cents.pk).update(is_default=True)
    shop.points = cents
    loyal = {"field": "activity.points", "op": "gte", "value": 10, "days": 30}
    shop.campaign("cents")
    shop.campaign("loyal", bonus="extra", extra_points=Decimal(5), conditions=loyal)
    shop.order("A-1", "9.50")
    shop.process()
    event = shop.order("A-2", "1.00")
    shop.process()
    [row] = [one for one in shop.trace(event)["campaigns"] if one["campaign"] == "loyal"]
    assert (row["outcome"], row["misses"][0]["was"]) == ("condition_not_met", "9.50")
    event = shop.order("A-3", "1.00")
    shop.process()
    assert shop.trace(event)["points"] == {"points": 1, "cents": 600}
