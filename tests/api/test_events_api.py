"""Events through the API: one, many, at once, and what became of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from kombu.exceptions import OperationalError

from campaigns import waking
from campaigns.batch import Batch
from campaigns.earning import drain
from campaigns.tasks import drain as drain_task
from loyalty.base import clock
from loyalty.base.errors import Conflict, LaurelError
from loyalty.events.models import Event
from loyalty.events.reasons import for_staff
from loyalty.ledger.models import Entry, Transaction
from loyalty.programs.models import IdempotencyKey, Scope
from tests.api.calls import Answer, Caller, read, refused


def order(number: str = "A-2", **more: object) -> dict[str, Any]:
    return {
        "order_id": number,
        "currency": "EUR",
        "lines": [{"sku": "BEANS", "quantity": 2, "unit_price": "10.00"}],
        "shipping": "3.90",
        **more,
    }


def event(number: str = "e1", **more: object) -> dict[str, Any]:
    return {
        "id": number,
        "type": "order.completed",
        "occurred_at": clock.write_instant(clock.now()),
        "member": "ext:ana",
        "data": order(f"order-{number}"),
        **more,
    }


def test_an_event_is_kept_and_processed_later(shop: Caller, ana: str) -> None:
    response = shop.post("/events", event())
    assert response.status_code == 202
    receipt = read(response)
    assert (receipt["status"], receipt["duplicate"], receipt["id"]) == ("received", False, "e1")
    drain()
    told = read(shop.get(f"/events/{receipt['event']}"))
    assert told["status"] == "processed"
    assert told["points"] == {"points": 20}
    assert told["trace"]["campaigns"][0]["campaign"] == "base"


@pytest.mark.parametrize("prefer", ["wait", "respond-async, wait=5", "WAIT; x=1"])
def test_a_till_may_wait_for_the_points(shop: Caller, ana: str, prefer: str) -> None:
    response = shop.post("/events", event(), Prefer=prefer)
    assert response.status_code == 200
    assert response["Preference-Applied"] == "wait"
    told = read(response)
    assert told["points"] == {"points": 20}
    assert told["balances"][0]["available"] == 1020
    assert told["member"] == ana


@contextmanager
def held(member: str) -> Iterator[None]:
    """Somebody else is at work on this member, and nobody here is patient."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("SELECT 1 FROM members_member WHERE id = %s FOR NO KEY UPDATE", [member])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")


@pytest.mark.django_db(transaction=True)
def test_an_event_that_cannot_be_decided_while_its_sender_waits_is_kept_and_said_to_be(
    shop: Caller, ana: str
) -> None:
    with held(ana):
        response = shop.post("/events", event(), Prefer="wait")
    assert response.status_code == 202
    assert "Preference-Applied" not in response
    receipt = read(response)
    assert (receipt["status"], receipt["duplicate"]) == ("received", False)
    assert read(shop.get(f"/events/{receipt['event']}"))["status"] == "received"
    drain()
    assert read(shop.get(f"/events/{receipt['event']}"))["points"] == {"points": 20}


@pytest.mark.django_db(transaction=True)
def test_a_sale_that_cannot_be_decided_at_once_is_not_kept(shop: Caller, ana: str) -> None:
    sale = {"member": "ext:ana", "amount": "20.00"}
    before = Event.objects.count()
    with held(ana):
        refused(shop.post("/transactions/accrue", sale, Idempotency_Key="till-1"), 503, "busy")
    assert Event.objects.count() == before
    told = read(shop.post("/transactions/accrue", sale, Idempotency_Key="till-1"))
    assert told["points"] == {"points": 20}


