"""Whatever is killed, and whenever: nothing acknowledged is lost, and nothing happens twice."""

from __future__ import annotations

import logging
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from tests.crash.customers import Till
from tests.crash.house import House
from tests.crash.opening import PEOPLE

log = logging.getLogger(__name__)
SEED = int(os.environ.get("LAUREL_SEED") or secrets.randbelow(10**6))
TILLS = 3
OPENING_POINTS = 50_000


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House()
    try:
        yield house.open()
    finally:
        house.close()


def an_order(number: str, points: int, member: str = "ada") -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "type": "order.completed",
        "occurred_at": datetime.now(UTC).isoformat(),
        "member": f"ext:{member}",
        "data": {
            "order_id": number,
            "currency": "EUR",
            "lines": [{"sku": "A", "unit_price": f"{points}.00"}],
        },
    }


def rows(house: House) -> list[tuple[Any, ...]]:
    tables = ("events_event", "ledger_transaction", "ledger_entry", "outbox_fact", "programs_idempotencykey")
    return [house.sql(f"SELECT count(*) FROM {table}")[0] for table in tables]


def awards_of(house: House, order: str) -> list[int]:
    return [
        row[0] for row in house.sql("SELECT amount FROM ledger_transaction WHERE reference = %s", [order])
    ]


def proved(house: House) -> None:
    verdict = house.manage("verify", check=False)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_an_event_whose_process_died_between_commit_and_waking_is_found_by_the_sweep(house: House) -> None:
    event = an_order("unannounced", 7)
    house.run_code(
        f"from tests.crash.opening import *; post_and_die_before_waking({house.key!r}, {event!r})",
        check=False,
    )
    house.settle()
    assert awards_of(house, "unannounced") == [7]
    again = house.send("/events", event, Prefer="wait")
    assert (again.status, again.body["duplicate"], again.body["points"]) == (200, True, {"points": 7})
    assert awards_of(house, "unannounced") == [7]


def test_a_sale_that_died_before_its_commit_never_was_and_its_repetition_happens_once(house: House) -> None:
    sale = {"member": "ext:ada", "amount": "9.00", "order_id": "unfinished"}
    before = rows(house)
    house.run_code(
        f"from tests.crash.opening import *; sell_and_die_before_commit({house.key!r}, {sale!r}, 'k-1')",
        check=False,
    )
    assert rows(house) == before
    answers = [house.send("/transactions/accrue", sale, Idempotency_Key="k-1") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert awards_of(house, "unfinished") == [9]


def test_a_broker_that_forgets_everything_loses_no_event(house: House) -> None:
    house.kill("worker")
    for number in range(5):
        assert house.send("/events", an_order(f"flushed-{number}", 3)).status == 202
    assert not house.settled()
    house.flush()
    house.start("worker")
    house.settle()
    assert [awards_of(house, f"flushed-{number}") for number in range(5)] == [[3]] * 5


def test_without_a_broker_events_are_taken_in_and_processed_once_it_is_back(house: House) -> None:
    house.kill("valkey")
    assert house.send("/events", an_order("no-broker", 4)).status == 202
    waited = house.send("/events", an_order("no-broker-waited", 5), Prefer="wait")
    assert (waited.status, waited.body["points"]) == (200, {"points": 5})
    house.start("valkey")
    house.settle()
    assert awards_of(house, "no-broker") == [4]


def storm(house: House, chance: random.Random) -> Counter[str]:
    """Kill everything, in any order, with pauses in which work goes on."""
    blows = ["worker", "web", "valkey", "postgres", "backend", "connections", "worker", "postgres", "flush"]
    chance.shuffle(blows)
    for blow in blows:
        time.sleep(chance.uniform(0.3, 2))
        house.restart_ended()
        if blow == "backend":
            house.kill_backend(chance)
        elif blow == "connections":
            house.cut_connections()
        elif blow == "flush":
            house.flush()
        else:
            house.kill(blow)
            time.sleep(chance.uniform(0, 1))
            house.start(blow)
    return Counter(blows)


def test_in_a_storm_of_kills_every_acknowledged_request_happens_exactly_once(house: House) -> None:
    log.warning("LAUREL_SEED=%s", SEED)
    house.settle()
    for name in PEOPLE:
        sale = {"member": f"ext:{name}", "amount": f"{OPENING_POINTS}.00", "order_id": f"opening-{name}"}
        assert house.send("/transactions/accrue", sale, Idempotency_Key=f"opening-{name}").status == 200
    before, counted = house.balances(), counts(house)
    stop = Event()
    tills = [Till(house, number, SEED, stop) for number in range(TILLS)]
    for till in tills:
        till.thread.start()
    try:
        storm(house, random.Random(SEED))
    finally:
        stop.set()
        for till in tills:
            till.thread.join()
    answers = _sum(till.answers for till in tills)
    log.warning("%s", dict(answers))
    wrong = [each for till in tills for each in till.wrong]
    assert not wrong, "\n".join(wrong)
    house.restart_ended()
    house.settle()
    assert house.sql("SELECT status, type, error FROM events_event WHERE status <> 'processed'") == []
    sent = _sum(till.sent for till in tills)
    assert counts(house) == {name: counted[name] + sent[name] for name in counted}
    owed = _sum(till.owed for till in tills)
    assert house.balances() == {name: before[name] + owed[name] for name in PEOPLE}
    proved(house)


def _sum(counters: Any) -> Counter[str]:
    """Unlike `+`, keeps what is below zero."""
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def counts(house: House) -> dict[str, int]:
    kinds = dict(house.sql("SELECT kind, count(*)::int FROM ledger_transaction GROUP BY 1"))
    [[events]] = house.sql("SELECT count(*)::int FROM events_event")
    return {kind: kinds.get(kind, 0) for kind in ("earn", "redeem", "reverse")} | {"events": events}
