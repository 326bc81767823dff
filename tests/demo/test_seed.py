"""The demonstration is the same for the same day, its books add up, and an empty one is a place to begin."""

from __future__ import annotations

import io
import json
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

from campaigns.demo import seeding
from campaigns.models import Campaign
from loyalty.base import clock
from loyalty.base.models import Job
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import Program
from rewards.models import Redemption
from tests.demo.pasting import paste

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
FEW = {"members": 20, "orders": 120}


def told() -> dict[str, Any]:
    """What was seeded, without ids and secrets."""
    acts = Transaction.objects.order_by("occurred_at", "kind", "amount")
    of_orders = ~Q(
        reference__in=[str(redemption) for redemption in Redemption.objects.values_list("pk", flat=True)]
    )
    return {
        "wallets": sorted(Wallet.objects.values_list("member__name", "balance", "debt", "lifetime")),
        "acts": list(acts.values_list("kind", "amount", "occurred_at")),
        "orders": sorted(acts.filter(of_orders).values_list("reference", "kind", "amount", "occurred_at")),
        "taken": sorted(
            Redemption.objects.values_list("reward__code", "member__name", "state", "created_at")
        ),
        "events": list(
            Event.objects.order_by("source", "external_id").values_list("type", "status", "occurred_at")
        ),
        "members": sorted(Member.objects.values_list("name", "enrolled_at", "tier_code", "state")),
    }


class _Over(Exception):
    """Ends one seeding: the database is empty again."""


def test_the_same_day_gives_the_same_history() -> None:
    seen = []
    for _ in range(2):
        try:
            with transaction.atomic():
                seeding.seed(at=NOW, **FEW)
                seen.append(told())
                raise _Over  # noqa: TRY301 - the way to roll back
        except _Over:
            assert not Program.objects.exists()
    assert seen[0]["acts"] == seen[1]["acts"]
    assert {name: part for name, part in seen[0].items() if name != "events"} == {
        name: part for name, part in seen[1].items() if name != "events"
    }
    assert Counter(seen[0]["events"]) == Counter(seen[1]["events"])


@pytest.mark.parametrize("day", ["2026-12-31T23:00:30", "2027-03-28T01:30", "2028-02-29T09:00"])
def test_the_books_of_the_demonstration_are_proved_on_any_day(day: str) -> None:
    at = datetime.fromisoformat(day).replace(tzinfo=UTC)
    seeding.seed(at=at, **FEW)
    job = proof.verify_now(program=None, at=at, by="test")
    assert job.state == Job.State.DONE
    assert job.result["ok"], job.result["breaches"]


def test_the_call_printed_for_an_empty_program_works_as_pasted(client: Client) -> None:
    with clock.pinned(NOW):
        access = seeding.begin(at=NOW)
    paste(client, access.curl, at=NOW)


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
