from __future__ import annotations

from datetime import timedelta

import pytest

from loyalty.events import enrolment, guests
from loyalty.events.errors import EventAttached, EventUnknown
from loyalty.events.models import Event
from loyalty.members import members
from loyalty.members.errors import IdentifierPresent, IdentifierTaken, MemberClosed
from loyalty.members.models import Identifier
from loyalty.programs.models import Channel
from tests.events.characters import an_event, ana, send
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=3)
CARD = "card:9400123"


@pytest.fixture
def shop() -> Channel:
    return a_channel(a_program())


def enrol(shop: Channel, **profile: str) -> enrolment.Enrolment:
    return enrolment.enrol(shop.program, profile, channel=shop, at=LATER)


def test_a_guest_who_enrols_brings_their_orders_along(shop: Channel) -> None:
    send(shop, an_event("a", member=CARD), an_event("b", member=CARD), an_event("c", member="card:0000"))
    assert set(Event.objects.values_list("status", flat=True)) == {"guest"}
    made = enrol(shop, card="9400123")
    mine = Event.objects.filter(member=made.member)
    assert {one.external_id for one in mine if one.source == "shop"} == {"a", "b"}
    assert {(one.status, one.next_attempt_at) for one in mine} == {("received", LATER)}
    assert {one.pk for one in mine} == set(made.event_ids)
    assert Event.objects.get(external_id="c").status == "guest"


def test_enrolling_is_an_event_that_campaigns_can_reward_once(shop: Channel) -> None:
    first, second = enrol(shop, external_id="ana", name="Ana"), enrol(shop, external_id="ana")
    event = Event.objects.get(type="member.registered")
    assert (first.created, second.created, second.event_ids) == (True, False, [])
    assert (event.source, event.member, event.payload) == (
        "laurel",
        first.member,
        {"fields": ["external_id", "name"]},
    )


def test_events_are_claimed_once(shop: Channel) -> None:
    send(shop, an_event(member=CARD))
    made = enrol(shop, card="9400123")
    Event.objects.filter(source="shop").update(status="processed")
    assert guests.claim(made.member, at=LATER) == []
    assert Event.objects.get(source="shop").status == "processed"


def test_an_event_after_adoption_goes_straight_to_the_member(shop: Channel) -> None:
    send(shop, an_event("a", member=CARD))
    made = enrol(shop, card="9400123")
    (receipt,) = send(shop, an_event("b", member=CARD))
    assert receipt.status == "received"
    assert Event.objects.get(external_id="b").member == made.member


def test_a_card_added_later_brings_its_orders_along(shop: Channel) -> None:
    member = ana(shop)
    send(shop, an_event(member=CARD))
    enrolment.change(member, {"card": "9400123"}, at=LATER)
    assert Event.objects.get().member == member


def test_an_agent_links_a_guest_and_all_its_events(shop: Channel) -> None:
    member = ana(shop)
    send(shop, an_event("a", member=CARD), an_event("b", member=CARD))
    guest = Identifier.objects.get(value="9400123")
    assert len(guests.link(guest, member, at=LATER)) == 2
    assert members.find(shop.program, CARD) == member
    ben = members.register(shop.program, {"external_id": "ben"}, channel=shop, at=NOON)[0]
    with pytest.raises(IdentifierTaken):
        guests.link(guest, ben, at=LATER)


def test_events_of_an_old_card_come_along_when_it_is_the_members_card_and_stay(shop: Channel) -> None:
    made = enrol(shop, external_id="ana", card="9400999")
    send(shop, an_event(member=CARD))
    event = Event.objects.get(source="shop")
    with pytest.raises(IdentifierPresent):
        guests.attach(event, made.member, at=LATER)
    event.refresh_from_db()
    assert (event.status, event.member) == ("guest", None)
    enrolment.change(made.member, {"card": "9400123"}, at=LATER)
    enrolment.change(made.member, {"card": "9400999"}, at=LATER)
    event.refresh_from_db()
    assert (event.status, event.member) == ("received", made.member)


def test_an_agent_attaches_an_anonymous_event_once(shop: Channel) -> None:
    member = ana(shop)
    send(shop, an_event(member=None))
    event = guests.attach(Event.objects.get(), member, at=LATER)
    assert (event.member, event.status, event.next_attempt_at) == (member, "received", LATER)
    with pytest.raises(EventAttached):
        guests.attach(event, member, at=LATER)


def test_attaching_an_event_with_an_identifier_gives_the_identifier_too(shop: Channel) -> None:
    member = ana(shop)
    send(shop, an_event("a", member=CARD), an_event("b", member=CARD))
    guests.attach(Event.objects.get(external_id="a"), member, at=LATER)
    assert Event.objects.filter(member=member, status="received").count() == 2


def test_events_are_not_attached_across_programs_or_to_closed_members(shop: Channel) -> None:
    send(shop, an_event(member=None))
    stranger = ana(a_channel(a_program("other")))
    with pytest.raises(EventUnknown):
        guests.attach(Event.objects.get(), stranger, at=LATER)
    closed = members.close(ana(shop), at=LATER)
    with pytest.raises(MemberClosed):
        guests.attach(Event.objects.get(), closed, at=LATER)
    assert Event.objects.get().status == "guest"


def test_removing_an_identifier_leaves_its_events_with_the_member(shop: Channel) -> None:
    send(shop, an_event(member=CARD))
    made = enrol(shop, card="9400123", external_id="ana")
    members.update(made.member, {"card": None}, at=LATER)
    event = Event.objects.get(source="shop")
    assert (event.member, event.identifier) == (made.member, None)
