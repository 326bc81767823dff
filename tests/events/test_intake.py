from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.base.clock import write_instant
from loyalty.base.errors import Invalid
from loyalty.events import types
from loyalty.events.intake import receive, receive_internal
from loyalty.events.models import Event
from loyalty.members import members
from loyalty.members.models import Identifier, Member
from loyalty.programs.models import Channel
from tests.events.characters import YESTERDAY, an_event, an_order, ana, faults, send
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Channel:
    return a_channel(a_program(member_schema=[{"code": "vip", "type": "boolean"}]))


def row(event_id: str = "e-1") -> Event:
    return Event.objects.get(external_id=event_id)


def test_an_event_of_a_member_is_stored_and_due(shop: Channel) -> None:
    member = ana(shop)
    (receipt,) = send(shop, an_event())
    event = row()
    assert (receipt.event_id, receipt.status, receipt.duplicate) == (event.pk, "received", False)
    assert (event.member, event.identifier, event.channel, event.source) == (member, None, shop, "shop")
    assert (event.occurred_at, event.received_at, event.next_attempt_at) == (YESTERDAY, NOON, NOON)
    assert (event.order_reference, event.payload["total"]) == ("o-1", "42.00")


@pytest.mark.parametrize("by", ["ext:ana", "id"])
def test_one_event_of_a_member_costs_an_insert(shop: Channel, by: str) -> None:
    member = ana(shop)
    with CaptureQueriesContext(connection) as queries:
        send(shop, an_event(member=str(member.pk) if by == "id" else by))
    asked = [one["sql"].split()[0] for one in queries.captured_queries]
    assert asked == ["INSERT"]
    assert (row().status, row().member) == ("received", member)


def test_one_event_of_another_programs_member_is_refused(shop: Channel) -> None:
    stranger = ana(a_channel(a_program(code="other")))
    (receipt,) = send(shop, an_event(member=str(stranger.pk)))
    assert receipt.fault is not None
    assert receipt.fault.code == "member_unknown"
    assert not Event.objects.exists()


def test_a_batch_costs_no_more_queries_than_one_event(shop: Channel) -> None:
    ana(shop)
    with CaptureQueriesContext(connection) as queries:
        receipts = send(shop, *(an_event(f"e-{n}") for n in range(200)))
    assert len(queries) == 2
    assert [receipt.external_id for receipt in receipts] == [f"e-{n}" for n in range(200)]
    assert Event.objects.count() == 200


def test_the_same_event_again_is_answered_with_the_first(shop: Channel) -> None:
    ana(shop)
    (first,) = send(shop, an_event())
    Event.objects.update(status="processed")
    (again,) = send(shop, an_event())
    assert (again.event_id, again.status, again.duplicate) == (first.event_id, "processed", True)
    assert Event.objects.count() == 1


def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(shop: Channel) -> None:
    ana(shop)
    send(shop, an_event())
    before = Event.objects.values().get()
    (receipt,) = send(shop, an_event(data=an_order(store="Leeds")))
    assert receipt.fault is not None
    assert (receipt.fault.code, receipt.fault.status) == ("event_conflict", 409)
    assert Event.objects.values().get() == before


def test_ids_are_unique_per_source_and_program(shop: Channel) -> None:
    ana(shop)
    send(shop, an_event(), an_event(source="till-7"))
    till = a_channel(shop.program, "till")
    other = a_channel(a_program("other"))
    send(till, an_event())
    send(other, an_event())
    assert Event.objects.count() == 4


def test_a_channel_may_name_a_default_source(shop: Channel) -> None:
    receive(shop, [an_event()], at=NOON, source_default="https://shop.example")
    assert row().source == "https://shop.example"


def test_repetitions_and_faults_inside_a_batch_stop_nobody(shop: Channel) -> None:
    ana(shop)
    good = [an_event(f"e-{n}") for n in range(477)]
    bad = [an_event("b-1", type="nope"), an_event("b-2", data=an_order(currency="EUR")), "rubbish"]
    items = [*good, *good[:20], *bad]
    receipts = send(shop, *items)
    assert [r.duplicate for r in receipts] == [False] * 477 + [True] * 20 + [False] * 3
    assert {r.event_id for r in receipts[477:497]} == {r.event_id for r in receipts[:20]}
    assert [bool(r.fault) for r in receipts] == [False] * 497 + [True] * 3
    assert [r.external_id for r in receipts[497:]] == ["b-1", "b-2", ""]
    again = send(shop, *items)
    assert all(r.duplicate for r in again[:497])
    assert Event.objects.count() == 477


