"""What must be true of tiers, as statements that find the rows for which it is not. Where a standing is wrong,
computing the member anew mends it."""

from __future__ import annotations

from loyalty.ledger.proof import Check, of_program
from tiers.announcing import TOLD
from tiers.versions import PUBLISHED, SIGNED, WITHDRAWN

_STANDING, _CHANGE, _PLACEMENT = "tiers_standing", "tiers_tierchange", "tiers_placement"
_TOLD = ", ".join(f"'{fact}'" for fact in TOLD if fact != "tier.will_downgrade")

# The last computed change says where the member stands; without one the member has never had a tier.
STANDING_IS_LAST_CHANGE = Check(
    _STANDING,
    f"""
    SELECT standing.id, format('says %%s until %%s, but the last change says %%s until %%s',
        standing.tier_code, standing.valid_until, coalesce(last.to_code, ''), last.valid_until)
    FROM tiers_standing standing
    LEFT JOIN (
        SELECT DISTINCT ON (member_id, tier_set_id) member_id, tier_set_id, to_code, valid_until, at
        FROM tiers_tierchange WHERE kind NOT IN ('manual', 'manual_ended') ORDER BY member_id, tier_set_id, id DESC
    ) last ON last.member_id = standing.member_id AND last.tier_set_id = standing.tier_set_id
    WHERE (standing.tier_code, standing.valid_until, standing.since_at)
            IS DISTINCT FROM (coalesce(last.to_code, ''), last.valid_until, last.at)
        AND {of_program("standing.program_id")}
""",
)

CHANGES_FORM_A_CHAIN = Check(
    _CHANGE,
    f"""
    SELECT id, format('comes from %%s, but the change before it led to %%s', from_code, coalesce(before, ''))
    FROM (
        SELECT id, program_id, from_code, lag(to_code) OVER (PARTITION BY member_id, tier_set_id ORDER BY id) AS before
        FROM tiers_tierchange WHERE kind NOT IN ('manual', 'manual_ended')
    ) step
    WHERE from_code <> coalesce(before, '') AND {of_program("program_id")}
""",
)

# A manual tier that has just run out is still in the row until the night has looked.
MEMBER_SHOWS_STANDING = Check(
    "members_member",
    f"""
    SELECT member.id, format('shows %%s, but stands at %%s',
        member.tier_code, coalesce(over.tier_code, standing.tier_code))
    FROM tiers_standing standing
    JOIN tiers_tierset tier_set ON tier_set.id = standing.tier_set_id AND tier_set.is_main
    JOIN members_member member ON member.id = standing.member_id
    LEFT JOIN tiers_placement over ON over.id = standing.placement_id
    WHERE member.tier_code <> coalesce(over.tier_code, standing.tier_code) AND {of_program("standing.program_id")}
""",
)

STANDING_BELONGS_TOGETHER = Check(
    _STANDING,
    f"""
    SELECT standing.id, 'names another program, ladder or member than its version, its manual tier or its member'
    FROM tiers_standing standing
    JOIN members_member member ON member.id = standing.member_id
    JOIN tiers_ladderversion version ON version.id = standing.version_id
    LEFT JOIN tiers_placement over ON over.id = standing.placement_id
    WHERE (member.program_id <> standing.program_id OR version.program_id <> standing.program_id
        OR version.tier_set_id <> standing.tier_set_id
        OR over.member_id <> standing.member_id OR over.tier_set_id <> standing.tier_set_id)
        AND {of_program("standing.program_id")}
""",
)

TIER_IS_ON_ITS_LADDER = Check(
    _STANDING,
    f"""
    SELECT standing.id, format('is at %%s, which its version does not have', standing.tier_code)
    FROM tiers_standing standing
    JOIN tiers_ladderversion version ON version.id = standing.version_id
    WHERE standing.tier_code <> ''
        AND NOT version.definition -> 'tiers' @> jsonb_build_array(jsonb_build_object('code', standing.tier_code))
        AND {of_program("standing.program_id")}
""",
)

MANUAL_TIERS_ARE_TOLD = Check(
    _PLACEMENT,
    f"""
    SELECT placement.id, 'lies over a standing, but no change says so'
    FROM tiers_placement placement
    JOIN tiers_standing standing ON standing.placement_id = placement.id
    WHERE NOT EXISTS (
            SELECT FROM tiers_tierchange change
            WHERE change.placement_id = placement.id AND change.kind = 'manual'
        )
        AND {of_program("placement.program_id")}
""",
)