def test_a_rejected_event_says_why(shop: Caller, ana: str) -> None:
    sent = event("r-2", type="member.registered", member="ext:ana", data={"name": "Ana"})
    told = read(shop.get(f"/events/{read(shop.post('/events', sent))['event']}"))
    assert (told["status"], told["trace"]) == ("rejected", None)
    assert told["error"] == {
        "code": "member_registered_before",
        "message": "This member was registered before.",
    }


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (Conflict("The wallet is full.", code="wallet_full"), "wallet_full"),
        (ValueError('relation "x" does not exist'), "processing_failed"),
        (struct.error("4 bytes"), "processing_failed"),
    ],
)
def test_a_failed_event_says_why_without_what_only_staff_may_see(
    shop: Caller, ana: str, monkeypatch: pytest.MonkeyPatch, wrong: Exception, code: str
) -> None:
    def fails(self: Batch, event: object) -> None:
        raise wrong

    receipt = read(shop.post("/events", event()))
    assert read(shop.get(f"/events/{receipt['event']}"))["error"] is None
    with monkeypatch.context() as patch:
        patch.setattr(Batch, "_handle", fails)
        for _ in range(5):
            Event.objects.filter(status="received").update(next_attempt_at=clock.now())
            drain()
    told = read(shop.get(f"/events/{receipt['event']}"))
    assert told["status"] == "failed"
    assert told["error"]["code"] == code
    assert (str(wrong) in told["error"]["message"]) == isinstance(wrong, LaurelError)
    assert str(wrong) in for_staff(Event.objects.get(pk=receipt["event"]))


def test_the_same_event_again_changes_nothing(shop: Caller, ana: str) -> None:
    sent = event()
    first, again = shop.post("/events", sent, Prefer="wait"), shop.post("/events", sent, Prefer="wait")
    assert (read(first)["duplicate"], read(again)["duplicate"]) == (False, True)
    assert {**read(first), "duplicate": True} == read(again)
    assert Transaction.objects.count() == 2


def test_the_same_id_with_other_content_is_a_conflict(shop: Caller, ana: str) -> None:
    sent = event()
    first = read(shop.post("/events", sent))
    changed = {**sent, "data": order("order-e1", shipping="0")}
    assert refused(shop.post("/events", changed), 409, "event_conflict")["event_id"] == first["event"]
    assert Event.objects.filter(external_id="e1").count() == 1


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"occurred_at": "2026-01-01T10:00:00"}, "timestamp_needs_offset", "/occurred_at"),
        ({"occurred_at": 1767225600}, "timestamp_invalid", "/occurred_at"),
        ({"occurred_at": "2001-01-01T10:00:00Z"}, "event_too_old", "/occurred_at"),
        ({"occurred_at": "2098-01-01T10:00:00Z"}, "event_in_future", "/occurred_at"),
        ({"type": "order.imagined"}, "event_type_unknown", "/type"),
        ({"id": ""}, "required", "/id"),
        ({"id": None}, "required", "/id"),
        ({"member": str(uuid4())}, "member_unknown", "/member"),
        ({"balance": 5}, "unknown_field", "/balance"),
        ({"data": {**order(), "currency": "USD"}}, "currency_mismatch", "/data/currency"),
        ({"data": {**order(), "lines": []}}, "list_expected", "/data/lines"),
        ({"data": {**order(), "shipping": "-1"}}, "amount_negative", "/data/shipping"),
        ({"data": {**order(), "shipping": "1.005"}}, "money_decimals", "/data/shipping"),
        ({"data": {**order(), "shipping": "1_0"}}, "number_invalid", "/data/shipping"),
        ({"data": {**order(), "shipping": " 5 "}}, "number_invalid", "/data/shipping"),
        ({"data": {**order(), "total": "1"}}, "total_mismatch", "/data/total"),
    ],
)
def test_an_event_with_faults_is_refused(
    shop: Caller, ana: str, change: dict[str, object], code: str, path: str
) -> None:
    before = Event.objects.count()
    problem = refused(shop.post("/events", {**event(), **change}), 422, code)
    assert problem["errors"][0]["path"] == path
    assert Event.objects.count() == before


def test_a_batch_answers_for_each_event(shop: Caller, ana: str) -> None:
    events = [event(f"b{number}") for number in range(20)]
    sent = [*events, *events[:5], {**event("bad"), "type": "nope"}, 5, {**events[0], "member": "ext:ben"}]
    told = read(shop.post("/events/batch", {"events": sent}))
    assert (told["received"], told["duplicates"], told["refused"]) == (20, 5, 3)
    assert [result["problem"]["code"] for result in told["results"][-3:]] == [
        "event_type_unknown",
        "object_expected",
        "event_conflict",
    ]
    again = read(shop.post("/events/batch", {"events": sent}))
    assert (again["received"], again["duplicates"], again["refused"]) == (0, 25, 3)
    drain()
    assert Transaction.objects.filter(kind="earn").count() == 21


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"events": []}, "batch_size"),
        ({"events": [{}] * 501}, "batch_size"),
        ({"events": {}}, "list_expected"),
        ({}, "list_expected"),
        ({"events": [], "more": 1}, "unknown_field"),
        ([], "object_expected"),
    ],
)
def test_a_batch_that_is_none_is_refused(shop: Caller, body: object, code: str) -> None:
    refused(shop.post("/events/batch", body), 422, code)


