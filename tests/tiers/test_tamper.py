"""Somebody with all rights on the database changes one row of tiers behind our back: the proof names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from loyalty.ledger import proof
from tests.earning.shop import NOON
from tests.tiers.house import a_member, a_store
from tiers import placements
from tiers.checks import TIER_CHECKS

pytestmark = pytest.mark.django_db
LATER = datetime(2027, 12, 31, 23, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def a_history(lasting: Callable[[], None]) -> None:
    """Ada joins, climbs, is corrected, is set by hand, and drops at her review. Ben joins later and stays."""
    store = a_store()
    store.order("A-1", "120")
    store.order("A-2", "250", at=NOON + timedelta(days=1))
    store.process()
    store.send("order.returned", {"order_id": "A-2"}, at=NOON + timedelta(days=2))
    store.process()
    placements.set_tier(
        store.ada,
        "gold",
        until=NOON.date() + timedelta(days=9),
        reason_code="goodwill",
        by="olga",
        at=store.now,
    )
    store.night(LATER)
    placements.set_tier(store.ada, "gold", until=None, reason_code="goodwill", by="olga", at=LATER)
    a_member(store.program, "ben", at=LATER)
    store.order("B-1", "150", at=LATER, member="ext:ben")
    store.process()
    lasting()


@dataclass(frozen=True)
class Crime:
    """`change` is done to a row of `table`; the proof has to name `named` by this check."""

    check: str
    table: str
    change: str
    named: str


A_STANDING = "SELECT id::text FROM tiers_standing WHERE placement_id IS NOT NULL"
BENS_STANDING = "SELECT id::text FROM tiers_standing WHERE placement_id IS NULL"
THE_RISE = "SELECT id::text FROM tiers_tierchange WHERE kind = 'upgraded'"
BENS_RISE = "SELECT max(id)::text FROM tiers_tierchange WHERE kind = 'joined'"
THE_LADDER = "SELECT id::text FROM tiers_ladderversion"
CRIMES = [
    Crime(
        "tier_standing", "tiers_standing", "UPDATE tiers_standing SET valid_until = '2040-01-01'", A_STANDING
    ),
    Crime("tier_on_ladder", "tiers_standing", "UPDATE tiers_standing SET tier_code = 'opal'", A_STANDING),
    Crime(
        "tier_chain",
        "tiers_tierchange",
        "DELETE FROM tiers_tierchange WHERE kind = 'upgraded'",
        "SELECT id::text FROM tiers_tierchange WHERE kind = 'corrected'",
    ),
    Crime(
        "tier_announced",
        "outbox_fact",
        "DELETE FROM outbox_fact WHERE type = 'tier.upgraded' AND data ->> 'kind' = 'upgraded'",
        THE_RISE,
    ),
    Crime(
        "tier_announced",
        "tiers_tierchange",
        """UPDATE tiers_standing SET valid_until = '2040-01-01', review_on = '2040-01-01';
        UPDATE tiers_tierchange SET valid_until = '2040-01-01'""",
        BENS_RISE,
    ),
    Crime(
        "tier_announced",
        "tiers_tierchange",
        """UPDATE tiers_tierchange SET numbers = numbers || '{"value": "5000"}'""",
        THE_RISE,
    ),
    Crime("tier_due", "tiers_standing", "UPDATE tiers_standing SET review_on = NULL", BENS_STANDING),
    Crime("tier_due", "tiers_standing", "UPDATE tiers_standing SET review_on = '2040-01-01'", BENS_STANDING),
    Crime(
        "tier_due", "tiers_standing", "UPDATE tiers_standing SET computed_through = '2040-01-01'", A_STANDING
    ),
    Crime(
        "tier_published",
        "tiers_ladderversion",
        "UPDATE tiers_ladderversion SET definition = jsonb_set(definition, '{tiers,0,threshold}', '\"50\"')",
        THE_LADDER,
    ),
    Crime(
        "tier_published",
        "tiers_ladderversion",
        "UPDATE tiers_ladderversion SET effective_from = effective_from - interval '1 year'",
        THE_LADDER,
    ),
    Crime(
        "tier_published",
        "tiers_ladderversion",
        "UPDATE tiers_ladderversion SET withdrawn_at = effective_from - interval '1 day'",
        THE_LADDER,
    ),
    Crime(
        "tier_published", "outbox_fact", "DELETE FROM outbox_fact WHERE type = 'ladder.published'", THE_LADDER
    ),
    Crime(
        "tier_shown",
        "members_member",
        "UPDATE members_member SET tier_code = 'silver'",
        "SELECT member_id::text FROM tiers_standing WHERE placement_id IS NOT NULL",
    ),
    Crime(
        "tier_owner",
        "tiers_placement",
        "UPDATE tiers_placement SET tier_set_id = tier_set_id + 1",
        A_STANDING,
    ),
    Crime(
        "tier_manual_told",
        "tiers_tierchange",
        "DELETE FROM tiers_tierchange WHERE id = (SELECT max(id) FROM tiers_tierchange WHERE kind = 'manual')",
        "SELECT max(id)::text FROM tiers_placement",
    ),
]


def test_an_honest_history_passes_every_check(a_history: None) -> None:
    assert proof.verify(at=LATER).breaches == []


def test_every_check_has_its_crime() -> None:
    assert {crime.check for crime in CRIMES} == set(TIER_CHECKS)


@pytest.mark.parametrize("crime", CRIMES, ids=lambda crime: f"{crime.check}-{crime.table}")
def test_one_changed_row_is_named(a_history: None, crime: Crime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(crime.named)
        row = cursor.fetchone()[0]
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(crime.change)
        cursor.execute("SET session_replication_role = origin")
    found = [(one.check, one.id) for one in proof.verify(at=LATER).breaches]
    assert (crime.check, row) in found
