"""Writing down that pending points have become available.

As with expiry the lot's dates decide; the books follow. An activation moves nothing: its transaction and its entries
have amount 0, and the entry's `lot_after` says how many points became available.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from loyalty.ledger import sweep
from loyalty.ledger.sweep import UUID_V7, Sweep, fact_data
from loyalty.programs.models import Program
from loyalty.programs.nightly import Night

_DUE = "lot.is_pending AND lot.available_at <= %(at)s"

ACTIVATION = Sweep(
    due=_DUE,
    # A lot that a return emptied while it was pending only loses its flag: nothing became available.
    book=f"""
    WITH due AS MATERIALIZED (
        SELECT lot.id, lot.wallet_id, lot.remaining, lot.available_at FROM ledger_lot lot
        WHERE lot.wallet_id = ANY(%(wallets)s) AND {_DUE}
    ), instants AS (
        SELECT wallet_id, available_at, sum(remaining)::bigint AS points,
            row_number() OVER (PARTITION BY wallet_id ORDER BY available_at) AS number
        FROM due WHERE remaining > 0 GROUP BY wallet_id, available_at
    ), acts AS MATERIALIZED (
        SELECT {UUID_V7.format(number="instants.number")} AS id, instants.*, wallet.program_id, wallet.member_id,
            wallet.point_type_id, wallet.balance
        FROM instants JOIN ledger_wallet wallet ON wallet.id = instants.wallet_id
    ), booked AS (
        INSERT INTO ledger_transaction (id, program_id, member_id, point_type_id, kind, amount, reference, forgiven,
            already_expired, actor_kind, actor, reason_code, note, occurred_at, recorded_at)
        SELECT id, program_id, member_id, point_type_id, 'activate', 0, '', 0,
            0, 'system', '', '', '', available_at, %(at)s
        FROM acts
    ), lines AS (
        INSERT INTO ledger_entry (program_id, member_id, transaction_id, wallet_id, lot_id, amount, balance_after,
            lot_after, occurred_at)
        SELECT acts.program_id, acts.member_id, acts.id, acts.wallet_id, due.id, 0,
            acts.balance, due.remaining, due.available_at
        FROM due JOIN acts USING (wallet_id, available_at)
        WHERE due.remaining > 0
        ORDER BY due.wallet_id, due.available_at, due.id
    ), flagged AS (
        UPDATE ledger_lot SET is_pending = false FROM due WHERE ledger_lot.id = due.id
    ), touched AS (
        UPDATE ledger_wallet SET version = version + 1
        WHERE id IN (SELECT wallet_id FROM acts)
    ), announced AS (
        INSERT INTO outbox_fact (program_id, member_id, type, data, occurred_at, recorded_at)
        SELECT acts.program_id, acts.member_id, 'points.activated',
            {fact_data("activate", amount="acts.points", balance="acts.balance")},
            acts.available_at, %(at)s
        FROM acts JOIN programs_pointtype point_type ON point_type.id = acts.point_type_id
        ORDER BY acts.wallet_id, acts.available_at
    )
    SELECT count(*) FROM due
    """,
)


def activate_wallets(wallet_ids: Sequence[int], *, at: datetime) -> int:
    """Book what has become available in these wallets by `at`. Returns the number of lots."""
    return sweep.of_wallets(ACTIVATION, wallet_ids, at=at)


def activate_program(program: Program, *, at: datetime) -> int:
    """Book what has become available in a program by `at`. Returns the number of lots."""
    return sweep.of_program(ACTIVATION, program.pk, at=at)


def step(night: Night) -> int:
    """The same as a step of the nightly run, which goes on where it was interrupted."""
    return sweep.of_night(ACTIVATION, night)
