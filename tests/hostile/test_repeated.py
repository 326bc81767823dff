"""What is sent twice, too late, for the wrong person, or at the edge of its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from campaigns.earning import drain
from campaigns.models import EarningCampaign
from campaigns.versions import publish
from loyalty.base import clock
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import IdempotencyKey, PointType, Program
from tests.api.calls import Caller, read, refused
from tests.hostile.untouched import nothing_written

pytestmark = pytest.mark.django_db


def an_order(
    number: str, price: str = "10.00", member: str | None = "ext:ana", **more: Any
) -> dict[str, Any]:
    event = {
        "id": f"e-{number}",
        "type": "order.completed",
        "occurred_at": clock.write_instant(clock.now()),
        "data": {"order_id": number, "currency": "EUR", "lines": [{"sku": "A", "unit_price": price}]},
        **more,
    }
    return event | ({"member": member} if member else {})


def points_of(member: str) -> int:
    wallets = Wallet.objects.filter(member_id=UUID(member))
    return sum(wallet.balance for wallet in wallets)


def test_when_the_key_is_forgotten_the_order_still_counts_once(shop: Caller, ana: str) -> None:
    """A month later the same sale comes again, under the same key or another one."""
    sale = {
        "member": ana,
        "amount": "50.00",
        "order_id": "D-8",
        "occurred_at": clock.write_instant(clock.now()),
    }
    first = shop.post("/transactions/accrue", sale, Idempotency_Key="d8")
    assert first.json()["points"] == {"points": 50}
    IdempotencyKey.objects.all().delete()
    before = Transaction.objects.count()
    for key in ("d8", "d8-other"):
        again = shop.post("/transactions/accrue", sale, Idempotency_Key=key)
        assert (again.status_code, again.json()["duplicate"]) == (200, True)
        assert again.json()["points"] == {"points": 50}
    other = sale | {"amount": "60.00"}
    refused(shop.post("/transactions/accrue", other, Idempotency_Key="d8-third"), 409, "event_conflict")
    assert Transaction.objects.count() == before
    assert points_of(ana) == 1050


def test_a_batch_with_repetitions_and_faults_is_answered_item_by_item_and_again_changes_nothing(
    shop: Caller, ana: str
) -> None:
    events = [an_order(f"D10-{number}", "1.00") for number in range(477)]
    events += events[:20]  # the very same again
    events += [
        an_order("bad-price", "-1.00"),
        an_order("bad-time", occurred_at="yesterday"),
        an_order("bad-field", balance=1_000_000),
    ]
    first = read(shop.post("/events/batch", {"events": events}))
    assert (first["received"], first["duplicates"], first["refused"]) == (477, 20, 3)
    codes = [result["problem"]["code"] for result in first["results"][-3:]]
    assert codes[1:] == ["timestamp_invalid", "unknown_field"]
    drain()
    assert points_of(ana) == 1000 + 477
    with nothing_written():
        second = read(shop.post("/events/batch", {"events": events}))
        drain()
    assert (second["received"], second["duplicates"], second["refused"]) == (0, 497, 3)
    assert not proof.verify(at=clock.now()).breaches


def test_a_guests_orders_are_claimed_once_however_often_the_person_registers(
    shop: Caller, a_point_per_euro: None
) -> None:
    for number in range(3):
        assert shop.post("/events", an_order(f"G-{number}", member="card:94001234")).status_code == 202
    drain()
    assert not Wallet.objects.exists()
    for _ in range(3):
        answer = shop.post("/members/register", {"external_id": "gina", "card": "9400 1234"})
        assert answer.status_code in (200, 201)
        drain()
    assert points_of(answer.json()["id"]) == 30


@pytest.mark.parametrize("state", ["closed", "suspended"])
def test_a_purchase_of_a_member_who_may_not_earn_is_kept_and_says_why_it_gave_nothing(
    shop: Caller, ana: str, state: str
) -> None:
    member = Member.objects.get(pk=ana)
    (members.close if state == "closed" else members.suspend)(member, at=clock.now())
    answer = read(shop.post("/events", an_order("O-11", member=ana), Prefer="wait"))
    assert (answer["status"], answer["points"]) == ("processed", {})
    assert {one["outcome"] for one in answer["trace"]["campaigns"]} == {"member_may_not_earn"}
    assert points_of(ana) == 1000


def test_a_return_cannot_reach_another_members_order_or_money_of_another_currency(
    shop: Caller, ana: str, ben: str
) -> None:
    assert shop.post("/events", an_order("O-14", member=ana), Prefer="wait").status_code == 200
    stolen = an_order("x", member=ben, id="r-1", type="order.returned", data={"order_id": "O-14"})
    answer = read(shop.post("/events", stolen, Prefer="wait"))
    assert (answer["status"], answer["points"]) == ("rejected", {})
    assert (points_of(ana), points_of(ben)) == (1010, 0)
    with nothing_written():
        foreign = {"order_id": "O-14", "currency": "USD"}
        refused(
            shop.post("/events", an_order("x", member=ana, id="r-2", type="order.returned", data=foreign)),
            422,
            "currency_mismatch",
        )


def test_points_can_be_spent_a_millisecond_before_they_lapse_and_not_at_that_instant(
    shop: Caller, program: Program
) -> None:
    PointType.objects.update(expiry_kind="rolling", expiry_count=1, expiry_unit="months")
    monday = datetime(
        2026, 3, 30, 10, tzinfo=UTC
    )  # Madrid: the last day is 30 April, and it lapses at midnight
    lapses = datetime(2026, 4, 30, 22, tzinfo=UTC)
    with clock.pinned(monday):
        campaign = EarningCampaign.objects.create(
            program=program, code="all", name="All", point_type=program.point_types.get(), points=Decimal(1),
            created_at=monday, updated_at=monday,
        )  # fmt: skip
        publish(campaign, by="mia", at=monday)
        shop.post("/members/register", {"external_id": "ana"})
        assert shop.post("/events", an_order("T-7", "300.00"), Prefer="wait").json()["points"] == {
            "points": 300
        }
    body = {"member": "ext:ana", "points": 100}
    with clock.pinned(lapses - timedelta(milliseconds=1)):
        [balance] = read(shop.get("/members/ext:ana/balances"))["balances"]
        assert balance["available"] == 300
        assert shop.post("/transactions/redeem", body, Idempotency_Key="before").status_code == 201
    with clock.pinned(lapses):
        [balance] = read(shop.get("/members/ext:ana/balances"))["balances"]
        assert balance["available"] == 0
        problem = refused(
            shop.post("/transactions/redeem", body, Idempotency_Key="at"), 409, "insufficient_points"
        )
        assert problem["missing"] == 100
    at = clock.write_instant(lapses - timedelta(milliseconds=1))
    with clock.pinned(lapses + timedelta(days=1)):
        [balance] = read(shop.get(f"/members/ext:ana/balances?at={at}"))["balances"]
        assert balance["available"] == 200


def test_a_campaign_that_would_give_more_than_can_be_booked_gives_nothing_and_harms_nobody(
    shop: Caller, ana: str, program: Program
) -> None:
    """The till learns that its sale is kept and not decided; the others' sales go on."""
    now = clock.now()
    greedy = EarningCampaign.objects.create(
        program=program, code="greedy", name="Greedy", point_type=program.point_types.get(), basis="amount",
        points=Decimal("9999999999.0000"), step=Decimal("0.0001"), created_at=now, updated_at=now,
    )  # fmt: skip
    publish(greedy, by="mia", at=now)
    answer = shop.post("/events", an_order("N-7", "99999999.00", member=ana), Prefer="wait")
    assert (answer.status_code, read(answer)["status"]) == (202, "received")
    assert "Preference-Applied" not in answer
    assert points_of(ana) == 1000
    assert Transaction.objects.filter(kind="earn").count() == 1
    small = shop.post("/transactions/redeem", {"member": ana, "points": 100}, Idempotency_Key="n7")
    assert small.status_code == 201
    assert Event.objects.get(external_id="e-N-7").error


