"""A year of a shop in Madrid and two of its members, told through the API, with the night run as the scheduler would.

Points are pending for 14 days and last six months, to the end of that month. Every figure is worked out by hand in
the comments; the books are proved at every quarter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns import versions
from campaigns.earning import drain
from campaigns.models import BonusCampaign, Campaign, EarningCampaign
from loyalty.base import clock
from loyalty.events.models import EventType
from loyalty.ledger import proof
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from loyalty.programs.nightly import run_due
from tests.api.calls import Caller, make_channel, make_key, make_program, read, refused

pytestmark = pytest.mark.django_db
MADRID = ZoneInfo("Europe/Madrid")
OPENING = datetime(2024, 1, 1, 12, tzinfo=UTC)
Json = dict[str, Any]


def local(text: str) -> datetime:
    """A wall-clock time in Madrid."""
    return datetime.fromisoformat(text).replace(tzinfo=MADRID).astimezone(UTC)


class Year:
    """The shop's clock, its calls, and what its campaigns are called."""

    def __init__(self) -> None:
        self.program: Program = make_program()
        PointType.objects.update(
            pending_kind="days", pending_days=14,
            expiry_kind="rolling", expiry_count=6, expiry_unit="months", expiry_rounding="month",
        )  # fmt: skip
        self.points = PointType.objects.get()
        self.shop = Caller(make_key(make_channel(self.program))[1])
        self.night = date(2024, 1, 1)
        self.calls = 0

    @contextmanager
    def at(self, text: str) -> Iterator[datetime]:
        """Go to that time; nights of each month's first day and of this very day are run on the way."""
        now = local(text)
        today = now.astimezone(MADRID).date()
        while self.night < today:
            first = (self.night.replace(day=1) + timedelta(days=32)).replace(day=1)
            self.night = min(first, today)
            run_at = min(now, clock.midnight(self.night, MADRID) + timedelta(minutes=10))
            with clock.pinned(run_at):
                run_due(run_at)
        with clock.pinned(now):
            yield now

    def campaign(self, code: str, kind: type[Campaign] = EarningCampaign, **terms: Any) -> Campaign:
        made: Campaign = kind.objects.create(
            program=self.program, code=code, name=code, point_type=self.points,
            created_at=OPENING, updated_at=OPENING, **terms,
        )  # fmt: skip
        versions.publish(made, by="mia", at=OPENING)
        return made

    # --- calls -----------------------------------------------------------------------------------------------

    def send(
        self, kind: str, data: Json, *, member: str | None = "ext:ana", occurred: str = "", wait: bool = True
    ) -> Json:
        self.calls += 1
        at = local(occurred) if occurred else clock.now()
        event = {"id": f"y-{self.calls}", "type": kind, "occurred_at": clock.write_instant(at), "data": data}
        headers = {"Prefer": "wait"} if wait else {}
        answer = self.shop.post("/events", event | ({"member": member} if member else {}), **headers)
        assert answer.status_code == (200 if wait else 202), answer.content
        drain()
        return read(answer)

    def order(
        self, number: str, *lines: tuple[str, str, int], kind: str = "order.completed", **more: Any
    ) -> Json:
        extra = {name: more.pop(name) for name in ("revision",) if name in more}
        return self.send(kind, basket(number, *lines) | extra, **more)

    def gives(self, answer: Json) -> int:
        return int(answer["points"].get("points", 0))

    def post(self, path: str, body: Json) -> Any:
        self.calls += 1
        return self.shop.post(path, body, Idempotency_Key=f"call-{self.calls}")

    def balance(self, member: str = "ext:ana") -> tuple[int, int]:
        """Available and pending."""
        [shown] = read(self.shop.get(f"/members/{member}/balances"))["balances"]
        return shown["available"], shown["pending"]

    def history(self, member: str = "ext:ana") -> list[Json]:
        rows: list[Json] = []
        page = read(self.shop.get(f"/members/{member}/history?limit=20"))
        rows += page["items"]
        while page["has_more"]:
            page = read(self.shop.get(f"/members/{member}/history?limit=20&cursor={page['next']}"))
            rows += page["items"]
        return rows

    def prove(self, member: str = "ext:ana") -> None:
        """The history adds up to what is left, debt included, and the books are whole."""
        [shown] = read(self.shop.get(f"/members/{member}/balances"))["balances"]
        assert (
            sum(row["points"] for row in self.history(member))
            == shown["active"] + shown["pending"] - shown["debt"]
        )
        assert not proof.verify(at=clock.now()).breaches