def test_other_content_under_one_id_inside_a_batch_is_a_conflict(shop: Channel) -> None:
    ana(shop)
    first, second = send(shop, an_event(), an_event(data=an_order(store="Leeds")))
    assert first.fault is None
    assert second.fault is not None
    assert second.fault.code == "event_conflict"


def test_a_repetition_of_a_refused_item_shares_its_fate(shop: Channel) -> None:
    nobody = "0198f000-0000-7000-8000-000000000000"
    first, second = send(shop, an_event(member=nobody), an_event(member=nobody))
    assert faults(first) == faults(second) == [("/member", "member_unknown")]
    assert not Event.objects.exists()


@pytest.mark.parametrize("size", [0, 501])
def test_a_batch_has_bounds(shop: Channel, size: int) -> None:
    with pytest.raises(Invalid) as refused:
        send(shop, *([an_event()] * size))
    assert refused.value.code == "batch_size"


def test_too_old_and_future_events_are_refused_and_not_stored(shop: Channel) -> None:
    old = write_instant(NOON - timedelta(days=366))
    soon = write_instant(NOON + timedelta(minutes=6))
    receipts = send(shop, an_event("old", occurred_at=old), an_event("soon", occurred_at=soon))
    assert [faults(one) for one in receipts] == [
        [("/occurred_at", "event_too_old")],
        [("/occurred_at", "event_in_future")],
    ]
    assert not Event.objects.exists()


def test_a_repetition_is_recognised_long_after_the_window_closed(shop: Channel) -> None:
    ana(shop)
    send(shop, an_event())
    (late,) = receive(shop, [an_event()], at=NOON + timedelta(days=800))
    assert late.duplicate
    (other,) = receive(shop, [an_event("e-2")], at=NOON + timedelta(days=800))
    assert faults(other) == [("/occurred_at", "event_too_old")]


def test_a_backfill_channel_may_send_old_events_but_no_future_ones(shop: Channel) -> None:
    backfill = a_channel(shop.program, "history", kind="backfill")
    old, soon = write_instant(NOON - timedelta(days=4000)), write_instant(NOON + timedelta(hours=1))
    receipts = send(backfill, an_event("old", occurred_at=old), an_event("soon", occurred_at=soon))
    assert receipts[0].fault is None
    assert faults(receipts[1]) == [("/occurred_at", "event_in_future")]


def test_an_own_id_of_another_program_is_unknown_here(shop: Channel) -> None:
    stranger = ana(a_channel(a_program("other")))
    (receipt,) = send(shop, an_event(member=str(stranger.pk)))
    assert faults(receipt) == [("/member", "member_unknown")]


def test_what_follows_an_order_needs_no_member(shop: Channel) -> None:
    data = {"order_id": "o-1"}
    send(shop, an_event("r", kind="order.returned", member=None, data=data))
    assert (row("r").status, row("r").member, row("r").order_reference) == ("received", None, "o-1")


def test_an_event_without_a_member_waits_for_an_agent(shop: Channel) -> None:
    (receipt,) = send(shop, an_event(member=None))
    assert receipt.status == "guest"
    assert (row().member, row().identifier) == (None, None)


def test_a_custom_event_is_checked_by_its_declaration(shop: Channel) -> None:
    attributes = [{"code": "hours", "type": "number", "required": True}]
    types.declare(shop.program, code="workshop.attended", name="Workshop", attributes=attributes)
    ana(shop)
    good = an_event("w-1", kind="workshop.attended", data={"hours": 2})
    receipts = send(shop, good, an_event("w-2", kind="workshop.attended", data={"hours": "two"}))
    assert faults(receipts[1]) == [("/data/hours", "number_invalid")]
    assert row("w-1").payload == {"hours": "2"}
    (foreign,) = send(a_channel(a_program("other")), good)
    assert faults(foreign) == [("/type", "event_type_unknown")]


@pytest.mark.parametrize(
    "code", ["order.completed", "order.minted", "member.x", "UPPER", "a b", "", "x" * 61]
)
def test_a_custom_type_cannot_pass_for_a_built_in_one(shop: Channel, code: str) -> None:
    with pytest.raises(Invalid):
        types.declare(shop.program, code=code, name="Odd", attributes=[])


def test_a_referral_holds_references_only(shop: Channel) -> None:
    member = ana(shop)
    ben = members.register(shop.program, {"email": "ben@example.org"}, channel=shop, at=NOON)[0]
    send(
        shop,
        an_event(
            "known", kind="referral.converted", data={"referee": "email:ben@example.org", "code": "ANA"}
        ),
        an_event("new", kind="referral.converted", data={"referee": "email:eve@example.org"}),
    )
    assert row("known").member == member
    assert row("known").payload == {"code": "ANA", "referee": {"member": str(ben.pk)}}
    eve = Identifier.objects.get(value="eve@example.org")
    assert row("new").payload == {"referee": {"identifier": eve.pk}}