# The fact is a second record of the change, written with it, and says the same; nobody is told of what a manual tier
# covers.
TIER_ANNOUNCED = Check(
    _CHANGE,
    f"""
    SELECT change.id, 'was never announced, or otherwise than it says'
    FROM tiers_tierchange change
    JOIN tiers_tierset tier_set ON tier_set.id = change.tier_set_id
    JOIN tiers_ladderversion version ON version.id = change.version_id
    WHERE NOT change.beneath AND change.kind <> 'imported'
        AND (change.from_code <> change.to_code OR change.kind = 'retained')
        AND NOT EXISTS (
            SELECT FROM outbox_fact fact
            WHERE fact.member_id = change.member_id AND fact.type IN ({_TOLD}) AND fact.occurred_at = change.at
                AND fact.recorded_at = change.decided_at AND fact.data ->> 'tier_set' = tier_set.code
                AND fact.data ->> 'from' = change.from_code AND fact.data ->> 'to' = change.to_code
                AND fact.data ->> 'kind' = change.kind AND fact.data ->> 'version' = version.number::text
                AND coalesce(fact.data ->> 'valid_until', '') = coalesce(to_char(change.valid_until, 'YYYY-MM-DD'), '')
                AND coalesce(fact.data ->> 'value', '') = coalesce(change.numbers ->> 'value', '')
                AND coalesce(fact.data ->> 'needed', '') = coalesce(change.numbers ->> 'needed', '')
                AND coalesce(fact.data ->> 'event', '') = coalesce(change.event_id::text, '')
        )
        AND {of_program("change.program_id")}
""",
)

# The night looks only at those whose day has come: nobody may be left out of it. A tier with an end is looked at by
# then; a balance every night; what lasts while the member qualifies some day, unless it counts since ever, is never
# lost, or is kept by an older ladder. What is counted up to a day to come is not counted at all.
REVIEW_COMES = Check(
    _STANDING,
    f"""
    SELECT standing.id, format('is counted up to %%s and is looked at on %%s; its tier ends on %%s',
        standing.computed_through, standing.review_on, due.day)
    FROM tiers_standing standing
    JOIN members_member member ON member.id = standing.member_id
    JOIN tiers_ladderversion version ON version.id = standing.version_id
    LEFT JOIN tiers_placement over ON over.id = standing.placement_id
    CROSS JOIN LATERAL (
        SELECT least(coalesce(standing.grace_until, standing.valid_until), over.ends_on + 1) AS day
    ) due
    WHERE (
            standing.computed_through
                > (greatest(standing.updated_at, member.enrolled_at) AT TIME ZONE 'UTC')::date + 1
            OR due.day IS NOT NULL AND standing.review_on > greatest(due.day, standing.computed_through + 2)
            OR standing.review_on IS NULL AND (
                due.day IS NOT NULL
                OR version.definition ->> 'measure' = 'balance'
                OR standing.held_version_id IS NULL
                    AND version.definition -> 'validity' ->> 'kind' = 'while_qualified'
                    AND version.definition -> 'window' ->> 'kind' <> 'lifetime'
                    AND version.definition ->> 'downgrade' <> 'never'
                    AND EXISTS (
                        SELECT FROM jsonb_array_elements(version.definition -> 'tiers') tier
                        WHERE tier ->> 'code' = standing.tier_code AND (tier ->> 'threshold')::numeric > 0
                    )
            )
        )
        AND {of_program("standing.program_id")}
""",
)

LADDER_IS_AS_PUBLISHED = Check(
    "tiers_ladderversion",
    f"""
    SELECT version.id, 'is not as it was published'
    FROM tiers_ladderversion version
    JOIN tiers_tierset tier_set ON tier_set.id = version.tier_set_id
    LEFT JOIN outbox_fact fact ON fact.member_id IS NULL AND fact.type = '{PUBLISHED}'
        AND fact.program_id = version.program_id AND fact.data ->> 'tier_set' = tier_set.code
        AND fact.data ->> 'version' = version.number::text
    LEFT JOIN outbox_fact taken_back ON taken_back.member_id IS NULL AND taken_back.type = '{WITHDRAWN}'
        AND taken_back.program_id = version.program_id AND taken_back.data ->> 'tier_set' = tier_set.code
        AND taken_back.data ->> 'version' = version.number::text
    WHERE (fact.id IS NULL OR fact.data ->> 'signed' <> {SIGNED}
        OR version.withdrawn_at IS DISTINCT FROM taken_back.occurred_at) AND {of_program("version.program_id")}
""",
)

TIER_CHECKS = {
    "tier_standing": STANDING_IS_LAST_CHANGE,
    "tier_chain": CHANGES_FORM_A_CHAIN,
    "tier_shown": MEMBER_SHOWS_STANDING,
    "tier_owner": STANDING_BELONGS_TOGETHER,
    "tier_on_ladder": TIER_IS_ON_ITS_LADDER,
    "tier_manual_told": MANUAL_TIERS_ARE_TOLD,
    "tier_announced": TIER_ANNOUNCED,
    "tier_due": REVIEW_COMES,
    "tier_published": LADDER_IS_AS_PUBLISHED,
}