def test_a_batch_may_be_larger_than_an_event(shop: Caller, ana: str) -> None:
    lines = [
        {"sku": f"S{number}", "quantity": 1, "unit_price": "1.00", "name": "x" * 60} for number in range(8)
    ]
    events = [event(f"b{number}", data={**order(f"o{number}"), "lines": lines}) for number in range(500)]
    response = shop.post("/events/batch", {"events": events})
    assert response.status_code == 202
    assert read(response)["received"] == 500


def test_another_programs_event_answers_like_none(shop: Caller, stranger: Caller, ana: str) -> None:
    ours = read(shop.post("/events", event()))["event"]
    for wanted in (ours, uuid4(), "x"):
        refused(stranger.get(f"/events/{wanted}"), 404, "event_unknown")


def test_an_event_of_somebody_unknown_waits_for_them(shop: Caller, a_point_per_euro: None) -> None:
    receipt = read(shop.post("/events", event(member="email:zoe@example.org")))
    assert receipt["status"] == "guest"
    told = read(shop.post("/members/register", {"email": "zoe@example.org"}))
    drain()
    assert read(shop.get(f"/events/{receipt['event']}"))["points"] == {"points": 20}
    assert read(shop.get(f"/members/{told['id']}"))["balances"][0]["available"] == 20


def test_an_amount_is_enough_for_a_till(shop: Caller, ana: str) -> None:
    body = {"member": "ext:ana", "amount": 12.50, "order_id": "R-1"}
    told = read(shop.post("/transactions/accrue", body, Idempotency_Key="k"))
    assert (told["status"], told["order"], told["points"]) == ("processed", "R-1", {"points": 13})
    assert told["balances"][0]["available"] == 1013


def test_a_sale_may_be_sent_as_an_order(shop: Caller, ana: str) -> None:
    body = {"member": "ext:ana", "order": order()}
    told = read(shop.post("/transactions/accrue", body, Idempotency_Key="k"))
    assert told["points"] == {"points": 20}
    assert told["trace"]["excluded"][0]["what"] == "shipping"


def test_a_sale_repeated_earns_once(shop: Caller, ana: str) -> None:
    body = {"member": "ext:ana", "amount": "10", "order_id": "R-1"}
    first = shop.post("/transactions/accrue", body, Idempotency_Key="k")
    again = shop.post("/transactions/accrue", body, Idempotency_Key="k")
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    IdempotencyKey.objects.all().delete()
    later = shop.post("/transactions/accrue", body, Idempotency_Key="new")
    refused(later, 409, "event_conflict")
    assert Transaction.objects.filter(kind="earn").count() == 2


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"amount": None}, "order_or_amount", None),
        ({"order": order()}, "order_or_amount", None),
        ({"amount": "-5"}, "amount_negative", "/amount"),
        ({"amount": "5.001"}, "money_decimals", "/amount"),
        ({"amount": True}, "number_invalid", "/amount"),
        ({"amount": None, "order": {**order(), "currency": "USD"}}, "currency_mismatch", "/order/currency"),
        ({"amount": None, "order": 5}, "object_expected", "/order"),
        ({"occurred_at": "now"}, "timestamp_invalid", "/occurred_at"),
        ({"member": "ana"}, "member_reference_invalid", "/member"),
        ({"points": 5}, "unknown_field", "/points"),
    ],
)
def test_a_sale_with_faults_is_refused(
    shop: Caller, ana: str, change: dict[str, object], code: str, path: str | None
) -> None:
    before = Entry.objects.count()
    body = {"member": "ext:ana", "amount": "5", **change}
    problem = refused(shop.post("/transactions/accrue", body, Idempotency_Key="k"), 422, code)
    assert [fault["path"] for fault in problem.get("errors", [])][:1] == ([path] if path else [])
    assert Entry.objects.count() == before