def basket(number: str, *lines: tuple[str, str, int]) -> Json:
    """Lines of (category, price, quantity)."""
    sold = [
        {
            "id": str(n),
            "sku": f"{category}-{n}",
            "category": category,
            "unit_price": price,
            "quantity": quantity,
        }
        for n, (category, price, quantity) in enumerate(lines, 1)
    ]
    return {"order_id": number, "currency": "EUR", "lines": sold}


def back(number: str, line: str, quantity: int) -> Json:
    return {"order_id": number, "lines": [{"id": line, "quantity": quantity}]}


def outcomes(answer: Json) -> dict[str, str]:
    return {one["campaign"]: one["outcome"] for one in answer["trace"]["campaigns"]}


@pytest.fixture
def year() -> Year:
    with clock.pinned(OPENING):
        year = Year()
        year.campaign("base", points=Decimal(1))
        year.campaign("welcome", basis="fixed", points=Decimal(100), trigger="member.registered")
        year.campaign(
            "visit",
            basis="fixed",
            points=Decimal(5),
            trigger="visit.checked_in",
            caps=[{"times": 1, "per": "day"}],
        )
        year.campaign(
            "coffee", BonusCampaign, multiplier=Decimal(2),
            items={"field": "item.category", "op": "eq", "value": "Coffee"},
        )  # fmt: skip
        year.campaign(
            "big", BonusCampaign, bonus="extra", extra_points=Decimal(50),
            conditions={"field": "order.qualifying", "op": "gte", "value": "100.00"},
        )  # fmt: skip
    return year


def test_a_year_of_a_shop(year: Year) -> None:
    first_quarter(year)
    second_quarter(year)
    third_quarter(year)
    fourth_quarter(year)
    and_after(year)


def first_quarter(year: Year) -> None:
    with year.at("2024-02-29 12:00"):
        assert year.shop.post("/members/register", {"external_id": "ana"}).status_code == 201
        drain()
        assert year.balance() == (0, 100)  # welcome: pending until 14 March, lapses with September
        year.order("G-1", ("Tea", "60.00", 1), member="card:94001234", wait=False)
    with year.at("2024-03-01 09:00"):
        assert year.shop.patch("/members/ext:ana", {"card": "94001234"}).status_code == 200
        drain()
        assert year.balance() == (0, 160)  # the guest's 60, also of 29 February
    with year.at("2024-03-10 12:00"):
        assert (
            year.gives(year.order("A-1", ("Coffee", "10.00", 4), ("Tea", "20.00", 1))) == 100
        )  # 60 + 40 for coffee
    with year.at("2024-03-13 23:59"):
        assert year.balance() == (0, 260)
    with year.at("2024-03-14 00:00"):
        assert year.balance() == (160, 100)
    with year.at("2024-03-20 10:00"):
        waiting = year.send("order.returned", back("A-2", "1", 1), member=None)
        assert waiting["status"] == "waiting"
        year.order("A-2", ("Tea", "30.00", 1), ("Tea", "90.00", 1), occurred="2024-03-20 09:00")
        # 120 + 50 for a big order; without the 30 it is not big any more: 90.
        assert year.balance() == (160, 190)
    with year.at("2024-03-25 18:00"):
        done = year.post("/transactions/redeem", {"member": "ext:ana", "points": 200, "reference": "R-1"})
        assert (done.status_code, done.json()["money_off"]) == (201, "2.00")
        # Available were 100 + 60 + 100; taken were the oldest: 100, 60 and 40.
        assert year.balance() == (60, 90)
    with year.at("2024-03-31 03:30"):  # the clocks went forward an hour and a half ago
        visits = [
            year.send("visit.checked_in", {}, occurred=when)
            for when in ("2024-03-31 00:30", "2024-03-31 03:15")
        ]
        assert [year.gives(visit) for visit in visits] == [5, 0]
        assert outcomes(visits[1])["visit"] == "cap_reached"
    with year.at("2024-04-01 00:10"):
        assert year.gives(year.send("visit.checked_in", {})) == 5
    with year.at("2024-04-01 12:00"):
        assert year.balance() == (60, 100)
        assert [row["kind"] for row in year.history()].count("earn") == 6
        year.prove()


