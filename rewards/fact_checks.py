"""Every redemption, each of its steps and every change of a stock was announced, once and as it is. The fact is a
second record of it, written with it: it gives away what sums cannot see, terms that were changed, or a redemption that
was removed with all its traces.

Facts may be older than those that are kept: what was recorded before the first of them, no fact tells of.
"""

from __future__ import annotations

from typing import Final

from loyalty.ledger.proof import Check, of_program
from rewards.models import StockChange
from rewards.records import SIGNED, UNTOLD

_KEPT_SINCE = "(SELECT recorded_at FROM outbox_fact ORDER BY id LIMIT 1)"
_COLUMNS = ", ".join(f'"{name}" text' for name in SIGNED)
_VALUES = ", ".join(f"coalesce(\"{name}\", '')" for name in SIGNED)

# What the terms are worth is kept there as a digest, see `records.signature`; older facts do not have it. The terms are
# taken apart once a row, as they may hold pages of small print.
ANNOUNCED = Check(
    "rewards_redemption",
    f"""
    SELECT row.id, CASE WHEN fact.id IS NULL THEN 'was never announced'
        ELSE format('says otherwise than its fact %%s', fact.id) END
    FROM rewards_redemption row
    LEFT JOIN outbox_fact fact ON fact.data ->> 'redemption' = row.id::text
        AND fact.type IN ('redemption.reserved', 'redemption.confirmed')
    WHERE row.created_at >= {_KEPT_SINCE}
        AND ((fact.program_id, fact.member_id) IS DISTINCT FROM (row.program_id, row.member_id)
            OR fact.data ->> 'points' IS DISTINCT FROM row.points::text
            OR (SELECT (fact.data ->> 'reward', fact.data ->> 'name', fact.data ->> 'kind')
                    IS DISTINCT FROM (reward, name, kind)
                OR fact.data ->> 'signed' <> encode(sha256(convert_to(
                    concat_ws(chr(31), {_VALUES}), 'UTF8')), 'hex')
                FROM jsonb_to_record(row.terms) AS terms (reward text, name text, kind text, {_COLUMNS})))
        AND {of_program("row.program_id")}
""",
)

ANNOUNCED_IN_VAIN = Check(
    "outbox_fact",
    f"""
    SELECT min(fact.id), format('announces redemption %%s, which is not there', fact.data ->> 'redemption')
    FROM outbox_fact fact
    LEFT JOIN rewards_redemption row ON row.id::text = fact.data ->> 'redemption'
    WHERE fact.type LIKE 'redemption.%%' AND row.id IS NULL AND {of_program("fact.program_id")}
    GROUP BY fact.data ->> 'redemption'
""",
)

STEPS_ANNOUNCED = Check(
    "rewards_redemption",
    f"""
    SELECT redemption, format('was %%s %%s times on %%s, but that was announced %%s times',
        kind, count(step), recorded_at, count(fact))
    FROM (
        SELECT row.program_id, step.redemption_id::text AS redemption, step.kind, step.state, step.occurred_at,
            step.recorded_at, step.data, step.id AS step, NULL::bigint AS fact
        FROM rewards_redemptionstep step LEFT JOIN rewards_redemption row ON row.id = step.redemption_id
        WHERE step.kind NOT IN ({", ".join(f"'{kind}'" for kind in sorted(UNTOLD))})
        UNION ALL
        SELECT fact.program_id, fact.data ->> 'redemption', substr(fact.type, length('redemption.') + 1),
            fact.data ->> 'state', fact.occurred_at, fact.recorded_at, fact.data, NULL, fact.id
        FROM outbox_fact fact WHERE fact.type LIKE 'redemption.%%'
    ) told
    WHERE recorded_at >= {_KEPT_SINCE} AND {of_program("program_id")}
    GROUP BY redemption, kind, state, occurred_at, recorded_at, data ->> 'amount', data ->> 'points_back',
        data ->> 'expires_at', data ->> 'old_code_id'
    HAVING count(step) <> count(fact)
""",
)

# A code that left its pool with a cancelled redemption is announced with that, and its stock is held against the codes.
_STOCK_CHANGES = f"""
    FROM (
        SELECT stock.program_id, stock.code, change.before::text, change.after::text, change.reason, change.by,
            change.at, change.id AS change, NULL::bigint AS fact
        FROM rewards_stockchange change JOIN rewards_stock stock ON stock.id = change.stock_id
        UNION ALL
        SELECT fact.program_id, fact.data ->> 'stock', fact.data ->> 'before', fact.data ->> 'after',
            fact.data ->> 'reason', fact.data ->> 'by', fact.occurred_at, NULL, fact.id
        FROM outbox_fact fact WHERE fact.type = 'reward.stock_changed'
    ) told
    WHERE (reason, by) <> ('{StockChange.Reason.REVOKED}', '') AND at >= {_KEPT_SINCE}
        AND {of_program("program_id")}
    GROUP BY program_id, code, before, after, reason, by, at
"""

STOCK_ANNOUNCED = Check(
    "rewards_stockchange",
    f"""
    SELECT max(change), format('made it %%s out of %%s, which was not announced like that',
        coalesce(after, 'no limit'), coalesce(before, 'nothing'))
    {_STOCK_CHANGES} HAVING count(change) > count(fact)
""",
)

STOCK_ANNOUNCED_IN_VAIN = Check(
    "outbox_fact",
    f"""
    SELECT max(fact), format('announces a change of a stock from %%s to %%s, which is not there like that',
        coalesce(before, 'nothing'), coalesce(after, 'no limit'))
    {_STOCK_CHANGES} HAVING count(fact) > count(change)
""",
)

REWARD_FACT_CHECKS: Final = {
    "redemption_announced": ANNOUNCED,
    "redemption_announced_in_vain": ANNOUNCED_IN_VAIN,
    "redemption_steps_announced": STEPS_ANNOUNCED,
    "stock_announced": STOCK_ANNOUNCED,
    "stock_announced_in_vain": STOCK_ANNOUNCED_IN_VAIN,
}