def test_a_registration_registers_in_the_same_transaction(shop: Channel) -> None:
    profile = {"email": "ben@example.org", "name": "Ben Secret", "attributes": {"vip": True}}
    (receipt,) = send(shop, an_event(kind="member.registered", member="ext:ben", data=profile))
    ben = members.find(shop.program, "ext:ben")
    assert members.find(shop.program, "email:ben@example.org") == ben
    assert (row().member, receipt.status, ben.attributes) == (ben, "received", {"vip": True})
    assert row().payload == {
        "fields": ["attributes", "email", "external_id", "name"],
        "attributes": {"vip": True},
    }


def test_a_person_registers_and_buys_in_one_batch(shop: Channel) -> None:
    register = an_event("r-1", kind="member.registered", data={"email": "ana@example.org"})
    receipts = send(shop, an_event("o-1"), register, an_event("o-2", member="email:ana@example.org"))
    assert [one.status for one in receipts] == ["received"] * 3
    assert len(set(Event.objects.values_list("member_id", flat=True))) == 1


def test_a_second_registration_of_the_same_person_earns_nothing(shop: Channel) -> None:
    data = {"email": "ana@example.org"}
    first, second = send(
        shop,
        an_event("r-1", kind="member.registered", data=data),
        an_event("r-2", kind="member.registered", data=data),
    )
    assert (first.status, second.status) == ("received", "rejected")
    assert row("r-2").error == "member_registered_before"
    assert Member.objects.count() == 1


def test_a_refused_registration_leaves_no_trace_and_stops_nobody(shop: Channel) -> None:
    ana(shop)
    taken = {"email": "ana@example.org"}
    receipts = send(
        shop, an_event("r", kind="member.registered", member="ext:eve", data=taken), an_event("o")
    )
    assert receipts[0].fault is not None
    assert receipts[0].fault.code == "identifier_taken"
    assert receipts[1].fault is None
    assert not Event.objects.filter(external_id="r").exists()
    assert not Identifier.objects.filter(value="eve").exists()


def test_a_change_is_applied_once_however_often_it_is_told(shop: Channel) -> None:
    member = ana(shop)
    old = an_event("u-1", kind="member.updated", data={"name": "Ana Old"})
    send(shop, old, an_event("u-2", kind="member.updated", data={"name": "Ana New"}))
    (again,) = send(shop, old)
    member.refresh_from_db()
    assert again.duplicate
    assert member.name == "Ana New"


def test_a_change_of_an_unknown_member_is_refused(shop: Channel) -> None:
    (receipt,) = send(shop, an_event(kind="member.updated", member="ext:nobody", data={"name": "X"}))
    assert faults(receipt) == [("/member", "member_unknown")]
    assert not Event.objects.exists()


PERSONAL = ["ana@example.org", "+447911123456", "7911123456", "Secret", "9400123456", "1990-02-28", "eve@"]


def test_nothing_personal_is_in_the_inbox_or_in_the_outbox(shop: Channel) -> None:
    ana(shop)
    whoever: list[dict[str, Any]] = [
        an_event("1", member="email:ana@example.org"),
        an_event("2", member="phone:+44 7911 123456"),
        an_event("3", member="card:9400 123 456"),
        an_event("4", member="email:eve@example.org", data=an_order(store="ask eve@example.org")),
        an_event("5", kind="member.updated", data={"name": "Ana Secret B", "birthday": "1990-02-28"}),
        an_event("6", kind="referral.converted", data={"referee": "email:eve@example.org"}),
        an_event("7", kind="member.registered", member="card:9400123456", data={"name": "Cy Secret"}),
    ]
    receipts = send(shop, *whoever)
    assert not [one.fault for one in receipts if one.fault]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(e::text, '\n') || (SELECT coalesce(string_agg(f::text, '\n'), '') FROM outbox_fact f)"
            " FROM events_event e"
        )
        (dump,) = cursor.fetchone() or ("",)
    assert dump.count("\n") >= 6
    assert not [word for word in PERSONAL if word in dump]


def test_an_internal_event_happens_once(shop: Channel) -> None:
    member = ana(shop)
    args = (shop.program, "member.birthday", f"birthday:{member.pk}:2026", member, {"year": 2026})
    first = receive_internal(*args, at=NOON)
    assert receive_internal(*args, at=NOON) is None
    event = Event.objects.get()
    assert (event.pk, event.source, event.member, event.channel) == (first, "laurel", member, None)
