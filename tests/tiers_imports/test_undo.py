"""Taking a whole import back: what is left goes, what was spent is listed, and both sets of rows stay."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from loyalty.base.models import Job
from loyalty.ledger import expiry, holds, ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.errors import InsufficientPoints
from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from tests.tiers_imports import club
from tests.tiers_imports.club import NOW, row
from tests.tiers_imports.conftest import Bring
from tests.tiers_imports.sample import MEMBERS, Chance, write
from tiers.imports import run as importing
from tiers.imports import undo as undoing

pytestmark = pytest.mark.django_db
OLGA = Actor("staff", "olga")
LATER = NOW + timedelta(days=3)


def batch() -> str:
    return Job.objects.filter(kind="import_balances").latest("created_at").pk.hex[:12]


def listed(tmp_path: Path) -> list[tuple[int, str, str]]:
    """Row, what was not there, and what became of it."""
    if not (tmp_path / "spent.csv").exists():
        return []
    with (tmp_path / "spent.csv").open(newline="") as opened:
        return [(int(one["row"]), one["not_there"], one["code"]) for one in csv.DictReader(opened)]


def spend(member: Member, points: int, *, at: datetime = LATER) -> None:
    point_type = PointType.objects.select_related("program").get(code="points")
    ledger.redeem(member, point_type, points, at=at, actor=OLGA)


def reserve(member: Member, points: int, *, lapses_at: datetime) -> None:
    point_type = PointType.objects.select_related("program").get(code="points")
    at = lapses_at - timedelta(minutes=15)
    ledger.hold(member, point_type, points, lapses_at=lapses_at, at=at, actor=OLGA)


def give(member: Member, points: int, *, at: datetime = LATER) -> None:
    point_type = PointType.objects.select_related("program").get(code="points")
    ledger.adjust(member, point_type, points, at=at, actor=OLGA, reason_code="goodwill")


def test_an_import_that_nobody_touched_leaves_nothing(
    program: Program, bring: Bring, undo: Bring, tmp_path: Path
) -> None:
    club.join(program, *MEMBERS)
    bring(file=write(tmp_path / "sample.csv", Chance(5).rows(150)))
    booked = Transaction.objects.count()
    undo(batch())
    assert set(Wallet.objects.values_list("balance", "debt")) == {(0, 0)}
    assert not Lot.objects.filter(remaining__gt=0).exists()
    assert Transaction.objects.filter(reason_code="import").count() == booked
    assert Transaction.objects.filter(reason_code="import_undone").exists()
    assert listed(tmp_path) == []
    call_command("verify", stdout=None)


def test_undoing_twice_changes_nothing(program: Program, bring: Bring, undo: Bring) -> None:
    club.join(program, "ada")
    bring(row("ada", "50"))
    undo(batch())
    before = list(Entry.objects.values())
    assert "Nothing to do" in undo(batch())
    assert list(Entry.objects.values()) == before


def test_what_was_spent_is_listed_and_left(
    program: Program, bring: Bring, undo: Bring, tmp_path: Path
) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "50", expires="2027-01-31"), row("ada", "30"))
    spend(ada, 60)
    give(ada, 7)
    said = undo(batch(), at=LATER)
    assert listed(tmp_path) == [(2, "50", "spent_left"), (3, "10", "spent_left")]
    assert club.balance(ada) == 7
    assert "20 taken back" in said
    assert "60 spent meanwhile" in said
    assert not club.debts(program)
    call_command("verify", stdout=None)


def test_or_it_is_owed_when_asked(program: Program, bring: Bring, undo: Bring, tmp_path: Path) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "80"))
    spend(ada, 60)
    give(ada, 7)
    undo(batch(), at=LATER, spent="owed")
    assert listed(tmp_path) == [(2, "60", "spent_owed")]
    assert club.debts(program) == {("ada", "points"): 53}
    call_command("verify", stdout=None)


def test_points_of_one_lot_that_pay_for_another_are_spent_once(
    program: Program, bring: Bring, undo: Bring, tmp_path: Path
) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "50", expires="2027-01-31"), row("ada", "30"))
    spend(ada, 20)
    assert "20 spent meanwhile" in undo(batch(), at=LATER, spent="owed")
    assert listed(tmp_path) == [(2, "20", "spent_owed")]
    assert club.debts(program) == {("ada", "points"): 20}


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("spent", ["left", "owed"])
def test_a_reservation_holds_points_until_it_lapses_however_late_the_sweep(  # noqa: PLR0917
    program: Program, bring: Bring, undo: Bring, tmp_path: Path, spent: str, swept: bool
) -> None:
    ada, ben = club.join(program, "ada", "ben")
    bring(row("ada", "80"), row("ben", "80"))
    reserve(ada, 60, lapses_at=LATER)
    reserve(ben, 60, lapses_at=LATER + timedelta(seconds=1))
    if swept:
        holds.sweep(LATER)
    undo(batch(), at=LATER, spent=spent)
    assert listed(tmp_path) == [(3, "60", f"spent_{spent}")]
    assert club.balance(ada) == 0
    assert club.balance(ben) == (0 if spent == "left" else -60)
    call_command("verify", stdout=None)


def test_what_lapsed_meanwhile_is_neither_taken_nor_spent(
    program: Program, bring: Bring, undo: Bring, tmp_path: Path
) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "50", expires="2026-11-21"), row("ada", "20", expires="2026-11-22"))
    expiry.expire_program(program, at=datetime(2026, 11, 22, 12, tzinfo=UTC))
    said = undo(batch(), at=LATER, spent="owed")
    assert "70 lapsed meanwhile" in said
    assert listed(tmp_path) == []
    assert club.debts(program) == {}
    expiry.expire_program(program, at=LATER)
    assert club.balance(ada) == 0
    call_command("verify", stdout=None)


@pytest.mark.parametrize("spent", ["left", "owed"])
@pytest.mark.parametrize("rows", [("-50", "80"), ("80", "-50"), ("-50", "-20", "30"), ("10", "-90", "20")])
def test_debts_of_the_import_fall_away_with_it(  # noqa: PLR0917
    program: Program, bring: Bring, undo: Bring, tmp_path: Path, rows: tuple[str, ...], spent: str
) -> None:
    [ada] = club.join(program, "ada")
    give(ada, 100, at=NOW - timedelta(days=1))
    bring(*(row("ada", amount, expires="" if amount[0] == "-" else "2027-12-31") for amount in rows))
    undo(batch(), at=LATER, spent=spent)
    assert club.balance(ada) == 100
    assert not club.debts(program)
    assert listed(tmp_path) == []
    assert Wallet.objects.get(member=ada).lifetime == 100
    call_command("verify", stdout=None)


@pytest.mark.parametrize("rows", [("100", "-50"), ("-50", "100")])
def test_the_order_of_the_rows_makes_no_difference(
    program: Program, bring: Bring, undo: Bring, tmp_path: Path, rows: tuple[str, ...]
) -> None:
    [ada] = club.join(program, "ada")
    bring(*(row("ada", amount, expires="" if amount[0] == "-" else "2027-12-31") for amount in rows))
    spend(ada, 50)
    assert "50 spent meanwhile" in undo(batch(), at=LATER)
    assert [(points, code) for _, points, code in listed(tmp_path)] == [("50", "spent_left")]
    assert club.balance(ada) == 0
    assert not club.debts(program)
    call_command("verify", stdout=None)


def test_what_falls_away_with_a_debt_is_not_taken_from_other_points(
    program: Program, bring: Bring, undo: Bring
) -> None:
    [ada] = club.join(program, "ada")
    point_type = PointType.objects.select_related("program").get(code="points")
    ends = datetime(2027, 3, 1, tzinfo=UTC)
    bring(row("ada", "-50", expires=""), row("ada", "80"))
    ledger.adjust(ada, point_type, 100, at=NOW, actor=OLGA, reason_code="goodwill", expires_at=ends)
    undo(batch(), at=LATER, spent="owed")
    assert list(Lot.objects.filter(remaining__gt=0).values_list("remaining", "expires_at")) == [(100, ends)]


@pytest.mark.parametrize("spent", ["left", "owed"])
def test_a_debt_that_other_points_have_paid_gives_them_back_and_counts_as_nothing_earned(
    program: Program, bring: Bring, undo: Bring, spent: str
) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "-50", expires=""))
    give(ada, 30)
    undo(batch(), at=LATER, spent=spent)
    wallet = Wallet.objects.get(member=ada)
    assert (wallet.balance, wallet.debt, wallet.lifetime) == (30, 0, 30)
    [undone] = Transaction.objects.filter(reason_code="import_undone")
    assert undone.reverses == Transaction.objects.get(reason_code="import")
    call_command("verify", stdout=None)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spent", ["left", "owed"])
def test_after_any_use_of_the_points_the_account_is_as_if_the_import_had_never_been(  # noqa: PLR0917
    program: Program, bring: Bring, undo: Bring, tmp_path: Path, seed: int, spent: str
) -> None:
    """But for what was spent of it: that is what the list says, to the point."""
    dice, members = random.Random(seed), club.join(program, *MEMBERS[:4])
    own = dict.fromkeys((one.pk for one in members), 0)
    rows = [
        row(dice.choice(MEMBERS[:4]), str(amount), expires="" if amount < 0 else "2027-12-31")
        for amount in dice.choices([1, 20, 300, -5, -40], k=30)
    ]
    for step in range(40):
        if step == 10:
            bring(
                file=write(
                    tmp_path / "some.csv", [(*one[:7], str(n)) for n, one in enumerate(rows)], tag_header()
                )
            )
        member, amount = dice.choice(members), dice.randint(1, 90)
        try:
            if dice.random() < 0.5:
                give(member, amount)
                own[member.pk] += amount
            else:
                spend(member, amount)
                own[member.pk] -= amount
        except InsufficientPoints:
            continue
    undo(batch(), at=LATER, spent=spent)
    missing = sum(int(points) for _, points, code in listed(tmp_path) if code == "spent_left")
    balances = {one.member_id: one.balance for one in Wallet.objects.all()}
    assert not club.debts(program) or spent == "owed"
    if spent == "owed":
        assert {key: balances.get(key, 0) for key in own} == own
    else:
        assert sum(balances.values()) - sum(own.values()) == missing
    call_command("verify", stdout=None)


def tag_header() -> tuple[str, ...]:
    return (*club.HEADER[:7], "Nr")


# --- members --------------------------------------------------------------------------------------------------


def test_members_whom_it_enrolled_stay_unless_asked_and_untouched(
    program: Program, bring: Bring, undo: Bring
) -> None:
    bring(row("ada", "5"), row("ben", "5"), enrol=True)
    assert "2 members that the import had enrolled" in undo(batch(), at=LATER)
    assert set(Member.objects.values_list("state", flat=True)) == {"active"}


def test_closing_leaves_those_who_have_come_to_life(program: Program, bring: Bring, undo: Bring) -> None:
    club.join(program, "cleo")
    bring(row("ada", "5"), row("ben", "5"), row("cleo", "5"), enrol=True)
    give(Member.objects.get(identifiers__value="ben"), 1)
    said = undo(batch(), at=LATER, close_members=True)
    assert "1 of these closed" in said
    states = Member.objects.values_list("identifiers__value", "state")
    assert set(states) == {("ada", "closed"), ("ben", "active"), ("cleo", "active")}


# --- the act as a whole ---------------------------------------------------------------------------------------


def test_after_it_the_file_may_be_imported_again(program: Program, bring: Bring, undo: Bring) -> None:
    [ada] = club.join(program, "ada")
    rows = [row("ada", "50")]
    bring(*rows)
    first = batch()
    undo(first)
    bring(*rows, at=LATER)
    assert club.balance(ada) == 50
    assert batch() != first
    assert "Nothing to do" in undo(first)
    undo(batch(), at=LATER)
    assert club.balance(ada) == 0


def test_only_the_rows_of_this_import_are_taken(
    program: Program, bring: Bring, undo: Bring, tmp_path: Path
) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "50"))
    first = batch()
    bring(file=write(tmp_path / "other.csv", [row("ada", "8")]))
    undo(first)
    assert club.balance(ada) == 8


@pytest.mark.parametrize("stops_after", [0, 1, 3])
def test_an_undoing_that_is_interrupted_goes_on(
    program: Program, bring: Bring, undo: Bring, monkeypatch: pytest.MonkeyPatch, stops_after: int
) -> None:
    members = club.join(program, *MEMBERS)
    rows = [row(name, "50") for name in MEMBERS]
    bring(*rows)
    spend(members[0], 20)
    monkeypatch.setattr(undoing, "CHUNK", 3)
    take = undoing.Undo._take
    done: list[Any] = []

    def fragile(self: undoing.Undo, ids: Any) -> Any:
        if len(done) == stops_after:
            raise RuntimeError("the machine went down")
        done.append(ids)
        return take(self, ids)

    with monkeypatch.context() as patch:
        patch.setattr(undoing.Undo, "_take", fragile)
        with pytest.raises(RuntimeError):
            undo(batch(), at=LATER)
    with pytest.raises(CommandError, match="being undone"):
        bring(*rows)
    undo(batch(), at=LATER)
    assert sum(Wallet.objects.values_list("balance", flat=True)) == 0
    assert Transaction.objects.filter(kind="reverse").count() == len(MEMBERS)
    told = Job.objects.get(kind="import_balances").result["undone"]["points"]["points"]
    assert told == {"brought": "600", "taken": "580", "lapsed": "0", "spent": "20"}
    call_command("verify", stdout=None)


def test_an_import_that_was_never_finished_can_be_undone(
    program: Program, bring: Bring, undo: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    club.join(program, *MEMBERS)
    rows = [row(name, "50") for name in MEMBERS]
    monkeypatch.setattr(importing, "CHUNK", 5)
    take = importing.Run._take
    done: list[Any] = []

    def fragile(self: importing.Run, chunk: Any) -> Any:
        if done:
            raise RuntimeError("the machine went down")
        done.append(chunk)
        return take(self, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(importing.Run, "_take", fragile)
        with pytest.raises(RuntimeError):
            bring(*rows)
    assert sum(Wallet.objects.values_list("balance", flat=True)) == 250
    undo(batch())
    assert sum(Wallet.objects.values_list("balance", flat=True)) == 0
    bring(*rows)
    assert sum(Wallet.objects.values_list("balance", flat=True)) == 600


@pytest.mark.parametrize("name", ["", "abc", "abcdef123456", "*"])
def test_what_is_no_import_cannot_be_undone(program: Program, undo: Bring, name: str) -> None:
    with pytest.raises(CommandError):
        undo(name)


def test_an_import_of_another_program_is_not_found(program: Program, bring: Bring, undo: Bring) -> None:
    club.join(program, "ada")
    bring(row("ada", "5"))
    Job.objects.update(scope="elsewhere")
    with pytest.raises(CommandError, match="no import"):
        undo(batch())