def second_quarter(year: Year) -> None:
    with year.at("2024-04-10 12:00"):
        # Two of four coffees come back. Kept: 20 coffee, 20 tea, so 40 + 20 of 100.
        assert year.gives(year.send("order.returned", back("A-1", "1", 2), member=None)) == -40
        assert year.balance() == (20 + 90, 10)
    with year.at("2024-04-20 12:00"):
        # The rest: 60. Its lot has 20 left, 40 come from A-2's 90.
        rest = year.send("order.returned", {"order_id": "A-1"})
        assert year.gives(rest) == -60
        assert rest["trace"]["order"]["after"] == {}
        assert rest["trace"]["ledger"] == {
            "points": {"taken": 60, "forgiven": 0, "already_expired": 0, "debt": 0}
        }
        assert year.balance() == (60, 0)  # 50 of A-2, two visits
    coffee, base = Campaign.objects.get(code="coffee"), EarningCampaign.objects.get(code="base")
    with year.at("2024-05-01 00:00") as now:
        versions.pause(coffee, by="mia", at=now)
    with year.at("2024-05-15 12:00"):
        paused = year.order("A-3", ("Coffee", "50.00", 1))
        assert (year.gives(paused), outcomes(paused)["coffee"]) == (50, "campaign_paused")
    with year.at("2024-06-01 00:00") as now:
        versions.resume(coffee, by="mia", at=now)
    with year.at("2024-06-05 12:00"):
        late = year.order("A-4", ("Coffee", "30.00", 1), occurred="2024-05-20 12:00")
        assert (year.gives(late), outcomes(late)["coffee"]) == (30, "campaign_paused")
        assert year.gives(year.order("A-5", ("Coffee", "10.00", 3))) == 60
    with year.at("2024-06-10 00:00") as now:
        base.points = Decimal(2)
        base.save()
        versions.publish(base, by="mia", at=now)
    with year.at("2024-06-12 12:00"):
        assert year.gives(year.order("A-6", ("Tea", "25.00", 1))) == 50
    with year.at("2024-06-15 12:00"):
        # Of A-5, sold under the first version, one of three: 60 becomes 40. Under the second it would be 80.
        returned = year.send("order.returned", back("A-5", "1", 1), member=None)
        assert year.gives(returned) == -20
        assert {one["version"] for one in returned["trace"]["campaigns"] if one["campaign"] == "base"} == {1}
    with year.at("2024-07-01 12:00"):
        assert year.balance() == (60 + 50 + 30 + 40 + 50, 0)
        year.prove()


