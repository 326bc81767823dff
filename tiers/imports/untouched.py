"""Members whom an import enrolled and who have done nothing since."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

from loyalty.base.models import Job
from tiers.imports import batches

_ENROLLED = """
    SELECT DISTINCT member_id FROM outbox_fact
    WHERE member_id = ANY(%(members)s) AND type = 'member.registered' AND data ->> 'import' = %(batch)s
"""
_UNTOUCHED = f"""
    SELECT m.id FROM members_member m
    WHERE m.id IN ({_ENROLLED}) AND m.state = 'active'
        AND NOT EXISTS (SELECT 1 FROM events_event e WHERE e.member_id = m.id)
        AND NOT EXISTS (SELECT 1 FROM ledger_transaction t
            WHERE t.member_id = m.id AND NOT starts_with(t.reference, %(prefix)s))
        AND NOT EXISTS (SELECT 1 FROM tiers_placement p
            WHERE p.member_id = m.id AND p.batch IS DISTINCT FROM %(batch)s::uuid)
        AND NOT EXISTS (SELECT 1 FROM ledger_wallet w WHERE w.member_id = m.id AND w.balance <> 0)
"""


def enrolled(batch: Job, member_ids: Collection[UUID]) -> set[UUID]:
    """Which of these members the import made."""
    return _ask(_ENROLLED, batch, member_ids)


def untouched(batch: Job, member_ids: Collection[UUID]) -> set[UUID]:
    """Which of them have no event, no points and no tier but those that the import brought and its undoing took."""
    return _ask(_UNTOUCHED, batch, member_ids)


def _ask(statement: str, batch: Job, member_ids: Collection[UUID]) -> set[UUID]:
    told: dict[str, Any] = {
        "members": list(member_ids),
        "batch": str(batch.pk),
        "prefix": batches.prefix(batch),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, told)
        return {row[0] for row in cursor.fetchall()}
