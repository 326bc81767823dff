"""Somebody with all rights on the database changes awards, limits or explanations: the proof names the row."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from campaigns.checks import CAMPAIGN_CHECKS
from campaigns.earning import process_now
from campaigns.models import Award, Trace
from loyalty.ledger import ledger, proof
from loyalty.ledger.acts import Actor
from loyalty.ledger.checkout import CHECKOUT
from loyalty.members import members
from tests.earning.shop import NOON, Shop, open_shop

pytestmark = pytest.mark.django_db

# By check: what is done, and the row that the proof has to name.
CRIMES = {
    "an award of another member": (
        "award_owner",
        "UPDATE campaigns_award SET member_id = (SELECT max(id::text)::uuid FROM members_member) WHERE id = {award}",
        "SELECT {award}",
    ),
    "an award of a version that its campaign never had": (
        "award_owner",
        "UPDATE campaigns_award SET version_id = (SELECT max(id) FROM campaigns_campaignversion) WHERE id = {award}",
        "SELECT {award}",
    ),
    "an award booked by the transaction of another event": (
        "award_owner",
        "UPDATE campaigns_award SET transaction_id = {other_act} WHERE id = {award}",
        "SELECT {award}",
    ),
    "an award that is more than was booked": (
        "award_booked",
        "UPDATE campaigns_award SET points = points + 1 WHERE id = {plain}",
        "SELECT {plain}",
    ),
    "an award less than was taken back": (
        "award_booked",
        "UPDATE campaigns_award SET points = points + 1 WHERE points < 0",
        "SELECT id FROM campaigns_award WHERE points < 0",
    ),
    "points for an event without an award": (
        "earned_by_awards",
        "DELETE FROM campaigns_award WHERE id = {plain}",
        "SELECT id FROM ledger_transaction WHERE kind = 'earn' AND event_id = {event}",
    ),
    "an explanation that is gone": (
        "event_explained",
        "DELETE FROM campaigns_trace WHERE event_id = {event}",
        "SELECT {event}",
    ),
    "an explanation that tells of other points": (
        "trace_points",
        "UPDATE campaigns_trace SET detail = jsonb_set(detail, '{{points,points}}', '1') WHERE event_id = {event}",
        "SELECT {event}",
    ),
    "a budget that counts too little": (
        "budget_use",
        "UPDATE campaigns_budgetuse SET points = points - 1",
        "SELECT campaign_id FROM campaigns_budgetuse",
    ),
    "a budget that is spent twice": (
        "budget_limit",
        """UPDATE campaigns_campaignversion SET definition = jsonb_set(definition, '{{budget}}', '9')
           WHERE definition ->> 'budget' IS NOT NULL""",
        "SELECT campaign_id FROM campaigns_budgetuse",
    ),
    "a cap that counts too little": (
        "cap_use",
        "UPDATE campaigns_capuse SET points = points - 1 WHERE period LIKE 'd:%'",
        "SELECT max(id) FROM campaigns_capuse WHERE period LIKE 'd:%'",
    ),
    "a cap of times that counts too often": (
        "cap_use",
        "UPDATE campaigns_capuse SET times = times + 1 WHERE period LIKE 'd:%'",
        "SELECT max(id) FROM campaigns_capuse WHERE period LIKE 'd:%'",
    ),
    "a cap that was not held": (
        "cap_limit",
        """UPDATE campaigns_campaignversion SET definition = jsonb_set(definition, '{{caps}}',
           '[{{"per": "day", "points": "3"}}, {{"per": "lifetime", "times": 9}}]')
           WHERE jsonb_array_length(definition -> 'caps') > 0""",
        "SELECT id FROM campaigns_capuse WHERE period LIKE 'd:%'",
    ),
    "a payment that belongs to no order any more": (
        "paid_order",
        "DELETE FROM campaigns_orderpayment",
        "SELECT event_id FROM campaigns_trace WHERE detail ? 'payments'",
    ),
    "a payment that belongs to another order": (
        "paid_order",
        "UPDATE campaigns_orderpayment SET order_id = (SELECT id FROM campaigns_order WHERE reference = 'A-2')",
        "SELECT event_id FROM campaigns_trace WHERE detail ? 'payments'",
    ),
}
NAMES = {
    "award": "(SELECT min(id) FROM campaigns_award)",
    "plain": "(SELECT max(id) FROM campaigns_award)",
    "event": "(SELECT event_id FROM campaigns_award ORDER BY id DESC LIMIT 1)",
    "other_act": "(SELECT transaction_id FROM campaigns_award ORDER BY id DESC LIMIT 1)",
}


@pytest.fixture
def shop() -> Shop:
    """Ada buys twice, pays one order with points, sends part of it back and comes by; limits are in force."""
    shop = open_shop()
    shop.campaign("base", budget=10_000)
    shop.campaign(
        "capped",
        bonus="extra",
        extra_points=Decimal(5),
        caps=[{"per": "day", "points": "50"}, {"per": "lifetime", "times": 9}],
    )
    shop.campaign("visit", trigger="visit.checked_in", basis="fixed", points=Decimal(7))
    members.register(shop.program, {"external_id": "ben"}, channel=shop.channel, at=NOON)
    shop.order("A-1", "10.00", "20.00")
    shop.process()
    ledger.redeem(
        shop.ada, shop.points, 10, at=NOON, actor=Actor("channel", "web"), reference="A-3", reason_code=CHECKOUT,
        lapses_at=NOON + timedelta(minutes=15),
    )  # fmt: skip
    shop.order("A-2", "30.00")
    paid = shop.order("A-3", "12.00")
    process_now(paid.pk, at=NOON)
    shop.send("order.returned", {"order_id": "A-1", "return_id": "r", "lines": [{"id": "1", "quantity": 1}]})
    shop.send("visit.checked_in", {})
    shop.process()
    return shop


def test_an_honest_shop_passes(shop: Shop) -> None:
    assert Award.objects.filter(points__lt=0).count() == 1
    assert Trace.objects.filter(detail__payments__0__outcome="captured").count() == 1
    assert proof.verify(at=NOON).breaches == []


def test_every_check_has_its_crime() -> None:
    assert {check for check, _, _ in CRIMES.values()} == set(CAMPAIGN_CHECKS)


@pytest.mark.parametrize("crime", CRIMES)
def test_one_changed_row_is_named(shop: Shop, crime: str) -> None:
    check, change, named = CRIMES[crime]
    with connection.cursor() as cursor:
        cursor.execute(named.format(**NAMES))
        wanted = {str(row[0]) for row in cursor.fetchall()}
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(change.format(**NAMES))
        assert cursor.rowcount > 0
        cursor.execute("SET session_replication_role = origin")
    found = [one.id for one in proof.verify(at=NOON).breaches if one.check == check]
    assert wanted
    assert wanted <= set(found)


@pytest.mark.parametrize(
    "statement", ["UPDATE campaigns_trace SET points = 1", "DELETE FROM campaigns_trace"]
)
def test_an_explanation_is_never_changed(shop: Shop, statement: str) -> None:
    refused = pytest.raises(DatabaseError, match="Cannot update or delete")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
