"""What must be true of stock, codes and redemptions, as statements that find the rows for which it is not."""

from __future__ import annotations

from typing import Final

from loyalty.ledger.proof import Check, of_program

_STOCK, _CODE, _REDEMPTION = "rewards_stock", "rewards_code", "rewards_redemption"

STOCK_COUNTERS = Check(
    _STOCK,
    f"""
    SELECT stock.id, format('counts %%s reserved and %%s used, but its redemptions make %%s and %%s',
        stock.reserved, stock.used, coalesce(sums.reserved, 0), coalesce(sums.used, 0))
    FROM rewards_stock stock
    LEFT JOIN (
        SELECT stock_id, count(*) FILTER (WHERE state = 'reserved') AS reserved,
            count(*) FILTER (WHERE state <> 'reserved') AS used
        FROM rewards_redemption WHERE holds_stock GROUP BY stock_id
    ) sums ON sums.stock_id = stock.id
    WHERE (stock.reserved, stock.used) IS DISTINCT FROM (coalesce(sums.reserved, 0), coalesce(sums.used, 0))
        AND {of_program("stock.program_id")}
""",
)

STOCK_BOUNDS = Check(
    _STOCK,
    f"""
    SELECT id, format('holds %%s, but %%s are reserved and %%s used', loaded, reserved, used) FROM rewards_stock
    WHERE (reserved < 0 OR used < 0 OR reserved + used > loaded) AND {of_program("program_id")}
""",
)

STOCK_LOADED = Check(
    _STOCK,
    f"""
    SELECT stock.id, format('says that %%s were loaded, but the last change made it %%s', stock.loaded, last.after)
    FROM rewards_stock stock
    LEFT JOIN (
        SELECT DISTINCT ON (stock_id) stock_id, after FROM rewards_stockchange ORDER BY stock_id, id DESC
    ) last ON last.stock_id = stock.id
    WHERE (last.stock_id IS NULL OR stock.loaded IS DISTINCT FROM last.after) AND {of_program("stock.program_id")}
""",
)

STOCK_CHANGES = Check(
    "rewards_stockchange",
    f"""
    SELECT change.id, format('goes on from %%s, but the change before it ended with %%s', change.before, change.last)
    FROM (
        SELECT id, stock_id, before, lag(after) OVER so_far AS last, row_number() OVER so_far AS place
        FROM rewards_stockchange WINDOW so_far AS (PARTITION BY stock_id ORDER BY id)
    ) change
    JOIN rewards_stock stock ON stock.id = change.stock_id
    WHERE change.place > 1 AND change.before IS DISTINCT FROM change.last AND {of_program("stock.program_id")}
""",
)

POOL_CODES = Check(
    _STOCK,
    f"""
    SELECT stock.id, format('has %%s left, but %%s codes are free', stock.loaded - stock.reserved - stock.used,
        coalesce(free.codes, 0))
    FROM rewards_stock stock
    JOIN rewards_voucherreward pool ON pool.reward_ptr_id = stock.reward_id
    LEFT JOIN (SELECT reward_id, count(*) AS codes FROM rewards_code WHERE state = 'free' GROUP BY reward_id) free
        ON free.reward_id = stock.reward_id
    WHERE stock.loaded - stock.reserved - stock.used IS DISTINCT FROM coalesce(free.codes, 0)
        AND {of_program("stock.program_id")}
""",
)

# What a code's redemption says of it; a free one has none, and one that expired in its pool neither. One that another
# was given for is named by the step that says so: it is revoked for good, and no redemption has it any more.
CODE_STATE = Check(
    _CODE,
    f"""
    SELECT code.id, format('is %%s, but its redemption is %%s', code.state, coalesce(row.state, 'not there'))
    FROM rewards_code code
    LEFT JOIN rewards_redemption row ON row.code_id = code.id
    LEFT JOIN (
        SELECT DISTINCT step.data->>'old_code_id' AS code_id, had.reward_id
        FROM rewards_redemptionstep step JOIN rewards_redemption had ON had.id = step.redemption_id
        WHERE step.kind = 'new_code'
    ) replaced ON replaced.code_id = code.id::text AND replaced.reward_id = code.reward_id
    WHERE NOT coalesce(CASE
            WHEN replaced.code_id IS NOT NULL THEN code.state = 'revoked' AND row.id IS NULL
            WHEN code.state = 'free' THEN row.id IS NULL
            WHEN code.state = 'reserved' THEN row.state = 'reserved' AND row.holds_stock
            WHEN code.state = 'issued' THEN row.state = 'confirmed'
            WHEN code.state = 'used' THEN row.state IN ('fulfilled', 'refunded')
            WHEN code.state = 'revoked' THEN row.state IN ('cancelled', 'refunded')
            WHEN code.state = 'expired' THEN row.id IS NULL OR row.state = 'expired' END, false)
        AND {of_program("code.program_id")}
""",
)

CODE_OWNER = Check(
    _CODE,
    f"""
    SELECT code.id, 'belongs to another reward or program than its redemption'
    FROM rewards_code code JOIN rewards_redemption row ON row.code_id = code.id
    WHERE (row.reward_id, row.program_id) IS DISTINCT FROM (code.reward_id, code.program_id)
        AND {of_program("code.program_id")}
""",
)

