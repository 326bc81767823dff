"""Orders paid with points: reserved, redeemed when the order comes, given back into their very lots as the goods do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns import earning
from campaigns.earning import process_now
from campaigns.words import wording
from loyalty.base.errors import Invalid
from loyalty.events.models import Event
from loyalty.ledger import holds, ledger, proof
from loyalty.ledger.acts import Actor
from loyalty.ledger.balances import Balance, balances_now
from loyalty.ledger.checkout import CHECKOUT
from loyalty.ledger.models import Hold, Lot, Transaction
from loyalty.members import members
from loyalty.outbox.models import Fact
from tests.earning.shop import NOON, Shop, basket, later, open_shop

pytestmark = pytest.mark.django_db

TILL = Actor("channel", "web")
OLGA = Actor("staff", "olga")
LAPSE = NOON + timedelta(minutes=15)


@pytest.fixture
def shop() -> Shop:
    """Ada has 1,000 points in two lots; orders earn nothing, so that every change is a payment."""
    shop = open_shop(refund_grace_days=7)
    for units, days in ((400, 30), (600, None)):
        ends = NOON + timedelta(days=days) if days else None
        ledger.adjust(
            shop.ada,
            shop.points,
            units,
            at=NOON - later(days=1),
            actor=OLGA,
            reason_code="goodwill",
            expires_at=ends,
        )
    return shop


def pay(
    shop: Shop, points: int, reference: str = "A-1", *, hold: bool = True, at: datetime = NOON
) -> Transaction:
    return ledger.redeem(
        shop.ada, shop.points, points, at=at, actor=TILL, reference=reference, reason_code=CHECKOUT,
        lapses_at=at + timedelta(minutes=15) if hold else None,
    )  # fmt: skip


def come(shop: Shop, event: Event, at: datetime = NOON) -> dict[str, Any]:
    """Process an event at that instant; its trace."""
    process_now(event.pk, at=at)
    return shop.trace(event)


def order(
    shop: Shop, *prices: str, reference: str = "A-1", at: datetime = NOON, **more: Any
) -> dict[str, Any]:
    return come(shop, shop.order(reference, *prices, at=min(at, NOON), **more), at)


def returned(shop: Shop, *lines: str, at: datetime = NOON + timedelta(days=1), **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"order_id": "A-1", **more}
    if lines:
        data["lines"] = [{"id": line, "quantity": 1} for line in lines]
    shop.now = max(shop.now, at)
    return come(shop, shop.send("order.returned", data, at=at), at)


def balance(shop: Shop, at: datetime = NOON) -> Balance:
    return balances_now(shop.ada.pk, at=at)[0]


def remaining() -> list[int]:
    return list(Lot.objects.order_by("id").values_list("remaining", flat=True))


def outcomes(trace: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["outcome"], one.get("points", 0)) for one in trace.get("payments", ())]


# --- the order comes ----------------------------------------------------------------------------------------


def test_the_order_with_its_number_redeems_what_was_reserved(shop: Shop) -> None:
    reservation = pay(shop, 500)
    trace = order(shop, "50.00", points_paid="5.00")
    assert outcomes(trace) == [("captured", 500)]
    assert Hold.objects.get().state == "captured"
    fact = Fact.objects.get(type="points.captured")
    assert fact.data["transaction"] == str(reservation.pk)
    assert fact.data["reference"] == "A-1"
    now = balance(shop, LAPSE)
    assert (now.held, now.available) == (0, 500)
    assert holds.sweep(LAPSE) == 0
    assert proof.verify(at=NOON).ok


def test_an_order_that_names_the_redemption_redeems_that_one_and_releases_the_others(shop: Shop) -> None:
    pay(shop, 200)
    mine = pay(shop, 300, "cart-7")
    trace = order(shop, "50.00", redemption=str(mine.pk), points_paid="3.00")
    assert outcomes(trace) == [("released", 200), ("captured", 300)]
    assert balance(shop).available == 700
    assert outcomes(returned(shop)) == [("given_back", 300)]


def test_all_that_was_reserved_for_an_order_is_redeemed_when_it_names_none(shop: Shop) -> None:
    pay(shop, 200)
    pay(shop, 300)
    assert outcomes(order(shop, "50.00")) == [("captured", 200), ("captured", 300)]


def test_an_order_that_comes_to_nothing_takes_no_points(shop: Shop) -> None:
    pay(shop, 500)
    mine = pay(shop, 300, "cart-7")
    assert outcomes(order(shop, "0.00", redemption=str(mine.pk))) == [("released", 500), ("released", 300)]
    assert balance(shop).available == 1_000
    pay(shop, 200, "A-2")
    assert outcomes(order(shop, "0.00", reference="A-2", shipping="2.00")) == [("captured", 200)]


def test_the_order_again_changes_nothing(shop: Shop) -> None:
    pay(shop, 500)
    order(shop, "50.00")
    again = shop.send("order.completed", basket("A-1", "50.00"), event_id="another")
    assert "payments" not in come(shop, again)
    assert balance(shop).available == 500


def test_what_was_reserved_for_another_order_or_by_another_member_stays(shop: Shop) -> None:
    ben, _ = members.register(shop.program, {"external_id": "ben"}, channel=shop.channel, at=NOON)
    mine = pay(shop, 500, "B-9")
    order(shop, "50.00")
    trace = order(shop, "50.00", reference="B-9", member="ext:ben", redemption=str(mine.pk))
    assert outcomes(trace) == [("unknown", 0)]
    assert Hold.objects.get().state == "open"
    assert balances_now(ben.pk, at=NOON)[0].available == 0


def test_a_reservation_pays_for_one_order_only(shop: Shop) -> None:
    mine = pay(shop, 500, "cart-7")
    order(shop, "50.00", redemption=str(mine.pk))
    trace = order(shop, "60.00", reference="A-2", redemption=str(mine.pk))
    assert outcomes(trace) == [("of_another_order", 500)]
    shop.now = NOON + timedelta(days=1)
    cancelled = shop.send("order.cancelled", {"order_id": "A-2"})
    assert "payments" not in come(shop, cancelled, shop.now)
    assert balance(shop).available == 500


@pytest.mark.parametrize("named", [5, "x", "", {}, "019a9f52"])
def test_a_redemption_that_is_no_id_is_refused(shop: Shop, named: object) -> None:
    with pytest.raises(Invalid) as error:
        shop.order("A-1", "50.00", redemption=named)
    assert error.value.errors[0].code == "redemption_invalid"
    assert error.value.errors[0].path == "/data/redemption"


def test_an_order_reserves_nothing_for_a_member_who_does_not_pay_with_points(shop: Shop) -> None:
    assert "payments" not in order(shop, "50.00", points_paid="5.00")


# --- the order comes late -----------------------------------------------------------------------------------


def test_an_order_that_comes_after_the_lapse_takes_the_points_anew(shop: Shop) -> None:
    pay(shop, 500)
    trace = order(shop, "50.00", at=LAPSE, points_paid="5.00")
    assert outcomes(trace) == [("taken_again", 500)]
    assert trace["payments"][0]["missing"] == 0
    assert Hold.objects.get().state == "released"
    assert balance(shop, LAPSE).available == 500
    assert outcomes(returned(shop)) == [("given_back", 500)]
    assert balance(shop, LAPSE).available == 1000
    assert proof.verify(at=LAPSE).ok


def test_of_points_that_were_used_meanwhile_what_is_there_is_taken_and_nobody_owes_the_rest(
    shop: Shop,
) -> None:
    pay(shop, 500)
    ledger.redeem(shop.ada, shop.points, 900, at=LAPSE, actor=TILL)
    trace = order(shop, "50.00", at=LAPSE, points_paid="5.00")
    assert outcomes(trace) == [("taken_again", 100)]
    assert trace["payments"][0]["missing"] == 400
    now = balance(shop, LAPSE)
    assert (now.available, now.debt) == (0, 0)
    assert outcomes(returned(shop)) == [("given_back", 100)]


def test_points_that_are_all_gone_leave_only_a_note(shop: Shop) -> None:
    pay(shop, 500)
    ledger.redeem(shop.ada, shop.points, 1000, at=LAPSE, actor=TILL)
    trace = order(shop, "50.00", at=LAPSE, points_paid="5.00")
    assert outcomes(trace) == [("taken_again", 0)]
    assert trace["payments"][0]["missing"] == 500
    assert "payments" not in returned(shop)


def test_after_the_lapse_an_order_that_says_nothing_of_points_takes_none(shop: Shop) -> None:
    pay(shop, 500)
    assert "payments" not in order(shop, "50.00", at=LAPSE)
    assert balance(shop, LAPSE).available == 1000


def test_what_was_given_back_by_hand_is_not_taken_again(shop: Shop) -> None:
    mine = pay(shop, 500)
    ledger.release(mine, at=NOON, actor=OLGA)
    trace = order(shop, "50.00", at=LAPSE, points_paid="5.00", redemption=str(mine.pk))
    assert outcomes(trace) == [("withdrawn", 500)]
    assert balance(shop, LAPSE).available == 1000


def test_of_several_attempts_at_checkout_only_the_last_is_taken_again(shop: Shop) -> None:
    pay(shop, 500, at=NOON - timedelta(minutes=40))
    pay(shop, 300, at=NOON - timedelta(minutes=20))
    assert outcomes(order(shop, "50.00", points_paid="3.00")) == [("taken_again", 300)]
    assert balance(shop).available == 700


# --- goods come back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", [True, False])
def test_a_return_of_everything_gives_every_point_back_into_its_lot(shop: Shop, *, hold: bool) -> None:
    before = list(Lot.objects.order_by("id").values())
    pay(shop, 500, hold=hold)
    order(shop, "33.33", "16.67", points_paid="5.00")
    assert remaining() == [0, 500]
    assert outcomes(returned(shop)) == [("given_back", 500)]
    assert list(Lot.objects.order_by("id").values()) == before
    assert proof.verify(at=NOON).ok


@pytest.mark.parametrize("lines", [("1", "2", "3"), ("3", "1", "2")])
@pytest.mark.parametrize("says", ["5.00", "0.00"])
def test_parts_come_back_pro_rata_and_together_make_the_whole(
    shop: Shop, lines: tuple[str, ...], says: str
) -> None:
    pay(shop, 500)
    order(shop, "10.00", "10.00", "10.00", points_paid=says)
    back = [outcomes(returned(shop, line)) for line in lines]
    assert back == [[("given_back", 166)], [("given_back", 167)], [("given_back", 167)]]
    assert remaining() == [400, 600]


def test_a_cancelled_order_gives_all_back_whatever_came_before(shop: Shop) -> None:
    pay(shop, 500)
    order(shop, "40.00", "10.00", points_paid="5.00")
    assert outcomes(returned(shop, "1")) == [("given_back", 400)]
    shop.now = NOON + timedelta(days=2)
    cancelled = shop.send("order.cancelled", {"order_id": "A-1"})
    assert outcomes(come(shop, cancelled, shop.now)) == [("given_back", 100)]
    assert "payments" not in returned(shop, "2", at=NOON + timedelta(days=3))
    assert remaining() == [400, 600]


def test_a_return_again_under_its_own_id_gives_nothing_more(shop: Shop) -> None:
    pay(shop, 500)
    order(shop, "25.00", "25.00", points_paid="5.00")
    assert outcomes(returned(shop, "1", return_id="R-1")) == [("given_back", 250)]
    assert "payments" not in returned(shop, "1", return_id="R-1")


def test_what_was_given_back_by_hand_counts(shop: Shop) -> None:
    mine = pay(shop, 500, hold=False)
    order(shop, "25.00", "25.00", points_paid="5.00")
    ledger.refund(mine, points=300, at=NOON, actor=OLGA)
    assert "payments" not in returned(shop, "1")
    assert outcomes(returned(shop, "2")) == [("given_back", 200)]
    assert remaining() == [400, 600]


def test_points_whose_lot_has_lapsed_come_back_with_days_of_grace(shop: Shop) -> None:
    pay(shop, 500)
    order(shop, "50.00", points_paid="5.00")
    at = NOON + timedelta(days=40)
    returned(shop, at=at)
    fresh = Lot.objects.exclude(origin=None).get()
    assert (fresh.remaining, fresh.available_at) == (400, at)
    assert fresh.expires_at is not None
    assert at + timedelta(days=7) < fresh.expires_at < at + timedelta(days=8)


def test_a_return_that_comes_before_its_order_waits_and_then_gives_back(shop: Shop) -> None:
    pay(shop, 500)
    early = shop.send(
        "order.returned", {"order_id": "A-1", "lines": [{"id": "1", "quantity": 1}]}, member=None
    )
    process_now(early.pk, at=NOON)
    order(shop, "25.00", "25.00", points_paid="5.00")
    process_now(early.pk, at=NOON + later(seconds=1))
    assert outcomes(shop.trace(early)) == [("given_back", 250)]


@pytest.mark.parametrize(
    ("changes", "back"),
    [
        ({"points_paid": "5.00"}, []),
        ({"points_paid": "2.00"}, [("given_back", 300)]),
        ({"points_paid": "8.00"}, []),
        ({}, [("given_back", 500)]),  # the new basket was not paid with points
    ],
)
def test_an_amended_order_says_anew_what_was_paid_with_points(
    shop: Shop, changes: dict[str, str], back: list[tuple[str, int]]
) -> None:
    pay(shop, 500)
    order(shop, "50.00", points_paid="5.00")
    amended = shop.send("order.amended", basket("A-1", "30.00", revision=1, **changes))
    assert outcomes(come(shop, amended)) == back
    returned(shop)
    assert remaining() == [400, 600]


def test_an_amended_order_that_never_spoke_of_points_keeps_them(shop: Shop) -> None:
    pay(shop, 500)
    order(shop, "50.00")
    amended = shop.send("order.amended", basket("A-1", "20.00", "20.00", revision=1))
    assert "payments" not in come(shop, amended)
    assert outcomes(returned(shop, "1")) == [("given_back", 250)]


def test_a_redemption_that_paid_no_order_is_left_alone(shop: Shop) -> None:
    ledger.redeem(shop.ada, shop.points, 500, at=NOON, actor=TILL, reference="A-1")  # a reward, say
    order(shop, "50.00")
    assert "payments" not in returned(shop)
    assert balance(shop).available == 500


# --- one payment, one order ---------------------------------------------------------------------------------


@pytest.mark.parametrize("references", [("A-1", "X-9"), ("X-9", "A-1"), ("X-8", "X-9")])
def test_what_had_lapsed_is_taken_anew_for_one_order_only(shop: Shop, references: tuple[str, str]) -> None:
    mine = pay(shop, 500)
    traces = [
        order(shop, "50.00", reference=one, at=LAPSE, points_paid="5.00", redemption=str(mine.pk))
        for one in references
    ]
    assert [outcomes(trace) for trace in traces] == [[("taken_again", 500)], [("of_another_order", 500)]]
    assert balance(shop, LAPSE).available == 500


def test_an_order_whose_reservation_paid_another_one_neither_has_it_nor_gives_it_back(shop: Shop) -> None:
    mine = pay(shop, 500)
    order(shop, "50.00", reference="X-9", redemption=str(mine.pk))
    assert outcomes(order(shop, "50.00", points_paid="5.00")) == [("of_another_order", 500)]
    assert "payments" not in returned(shop)
    assert balance(shop).available == 500
    assert outcomes(returned(shop, order_id="X-9")) == [("given_back", 500)]


def test_a_redemption_that_was_final_at_once_pays_the_first_order_that_names_it(shop: Shop) -> None:
    mine = pay(shop, 500, "till-3", hold=False)
    first, second = (order(shop, "50.00", reference=one, redemption=str(mine.pk)) for one in ("R-1", "R-2"))
    assert outcomes(first) == [("paid", 500)]
    assert outcomes(second) == [("of_another_order", 500)]
    assert "payments" not in returned(shop, order_id="R-2")
    assert outcomes(returned(shop, order_id="R-1")) == [("given_back", 500)]
    assert proof.verify(at=NOON).ok


def test_two_orders_in_one_batch_do_not_share_a_payment(shop: Shop) -> None:
    mine = pay(shop, 500, "till-3", hold=False)
    events = [shop.order(one, "50.00", redemption=str(mine.pk)) for one in ("R-1", "R-2")]
    earning.process([event.pk for event in events], at=NOON)
    told = sorted(outcomes(shop.trace(event)) for event in events)
    assert told == [[("of_another_order", 500)], [("paid", 500)]]


# --- in words -----------------------------------------------------------------------------------------------


def test_the_trace_tells_of_payments_in_sentences(shop: Shop) -> None:
    voice = wording.voice_of(shop.program, "order.completed")
    pay(shop, 500)
    trace = order(shop, "25.00", "25.00", points_paid="5.00")
    back = returned(shop, "1")
    assert wording.booked(trace, voice) == ["500 points that were reserved paid for this order"]
    assert wording.booked(back, voice) == ["250 points that had paid for this order came back"]
    assert wording.for_member(back, voice).endswith(" 250 points that had paid for this order came back.")
    assert "paid" not in wording.for_member(trace, voice)
    [told] = wording.explained(back, voice)["payments"]
    assert told["sentence"] == "250 points that had paid for this order came back"


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (0, "The reservation had lapsed; 500 points were taken anew"),
        (900, "The reservation had lapsed; 100 points were taken anew, 400 points were used otherwise"),
        (1000, "The reservation had lapsed, and its 500 points were used otherwise"),
    ],
)
def test_what_came_of_a_late_order_is_said(shop: Shop, used: int, told: str) -> None:
    pay(shop, 500)
    if used:
        ledger.redeem(shop.ada, shop.points, used, at=LAPSE, actor=TILL)
    trace = order(shop, "50.00", at=LAPSE, points_paid="5.00")
    assert wording.booked(trace, wording.voice_of(shop.program, "order.completed")) == [told]
