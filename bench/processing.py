"""From the inbox to the ledger: our worker, against the very same rows written by plain SQL in the same batches.

The limit gets its rows ready-made from staging tables: it claims nothing, loads nothing, rates nothing. It writes from
as many connections as there are workers beside it. A second comparison writes the same rows one event at a time through
the ORM, as a straightforward Django project would.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from bench import harness
from bench.harness import Row
from loyalty.base.locking import retrying

if TYPE_CHECKING:
    from loyalty.programs.models import Channel, Program

BATCH = 200
HISTORY = 2_000
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
WANTED, WANTED_OF_ORM = 0.4, 8.0

_STAGE = """
SET session_replication_role = replica;
CREATE TABLE stage_event AS
    SELECT id, member_id, status, error, processed_at,
        (row_number() OVER (ORDER BY next_attempt_at, id) - 1) / 200 AS batch
    FROM events_event WHERE external_id LIKE 'e%';
CREATE TABLE stage_transaction AS
    SELECT t.*, s.batch FROM ledger_transaction t JOIN stage_event s ON s.id = t.event_id;
CREATE TABLE stage_lot AS SELECT l.*, s.batch FROM ledger_lot l JOIN stage_transaction s ON s.id = l.transaction_id;
CREATE TABLE stage_entry AS SELECT e.*, s.batch FROM ledger_entry e JOIN stage_transaction s ON s.id = e.transaction_id;
CREATE TABLE stage_award AS SELECT a.*, s.batch FROM campaigns_award a JOIN stage_event s ON s.id = a.event_id;
CREATE TABLE stage_trace AS SELECT t.*, s.batch FROM campaigns_trace t JOIN stage_event s ON s.id = t.event_id;
CREATE TABLE stage_order AS SELECT o.*, s.batch FROM campaigns_order o JOIN stage_event s ON s.id = o.event_id;
CREATE TABLE stage_fact AS
    SELECT f.*, s.batch FROM outbox_fact f JOIN stage_event s ON s.id = (f.data->>'event')::uuid;
CREATE TABLE stage_wallet AS
    SELECT batch, wallet_id, sum(amount)::bigint AS amount, max(occurred_at) AS at FROM stage_entry GROUP BY 1, 2;
CREATE TABLE stage_activity AS
    SELECT s.batch, e.program_id, e.member_id, (e.occurred_at AT TIME ZONE 'Europe/London')::date AS day,
        count(*)::int AS orders, sum(o.spend) AS spend, 0 AS visits, coalesce(sum(t.points), 0)::bigint AS points
    FROM stage_event s JOIN events_event e ON e.id = s.id JOIN stage_order o ON o.event_id = e.id
    JOIN stage_trace t ON t.event_id = e.id GROUP BY 1, 2, 3, 4;
