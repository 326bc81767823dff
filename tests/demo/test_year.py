"""What the demonstration shows: each thing that a loyalty team meets, and a call that works as pasted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from campaigns import versions
from campaigns.demo import seeding
from campaigns.demo.seeding import Access
from campaigns.models import BudgetUse, Campaign, Trace
from loyalty.events.models import Event
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import Program
from rewards import fulfilment, vouchers
from rewards.models import Redemption, Reward, Stock
from tests.demo.pasting import paste

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def access(lasting: Callable[[], None]) -> Access:
    """How to get into an installation that has been seeded."""
    access = seeding.seed(at=NOW, members=120, orders=1500)
    lasting()
    return access


def test_everything_that_a_loyalty_team_meets_is_there(access: Access) -> None:
    acts = Counter(Transaction.objects.values_list("kind", flat=True))
    wanted = {"earn", "redeem", "expire", "transfer", "reverse", "activate", "adjust", "refund"}
    assert wanted <= acts.keys()
    states = Counter(Event.objects.values_list("status", flat=True))
    assert {"processed", "guest", "waiting", "rejected"} <= states.keys()
    assert not {"received", "failed"} & states.keys()
    assert Wallet.objects.filter(debt__gt=0).exists()
    assert Member.objects.filter(state="suspended").exists()
    assert {"silver", "gold", ""} == set(Member.objects.values_list("tier_code", flat=True))
    assert Trace.objects.filter(detail__outcome="member_may_not_earn").exists()
    campaigns = {one.code: versions.state(one, NOW) for one in Campaign.objects.all()}
    assert (campaigns["tea"], campaigns["birthday"], campaigns["weekend"]) == ("paused", "draft", "running")
    autumn = Campaign.objects.get(code="autumn")
    assert autumn.budget is not None
    assert 0.75 * autumn.budget <= BudgetUse.objects.get(campaign=autumn).points <= autumn.budget


def test_nothing_happens_after_the_present(access: Access) -> None:
    assert not Event.objects.filter(received_at__gt=NOW).exists()
    assert not Transaction.objects.filter(recorded_at__gt=NOW).exists()
    assert not Member.objects.filter(enrolled_at__gt=NOW).exists()


def test_the_printed_call_works_as_pasted(client: Client, access: Access) -> None:
    paste(client, access.curl, at=NOW)


def test_rewards_are_taken_packed_and_nearly_gone(access: Access) -> None:
    states = Counter(Redemption.objects.values_list("state", flat=True))
    assert {"reserved", "confirmed", "fulfilled", "cancelled"} <= states.keys()
    program = Program.objects.get()
    waiting = {tab: fulfilment.queue(program, tab, at=NOW).count() for tab in fulfilment.TABS}
    assert all(waiting[tab] for tab in ("new", "in_progress", "problem")), waiting
    assert fulfilment.overdue(program, at=NOW)
    assert Stock.objects.get(reward__code="mug", code="terracotta").left == 2
    assert vouchers.pool_of(Reward.objects.get(code="cinema")).free
    assert set(Reward.objects.values_list("status", flat=True)) == {"live", "draft"}
    assert len({type(one) for one in Reward.objects.all()}) == 8
    assert not Redemption.objects.filter(created_at__gt=NOW).exists()
