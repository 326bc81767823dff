"""The database goes away in the middle of a batch: nobody's fault, nothing half done, and said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from campaigns import earning, orders, records
from loyalty.base import clock
from loyalty.events.models import Event
from loyalty.ledger.models import Entry
from tests.earning.shop import NOON, Shop, books_add_up, open_shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with clock.pinned(NOON):
        shop = open_shop()
        shop.campaign()
        yield shop
        books_add_up()


def cut_first(act: Callable[..., Any]) -> Callable[..., Any]:
    """An administrator, or a crash, ends our connection just before `act`; once."""
    done: list[bool] = []

    def cut(*args: Any) -> Any:
        if not done:
            done.append(True)
            own = connection.connection.info
            with psycopg.connect(own.dsn, password=own.password, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [own.backend_pid])
        return act(*args)

    return cut


PLACES = [(records, "write_awards"), (records, "write_traces"), (orders, "insert")]


@pytest.mark.parametrize(("module", "name"), PLACES, ids=[name for _, name in PLACES])
def test_a_connection_lost_while_writing_is_no_failure_of_the_event(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    event = shop.order("A-1", "10.00")
    monkeypatch.setattr(module, name, cut_first(getattr(module, name)))
    with pytest.raises(OperationalError):
        earning.process_now(event.pk)
    connection.close()
    event.refresh_from_db()
    assert (event.status, event.attempts, Entry.objects.count()) == ("received", 0, 0)
    assert earning.process_now(event.pk).points == {"points": 10}
    assert shop.balance() == 10


def test_a_worker_whose_connection_is_lost_takes_the_batch_up_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        shop.order(f"A-{number}", "10.00")
    monkeypatch.setattr(records, "write_traces", cut_first(records.write_traces))
    assert earning.drain() == 3
    assert set(Event.objects.values_list("status", "attempts")) == {("processed", 0)}
    assert shop.balance() == 30