DELETE FROM ledger_entry USING stage_entry s WHERE ledger_entry.id = s.id;
DELETE FROM ledger_lot USING stage_lot s WHERE ledger_lot.id = s.id;
DELETE FROM ledger_transaction USING stage_transaction s WHERE ledger_transaction.id = s.id;
DELETE FROM campaigns_award USING stage_award s WHERE campaigns_award.id = s.id;
DELETE FROM campaigns_trace USING stage_trace s WHERE campaigns_trace.event_id = s.event_id;
DELETE FROM campaigns_order USING stage_order s WHERE campaigns_order.id = s.id;
DELETE FROM outbox_fact USING stage_fact s WHERE outbox_fact.id = s.id;
UPDATE events_event SET status = 'received', processed_at = NULL FROM stage_event s WHERE events_event.id = s.id;
SET session_replication_role = origin
"""


def main(*, quick: bool = False) -> None:
    """Print events a second: ours, the limit, and one at a time through the ORM."""
    events, rounds = (4_000, 3) if quick else (20_000, 3)
    one_by_one = events // 40
    ours: list[float] = []
    workers: list[float] = []
    limit: list[float] = []
    limit_of_two: list[float] = []
    orm: list[float] = []
    with harness.database("bench_inbox"):
        _fill(events)
        for _ in range(rounds):
            with harness.database("bench_inbox_run", like="bench_inbox"):
                with _two_workers() as work:
                    workers.append(harness.seconds(work))
                _check(events)
            with harness.database("bench_inbox_run", like="bench_inbox"):
                ours.append(harness.seconds(_drain))
                _check(events)
                _stage()
                with harness.database("bench_inbox_orm", like="bench_inbox_run"):
                    rows = _staged(one_by_one)
                    orm.append(harness.seconds(lambda rows=rows: _one_at_a_time(rows)))  # type: ignore[misc]
                with harness.database("bench_inbox_two", like="bench_inbox_run"):
                    limit_of_two.append(harness.seconds(lambda: _plain_sql_of_two(events)))
                limit.append(harness.seconds(lambda: _plain_sql(events)))
    speed = events / harness.typical(ours)
    slow = one_by_one / harness.typical(orm)
    both, plain = events / harness.typical(limit_of_two), events / harness.typical(limit)
    table = [
        Row(
            "two worker processes, two connections",
            events / harness.typical(workers),
            both,
            "events/s",
            WANTED,
        ),
        Row("one worker process, one connection", speed, plain, "events/s"),
        Row("one process, against one at a time through the ORM", speed, slow, "events/s", WANTED_OF_ORM),
    ]
    harness.table("Event processing: orders of 3 lines, 4 campaigns", table)


def _fill(events: int) -> None:
    from loyalty.members import members
    from loyalty.programs import programs
    from loyalty.programs.models import Channel

    made = AT - timedelta(days=300)
    program = programs.create(code="bench", name="Bench", currency="GBP", timezone="Europe/London", at=made)
    _campaigns(program, made)
    channel = Channel.objects.create(program=program, code="shop", name="Shop", created_at=made)
    for number in range(events // 2):
        members.register(program, {"external_id": f"m{number}"}, channel=channel, at=made)
    dice = random.Random(7)  # the same events in every run
    _receive(channel, [_order(f"before-{number}", dice, events) for number in range(HISTORY)])
    _drain()  # a program that has run for a while: the planner knows its tables
    _receive(channel, [_order(f"e{number}", dice, events) for number in range(events)])
    harness.settle()


def _receive(channel: Channel, items: list[dict[str, object]]) -> None:
    from loyalty.events import intake

    for start in range(0, len(items), 500):
        receipts = intake.receive(channel, items[start : start + 500], at=AT)
        assert not [receipt for receipt in receipts if receipt.fault]


def _campaigns(program: Program, at: datetime) -> None:
    from campaigns import versions
    from campaigns.models import BonusCampaign, EarningCampaign
    from loyalty.programs.models import PointType

    points = PointType.objects.get(program=program)
    shared = {"program": program, "point_type": points, "created_at": at, "updated_at": at}
    coffee = {"field": "item.category", "op": "eq", "value": "coffee"}
    large = {"field": "order.total", "op": "gte", "value": "100.00"}
    made = [
        EarningCampaign.objects.create(code="base", name="Base", points=Decimal(1), **shared),
        BonusCampaign.objects.create(
            code="weekend", name="Weekend", multiplier=Decimal(2), weekdays=["sat", "sun"], **shared
        ),
        BonusCampaign.objects.create(
            code="coffee", name="Coffee", multiplier=Decimal(3), items=coffee,
            caps=[{"points": "500", "per": "month"}], **shared,
        ),
        BonusCampaign.objects.create(
            code="large", name="Large orders", bonus="extra", extra_points=Decimal(50), conditions=large, **shared
        ),
    ]  # fmt: skip
    for campaign in made:
        versions.publish(campaign, by="bench", at=at)


def _order(name: str, dice: random.Random, events: int) -> dict[str, object]:
    at = AT - timedelta(minutes=dice.randrange(60 * 24 * 30))
    category = ("coffee", "tea", "cake")
    lines = [
        {"sku": f"s{dice.randrange(500)}", "category": dice.choice(category), "quantity": dice.randint(1, 3),
         "unit_price": f"{dice.randint(100, 4000) / 100:.2f}"}
        for _ in range(3)
    ]  # fmt: skip
    return {
        "id": name, "type": "order.completed", "occurred_at": at.isoformat(),
        "member": f"ext:m{dice.randrange(events // 2)}",
        "data": {"order_id": f"o-{name}", "currency": "GBP", "lines": lines},
    }  # fmt: skip


def _drain() -> None:
    from campaigns import earning
    from loyalty.config import memory

    memory.keep_what_is_loaded()  # as a worker does when it starts
    earning.drain(limit=BATCH)


_WORKER = """
import django
django.setup()
from campaigns import earning
from loyalty.config import memory
from loyalty.events.models import Event
Event.objects.count()
memory.keep_what_is_loaded()
print("ready", flush=True)
input()
while earning.drain() or Event.objects.filter(status="received").exists():
    pass  # what was put back, as its member was in the other one's hands, is due a second later
