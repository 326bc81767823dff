"""Writing down what has lapsed.

Whether a lot can be spent is decided by its dates at that instant; this only brings the books up to date, however
late. Each wallet gets one transaction per expiry instant, dated with that instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from loyalty.base import jobs
from loyalty.ledger import sweep
from loyalty.ledger.sweep import UUID_V7, Sweep, fact_data
from loyalty.programs.models import Program
from loyalty.programs.nightly import Night

PATIENCE_WITH_IMPORTS = timedelta(days=7)  # one that was given up for longer holds nothing back

_DUE = "lot.remaining > 0 AND lot.expires_at <= %(at)s"

EXPIRY = Sweep(
    due=_DUE,
    book=f"""
    WITH lapsed AS MATERIALIZED (
        SELECT lot.id, lot.wallet_id, lot.remaining, lot.expires_at, sum(lot.remaining) OVER running AS gone
        FROM ledger_lot lot
        WHERE lot.wallet_id = ANY(%(wallets)s) AND {_DUE}
        WINDOW running AS (PARTITION BY lot.wallet_id ORDER BY lot.expires_at, lot.id)
    ), instants AS (
        SELECT wallet_id, expires_at, sum(remaining)::bigint AS amount, max(gone)::bigint AS gone,
            row_number() OVER (PARTITION BY wallet_id ORDER BY expires_at) AS number
        FROM lapsed GROUP BY wallet_id, expires_at
    ), acts AS MATERIALIZED (
        SELECT {UUID_V7.format(number="instants.number")} AS id, instants.*, wallet.program_id, wallet.member_id,
            wallet.point_type_id, wallet.balance
        FROM instants JOIN ledger_wallet wallet ON wallet.id = instants.wallet_id
    ), booked AS (
        INSERT INTO ledger_transaction (id, program_id, member_id, point_type_id, kind, amount, reference, forgiven,
            already_expired, actor_kind, actor, reason_code, note, occurred_at, recorded_at)
        SELECT id, program_id, member_id, point_type_id, 'expire', -amount, '', 0,
            0, 'system', '', '', '', expires_at, %(at)s
        FROM acts
    ), lines AS (
        INSERT INTO ledger_entry (program_id, member_id, transaction_id, wallet_id, lot_id, amount, balance_after,
            lot_after, occurred_at)
        SELECT acts.program_id, acts.member_id, acts.id, acts.wallet_id, lapsed.id, -lapsed.remaining,
            acts.balance - lapsed.gone, 0, lapsed.expires_at
        FROM lapsed JOIN acts USING (wallet_id, expires_at)
        ORDER BY lapsed.wallet_id, lapsed.expires_at, lapsed.id
    ), closed AS (
        UPDATE ledger_lot SET remaining = 0, is_pending = false FROM lapsed WHERE ledger_lot.id = lapsed.id
    ), reduced AS (
        UPDATE ledger_wallet SET balance = ledger_wallet.balance - sums.amount, version = version + 1
        FROM (SELECT wallet_id, sum(amount)::bigint AS amount FROM acts GROUP BY wallet_id) sums
        WHERE ledger_wallet.id = sums.wallet_id
    ), announced AS (
        INSERT INTO outbox_fact (program_id, member_id, type, data, occurred_at, recorded_at)
        SELECT acts.program_id, acts.member_id, 'points.expired',
            {fact_data("expire", amount="-acts.amount", balance="acts.balance - acts.gone")},
            acts.expires_at, %(at)s
        FROM acts JOIN programs_pointtype point_type ON point_type.id = acts.point_type_id
        ORDER BY acts.wallet_id, acts.expires_at
    )
    SELECT count(*) FROM lapsed
    """,
)


def expire_wallets(wallet_ids: Sequence[int], *, at: datetime) -> int:
    """Book what has lapsed in these wallets by `at`. Returns the number of lots."""
    return sweep.of_wallets(EXPIRY, wallet_ids, at=at)


def expire_program(program: Program, *, at: datetime) -> int:
    """Book what has lapsed in a program by `at`. Returns the number of lots."""
    return sweep.of_program(EXPIRY, program.pk, at=at)


def step(night: Night) -> int:
    """The same as a step of the nightly run, which goes on where it was interrupted.

    Not while orders of the past are being imported: returns of their time still find the points of their time. The
    import books what has lapsed when it ends.
    """
    if jobs.unfinished("import", scope=night.program.code, within=PATIENCE_WITH_IMPORTS):
        return 0
    return sweep.of_night(EXPIRY, night)
