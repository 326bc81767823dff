"""Many members at one reward: the clients of `bench.rewards`, as threads of a process of their own.

Reads a job from standard input, says that it is ready, waits for a line, and prints when each attempt ended and how
long it took.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import django
from django.db import connection, transaction

Buy = Callable[[str], bool]


class Attempt(NamedTuple):
    """`ended` by the machine's monotonic clock, which its processes share."""

    got_one: bool
    ended: float
    took: float


def main() -> None:
    django.setup()
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    buy = _ours(job["reward"]) if job["ours"] else _plain_sql(job["stock"])
    wanted = list(reversed(job["wanted"]))
    attempts: list[Attempt] = []
    gate = threading.Barrier(job["threads"] + 1)
    threads = [
        threading.Thread(target=_client, args=(gate, buy, wanted, attempts)) for _ in range(job["threads"])
    ]
    for thread in threads:
        thread.start()
    gate.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    gate.wait()
    for thread in threads:
        thread.join()
    print(json.dumps(attempts))


def _client(gate: threading.Barrier, buy: Buy, wanted: list[str], attempts: list[Attempt]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    gate.wait()
    gate.wait()
    while wanted:
        one = wanted.pop()
        started = time.perf_counter()
        got_one = buy(one)
        ended = time.perf_counter()
        attempts.append(Attempt(got_one, time.monotonic(), ended - started))
    connection.close()


def _ours(reward_id: int) -> Buy:
    from loyalty.base import clock
    from loyalty.ledger.acts import Actor
    from loyalty.members.models import Member
    from rewards import redemption
    from rewards.errors import NotEligible
    from rewards.models import Reward

    reward, till = Reward.objects.get(pk=reward_id), Actor("channel", "till")
    members = {str(member.pk): member for member in Member.objects.all()}

    def buy(member_id: str) -> bool:
        try:
            redemption.redeem(members[member_id], reward, at=clock.now(), actor=till)
        except NotEligible:
            return False
        return True

    return buy


_STATEMENTS = """
SELECT id FROM members_member WHERE id = (SELECT member_id FROM stage_redemption WHERE redemption = %(one)s) FOR NO KEY UPDATE;
SELECT id FROM ledger_wallet WHERE id = (SELECT wallet_id FROM stage_entry WHERE redemption = %(one)s) FOR UPDATE;
SELECT id, remaining FROM ledger_lot WHERE wallet_id = (SELECT wallet_id FROM stage_entry WHERE redemption = %(one)s)
    AND remaining > 0;
INSERT INTO ledger_transaction ({transaction}) SELECT {transaction} FROM stage_transaction WHERE redemption = %(one)s;
INSERT INTO ledger_entry ({entry}) SELECT {entry} FROM stage_entry WHERE redemption = %(one)s;
UPDATE ledger_lot l SET remaining = l.remaining + s.amount FROM stage_entry s WHERE l.id = s.lot_id AND s.redemption = %(one)s;
UPDATE ledger_wallet w SET balance = w.balance + s.amount, version = w.version + 1 FROM stage_entry s
    WHERE w.id = s.wallet_id AND s.redemption = %(one)s;
INSERT INTO rewards_redemption ({redemption}) SELECT {redemption} FROM stage_redemption WHERE redemption = %(one)s;
INSERT INTO rewards_redemptionstep ({step}) SELECT {step} FROM stage_step WHERE redemption = %(one)s;
INSERT INTO outbox_fact ({fact}) SELECT {fact} FROM stage_fact WHERE redemption = %(one)s;
UPDATE rewards_stock SET used = used + 1 WHERE id = %(stock)s AND reserved + used < loaded RETURNING used
"""  # noqa: E501  # one statement a line


def _plain_sql(stock_id: int) -> Buy:
    """The same rows, ready-made, and the same locks; the stock last."""
    tables = {
        "transaction": "ledger_transaction", "entry": "ledger_entry", "redemption": "rewards_redemption",
        "step": "rewards_redemptionstep", "fact": "outbox_fact",
    }  # fmt: skip
    columns = {name: _columns(table) for name, table in tables.items()}
    statements = _STATEMENTS.format(**columns).strip().split(";")

    def buy(one: str) -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, {"one": one, "stock": stock_id})
            return cursor.fetchone() is not None

    return buy


def _columns(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
        return str(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
