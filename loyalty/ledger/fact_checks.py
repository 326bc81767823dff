"""Every transaction was announced, once and as it is. The fact is a second record of the act, written with it: it
gives away what sums cannot see, a changed order number or date, or a transaction that was removed with all its traces.
"""

from __future__ import annotations

from loyalty.ledger.posting import FACTS, HELD, RELEASED
from loyalty.ledger.proof import Check, of_program

# Each announces a transaction; `points.captured` tells of one that was announced before.
_TYPES = ", ".join(
    f"'{name}'" for name in sorted({*FACTS.values(), HELD, RELEASED, "points.expired", "points.activated"})
)

# An activation announces how many points became available; its transaction moves none.
# What somebody signed for is kept there as a digest, see `posting.signature`.
ANNOUNCED = Check(
    "ledger_transaction",
    f"""
    SELECT act.id, CASE WHEN fact.id IS NULL THEN 'was never announced'
        ELSE format('says otherwise than its fact %%s', fact.id) END
    FROM ledger_transaction act
    LEFT JOIN outbox_fact fact ON fact.data ->> 'transaction' = act.id::text AND fact.type IN ({_TYPES})
    WHERE ((fact.program_id, fact.member_id, fact.occurred_at, fact.recorded_at)
            IS DISTINCT FROM (act.program_id, act.member_id, act.occurred_at, act.recorded_at)
        OR fact.data ->> 'kind' IS DISTINCT FROM act.kind
        OR (act.kind <> 'activate' AND fact.data ->> 'amount' IS DISTINCT FROM act.amount::text)
        OR coalesce(fact.data ->> 'reference', '') <> act.reference
        OR fact.data ->> 'event' IS DISTINCT FROM act.event_id::text
        OR fact.data ->> 'reverses' IS DISTINCT FROM act.reverses_id::text
        OR fact.data ->> 'counterpart' IS DISTINCT FROM act.counterpart_id::text
        OR coalesce(fact.data ->> 'forgiven', '0') <> act.forgiven::text
        OR coalesce(fact.data ->> 'already_expired', '0') <> act.already_expired::text
        OR fact.data ->> 'signed' <> encode(sha256(convert_to(
            concat_ws(chr(31), act.actor_kind, act.actor, act.reason_code), 'UTF8')), 'hex'))
        AND {of_program("act.program_id")}
    """,
)

ANNOUNCED_IN_VAIN = Check(
    "outbox_fact",
    f"""
    SELECT min(fact.id), CASE WHEN count(act.id) = 0
        THEN format('announces transaction %%s, which is not there', fact.data ->> 'transaction')
        ELSE format('announces transaction %%s a second time', fact.data ->> 'transaction') END
    FROM outbox_fact fact
    LEFT JOIN ledger_transaction act ON act.id::text = fact.data ->> 'transaction'
    WHERE fact.type IN ({_TYPES}) AND {of_program("fact.program_id")}
    GROUP BY fact.data ->> 'transaction' HAVING count(act.id) <> 1
    """,
)

EXTENSIONS_ANNOUNCED = Check(
    "outbox_fact",
    f"""
    SELECT fact.id, format('says that it kept %%s lots alive, of which %%s are told',
        fact.data ->> 'kept_alive', coalesce(told.lots, 0))
    FROM outbox_fact fact
    LEFT JOIN (
        SELECT transaction_id, count(*) AS lots FROM ledger_extension GROUP BY transaction_id
    ) told ON told.transaction_id::text = fact.data ->> 'transaction'
    WHERE (fact.data ->> 'kept_alive')::bigint <> coalesce(told.lots, 0) AND {of_program("fact.program_id")}
    """,
)

FACT_CHECKS = {
    "announced": ANNOUNCED,
    "announced_in_vain": ANNOUNCED_IN_VAIN,
    "extensions_announced": EXTENSIONS_ANNOUNCED,
}
