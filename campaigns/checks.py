"""What must be true of awards, limits and explanations, as statements that find the rows for which it is not.

A return that names no order is rated as a basket of its own and counts against no limit: its awards belong to no order
and are negative.
"""

from __future__ import annotations

from typing import Final

from loyalty.ledger.proof import Check, of_program

_AWARD, _TRACE, _EVENT = "campaigns_award", "campaigns_trace", "events_event"

AWARD_OWNER = Check(
    _AWARD,
    f"""
    SELECT award.id, 'belongs to another program, member, campaign or event than what it names'
    FROM campaigns_award award
    LEFT JOIN events_event event ON event.id = award.event_id
    LEFT JOIN campaigns_campaign campaign ON campaign.id = award.campaign_id
    LEFT JOIN campaigns_campaignversion version ON version.id = award.version_id
    LEFT JOIN programs_pointtype point_type ON point_type.id = award.point_type_id
    LEFT JOIN campaigns_order bought ON bought.id = award.order_id
    LEFT JOIN ledger_transaction act ON act.id = award.transaction_id
    WHERE ((event.program_id, event.member_id) IS DISTINCT FROM (award.program_id, award.member_id)
        OR (campaign.program_id, version.campaign_id, point_type.program_id)
            IS DISTINCT FROM (award.program_id, award.campaign_id, award.program_id)
        OR award.order_id IS NOT NULL
            AND (bought.program_id, bought.member_id) IS DISTINCT FROM (award.program_id, award.member_id)
        OR award.transaction_id IS NOT NULL AND (act.event_id, act.member_id, act.point_type_id)
            IS DISTINCT FROM (award.event_id, award.member_id, award.point_type_id))
        AND {of_program("award.program_id")}
""",
)

# What is taken back is all that was asked, or less: what had expired or was forgiven is not in the books any more.
AWARD_BOOKED = Check(
    _AWARD,
    f"""
    SELECT given.id, format('and the others of its event give %%s points, but in the books %%s are earned and %%s taken
        back', given.points, coalesce(booked.earned, 0), coalesce(booked.taken, 0))
    FROM (
        SELECT min(id) AS id, event_id, point_type_id, sum(points) AS points FROM campaigns_award
        WHERE {of_program("program_id")} GROUP BY event_id, point_type_id
    ) given
    LEFT JOIN (
        SELECT event_id, point_type_id, sum(amount) FILTER (WHERE kind <> 'reverse') AS earned,
            -sum(amount) FILTER (WHERE kind = 'reverse') AS taken
        FROM ledger_transaction
        WHERE event_id IS NOT NULL AND kind IN ('earn', 'correct', 'reverse') GROUP BY event_id, point_type_id
    ) booked USING (event_id, point_type_id)
    WHERE coalesce(booked.earned, 0) <> greatest(given.points, 0)
        OR coalesce(booked.taken, 0) NOT BETWEEN 0 AND greatest(-given.points, 0)
""",
)

EARNED_BY_AWARDS = Check(
    "ledger_transaction",
    f"""
    SELECT act.id, format('gives %%s points for an event to which no campaign gave any', act.amount)
    FROM ledger_transaction act
    WHERE act.event_id IS NOT NULL AND act.kind IN ('earn', 'correct')
        AND NOT EXISTS (
            SELECT FROM campaigns_award award
            WHERE award.event_id = act.event_id AND award.point_type_id = act.point_type_id)
        AND {of_program("act.program_id")}
""",
)

EVENT_EXPLAINED = Check(
    _EVENT,
    f"""
    SELECT event.id, 'is processed, and nothing tells what it earned and why'
    FROM events_event event LEFT JOIN campaigns_trace trace ON trace.event_id = event.id
    WHERE event.status = 'processed' AND trace.event_id IS NULL AND {of_program("event.program_id")}
""",
)

TRACE_POINTS = Check(
    _TRACE,
    f"""
    SELECT trace.event_id, format('tells of %%s, but campaigns gave %%s', trace.told, coalesce(given.points, '{{}}'))
    FROM (
        SELECT trace.event_id, coalesce(trace.detail -> 'points', '{{}}') AS told
        FROM campaigns_trace trace JOIN events_event event ON event.id = trace.event_id
        WHERE {of_program("event.program_id")}
    ) trace
    LEFT JOIN (
        SELECT event_id, jsonb_object_agg(code, points) AS points
        FROM (
            SELECT award.event_id, point_type.code, sum(award.points) AS points
            FROM campaigns_award award JOIN programs_pointtype point_type ON point_type.id = award.point_type_id
            WHERE {of_program("award.program_id")} GROUP BY award.event_id, point_type.code
            HAVING sum(award.points) <> 0
        ) sums GROUP BY event_id
    ) given USING (event_id)
    WHERE trace.told <> coalesce(given.points, '{{}}')
""",
)

BUDGET_USE = Check(
    "campaigns_budgetuse",
    f"""
    SELECT campaign.id, format('counts %%s points out of its budget, but its awards make %%s',
        coalesce(use.points, 0), coalesce(given.points, 0))
    FROM campaigns_campaign campaign
    LEFT JOIN campaigns_budgetuse use ON use.campaign_id = campaign.id
    LEFT JOIN (
        SELECT award.campaign_id, sum(award.points) AS points
        FROM campaigns_award award JOIN campaigns_campaignversion version ON version.id = award.version_id
        WHERE version.definition ->> 'budget' IS NOT NULL AND NOT (award.order_id IS NULL AND award.points < 0)
        GROUP BY award.campaign_id
    ) given ON given.campaign_id = campaign.id
    WHERE coalesce(use.points, 0) <> coalesce(given.points, 0) AND {of_program("campaign.program_id")}
""",
)

