"""Tiers that are brought along: who has which, until when, and how it goes on from there."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction

from loyalty.base.models import Job
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program
from tests.tiers_imports import club
from tests.tiers_imports.club import NOW, row
from tests.tiers_imports.conftest import Bring
from tiers import published
from tiers.models import Placement, Standing, TierChange
from tiers.standings import Standings, review

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return club.open_club(ladder=True)


def report(tmp_path: Path) -> list[tuple[int, str]]:
    with (tmp_path / "errors.csv").open(newline="") as opened:
        return [(int(one["row"]), one["code"]) for one in csv.DictReader(opened)]


def batch() -> str:
    return Job.objects.filter(kind="import_balances").latest("created_at").pk.hex[:12]


def test_a_member_has_the_tier_from_today_on_and_since_the_day_it_was_reached(
    program: Program, bring: Bring
) -> None:
    club.join(program, "ada")
    bring(row("ada", tier="Gold", since="2025-03-01", until="2027-05-31"))
    placed = Placement.objects.get()
    assert (placed.kind, placed.tier_code, placed.batch) == ("import", "gold", Job.objects.get().pk)
    assert (placed.since, placed.starts_on, placed.ends_on) == (
        date(2025, 3, 1),
        date(2026, 11, 20),
        date(2027, 5, 31),
    )
    ada = Member.objects.get()
    assert (ada.tier_code, ada.tier_name) == ("gold", "Gold")
    assert ada.tier_until == datetime(2027, 5, 31, 22, tzinfo=UTC)
    standing = Standing.objects.get()
    assert (standing.tier_code, standing.since, standing.valid_until) == (
        "gold",
        date(2025, 3, 1),
        date(2027, 6, 1),
    )
    change = TierChange.objects.get()
    assert (change.kind, change.to_code, change.job_id) == ("imported", "gold", Job.objects.get().pk)


def test_without_a_last_day_the_ladder_says_how_long_it_lasts(program: Program, bring: Bring) -> None:
    club.join(program, "ada")
    bring(row("ada", tier="silver"))
    assert Standing.objects.get().valid_until == date(2028, 1, 1)  # to the end of the next calendar year


def test_a_row_for_each_lot_may_repeat_the_tier(program: Program, bring: Bring, tmp_path: Path) -> None:
    [ada] = club.join(program, "ada")
    said = bring(
        row("ada", "5", tier="gold"), row("ext:ada", "6", tier="GOLD"), row("ada", "7", tier="silver")
    )
    assert report(tmp_path) == [(4, "tier_differs")]
    assert Placement.objects.count() == 1
    assert club.balance(ada) == 11
    assert "Tier gold: 1 in the file, 1 booked" in said


def test_one_member_under_two_names_has_one_tier(program: Program, bring: Bring, tmp_path: Path) -> None:
    [ada] = club.join(program, "ada")
    ada.identifiers.create(program=program, kind="card", value="94001234", created_at=NOW)
    bring(
        row("ada", tier="gold"), row("card:9400 1234", tier="gold"), row("card:94001234", "3", tier="silver")
    )
    assert report(tmp_path) == [(4, "tier_differs")]
    assert Placement.objects.count() == 1


def test_the_same_file_places_nobody_twice_and_another_one_is_told_so(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    club.join(program, "ada")
    bring(row("ada", tier="gold"))
    bring(row("ada", tier="gold"), member_kind="ext", at=NOW + timedelta(days=2))
    assert not (tmp_path / "errors.csv").exists()
    bring(row("ada", tier="silver"))
    assert report(tmp_path) == [(2, "tier_imported_before")]
    assert Placement.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (row("ada", tier="platinum"), "tier_unknown"),
        (row("ada", tier="gold", since="2026-11-21"), "tier_in_future"),
        (row("ada", tier="gold", until="2026-11-19"), "tier_ended"),
        (row("ada", tier="gold", since="then"), "day_invalid"),
    ],
)
def test_a_tier_that_cannot_be_is_refused_with_its_row(
    program: Program, bring: Bring, tmp_path: Path, wrong: tuple[str, ...], code: str
) -> None:
    club.join(program, "ada")
    bring(wrong)
    assert report(tmp_path) == [(2, code)]
    assert not Placement.objects.exists()


def test_undoing_ends_the_tier_and_the_file_can_be_brought_again(
    program: Program, bring: Bring, undo: Bring
) -> None:
    club.join(program, "ada")
    bring(row("ada", tier="gold"))
    assert "1 tiers ended" in undo(batch())
    assert Placement.objects.get().ended_at == NOW
    assert Member.objects.get().tier_code == ""
    assert list(TierChange.objects.order_by("pk").values_list("from_code", "to_code")) == [
        ("", "gold"),
        ("gold", ""),
    ]
    bring(row("ada", tier="gold"))
    assert Member.objects.get().tier_code == "gold"
    call_command("verify", stdout=None)


def test_nobody_is_congratulated_on_a_tier_that_was_brought_along(program: Program, bring: Bring) -> None:
    club.join(program, "ada")
    bring(row("ada", tier="gold"))
    assert not Fact.objects.filter(type__startswith="tier.").exists()


def test_what_is_earned_from_here_on_counts_as_ever(program: Program, bring: Bring) -> None:
    """The automaton goes on from the imported tier: silver by import, kept to its day, then judged."""
    [ada] = club.join(program, "ada")
    bring(row("ada", tier="silver", until="2026-12-31"))
    for night, tier in ((31, "silver"), (32, "")):
        at = datetime(2026, 12, 1, 12, tzinfo=UTC) + timedelta(days=night - 1)
        standings = Standings({program.pk: published.of_program(program.pk)}, at=at)
        standings.load([Member.objects.get(pk=ada.pk)])
        with transaction.atomic():
            standings.write(first=review)
        assert Member.objects.get().tier_code == tier
