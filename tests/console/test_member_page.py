"""The member page: balances, one timeline in sentences, Why? on every event, and what became of an order."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from campaigns.earning import drain
from campaigns.models import EarningCampaign
from campaigns.versions import publish
from loyalty.base import clock
from loyalty.console import timeline
from loyalty.console.timeline import Cursor
from loyalty.events.models import Event
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.models import Transaction
from loyalty.programs.models import Program
from tests.console import people

pytestmark = pytest.mark.django_db
TILL = Actor("channel", "web")


def test_balance_tier_and_timeline_are_there_without_another_click() -> None:
    member = people.ana(people.a_program())
    people.given(member, 1250)
    people.given(member, -200)
    page = people.sam().get(f"/console/members/{member.pk}/").content.decode()
    assert re.search(r"Available points</dt><dd>1,050", page)
    assert "Given 1,250 points by olga" in page
    assert "200 points taken by olga" in page
    assert "balance 1,050" in page
    assert "Joined the program" in page


def test_a_balance_that_does_not_follow_from_the_row_below_says_so() -> None:
    member = people.ana(people.a_program())
    kind, now = people.points_of(member.program), clock.now()
    for points, ago in ((100, 3), (30, 1), (5, 2)):  # what happened second was booked last
        ledger.adjust(
            member, kind, points, at=now - timedelta(hours=ago), actor=people.STAFF, reason_code="goodwill"
        )
    page = people.sam().get(f"/console/members/{member.pk}/").content.decode()
    assert re.findall(r"balance[ a-z]* \d+", page) == [
        "balance when booked 130", "balance when booked 135", "balance 100",
    ]  # fmt: skip


def test_every_event_has_why_also_one_that_gave_nothing() -> None:
    program = people.a_program()
    member = people.ana(program)
    receipt = people.an_order(people.a_channel(program))
    drain()
    page = people.sam().get(f"/console/members/{member.pk}/").content.decode()
    assert "No points – order A-1042" in page
    assert f'href="/console/campaigns/events/{receipt.event_id}/why/"' in page


def test_why_names_the_campaigns_that_gave_and_those_that_did_not_as_page_and_as_fragment() -> None:
    program = people.a_program()
    people.ana(program)
    at = clock.now() - timedelta(days=1)
    for code, name, conditions in (
        ("base", "Points for spending", {}),
        ("big", "Big baskets", {"field": "order.total", "op": "gte", "value": "100"}),
    ):
        campaign = EarningCampaign.objects.create(
            program=program, code=code, name=name, point_type=people.points_of(program), points=1,
            conditions=conditions, created_at=at, updated_at=at,
        )  # fmt: skip
        publish(campaign, by="olga", at=at)
    receipt = people.an_order(people.a_channel(program))
    drain()
    client = people.sam()
    address = f"/console/campaigns/events/{receipt.event_id}/why/"
    page = client.get(address).content.decode()
    piece = client.get(address, headers={"HX-Request": "true"}).content.decode()
    for text in ("48 Points for spending", "Big baskets", "48.2", "100"):
        assert text in piece
        assert text in page
    assert "<html" in page
    assert "<html" not in piece


def test_older_rows_follow_the_cursor_without_gap_or_repeat() -> None:
    member = people.ana(people.a_program())
    for _number in range(7):
        people.given(member, 1)
    whole, _end = timeline.rows(member, at=clock.now(), before=None, only_points=False, limit=50)
    seen: list[str] = []
    cursor: Cursor | None = None
    for _page in range(10):
        page, cursor = timeline.rows(member, at=clock.now(), before=cursor, only_points=False, limit=3)
        seen += [row.key for row in page]
        if cursor is None:
            break
        cursor = Cursor.read(str(cursor))
    assert seen == [row.key for row in whole]
    assert len(set(seen)) == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2026-13-01~e1",
        "~",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z~",
        "2026-01-01T00:00:00Z~e1",
        "2026-01-01T00:00:00Z~f1",
        "2026-01-01T00:00:00Z~x00000000000000000001",
        f"2026-01-01T00:00:00Z~f{'9' * 5000}",
    ],
)
def test_a_cursor_that_cannot_be_read_shows_the_newest(text: str) -> None:
    assert Cursor.read(text) is None


def test_an_order_that_never_came_is_told_from_one_that_was_rejected_and_one_of_another() -> None:
    program = people.a_program()
    member = people.ana(program)
    channel = people.a_channel(program)
    people.an_order(channel, number="A-1")
    people.an_order(channel, member="email:other@example.org", number="A-2")
    drain()
    client = people.sam()
    address = f"/console/members/{member.pk}/order/"
    assert "was processed" in client.get(address, {"number": "A-1"}).content.decode()
    never = client.get(address, {"number": "A-9"}).content.decode()
    assert "never arrived" in never
    assert "refused when it was sent" in never
    people.ana(program, external_id="bea", email="bea@example.org", phone=None, card=None, name="Bea")
    people.an_order(channel, member="ext:bea", number="A-3")
    assert "for another member" in client.get(address, {"number": "A-3"}).content.decode()


def test_an_order_is_found_whatever_the_case_of_its_number() -> None:
    program = people.a_program()
    member, client = people.ana(program), people.sam()
    channel = people.a_channel(program)
    for number in ("A-21597", "Web-7x"):
        people.an_order(channel, number=number)
    drain()
    address = f"/console/members/{member.pk}/order/"
    for typed in ("a-21597", "E-A-21597", "web-7X"):
        assert "was processed" in client.get(address, {"number": typed}).content.decode(), typed
    bea = people.ana(program, external_id="bea", email="bea@example.org", phone=None, card=None, name="Bea")
    of_another = client.get(f"/console/members/{bea.pk}/order/", {"number": "a-21597"}).content.decode()
    assert "for another member" in of_another


def test_why_an_event_was_rejected_is_said_in_words() -> None:
    program = people.a_program()
    member, client = people.ana(program), people.olga()
    receipt = people.an_order(people.a_channel(program))
    Event.objects.filter(pk=receipt.event_id).update(status="rejected", error="order_of_another_member")
    for address in (
        f"/console/members/{member.pk}/",
        f"/console/members/{member.pk}/order/?number=A-1042",
        f"/console/events/{receipt.event_id}/",
    ):
        page = client.get(address).content.decode()
        assert "Order A-1042 is another member&#x27;s." in page, address
        assert "order_of_another_member" not in page, address


def test_suspending_asks_first_and_is_written_on_the_timeline() -> None:
    member = people.ana(people.a_program())
    client = people.sam()
    assert "Suspend" in client.get(f"/console/members/{member.pk}/state/suspend/").content.decode()
    member.refresh_from_db()
    assert member.state == "active"
    client.post(f"/console/members/{member.pk}/state/", {"act": "suspend"})
    member.refresh_from_db()
    assert member.state == "suspended"
    assert "Suspended" in client.get(f"/console/members/{member.pk}/").content.decode()


def test_what_cannot_be_spent_yet_says_from_when() -> None:
    program = people.a_program()
    point_type = people.points_of(program)
    point_type.pending_kind, point_type.pending_days = "days", 14
    point_type.save()
    member = people.ana(program)
    a_base_rule(program)
    people.an_order(people.a_channel(program))
    drain()
    page = people.sam().get(f"/console/members/{member.pk}/").content.decode()
    assert "48 points can be spent from" in page
    assert "pending until" in page


def a_base_rule(program: Program) -> None:
    at = clock.now() - timedelta(days=1)
    campaign = EarningCampaign.objects.create(
        program=program, code="base", name="Points for spending", point_type=people.points_of(program), points=1,
        created_at=at, updated_at=at,
    )  # fmt: skip
    publish(campaign, by="olga", at=at)


def test_reserved_points_show_as_held_and_the_timeline_says_what_became_of_them() -> None:
    member = people.ana(people.a_program())
    people.given(member, 1000)
    now = clock.now()
    points = people.points_of(member.program)

    def reserve(units: int, minutes: int) -> Transaction:
        lapses_at = now + timedelta(minutes=minutes)
        return ledger.hold(
            member, points, units, lapses_at=lapses_at, at=now, actor=TILL, reason_code="checkout"
        )

    ledger.capture(reserve(100, 30), at=now)
    ledger.release(reserve(200, 30), at=now, actor=TILL)
    reserve(300, 5)
    reserve(400, 30)
    client = people.sam()
    page = client.get(f"/console/members/{member.pk}/").content.decode()
    assert re.search(r"Held</dt><dd>700", page)
    for title in (
        "Redeemed 100 points",
        "Reserved 200 points, released again",
        "Released 200 points, which were reserved",
        "Reserved 300 points<",
        "Paid an order with points",
    ):
        assert title in page
    with clock.pinned(now + timedelta(minutes=5)):
        page = client.get(f"/console/members/{member.pk}/").content.decode()
    assert re.search(r"Held</dt><dd>400", page)
    assert "Reserved 300 points, released again" in page


def test_a_reservation_is_called_so_wherever_it_is_shown() -> None:
    member = people.ana(people.a_program())
    people.given(member, 1000)
    now = clock.now()
    reservation = ledger.hold(
        member,
        people.points_of(member.program),
        300,
        lapses_at=now + timedelta(minutes=5),
        at=now,
        actor=TILL,
    )
    client = people.olga()
    receipt = f"/console/members/{member.pk}/receipts/{reservation.pk}/"
    pages = [client.get(receipt), client.get("/admin/")]
    pages.append(client.get(f"/admin/ledger/transaction/{reservation.pk}/change/"))
    told = [page.content.decode() for page in pages]
    assert "Reserved: " in told[0]
    assert "Reserved until" in told[0]
    assert ">Reserved</td>" in told[1]
    assert "Reserved until" in told[2]
    with clock.pinned(now + timedelta(minutes=5)):
        assert "Reserved and released: " in client.get(receipt).content.decode()


def test_the_timeline_names_channels_and_reads_reasons_as_words() -> None:
    program = people.a_program()
    member = people.ana(program)
    people.a_channel(program)
    people.given(member, 500)
    ledger.adjust(
        member, people.points_of(program), 20, at=clock.now(), actor=people.STAFF, reason_code="missing_purchase"
    )  # fmt: skip
    ledger.redeem(
        member, people.points_of(program), 100, at=clock.now(), actor=TILL, reference="A-7"
    )  # fmt: skip
    page = people.olga().get(f"/console/members/{member.pk}/").content.decode()
    assert "<bdi>Missing purchase</bdi>" in page
    assert "<bdi>Web shop</bdi>" in page
    assert "<bdi>web</bdi>" not in page