"""


@contextmanager
def _two_workers() -> Iterator[Callable[[], None]]:
    """Two worker processes, ready to begin; what is yielded lets them, and waits for both."""
    command = [sys.executable, "-c", _WORKER]
    workers = [
        subprocess.Popen(
            command, env=harness.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]

    def work() -> None:
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert [worker.wait() for worker in workers] == [0, 0]

    try:
        for worker in workers:
            assert worker.stdout
            worker.stdout.readline()
        yield work
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _check(events: int) -> None:
    """What was measured was done, and the books add up."""
    from campaigns.models import Trace
    from loyalty.ledger import proof

    assert Trace.objects.count() == events + HISTORY
    assert not proof.verify(at=AT).breaches


def _stage() -> None:
    with connection.cursor() as cursor:
        for statement in _STAGE.split(";"):
            cursor.execute(statement)
        for name in (
            "event",
            "transaction",
            "lot",
            "entry",
            "award",
            "trace",
            "order",
            "fact",
            "wallet",
            "activity",
        ):
            cursor.execute(f"CREATE INDEX ON stage_{name} (batch)")
            cursor.execute(f"SELECT count(*) FROM stage_{name}")
            assert cursor.fetchone()[0], f"the limit would write no {name}"
    harness.settle()


def _columns(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                       "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [name])  # fmt: skip
        return str(cursor.fetchone()[0])


def _plain_sql_of_two(events: int) -> None:
    """The same from two connections, each with every other batch. Threads: the time is the database's."""
    name = connection.settings_dict["NAME"]

    def every_other(first: int) -> None:
        connection.settings_dict["NAME"] = name
        try:
            _plain_sql(events, first=first, step=2)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(every_other, range(2)))


def _plain_sql(events: int, *, first: int = 0, step: int = 1) -> None:
    tables = {
        "ledger_transaction": "stage_transaction", "ledger_lot": "stage_lot", "ledger_entry": "stage_entry",
        "campaigns_order": "stage_order", "campaigns_award": "stage_award", "campaigns_trace": "stage_trace",
        "outbox_fact": "stage_fact",
    }  # fmt: skip
    statements = [
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} WHERE batch = %s"
        for table, stage in tables.items()
        if (columns := _columns(table))
    ]
    statements += [
        """UPDATE ledger_wallet w SET balance = w.balance + s.amount, lifetime = w.lifetime + s.amount,
           version = w.version + 1, last_active_at = s.at FROM stage_wallet s
           WHERE s.wallet_id = w.id AND s.batch = %s""",
        """INSERT INTO events_activity AS a (program_id, member_id, day, orders, spend, visits, points)
           SELECT program_id, member_id, day, orders, spend, visits, points FROM stage_activity WHERE batch = %s
           ON CONFLICT (member_id, day) DO UPDATE SET orders = a.orders + excluded.orders,
           spend = a.spend + excluded.spend, points = a.points + excluded.points""",
        """UPDATE events_event e SET status = s.status, processed_at = s.processed_at FROM stage_event s
           WHERE s.id = e.id AND s.batch = %s""",
    ]
    for batch in range(first, (events + BATCH - 1) // BATCH, step):
        retrying(_write_batch)(statements, batch)


@transaction.atomic
def _write_batch(statements: list[str], batch: int) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, [batch])


