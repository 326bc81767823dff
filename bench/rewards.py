"""A limited reward and far too many members: how fast it sells out, against the same rows written by plain SQL with the
same locks, and how soon those who come too late hear it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from bench import harness
from bench._buyers import Attempt
from bench.harness import Row

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
PROCESSES, THREADS = 2, 16
WANTED = 1 / 3

_STAGE = """
SET session_replication_role = replica;
CREATE TABLE stage_redemption AS SELECT r.*, r.id AS redemption FROM rewards_redemption r;
CREATE TABLE stage_step AS SELECT s.*, s.redemption_id AS redemption FROM rewards_redemptionstep s;
CREATE TABLE stage_transaction AS
    SELECT t.*, r.id AS redemption FROM ledger_transaction t JOIN rewards_redemption r ON r.transaction_id = t.id;
CREATE TABLE stage_entry AS
    SELECT e.*, s.redemption FROM ledger_entry e JOIN stage_transaction s ON s.id = e.transaction_id;
CREATE TABLE stage_fact AS
    SELECT f.*, r.id AS redemption FROM outbox_fact f JOIN rewards_redemption r
    ON r.id::text IN (f.data->>'redemption', f.data->>'reference');
DELETE FROM rewards_redemptionstep;
DELETE FROM rewards_redemption;
DELETE FROM ledger_entry e USING stage_entry s WHERE e.id = s.id;
DELETE FROM ledger_transaction t USING stage_transaction s WHERE t.id = s.id;
DELETE FROM outbox_fact f USING stage_fact s WHERE f.id = s.id;
UPDATE ledger_lot l SET remaining = l.remaining - s.amount FROM stage_entry s WHERE l.id = s.lot_id;
UPDATE ledger_wallet w SET balance = w.balance - s.amount FROM stage_entry s WHERE w.id = s.wallet_id;
UPDATE rewards_stock SET used = 0;
SET session_replication_role = origin
"""


def main(*, quick: bool = False) -> None:
    """Print redemptions a second until it was sold out, ours and the limit's, and the latency of a refusal."""
    units = 200 if quick else 500
    ours: list[float] = []
    limit: list[float] = []
    late: list[float] = []
    with harness.database("bench_rewards"):
        reward_id, stock_id, members = _fill(units)
        for _ in range(3):
            with harness.database("bench_rewards_run", like="bench_rewards"):
                sold = _run({"ours": True, "reward": reward_id}, members)
                _check(units)
                ours.append(_per_second(sold, units))
                late += [
                    one.took for one in sold.attempts if not one.got_one and one.ended > sold.sold_out_at
                ]
                redemptions = _stage()
                limit.append(_per_second(_run({"ours": False, "stock": stock_id}, redemptions), units))
    row = Row(f"redemptions of {units} units by {PROCESSES * THREADS} clients", harness.typical(ours),
              harness.typical(limit), "redemptions/s", WANTED)  # fmt: skip
    harness.table("A reward that sells out", [row])
    late.sort()
    middle, slow = (1000 * late[int(len(late) * share)] for share in (0.5, 0.99))
    print(f"  who came too late heard it after {middle:.0f} ms, 99 of 100 within {slow:.0f} ms")


def _fill(units: int) -> tuple[int, int, list[str]]:
    from loyalty.ledger.books import Actor, Books
    from loyalty.members import members
    from loyalty.programs import programs
    from loyalty.programs.models import Channel, PointType
    from rewards import catalogue
    from rewards.models import Stock

    made = AT - timedelta(days=30)
    program = programs.create(code="bench", name="Bench", currency="EUR", timezone="Europe/Madrid", at=made)
    points = PointType.objects.select_related("program").get(program=program)
    channel = Channel.objects.create(program=program, code="till", name="Till", created_at=made)
    found = [
        members.register(program, {"external_id": f"m{number}"}, channel=channel, at=made)[0]
        for number in range(4 * units)
    ]
    with transaction.atomic():
        books = Books.open([(member.pk, points) for member in found])
        for member in found:
            books.earn(
                member.pk, points, 1_000, occurred_at=made, recorded_at=made, actor=Actor("channel", "till")
            )
        books.write()
    values = {"code": "mug", "name": "Mug", "delivery": "pick_up", "sku": "MUG",
              "prices": [{"point_type": points, "points": 400}]}  # fmt: skip
    draft = catalogue.create(program, "product", values, by="bench", at=made, loaded=units)
    catalogue.publish(draft, by="bench", at=made)
    harness.settle()
    return draft.pk, Stock.objects.get(reward=draft).pk, [str(member.pk) for member in found]


class Sale:
    """All attempts of all clients."""

    def __init__(self, started: float, attempts: list[Attempt]) -> None:
        self.started = started
        self.attempts = attempts

    @property
    def sold_out_at(self) -> float:
        return max(one.ended for one in self.attempts if one.got_one)


def _run(job: dict[str, Any], wanted: list[str]) -> Sale:
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "bench._buyers"],
            env=harness.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        for number, client in enumerate(clients):
            _tell(client, json.dumps({**job, "threads": THREADS, "wanted": wanted[number::PROCESSES]}))
        for client in clients:
            assert client.stdout
            assert client.stdout.readline() == "ready\n"
        for client in clients:
            _tell(client, "go")
        answers = [json.loads(client.communicate()[0]) for client in clients]
    finally:
        for client in clients:
            client.kill()
            client.wait()
    attempts = [Attempt(*one) for answer in answers for one in answer]
    return Sale(min(one.ended - one.took for one in attempts), attempts)


def _tell(client: subprocess.Popen[str], line: str) -> None:
    assert client.stdin
    client.stdin.write(line + "\n")
    client.stdin.flush()


def _per_second(sale: Sale, units: int) -> float:
    sold = sum(one.got_one for one in sale.attempts)
    assert sold == units, f"{sold} of {units} were sold"
    return units / (sale.sold_out_at - sale.started)


def _check(units: int) -> None:
    """What was measured was done, and the books and the stock add up."""
    from loyalty.ledger import proof
    from rewards.models import Redemption

    assert Redemption.objects.count() == units
    assert not proof.verify(at=AT).breaches


def _stage() -> list[str]:
    """Take what was just written out again, ready to be written once more. The ids of the redemptions."""
    with connection.cursor() as cursor:
        for statement in _STAGE.split(";"):
            cursor.execute(statement)
        for name in ("redemption", "step", "transaction", "entry", "fact"):
            cursor.execute(f"CREATE INDEX ON stage_{name} (redemption)")
            cursor.execute(f"SELECT count(*) FROM stage_{name}")
            assert cursor.fetchone()[0], f"the limit would write no {name}"
        cursor.execute("SELECT redemption::text FROM stage_redemption ORDER BY redemption")
        found = [row[0] for row in cursor.fetchall()]
    harness.settle()
    return found
