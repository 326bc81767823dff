"""Real threads on real connections: what is promised holds when everything comes at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier
from threading import Event as Signal
from typing import Any

import pytest
from django.db import connection, transaction

from loyalty.base.errors import LaurelError
from loyalty.events import enrolment
from loyalty.events.intake import Receipt
from loyalty.events.models import Event
from loyalty.members import identifiers, members
from loyalty.members.identifiers import Found, Ref
from loyalty.members.models import Identifier, Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Channel
from tests.events.characters import an_event, an_order, ana, send
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db(transaction=True)

CARD = "card:9400123"


@pytest.fixture
def shop() -> Channel:
    return a_channel(a_program())


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all `acts` in threads that start together; their answers, or the errors that they may give."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return act()
        except LaurelError as wrong:
            return wrong
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_fifty_identical_events_are_one_event(shop: Channel) -> None:
    ana(shop)
    receipts: list[Receipt] = [one for (one,) in at_once([lambda: send(shop, an_event())] * 50)]
    assert Event.objects.count() == 1
    assert sorted(one.duplicate for one in receipts) == [False] + [True] * 49
    assert len({one.event_id for one in receipts}) == 1


def test_of_many_contents_under_one_id_one_wins(shop: Channel) -> None:
    ana(shop)
    acts = [partial(send, shop, an_event(data=an_order(store=f"store {n}"))) for n in range(12)]
    receipts: list[Receipt] = [one for (one,) in at_once(acts)]
    codes = sorted(one.fault.code if one.fault else "stored" for one in receipts)
    assert codes == ["event_conflict"] * 11 + ["stored"]


def test_overlapping_batches_in_opposite_order_do_not_block_each_other(shop: Channel) -> None:
    ana(shop)
    events = [an_event(f"e-{n}", member=f"card:10{n:03}") for n in range(100)]
    answers = at_once([lambda: send(shop, *events), lambda: send(shop, *reversed(events))] * 3)
    assert not [one for receipts in answers for one in receipts if one.fault]
    assert Event.objects.count() == 100


def test_parallel_registrations_of_one_person_are_one_member(shop: Channel) -> None:
    profile = {"external_id": "ana", "email": "ana@example.org", "card": "9400123"}
    acts = [lambda: enrolment.enrol(shop.program, profile, channel=shop, at=NOON)] * 12
    made = at_once(acts)
    assert Member.objects.count() == 1
    assert sorted(one.created for one in made) == [False] * 11 + [True]
    assert Identifier.objects.filter(member__isnull=False).count() == 3
    assert Fact.objects.filter(type="member.registered").count() == 1
    assert Event.objects.filter(type="member.registered").count() == 1


def test_of_parallel_members_with_one_email_one_gets_it(shop: Channel) -> None:
    def register(n: int) -> tuple[Member, bool]:
        profile = {"external_id": f"c-{n}", "email": "ana@example.org"}
        return members.register(shop.program, profile, channel=shop, at=NOON)

    answers = at_once([partial(register, n) for n in range(10)])
    refused = [one for one in answers if isinstance(one, LaurelError)]
    assert {one.code for one in refused} == {"identifier_taken"}
    assert (len(refused), Member.objects.count(), Identifier.objects.count()) == (9, 1, 2)


def test_two_members_cannot_take_one_new_email(shop: Channel) -> None:
    def a_member(n: int) -> Member:
        return members.register(shop.program, {"external_id": f"c-{n}"}, channel=shop, at=NOON)[0]

    people = [a_member(n) for n in range(6)]
    wanted = {"email": "one@example.org"}
    answers = at_once([partial(members.update, one, wanted, at=NOON) for one in people])
    assert sum(isinstance(one, Member) for one in answers) == 1
    assert Identifier.objects.filter(kind="email").count() == 1


def test_parallel_registrations_by_event_earn_once(shop: Channel) -> None:
    data = {"email": "ana@example.org"}
    acts = [partial(send, shop, an_event(f"r-{n}", kind="member.registered", data=data)) for n in range(8)]
    statuses = sorted(receipt.status for (receipt,) in at_once(acts))
    assert statuses == ["received"] + ["rejected"] * 7


def parked_while_enrolling(shop: Channel) -> Event:
    """A guest's event is being stored; the guest enrols before it is committed."""
    stored = Signal()

    def park() -> None:
        with transaction.atomic():
            send(shop, an_event("late", member=CARD))
            stored.set()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.4)")

    def enrol() -> None:
        stored.wait(timeout=10)
        enrolment.enrol(shop.program, {"card": "9400123"}, channel=shop, at=NOON)

    at_once([park, enrol])
    return Event.objects.get(external_id="late")


def test_a_guest_event_stored_while_the_guest_enrols_is_not_stranded(shop: Channel) -> None:
    send(shop, an_event("first", member=CARD))
    late = parked_while_enrolling(shop)
    assert late.status == "received"
    assert late.member == members.find(shop.program, CARD)


def test_without_holding_the_identifier_that_event_would_be_stranded(
    shop: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unheld(program_id: int, refs: Collection[Ref], _: datetime) -> dict[Ref, Found]:
        return identifiers.resolve(program_id, refs)

    send(shop, an_event("first", member=CARD))
    monkeypatch.setattr(identifiers, "guests", unheld)
    assert parked_while_enrolling(shop).status == "guest"


def test_an_event_sent_while_its_guest_is_being_enrolled_finds_the_member(shop: Channel) -> None:
    send(shop, an_event("first", member=CARD))
    enrolled = Signal()

    def enrol() -> None:
        with transaction.atomic():
            enrolment.enrol(shop.program, {"card": "9400123"}, channel=shop, at=NOON)
            enrolled.set()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.4)")

    def park() -> None:
        enrolled.wait(timeout=10)
        send(shop, an_event("late", member=CARD))

    at_once([enrol, park])
    assert set(Event.objects.values_list("status", flat=True)) == {"received"}
