"""A million lots lapse in one night: our sweep, against one statement that writes the same rows at once.

The limit has no chunks, no locks and no cursor; it could not run beside a shop. The sweep could.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection, transaction

from bench import harness
from bench.harness import Row
from loyalty.ledger import expiry, proof
from loyalty.programs.models import Program

LOTS_OF_EACH = 5
AT = datetime(2026, 6, 1, tzinfo=UTC)
WANTED = 0.4

# Each member has one lot that stays and five that lapse on five days.
_FILL = """
SET session_replication_role = replica;
INSERT INTO programs_program (id, code, name, currency, timezone, rounding, debt_policy, refund_grace_days,
    event_window_days, phone_region, member_schema, mode, status, created_at, expiry_kind, expiry_unit,
    expiry_rounding, expiry_dates)
VALUES (1, 'bench', 'Bench', 'EUR', 'Europe/Madrid', 'half_up', 'unlimited', 30, 365, '', '[]', 'live', 'running',
    '2026-01-01Z', 'none', 'months', '', '[]');
INSERT INTO programs_pointtype (id, program_id, code, name_one, name_many, decimals, is_default, use_program_expiry,
    pending_kind, debt_policy, redeem_minimum, redeem_increment, redeem_max_percent, hold_minutes,
    expiry_kind, expiry_unit, expiry_rounding, expiry_dates)
VALUES (1, 1, 'points', 'point', 'points', 0, true, false, 'none', '', 0, 1, 100, 15, 'rolling', 'months', '', '[]');
INSERT INTO members_member (id, program_id, state, suspended_may_earn, suspended_may_redeem, name, attributes,
    enrolled_at, tier_code, tier_name, updated_at)
SELECT gen_random_uuid(), 1, 'active', false, false, '', '{}', '2026-01-01Z', '', '', '2026-01-01Z'
FROM generate_series(1, {members});
INSERT INTO ledger_wallet (program_id, member_id, point_type_id, balance, debt, lifetime, version)
SELECT 1, id, 1, 600, 0, 600, 6 FROM members_member ORDER BY id;
CREATE TEMP TABLE credit AS
SELECT wallet.id AS wallet_id, wallet.member_id, number, gen_random_uuid() AS transaction_id,
    gen_random_uuid() AS lot_id, timestamptz '2026-01-01Z' + number * interval '1 day' AS at
FROM generate_series(0, {lots_of_each}) number, ledger_wallet wallet;
INSERT INTO ledger_transaction (id, program_id, member_id, point_type_id, kind, amount, reference, forgiven,
    already_expired, actor_kind, actor, reason_code, note, occurred_at, recorded_at)
SELECT transaction_id, 1, member_id, 1, 'earn', 100, '', 0, 0, 'channel', 'till', '', '', at, at FROM credit;
INSERT INTO ledger_lot (id, program_id, member_id, wallet_id, transaction_id, amount, remaining, earned_at,
    available_at, expires_at, is_pending)
SELECT lot_id, 1, member_id, wallet_id, transaction_id, 100, 100, at, at,
    CASE WHEN number > 0 THEN at + interval '90 days' END, false
FROM credit;
INSERT INTO ledger_entry (program_id, member_id, transaction_id, wallet_id, lot_id, amount, balance_after, lot_after,
    occurred_at)
SELECT 1, member_id, transaction_id, wallet_id, lot_id, 100, 100 * (number + 1), 100, at FROM credit ORDER BY at;
INSERT INTO outbox_fact (program_id, member_id, type, data, occurred_at, recorded_at)
SELECT 1, member_id, 'points.earned', jsonb_build_object('transaction', transaction_id, 'kind', 'earn', 'point_type',
    'points', 'amount', 100, 'balance', 100 * (number + 1)), at, at
FROM credit ORDER BY at;
SET session_replication_role = origin
"""

_LIMIT = """
WITH lapsed AS MATERIALIZED (
    SELECT id, wallet_id, program_id, member_id, remaining, expires_at, gen_random_uuid() AS transaction_id,
        sum(remaining) OVER (PARTITION BY wallet_id ORDER BY expires_at, id) AS gone
    FROM ledger_lot WHERE remaining > 0 AND expires_at <= %(at)s
), booked AS (
    INSERT INTO ledger_transaction (id, program_id, member_id, point_type_id, kind, amount, reference, forgiven,
        already_expired, actor_kind, actor, reason_code, note, occurred_at, recorded_at)
    SELECT transaction_id, program_id, member_id, 1, 'expire', -remaining, '', 0, 0, 'system', '', '', '',
        expires_at, %(at)s FROM lapsed
), lines AS (
    INSERT INTO ledger_entry (program_id, member_id, transaction_id, wallet_id, lot_id, amount, balance_after,
        lot_after, occurred_at)
    SELECT lapsed.program_id, lapsed.member_id, transaction_id, wallet_id, lapsed.id, -remaining,
        wallet.balance - gone, 0, expires_at
    FROM lapsed JOIN ledger_wallet wallet ON wallet.id = wallet_id
), closed AS (
    UPDATE ledger_lot SET remaining = 0 FROM lapsed WHERE ledger_lot.id = lapsed.id
), reduced AS (
    UPDATE ledger_wallet SET balance = balance - sums.amount, version = version + 1
    FROM (SELECT wallet_id, sum(remaining) AS amount FROM lapsed GROUP BY wallet_id) sums
    WHERE ledger_wallet.id = sums.wallet_id
)
INSERT INTO outbox_fact (program_id, member_id, type, data, occurred_at, recorded_at)
SELECT program_id, member_id, 'points.expired',
    jsonb_build_object('transaction', transaction_id, 'kind', 'expire', 'point_type', 'points', 'amount', -remaining),
    expires_at, %(at)s
FROM lapsed
"""


def main(*, quick: bool = False) -> None:
    """Print lots a second, ours and the limit, and how long the proof of it all takes."""
    lots, rounds = (100_000, 3) if quick else (1_000_000, 3)
    ours: list[float] = []
    limit: list[float] = []
    with harness.database("bench_lots"):
        _fill(lots)
        for _ in range(rounds):
            with harness.database("bench_lots_limit", like="bench_lots"):
                limit.append(harness.seconds(_one_statement))
            with harness.database("bench_lots_ours", like="bench_lots"):
                ours.append(harness.seconds(_sweep))
                proving = harness.seconds(_prove)
    speeds = lots / harness.typical(ours), lots / harness.typical(limit)
    harness.table("Expiry", [Row(f"{lots:,} lots in chunks by member", *speeds, "lots/s", WANTED)])
    entries = lots * (2 * LOTS_OF_EACH + 1) // LOTS_OF_EACH
    print(f"  proof of {entries:,} entries: {proving:.1f} s")


def _fill(lots: int) -> None:
    with connection.cursor() as cursor:
        for statement in _FILL.split(";"):
            members = str(lots // LOTS_OF_EACH)
            cursor.execute(
                statement.replace("{members}", members).replace("{lots_of_each}", str(LOTS_OF_EACH))
            )
    harness.settle()


@transaction.atomic
def _one_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LIMIT, {"at": AT})


def _sweep() -> None:
    expiry.expire_program(Program.objects.get(), at=AT)


def _prove() -> None:
    verdict = proof.verify(at=AT)
    assert verdict.ok, verdict.breaches[:3]
