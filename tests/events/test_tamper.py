"""Somebody with all rights on the database changes one row of the inbox behind our back: the proof names it."""

from __future__ import annotations

import pytest
from django.db import connection

from loyalty.events.checks import EVENT_CHECKS
from loyalty.events.models import Event
from loyalty.ledger import proof
from tests.events.characters import an_event, ana, send
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db

CRIMES = {
    "a program that is none": ("event_owner", "UPDATE events_event SET program_id = 0"),
    "another program": (
        "event_owner",
        "UPDATE events_event SET program_id = (SELECT id FROM programs_program WHERE code = 'tea')",
    ),
    "a channel that is none": ("event_owner", "UPDATE events_event SET channel_id = 0"),
    "another program's channel": (
        "event_owner",
        "UPDATE events_event SET channel_id = (SELECT id FROM programs_channel WHERE code = 'tea-room')",
    ),
}


@pytest.fixture
def event() -> Event:
    shop = a_channel(a_program())
    a_channel(a_program(code="tea"), code="tea-room")
    ana(shop)
    send(shop, an_event())
    return Event.objects.get()


def test_an_honest_inbox_passes(event: Event) -> None:
    assert proof.verify(at=NOON).breaches == []


def test_every_check_has_its_crime() -> None:
    assert {check for check, _ in CRIMES.values()} == set(EVENT_CHECKS)


@pytest.mark.parametrize("crime", CRIMES)
def test_one_changed_row_is_named(event: Event, crime: str) -> None:
    check, change = CRIMES[crime]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(change)
        cursor.execute("SET session_replication_role = origin")
    assert [(one.check, one.id) for one in proof.verify(at=NOON).breaches] == [(check, str(event.pk))]
