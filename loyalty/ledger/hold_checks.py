"""What must be true of reservations: each is a redemption, ends once, in time, and says in which way it ended."""

from __future__ import annotations

from loyalty.ledger.posting import HELD
from loyalty.ledger.proof import Check, of_program

_HOLD = "ledger_hold"

HOLD_OF_REDEMPTION = Check(
    _HOLD,
    f"""
    SELECT hold.transaction_id, format('reserves %%s until %%s, but its transaction is a %%s of %%s at %%s',
        hold.points, hold.lapses_at, act.kind, act.amount, act.occurred_at)
    FROM ledger_hold hold
    LEFT JOIN ledger_transaction act ON act.id = hold.transaction_id
    LEFT JOIN ledger_wallet wallet ON wallet.id = hold.wallet_id
    WHERE ((act.kind, act.amount, act.member_id, act.program_id, act.point_type_id)
            IS DISTINCT FROM ('redeem', -hold.points, hold.member_id, hold.program_id, wallet.point_type_id)
        OR wallet.member_id IS DISTINCT FROM hold.member_id
        OR act.occurred_at >= hold.lapses_at)
        AND {of_program("hold.program_id")}
""",
)

HOLD_IN_TIME = Check(
    _HOLD,
    f"""
    SELECT hold.transaction_id, format('is %%s since %%s and lapses at %%s', hold.state, hold.closed_at, hold.lapses_at)
    FROM ledger_hold hold JOIN ledger_transaction act ON act.id = hold.transaction_id
    WHERE NOT coalesce(CASE hold.state
            WHEN 'open' THEN hold.closed_at IS NULL
            WHEN 'captured' THEN hold.closed_at >= act.occurred_at AND hold.closed_at < hold.lapses_at
            WHEN 'released' THEN hold.closed_at >= act.occurred_at AND hold.closed_at <= hold.lapses_at END, false)
        AND {of_program("hold.program_id")}
""",
)

# An open one has given nothing back; a released one everything, once; of a captured one any part may come back later.
HOLD_RELEASED = Check(
    _HOLD,
    f"""
    SELECT hold.transaction_id, format('is %%s with %%s points, and %%s of them were given back in %%s parts',
        hold.state, hold.points, coalesce(back.points, 0), coalesce(back.parts, 0))
    FROM ledger_hold hold
    LEFT JOIN (
        SELECT reverses_id, sum(amount) AS points, count(*) AS parts, min(occurred_at) AS since
        FROM ledger_transaction WHERE kind = 'refund' GROUP BY reverses_id
    ) back ON back.reverses_id = hold.transaction_id
    WHERE CASE hold.state
        WHEN 'open' THEN back.points IS NOT NULL
        WHEN 'released' THEN (back.points, back.parts, back.since)
            IS DISTINCT FROM (hold.points::numeric, 1::bigint, hold.closed_at)
        ELSE back.since < hold.closed_at END
        AND {of_program("hold.program_id")}
""",
)

HOLD_ANNOUNCED = Check(
    _HOLD,
    f"""
    SELECT hold.transaction_id, format('is %%s until %%s, but was announced %%s times and %%s times as redeemed',
        hold.state, hold.lapses_at, count(*) FILTER (WHERE fact.type = 'points.held'),
        count(*) FILTER (WHERE fact.type = 'points.captured'))
    FROM ledger_hold hold
    LEFT JOIN outbox_fact fact ON fact.data ->> 'transaction' = hold.transaction_id::text
        AND (fact.type = 'points.captured' AND fact.occurred_at = hold.closed_at
            OR fact.type = 'points.held'
                AND (fact.data ->> 'lapses_at')::timestamptz = hold.lapses_at)
    WHERE {of_program("hold.program_id")}
    GROUP BY hold.transaction_id
    HAVING count(*) FILTER (WHERE fact.type = 'points.held') <> 1
        OR count(*) FILTER (WHERE fact.type = 'points.captured') <> (hold.state = 'captured')::int
""",
)

HOLD_KEPT = Check(
    "outbox_fact",
    f"""
    SELECT fact.id, format('announces that %%s reserves points, of which nothing is kept', fact.data ->> 'transaction')
    FROM outbox_fact fact
    LEFT JOIN ledger_hold hold ON hold.transaction_id::text = fact.data ->> 'transaction'
    WHERE fact.type = '{HELD}' AND hold.transaction_id IS NULL AND {of_program("fact.program_id")}
""",
)

HOLD_CHECKS = {
    "hold_of_redemption": HOLD_OF_REDEMPTION,
    "hold_in_time": HOLD_IN_TIME,
    "hold_released": HOLD_RELEASED,
    "hold_announced": HOLD_ANNOUNCED,
    "hold_kept": HOLD_KEPT,
}