def test_a_sale_of_nothing_is_accepted_and_earns_nothing(shop: Caller, ana: str) -> None:
    body = {"member": "ext:ana", "amount": "0"}
    told = read(shop.post("/transactions/accrue", body, Idempotency_Key="k"))
    assert told["status"] == "processed"
    assert sum(told["points"].values()) == 0


def test_money_keeps_every_digit(shop: Caller, ana: str) -> None:
    body = b'{"member": "ext:ana", "amount": 1234567890123.45, "order_id": "R-1"}'
    shop.post("/transactions/accrue", body, Idempotency_Key="k")
    stored = Event.objects.get(order_reference="R-1").payload
    assert stored["total"] == "1234567890123.45"


def test_old_events_come_through_a_backfill_channel(
    shop: Caller, ana: str, caller_with: Callable[..., Caller]
) -> None:
    old = event("old", occurred_at=clock.write_instant(clock.now() - timedelta(days=400)))
    refused(caller_with(Scope.EVENTS_WRITE).post("/events", old), 422, "event_too_old")


@pytest.mark.django_db(transaction=True)
def test_a_sale_repeated_in_parallel_earns_once(shop: Caller, ana: str) -> None:
    body = {"member": "ext:ana", "amount": "10", "order_id": "R-1"}

    def sell(_: int) -> Answer:
        try:
            return Caller(shop.key).post("/transactions/accrue", body, Idempotency_Key="k")
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(sell, range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert read(shop.get("/members/ext:ana/balances"))["balances"][0]["available"] == 1010


def test_a_quote_says_what_would_be_earned_and_paid_and_writes_nothing(shop: Caller, ana: str) -> None:
    before = (Event.objects.count(), Entry.objects.count())
    told = read(shop.post("/quotes", {"member": "ext:ana", "order": order(shipping="3.33")}))
    assert told["points"] == {"points": 20}
    assert (told["total"], told["currency"]) == ("23.33", "EUR")
    assert told["trace"]["campaigns"][0]["campaign"] == "base"
    [pays] = told["payable"]
    assert (pays["points"], pays["money_off"], pays["available"]) == (1000, "10.00", 1000)
    assert (Event.objects.count(), Entry.objects.count()) == before


def test_a_quote_never_pays_more_than_the_basket(shop: Caller, ana: str) -> None:
    [pays] = read(shop.post("/quotes", {"member": "ext:ana", "amount": "5.20"}))["payable"]
    assert (pays["points"], pays["money_off"]) == (500, "5.00")


def test_anybody_may_ask_what_a_basket_would_earn(shop: Caller, a_point_per_euro: None) -> None:
    told = read(shop.post("/quotes", {"amount": "20"}))
    assert told["points"] == {"points": 20}
    assert told["payable"][0]["available"] is None
    assert told["payable"][0]["points"] == 2000


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "order_or_amount"),
        ({"amount": "5", "at": "soon"}, 422, "timestamp_invalid"),
        ({"amount": "5", "member": "ext:nobody"}, 404, "member_unknown"),
        ({"order": {"currency": "EUR"}}, 422, "required"),
        ({"order": {**order(), "balance": 1}}, 422, "unknown_field"),
    ],
)
def test_a_quote_with_faults_is_refused(
    shop: Caller, ana: str, body: dict[str, object], status: int, code: str
) -> None:
    refused(shop.post("/quotes", body), status, code)


def test_a_program_that_knows_a_quote_of_another_answers_like_none(stranger: Caller, ana: str) -> None:
    refused(stranger.post("/quotes", {"member": ana, "amount": "5"}), 404, "member_unknown")


def test_no_broker_keeps_no_sender_waiting(shop: Caller, ana: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def away(**options: object) -> None:
        sent.append(options)
        raise OperationalError("the broker is away")

    monkeypatch.setattr(waking._Next, "at", 0.0)
    monkeypatch.setattr(drain_task, "apply_async", away)
    for number in range(3):
        assert shop.post("/events", event(f"w{number}")).status_code == 202
    assert len(sent) == 1
