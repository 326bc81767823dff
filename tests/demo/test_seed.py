"""The demonstration is the same for the same day, its books add up, and it shows each thing that can happen."""

from __future__ import annotations

import io
import json
import shlex
import stat
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Q
from django.test import Client

from campaigns import versions
from campaigns.demo import seeding
from campaigns.demo.seeding import Access
from campaigns.models import BudgetUse, Campaign, Trace
from loyalty.base import clock
from loyalty.base.models import Job
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import Program
from rewards import fulfilment, vouchers
from rewards.models import Redemption, Reward, Stock

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
SIZE = {"members": 60, "orders": 500}


def seed() -> Access:
    return seeding.seed(at=NOW, **SIZE)


def told() -> dict[str, Any]:
    """What was seeded, without ids and secrets."""
    wallets = Wallet.objects.order_by("member__name", "balance")
    acts = Transaction.objects.order_by("occurred_at", "kind", "amount")
    of_orders = ~Q(
        reference__in=[str(redemption) for redemption in Redemption.objects.values_list("pk", flat=True)]
    )
    return {
        "wallets": list(wallets.values_list("member__name", "balance", "debt", "lifetime")),
        "acts": list(acts.values_list("kind", "amount", "occurred_at")),
        "orders": sorted(acts.filter(of_orders).values_list("reference", "kind", "amount", "occurred_at")),
        "taken": sorted(
            Redemption.objects.values_list("reward__code", "member__name", "state", "created_at")
        ),
        "events": list(
            Event.objects.order_by("source", "external_id").values_list("type", "status", "occurred_at")
        ),
        "members": list(
            Member.objects.order_by("enrolled_at", "name").values_list("name", "tier_code", "state")
        ),
    }


class _Over(Exception):
    """Ends one seeding: the database is empty again."""


def test_the_same_day_gives_the_same_history() -> None:
    seen = []
    for _ in range(2):
        try:
            with transaction.atomic():
                seed()
                seen.append(told())
                raise _Over  # noqa: TRY301 - the way to roll back
        except _Over:
            assert not Program.objects.exists()
    assert seen[0]["acts"] == seen[1]["acts"]
    assert {name: part for name, part in seen[0].items() if name != "events"} == {
        name: part for name, part in seen[1].items() if name != "events"
    }
    assert Counter(seen[0]["events"]) == Counter(seen[1]["events"])


@pytest.mark.parametrize(
    "day", ["2026-11-22T14:30", "2026-12-31T23:00:30", "2027-03-28T01:30", "2028-02-29T09:00"]
)
def test_the_books_of_the_demonstration_are_proved_on_any_day(day: str) -> None:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    seeding.seed(at=at, members=40, orders=250)
    job = proof.verify_now(program=None, at=at, by="test")
    assert job.state == Job.State.DONE
    assert job.result["ok"], job.result["breaches"]


def test_everything_that_a_loyalty_team_meets_is_there() -> None:
    seed()
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


def test_nothing_happens_after_the_present() -> None:
    seed()
    assert not Event.objects.filter(received_at__gt=NOW).exists()
    assert not Transaction.objects.filter(recorded_at__gt=NOW).exists()
    assert not Member.objects.filter(enrolled_at__gt=NOW).exists()


@pytest.mark.parametrize("empty", [False, True])
def test_the_printed_call_works_as_pasted(client: Client, empty: bool) -> None:
    with clock.pinned(NOW):
        access = seeding.begin(at=NOW) if empty else seed()
        words = shlex.split(_as_the_shell_would(access.curl))
        headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
        content_type = headers.pop("Content-Type")
        body = words[words.index("-d") + 1]
        answer = client.post("/api/v1/events", body, content_type=content_type, headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "processed"
    assert answer.json()["points"]["points"] > 0


def _as_the_shell_would(text: str) -> str:
    present = text.replace("$(date -u +%Y-%m-%dT%H:%M:%SZ)", NOW.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return present.replace("$(date +%s)", "1795356242")


def test_the_user_can_log_in_with_the_printed_password(client: Client) -> None:
    access = seeding.begin(at=NOW)
    user = User.objects.get(username=access.login)
    assert user.check_password(access.password)
    assert user.is_staff


def test_an_empty_program_has_campaigns_and_a_key_and_nobody_in_it(tmp_path: Path) -> None:
    out = tmp_path / "demo.json"
    call_command("seed_demo", empty=True, out=str(out))
    assert Program.objects.get().code == "shop"
    assert Campaign.objects.count() == 6
    assert not Member.objects.exists()
    assert not Event.objects.exists()
    notes = json.loads(out.read_text())
    assert notes.keys() == {"login", "password", "api_key", "curl"}
    assert notes["api_key"] in notes["curl"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_an_installation_in_use_is_left_alone() -> None:
    seeding.begin(at=NOW)
    with pytest.raises(CommandError, match="empty installation"):
        call_command("seed_demo", stdout=io.StringIO())
    assert Program.objects.count() == 1


def test_rewards_are_taken_packed_and_nearly_gone() -> None:
    seeding.seed(at=NOW, members=120, orders=1500)
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