NAMES = [
    "\u202eevil", "a\u200bb", "👨‍👩‍👧‍👦", "e" + "\u0301" * 1000, "محمد", "<script>alert(1)</script>",
    "' onmouseover=alert(1) x='", "{{7*7}}", "${7*7}", "=1+1", "Ａｎａ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_kept_as_text_of_bounded_height(shop: Caller, program: Program, name: str) -> None:
    answer = shop.post("/members/register", {"external_id": "x", "name": name})
    assert answer.status_code in (201, 422)
    if answer.status_code == 201:
        kept = read(shop.get("/members/ext:x"))["name"]
        assert len(kept) <= 200
        assert kept == name or name.startswith("e\u0301")


@pytest.mark.parametrize("kind", ["order.returned", "order.cancelled"])
def test_a_return_of_everything_is_answered_and_explained(shop: Caller, ana: str, kind: str) -> None:
    """The order then stands at nothing, which no trace names as a number."""
    assert shop.post("/events", an_order("R-1", member=ana), Prefer="wait").status_code == 200
    back = an_order("x", id="r-1", type=kind, data={"order_id": "R-1"}, member=None)
    for answer in (shop.post("/events", back, Prefer="wait"), shop.post("/events", back, Prefer="wait")):
        assert answer.status_code == 200
        assert read(answer)["points"] == {"points": -10}
        assert "10" in read(answer)["trace"]["sentence"]
    [late] = [an_order("x", id="r-2", type=kind, data={"order_id": "R-1"}, member=None)]
    assert shop.post("/events", late, Prefer="wait").status_code == 200