def third_quarter(year: Year) -> None:
    with year.at("2024-07-01 13:00"):
        assert year.shop.post("/members/register", {"external_id": "ben"}).status_code == 201
        drain()
    with year.at("2024-07-10 12:00"):
        given = year.post("/transactions/transfer", {"member": "ext:ana", "to": "ext:ben", "points": 100})
        assert given.status_code == 201
        # Ana's: 50 + 5 + 5 of October, then 40 of A-3's 50 of November. Ben's welcome is pending until the 15th.
        assert (year.balance(), year.balance("ext:ben")) == ((130, 0), (100, 100))
    with year.at("2024-08-01 12:00"):
        [redeemed] = [row for row in year.history() if row["kind"] == "redeem"]
        undone = year.post(
            f"/transactions/{redeemed['id']}/reverse", {"points": 100, "reason_code": "complaint"}
        )
        assert undone.status_code == 201
        assert year.balance() == (230, 0)  # 40 and 60 are back where they were, until the end of September
    ana = Member.objects.get(identifiers__value="ana")
    with year.at("2024-08-10 12:00") as now:
        members.suspend(ana, at=now)
    with year.at("2024-08-11 12:00"):
        barred = year.order("A-7", ("Tea", "500.00", 1))
        assert (year.gives(barred), outcomes(barred)["base"]) == (0, "member_may_not_earn")
        refusal = year.post("/transactions/redeem", {"member": "ext:ana", "points": 100})
        assert refusal.status_code in (403, 409)
        assert year.balance() == (230, 0)
    with year.at("2024-08-12 12:00") as now:
        members.reinstate(ana, at=now)
        assert year.gives(year.send("order.returned", {"order_id": "A-7"})) == 0
    with year.at("2024-08-20 12:00"):
        assert year.gives(year.order("A-8", ("Tea", "10.00", 1))) == 20
    with year.at("2024-08-21 12:00"):
        assert year.gives(year.send("order.cancelled", {"order_id": "A-8"}, member=None)) == -20
    with year.at("2024-09-30 23:59"):
        assert year.balance() == (230, 0)
    with year.at("2024-10-01 00:00"):
        assert year.balance() == (130, 0)  # before any night was run: the dates decide
    with year.at("2024-10-01 12:00"):
        assert (year.balance(), year.balance("ext:ben")) == ((130, 0), (200, 0))
        year.prove()
        year.prove("ext:ben")


def fourth_quarter(year: Year) -> None:
    with year.at("2024-10-05 12:00"):
        [redeemed] = [row for row in year.history() if row["kind"] == "redeem"]
        year.post(f"/transactions/{redeemed['id']}/reverse", {"reason_code": "complaint"})
        assert year.balance() == (
            230,
            0,
        )  # the welcome has lapsed: 100 for thirty more days, 4 November included
        again = year.post(f"/transactions/{redeemed['id']}/reverse", {"reason_code": "complaint"})
        assert again.status_code == 409
    with year.at("2024-10-27 12:00"):
        now = clock.now()
        for at in ("2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"):  # half past two, twice
            year.calls += 1
            event: Json = {
                "id": f"y-{year.calls}",
                "type": "visit.checked_in",
                "occurred_at": at,
                "member": "ext:ana",
                "data": {},
            }
            assert year.shop.post("/events", event).status_code == 202
        drain()
        assert now == clock.now()
        assert year.balance() == (230, 5)
    with year.at("2024-11-01 12:00"):
        assert (year.balance(), year.balance("ext:ben")) == ((230, 5), (140, 0))  # Ben's 60 of October
    with year.at("2024-11-04 23:59"):
        assert year.balance() == (230, 5)
    with year.at("2024-11-05 00:00"):
        assert year.balance() == (130, 5)
    with year.at("2024-12-01 12:00"):
        assert (year.balance(), year.balance("ext:ben")) == (
            (125, 0),
            (100, 0),
        )  # 10 of Ana's, 40 of Ben's
    with year.at("2024-12-20 12:00"):
        assert year.gives(year.order("A-9", ("Tea", "200.00", 1))) == 450  # 400 + 50
        amended = year.order("A-9", ("Tea", "180.00", 1), kind="order.amended", revision=1)
        assert year.gives(amended) == -40
        stale = year.order("A-9", ("Tea", "999.00", 1), kind="order.amended", revision=1)
        assert year.gives(stale) == 0
    with year.at("2025-01-01 12:00"):
        assert year.balance() == (5, 410)  # 30 + 40 + 50 lapsed with the year
        year.prove()
        year.prove("ext:ben")