BUDGET_LIMIT = Check(
    "campaigns_budgetuse",
    f"""
    SELECT use.campaign_id, format('has given %%s points, and its budget never was above %%s', use.points, most.budget)
    FROM campaigns_budgetuse use
    JOIN campaigns_campaign campaign ON campaign.id = use.campaign_id
    LEFT JOIN (
        SELECT campaign_id, max((definition ->> 'budget')::bigint) AS budget
        FROM campaigns_campaignversion GROUP BY campaign_id
    ) most ON most.campaign_id = use.campaign_id
    WHERE (use.points < 0 OR use.points > coalesce(most.budget, 0)) AND {of_program("campaign.program_id")}
""",
)

# Periods are days of the program's clock, which may have been set to another zone since: so that each award is counted
# is proved over all periods of a kind.
_CAPS = """
    SELECT DISTINCT version.id, version.campaign_id, left(cap ->> 'per', 1) AS per
    FROM campaigns_campaignversion version, jsonb_array_elements(version.definition -> 'caps') cap
"""

CAP_USE = Check(
    "campaigns_capuse",
    f"""
    WITH caps AS ({_CAPS}), given AS (
        SELECT award.campaign_id, award.member_id, caps.per, coalesce(award.order_id, award.event_id) AS what,
            sum(award.points) AS points
        FROM campaigns_award award JOIN caps ON caps.id = award.version_id
        WHERE NOT (award.order_id IS NULL AND award.points < 0) AND {of_program("award.program_id")}
        GROUP BY award.campaign_id, award.member_id, caps.per, what
    ), made AS (
        SELECT campaign_id, member_id, per, sum(points) AS points, count(*) FILTER (WHERE points > 0) AS times
        FROM given GROUP BY campaign_id, member_id, per
    ), used AS (
        SELECT max(use.id) AS id, use.campaign_id, use.member_id, left(use.period, 1) AS per,
            sum(use.points) AS points, sum(use.times) AS times
        FROM campaigns_capuse use JOIN campaigns_campaign campaign ON campaign.id = use.campaign_id
        WHERE {of_program("campaign.program_id")} GROUP BY use.campaign_id, use.member_id, left(use.period, 1)
    )
    SELECT used.id, format('of member %%s and campaign %%s counts %%s points in %%s awards, but they are %%s in %%s',
        member_id, campaign_id, coalesce(used.points, 0), coalesce(used.times, 0), coalesce(made.points, 0),
        coalesce(made.times, 0))
    FROM used FULL JOIN made USING (campaign_id, member_id, per)
    WHERE (coalesce(used.points, 0), coalesce(used.times, 0))
        IS DISTINCT FROM (coalesce(made.points, 0), coalesce(made.times, 0))
""",
)

CAP_LIMIT = Check(
    "campaigns_capuse",
    f"""
    SELECT use.id, format('counts %%s points in %%s awards in %%s, which no version of the campaign allowed',
        use.points, use.times, use.period)
    FROM campaigns_capuse use
    JOIN campaigns_campaign campaign ON campaign.id = use.campaign_id
    LEFT JOIN (
        SELECT campaign_id, per, bool_or(points IS NULL) AS any_points, max(points) AS points,
            bool_or(times IS NULL) AS any_times, max(times) AS times
        FROM (
            SELECT version.campaign_id, left(cap ->> 'per', 1) AS per, min((cap ->> 'times')::int) AS times,
                min(
                    (cap ->> 'points')::numeric * 10 ^ (version.definition -> 'point_type' ->> 'decimals')::int
                ) AS points
            FROM campaigns_campaignversion version, jsonb_array_elements(version.definition -> 'caps') cap
            GROUP BY version.id, version.campaign_id, left(cap ->> 'per', 1)
        ) allowed GROUP BY campaign_id, per
    ) most ON most.campaign_id = use.campaign_id AND most.per = left(use.period, 1)
    WHERE (use.points < 0 OR use.times < 0 OR most.per IS NULL
        OR NOT most.any_points AND use.points > most.points OR NOT most.any_times AND use.times > most.times)
        AND {of_program("campaign.program_id")}
""",
)

PAID_ORDER = Check(
    _TRACE,
    f"""
    SELECT event.id, format('tells that redemption %%s pays an order, but it is kept with %%s',
        told ->> 'transaction', coalesce('order ' || paid.reference, 'none'))
    FROM campaigns_trace trace
    JOIN events_event event ON event.id = trace.event_id
    CROSS JOIN jsonb_array_elements(trace.detail -> 'payments') told
    LEFT JOIN campaigns_orderpayment payment ON payment.transaction_id::text = told ->> 'transaction'
    LEFT JOIN campaigns_order paid ON paid.id = payment.order_id
    WHERE trace.detail ? 'payments' AND told ->> 'outcome' IN ('captured', 'paid', 'taken_again', 'given_back')
        AND (paid.program_id, paid.member_id, paid.reference)
            IS DISTINCT FROM (event.program_id, event.member_id, event.order_reference)
        AND {of_program("event.program_id")}
""",
)

CAMPAIGN_CHECKS: Final = {
    "award_owner": AWARD_OWNER,
    "award_booked": AWARD_BOOKED,
    "earned_by_awards": EARNED_BY_AWARDS,
    "event_explained": EVENT_EXPLAINED,
    "trace_points": TRACE_POINTS,
    "budget_use": BUDGET_USE,
    "budget_limit": BUDGET_LIMIT,
    "cap_use": CAP_USE,
    "cap_limit": CAP_LIMIT,
    "paid_order": PAID_ORDER,
}
