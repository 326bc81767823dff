"""The programs to begin with are real: each is applied as it is, and earns what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns import earning
from loyalty.base import clock
from loyalty.events import enrolment, intake
from loyalty.ledger.models import Lot, Wallet
from loyalty.members.models import Member
from loyalty.programs.files import applying, templates
from loyalty.programs.models import Channel, Program
from tiers import placements

pytestmark = pytest.mark.django_db
TUESDAY = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with clock.pinned(SATURDAY):
        yield


class Business:
    """A program made from a template, and Ada in it."""

    def __init__(self, template: str, **profile: Any) -> None:
        made = applying.apply(templates.text(template), at=datetime(2026, 1, 1, tzinfo=UTC), by="olga")
        self.program = Program.objects.get(code=made.program)
        self.channel = Channel.objects.filter(program=self.program).order_by("code").last()
        given = {"external_id": "ada", "name": "Ada", **profile}
        joined = datetime(2026, 2, 1, tzinfo=UTC)
        self.ada: Member = enrolment.enrol(self.program, given, channel=self.channel, at=joined).member
        earning.drain()

    def earns(self, kind: str, data: dict[str, Any], *, at: datetime = TUESDAY) -> dict[str, int]:
        """The points by type that an event brings."""
        before = self.balances()
        assert self.channel is not None
        item = {
            "id": f"{kind} {at} {data}"[:200],
            "type": kind,
            "occurred_at": at.isoformat(),
            "member": "ext:ada",
            "data": data,
        }
        [receipt] = intake.receive(self.channel, [item], at=max(at, TUESDAY))
        assert receipt.fault is None
        earning.drain()
        after = self.balances()
        return {
            code: after[code] - before.get(code, 0) for code in after if after[code] != before.get(code, 0)
        }

    def buys(self, *lines: tuple[str, str], at: datetime = TUESDAY) -> dict[str, int]:
        items = [
            {"sku": f"S{n}", "category": category, "unit_price": price}
            for n, (category, price) in enumerate(lines)
        ]
        order = {"order_id": f"O {at} {lines}", "currency": self.program.currency, "lines": items}
        return self.earns("order.completed", order, at=at)

    def balances(self) -> dict[str, int]:
        return dict(Wallet.objects.filter(member=self.ada).values_list("point_type__code", "balance"))


def test_retail_points() -> None:
    shop = Business("retail_points")
    assert shop.balances() == {"points": 50}
    assert shop.buys(("books", "48.20")) == {"points": 48}
    assert shop.buys(("books", "20.00"), at=SATURDAY) == {"points": 40}
    assert shop.buys(("books", "10.00"), ("coffee", "10.00")) == {"points": 40}
    assert shop.buys(("books", "5.00"), ("coffee", "20.00"), at=SATURDAY) == {
        "points": 65
    }  # the better of the two
    assert shop.earns("review.submitted", {"sku": "S1", "rating": 5, "length": 80}) == {"points": 10}
    assert shop.earns("review.submitted", {"sku": "S1", "rating": 5, "length": 8}) == {}
    lot = Lot.objects.filter(wallet__member=shop.ada).latest("earned_at")
    assert lot.available_at == clock.midnight(clock.add_days(SATURDAY.date(), 14), shop.program.zone)
    assert lot.expires_at == clock.midnight(datetime(2027, 4, 1).date(), shop.program.zone)  # noqa: DTZ001 - a date


def test_retail_points_on_a_birthday() -> None:
    shop = Business("retail_points", birthday="1990-03-10")
    assert shop.buys(("books", "30.00")) == {"points": 60}


def test_coffee_stamps() -> None:
    cafe = Business("coffee_stamps", birthday="1990-03-14")
    assert cafe.balances() == {"stamps": 1}
    assert cafe.buys(
        ("drinks", "2.50"), ("drinks", "3.10"), ("cakes", "4.00"), at=TUESDAY.replace(hour=9)
    ) == {"stamps": 2}
    assert cafe.buys(("cakes", "4.00"), at=TUESDAY.replace(hour=10)) == {}
    assert cafe.buys(("drinks", "2.50"), at=TUESDAY.replace(hour=14, minute=30)) == {"stamps": 2}
    assert cafe.buys(("drinks", "2.60"), at=SATURDAY) == {"stamps": 11}
    lot = Lot.objects.filter(wallet__member=cafe.ada).latest("earned_at")
    assert lot.expires_at == clock.midnight(datetime(2026, 9, 15).date(), cafe.program.zone)  # noqa: DTZ001 - a date


def test_airline_miles() -> None:
    airline = Business("airline_miles")
    assert airline.balances() == {"miles": 1000}
    flight = {"distance": 3451, "cabin": "economy", "flight": "LR 12"}
    assert airline.earns("flight.flown", flight) == {"miles": 3451, "status": 3451}
    assert airline.earns("flight.flown", {**flight, "cabin": "business"}) == {"miles": 5177, "status": 3451}
    assert airline.earns("flight.flown", {"distance": 200, "cabin": "economy"}) == {
        "miles": 500,
        "status": 200,
    }
    by_hand(airline, "gold")
    assert airline.earns("flight.flown", {"distance": 1000, "cabin": "first"}) == {
        "miles": 2500,
        "status": 1000,
    }
    partner = {"distance": 1000, "cabin": "first", "partner": True}
    assert airline.earns("flight.flown", partner) == {"miles": 2000, "status": 1000}


def test_hotel_nights() -> None:
    hotel = Business("hotel_nights")
    assert hotel.balances() == {"points": 500}
    assert hotel.earns("stay.completed", {"nights": 2, "spend": "310.40"}) == {"points": 3104, "nights": 2}
    assert hotel.earns("stay.completed", {"nights": 5, "spend": "500"}) == {"points": 6500, "nights": 5}
    assert hotel.earns("stay.completed", {"nights": 1, "spend": "90", "rate": "agency"}) == {"nights": 1}
    by_hand(hotel, "silver")
    assert hotel.earns("stay.completed", {"nights": 1, "spend": "100"}) == {"points": 1200, "nights": 1}


def by_hand(business: Business, tier: str) -> None:
    placements.set_tier(business.ada, tier, until=None, reason_code="goodwill", by="olga", at=TUESDAY)
