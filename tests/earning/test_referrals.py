"""Who refers whom: never themselves, by whatever reference."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from campaigns.words.wording import explained, voice_of
from loyalty.base import clock
from loyalty.base.errors import Invalid
from loyalty.events import enrolment, guests, intake
from loyalty.members import members
from tests.earning.shop import NOON, Shop, books_add_up, open_shop

pytestmark = pytest.mark.django_db
CONVERTED = "referral.converted"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with clock.pinned(NOON):
        shop = open_shop()
        shop.campaign("referral", trigger=CONVERTED, basis="fixed", points=Decimal(200))
        yield shop
        books_add_up()


@pytest.mark.parametrize("referee", ["ext:ada", "id", "email:ada@example.org"])
@pytest.mark.parametrize("member", ["ext:ada", "id"])
def test_nobody_refers_themselves_by_whatever_reference(shop: Shop, member: str, referee: str) -> None:
    members.update(shop.ada, {"email": "ada@example.org"}, at=NOON)
    named = {"id": str(shop.ada.pk)}
    with pytest.raises(Invalid) as refused:
        shop.send(CONVERTED, {"referee": named.get(referee, referee)}, member=named.get(member, member))
    assert [(one.path, one.code) for one in refused.value.errors] == [("/data/referee", "self_referral")]
    assert shop.process() == 0


def test_a_guest_who_turns_out_to_be_who_referred_them_is_no_referral(shop: Shop) -> None:
    event = shop.send(CONVERTED, {"referee": "email:ada@example.org"})
    enrolment.change(shop.ada, {"email": "ada@example.org"}, at=NOON)
    shop.process()
    event.refresh_from_db()
    assert (event.status, event.error, shop.balance()) == ("rejected", "self_referral", 0)
    told = explained(shop.trace(event), voice_of(shop.program, event.type))
    assert told["sentence"] == "Nobody refers themselves."


def test_such_an_event_sent_again_gets_its_first_answer(shop: Shop) -> None:
    data = {"referee": "email:ada@example.org"}
    event = shop.send(CONVERTED, data, event_id="r-1")
    enrolment.change(shop.ada, {"email": "ada@example.org"}, at=NOON)
    shop.process()
    item: dict[str, Any] = {
        "id": "r-1",
        "type": CONVERTED,
        "occurred_at": NOON.isoformat(),
        "member": "ext:ada",
    }
    [receipt] = intake.receive(shop.channel, [item | {"data": data}], at=NOON)
    assert (receipt.event_id, receipt.duplicate, receipt.status) == (event.pk, True, "rejected")


@pytest.mark.parametrize("referee", ["ext:eve", "email:nobody@example.org"])
def test_others_may_be_referred(shop: Shop, referee: str) -> None:
    eve, _ = members.register(shop.program, {"external_id": "eve"}, channel=shop.channel, at=NOON)
    guests.claim(eve, at=NOON)
    shop.send(CONVERTED, {"referee": referee})
    shop.process()
    assert shop.balance() == 200
