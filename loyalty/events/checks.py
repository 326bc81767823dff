"""What the proof demands of the inbox."""

from __future__ import annotations

from loyalty.ledger.proof import Check, of_program

# The inbox is written hundreds of rows at a time, and looking up the same program and channel for each of them took a
# fifth of that: they are no foreign keys, so this is what holds them.
EVENT_OWNER = Check(
    "events_event",
    f"""
    SELECT event.id, 'belongs to another program than its channel or its member'
    FROM events_event event
    LEFT JOIN programs_program program ON program.id = event.program_id
    LEFT JOIN programs_channel channel ON channel.id = event.channel_id
    LEFT JOIN members_member member ON member.id = event.member_id
    WHERE (program.id IS NULL
        OR event.channel_id IS NOT NULL AND channel.program_id IS DISTINCT FROM program.id
        OR event.member_id IS NOT NULL AND member.program_id IS DISTINCT FROM program.id)
        AND {of_program("event.program_id")}
""",
)
EVENT_CHECKS = {"event_owner": EVENT_OWNER}