_BY_EVENT = "(SELECT x.*, t.event_id FROM stage_{} x JOIN stage_transaction t ON t.id = x.transaction_id) y"


def _staged(events: int) -> list[tuple[Any, dict[str, list[dict[str, Any]]]]]:
    """The rows that our worker wrote for the first events: what the ORM is to write, known beforehand."""
    names = ("transaction", "lot", "entry", "order", "trace")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM stage_event ORDER BY batch, id LIMIT %s", [events])
        wanted = [row[0] for row in cursor.fetchall()]
        found: dict[str, dict[Any, list[dict[str, Any]]]] = {}
        for name, key in (
            *((name, "event_id") for name in names),
            ("award", "event_id"),
            ("fact", "event_id"),
        ):
            source = {
                "lot": _BY_EVENT.format("lot"),
                "entry": _BY_EVENT.format("entry"),
                "fact": "(SELECT f.*, (f.data->>'event')::uuid AS event_id FROM stage_fact f) x",
            }.get(name, f"stage_{name}")
            cursor.execute(f"SELECT * FROM {source} WHERE {key} = ANY(%s)", [wanted])
            columns = [column.name for column in cursor.description or ()]
            by_event: dict[Any, list[dict[str, Any]]] = {}
            for values in cursor.fetchall():
                row = dict(zip(columns, values, strict=True))
                row.pop("batch")
                by_event.setdefault(row["event_id"], []).append(row)
            found[name] = by_event
    return [
        (event_id, {name: by_event.get(event_id, []) for name, by_event in found.items()})
        for event_id in wanted
    ]


def _one_at_a_time(rows: list[tuple[Any, dict[str, list[dict[str, Any]]]]]) -> None:
    """What a plain project does: create() for each row, save() for each change, a transaction an event."""
    from campaigns.models import Award, Order, Trace
    from loyalty.events.models import Activity, Event
    from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
    from loyalty.outbox.models import Fact

    for event_id, made in rows:
        with transaction.atomic():
            event = Event.objects.select_for_update().get(pk=event_id)
            for row in made["transaction"]:
                Transaction.objects.create(**row)
            for row in made["lot"]:
                Lot.objects.create(**_without(row, "event_id"))
            for row in made["entry"]:
                wallet = Wallet.objects.select_for_update().get(pk=row["wallet_id"])
                wallet.balance += row["amount"]
                wallet.lifetime += row["amount"]
                wallet.save()
                Entry.objects.create(**_without(row, "event_id", "id"))
            for row in made["order"]:
                Order.objects.create(**_plain(row, "returned", "context"))
            for row in made["award"]:
                Award.objects.create(**_without(row, "id"))
            for row in made["trace"]:
                Trace.objects.create(**_plain(row, "detail"))
            for row in made["fact"]:
                Fact.objects.create(**_without(_plain(row, "data"), "id", "event_id"))
            assert event.member_id is not None
            day, _ = Activity.objects.get_or_create(
                program_id=event.program_id, member_id=event.member_id, day=event.occurred_at.date()
            )
            day.orders += 1
            day.save()
            event.status = "processed"
            event.processed_at = AT
            event.save()


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _plain(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """Django's cursors give jsonb as text."""
    return {
        name: json.loads(value) if name in names and isinstance(value, str) else value
        for name, value in row.items()
    }