def and_after(year: Year) -> None:
    with year.at("2025-01-10 12:00"):
        loose = basket("", ("Tea", "50.00", 1))
        del loose["order_id"]
        assert year.gives(year.send("order.returned", loose)) == -100  # two a euro since June
        assert year.balance() == (315, 0)
    with year.at("2025-01-15 12:00"):
        before = {at: as_of(year, at) for at in ("2024-04-01 12:00", "2024-07-01 12:00", "2025-01-01 12:00")}
        assert before == {
            "2024-04-01 12:00": (60, 100),
            "2024-07-01 12:00": (230, 0),
            "2025-01-01 12:00": (5, 410),
        }
        # An order of ten months ago, under the rules of its day: 20, that lapsed in September.
        late = year.order("A-10", ("Coffee", "10.00", 1), occurred="2024-03-15 12:00")
        assert year.gives(late) == 20
        assert year.balance() == (315, 0)
        ancient = {
            "id": "old",
            "type": "order.completed",
            "member": "ext:ana",
            "data": basket("A-0", ("Tea", "1.00", 1)),
        }
        ancient["occurred_at"] = "2024-01-10T12:00:00Z"
        refused(year.shop.post("/events", ancient), 422, "event_too_old")
    with year.at("2025-02-01 12:00"):
        assert (year.balance(), year.balance("ext:ben")) == ((315, 0), (0, 0))
        year.prove()
        year.prove("ext:ben")
        assert sum(row["points"] for row in year.history() if row["kind"] == "expire") == -(
            100 + 100 + 10 + 120 + 20
        )


def as_of(year: Year, text: str) -> tuple[int, int]:
    at = clock.write_instant(local(text))
    [shown] = read(year.shop.get(f"/members/ext:ana/balances?at={at}"))["balances"]
    return shown["available"], shown["pending"]


def test_each_kind_of_campaign_and_what_a_return_leaves_of_it(year: Year) -> None:
    with clock.pinned(OPENING):
        year.campaign(
            "filters", basis="item", points=Decimal(3),
            items={"field": "item.category", "op": "eq", "value": "Filter"},
        )  # fmt: skip
        year.campaign("order", basis="fixed", points=Decimal(10))
        year.campaign("half", BonusCampaign, multiplier=Decimal("1.5"))
        year.campaign("first", BonusCampaign, bonus="extra", extra_points=Decimal(70), budget=100)
        steps = {"code": "steps", "type": "number", "label": "Steps", "required": True, "choices": []}
        EventType.objects.create(program=year.program, code="app.walked", name="Walked", attributes=[steps])
        year.campaign(
            "walk", basis="attribute", attribute="steps", points=Decimal(1), step=Decimal(1000),
            step_rounding="down", trigger="app.walked",
        )  # fmt: skip
    with year.at("2024-03-01 12:00"):
        year.shop.post("/members/register", {"external_id": "ana"})
        # 40 for the money, 6 for two filters, 10 for the order; half as much again: 28; and the gift of 70.
        first = year.order("K-1", ("Filter", "5.00", 2), ("Tea", "30.00", 1))
        assert year.gives(first) == 40 + 6 + 10 + 28 + 70
        # 20 + 10, half as much again, and the 30 that are left of the gifts.
        assert year.gives(year.order("K-2", ("Tea", "20.00", 1))) == 30 + 15 + 30
        assert year.gives(year.send("app.walked", {"steps": 2999})) == 2
    with year.at("2024-03-02 12:00"):
        # A filter comes back: 35 + 3 + 10 = 48, and 24; the gift stays.
        assert year.gives(year.send("order.returned", back("K-1", "1", 1))) == 48 + 24 - (56 + 28)
        # Everything comes back: the gift too.
        assert year.gives(year.send("order.returned", {"order_id": "K-1"})) == -(48 + 24 + 70)
        # So 70 of the gifts are free again; the next order gets one.
        assert year.gives(year.order("K-3", ("Tea", "10.00", 1))) == 20 + 10 + 70
        assert year.balance() == (0, 100 + 75 + 2 + 100)  # the welcome, K-2, the walk, K-3: all pending
        year.prove()