REDEMPTION_OWNER = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, 'names another member, reward or program than its stock, its member or its points'
    FROM rewards_redemption row
    LEFT JOIN rewards_stock stock ON stock.id = row.stock_id
    LEFT JOIN members_member member ON member.id = row.member_id
    LEFT JOIN programs_pointtype point_type ON point_type.id = row.point_type_id
    WHERE (stock.reward_id IS DISTINCT FROM row.reward_id OR stock.program_id IS DISTINCT FROM row.program_id
        OR member.program_id IS DISTINCT FROM row.program_id OR point_type.program_id IS DISTINCT FROM row.program_id)
        AND {of_program("row.program_id")}
""",
)

REDEMPTION_PAID = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, format('cost %%s points, but its transaction is a %%s of %%s', row.points, act.kind, act.amount)
    FROM rewards_redemption row
    LEFT JOIN ledger_transaction act ON act.id = row.transaction_id
    WHERE CASE WHEN row.points = 0 THEN row.transaction_id IS NOT NULL
            ELSE (act.kind, act.amount, act.member_id, act.point_type_id)
                IS DISTINCT FROM ('redeem', -row.points, row.member_id, row.point_type_id) END
        AND {of_program("row.program_id")}
""",
)

# Whatever says "given back" is in the books; the books may have given back more, by hand.
REDEMPTION_GIVEN_BACK = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, format('is %%s and gave %%s of %%s points back, but in the books it is %%s',
        row.state, row.points_back, row.points, coalesce(back.points, 0))
    FROM rewards_redemption row
    LEFT JOIN (
        SELECT reverses_id, sum(amount) AS points FROM ledger_transaction WHERE kind = 'refund' GROUP BY reverses_id
    ) back ON back.reverses_id = row.transaction_id
    WHERE row.transaction_id IS NOT NULL
        AND (coalesce(back.points, 0) < row.points_back
            OR row.state IN ('cancelled', 'lapsed') AND coalesce(back.points, 0) < row.points
            OR row.state IN ('reserved', 'confirmed', 'fulfilled', 'expired') AND row.points_back > 0)
        AND {of_program("row.program_id")}
""",
)

# A hold may have been released at its limit before the redemption is closed; and never the other way round.
REDEMPTION_HOLD = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, format('is %%s, but its points are %%s', row.state, coalesce(hold.state, 'spent at once'))
    FROM rewards_redemption row
    LEFT JOIN ledger_hold hold ON hold.transaction_id = row.transaction_id
    WHERE row.transaction_id IS NOT NULL
        AND NOT CASE
            WHEN row.state = 'reserved' THEN coalesce(hold.state IN ('open', 'released')
                AND hold.lapses_at = row.reserved_until, false)
            WHEN row.state = 'lapsed' THEN coalesce(hold.state = 'released', false)
            WHEN row.state = 'cancelled' THEN coalesce(hold.state IN ('released', 'captured'), true)
            ELSE coalesce(hold.state = 'captured', true) END
        AND {of_program("row.program_id")}
""",
)

REDEMPTION_STEPS = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, format('is %%s, but its last step made it %%s', row.state, coalesce(last.state, 'nothing'))
    FROM rewards_redemption row
    LEFT JOIN (
        SELECT DISTINCT ON (redemption_id) redemption_id, state FROM rewards_redemptionstep
        ORDER BY redemption_id, id DESC
    ) last ON last.redemption_id = row.id
    WHERE row.state IS DISTINCT FROM last.state AND {of_program("row.program_id")}
""",
)

# Steps of older redemptions do not tell it.
REDEMPTION_ENDS = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, format('runs out at %%s, but the step that set it says %%s', row.expires_at, last.ends)
    FROM rewards_redemption row
    JOIN (
        SELECT DISTINCT ON (redemption_id) redemption_id, (data->>'expires_at')::timestamptz AS ends
        FROM rewards_redemptionstep WHERE data ? 'expires_at' ORDER BY redemption_id, id DESC
    ) last ON last.redemption_id = row.id
    WHERE row.expires_at IS DISTINCT FROM last.ends AND {of_program("row.program_id")}
""",
)

GIFT_VALUE = Check(
    _REDEMPTION,
    f"""
    SELECT row.id, format('was worth %%s and has %%s left, but %%s of it was used',
        row.terms->>'value', row.remaining, coalesce(sums.used, 0))
    FROM rewards_redemption row
    LEFT JOIN (
        SELECT redemption_id, sum((data->>'amount')::numeric) AS used FROM rewards_redemptionstep
        WHERE kind = 'used' AND data ? 'amount' GROUP BY redemption_id
    ) sums ON sums.redemption_id = row.id
    WHERE row.remaining IS NOT NULL AND row.remaining + coalesce(sums.used, 0) <> (row.terms->>'value')::numeric
        AND {of_program("row.program_id")}
""",
)

REWARD_CHECKS: Final = {
    "stock_counters": STOCK_COUNTERS,
    "stock_bounds": STOCK_BOUNDS,
    "stock_loaded": STOCK_LOADED,
    "stock_changes": STOCK_CHANGES,
    "pool_codes": POOL_CODES,
    "code_state": CODE_STATE,
    "code_owner": CODE_OWNER,
    "redemption_owner": REDEMPTION_OWNER,
    "redemption_paid": REDEMPTION_PAID,
    "redemption_given_back": REDEMPTION_GIVEN_BACK,
    "redemption_hold": REDEMPTION_HOLD,
    "redemption_steps": REDEMPTION_STEPS,
    "redemption_ends": REDEMPTION_ENDS,
    "gift_value": GIFT_VALUE,
}
