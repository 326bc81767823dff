"""The command from end to end: what a file of balances brings, what it refuses, and that nothing happens twice."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty.base import clock
from loyalty.base.models import Job
from loyalty.ledger import ledger, proof
from loyalty.ledger.acts import Actor
from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.members import members
from loyalty.members.models import Identifier, Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import Channel, PointType, Program
from tests.tiers_imports import club, oracle
from tests.tiers_imports.club import NOW, row
from tests.tiers_imports.conftest import Bring
from tests.tiers_imports.sample import MEMBERS, Chance, write
from tiers.imports import run as importing

pytestmark = pytest.mark.django_db


def report(tmp_path: Path, name: str = "errors.csv") -> list[tuple[int, str]]:
    """Row and code of each refused row."""
    file = tmp_path / name
    if not file.exists():
        return []
    with file.open(newline="") as opened:
        return [(int(one["row"]), one["code"]) for one in csv.DictReader(opened)]


def everything() -> list[Any]:
    tables = (Transaction, Entry, Lot, Wallet, Member, Identifier, Fact)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def result() -> dict[str, Any]:
    found: dict[str, Any] = Job.objects.get(kind="import_balances").result
    return found


def sums(points: dict[str, dict[str, Any]], part: str) -> dict[tuple[str, str], Decimal]:
    return {
        (code, year): Decimal(told[part])
        for code, years in points.items()
        for year, told in years.items()
        if year != "all" and Decimal(told[part])
    }


def in_units(counted: Counter[tuple[str, str]]) -> dict[tuple[str, str], Decimal]:
    return {key: Decimal(units).scaleb(-oracle.DECIMALS[key[0]]) for key, units in counted.items() if units}


# --- against the oracle ---------------------------------------------------------------------------------------


@pytest.fixture(params=[7, 2_000])
def rows_a_chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK", request.param)


@pytest.mark.usefixtures("rows_a_chunk")
@pytest.mark.parametrize("seed", range(4))
def test_every_lot_and_every_refusal_is_what_the_oracle_says(
    program: Program, bring: Bring, tmp_path: Path, seed: int
) -> None:
    club.join(program, *MEMBERS)
    file = write(tmp_path / "sample.csv", Chance(seed).rows(200))
    bring(file=file)
    expected = oracle.carry_out(file, set(MEMBERS))
    assert report(tmp_path) == expected.refused
    assert club.lots(program) == expected.lots()
    assert club.debts(program) == expected.debts()
    assert len(expected.refused) > 50
    assert len(expected.lots()) > 30
    call_command("verify", stdout=None)


@pytest.mark.parametrize("seed", range(4))
def test_sums_tie_out_with_the_file(program: Program, bring: Bring, tmp_path: Path, seed: int) -> None:
    club.join(program, *MEMBERS)
    file = write(tmp_path / "sample.csv", Chance(seed).rows(200))
    bring(file=file)
    expected, told = oracle.carry_out(file, set(MEMBERS)), result()["points"]
    assert sums(told, "file") == in_units(expected.file)
    assert sums(told, "booked") == in_units(expected.booked)
    for years in told.values():
        for one in years.values():
            parts = ("booked", "known", "refused")
            assert Decimal(one["file"]) == sum(Decimal(one[part]) for part in parts)
            assert one["file_rows"] == sum(one[f"{part}_rows"] for part in parts)


@pytest.mark.parametrize("seed", range(2))
def test_a_dry_run_says_what_the_import_then_does(
    program: Program, bring: Bring, tmp_path: Path, seed: int
) -> None:
    club.join(program, *MEMBERS)
    file = write(tmp_path / "sample.csv", Chance(seed).rows(200))
    rehearsed = bring(file=file, dry_run=True, enrol=True, errors=tmp_path / "dry.csv")
    done = bring(file=file, enrol=True)
    assert rehearsed.splitlines()[1:-1] == done.splitlines()[:-2]
    assert report(tmp_path, "dry.csv") == report(tmp_path)


# --- a row ----------------------------------------------------------------------------------------------------


def test_a_lot_keeps_its_days_in_the_programs_zone(program: Program, bring: Bring) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "120", earned="2026-03-01", expires="2027-03-31"))
    lot = club.lot_of(ada)
    assert (lot.earned_at, lot.available_at) == (datetime(2026, 2, 28, 23, tzinfo=UTC),) * 2
    assert lot.expires_at == datetime(2027, 3, 31, 22, tzinfo=UTC)  # summer time has begun by then
    assert not lot.is_pending
    booked = Transaction.objects.get()
    assert (booked.kind, booked.reason_code, booked.actor, booked.recorded_at) == (
        "adjust",
        "import",
        "import",
        NOW,
    )
    assert Wallet.objects.get().lifetime == 120
    assert Fact.objects.get(type="points.adjusted").data["amount"] == 120


def test_points_are_there_to_be_spent_at_once(program: Program, bring: Bring) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "120", earned="2026-11-20"))
    points = PointType.objects.select_related("program").get(code="points")
    ledger.redeem(ada, points, 100, at=NOW, actor=Actor("staff", "olga"))
    assert club.balance(ada) == 20
    call_command("verify", stdout=None)


def test_without_a_last_day_points_lapse_as_their_type_says(program: Program, bring: Bring) -> None:
    PointType.objects.filter(code="points").update(
        expiry_kind="rolling", expiry_count=24, expiry_unit="months"
    )
    club.join(program, "ada", "ben", "cleo")
    bring(
        row("ada", "1", earned="2026-05-31", expires=""),
        row("ben", "1", earned="2020-05-31", expires=""),
        row("cleo", "1", earned="2020-05-31", expires="never"),
    )
    assert [(one[0], one[4]) for one in club.lots(program)] == [("ada", date(2028, 5, 31)), ("cleo", None)]


def test_the_last_day_is_still_good_and_the_day_before_is_not(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    club.join(program, "ada", "ben")
    bring(row("ada", "1", expires="2026-11-20"), row("ben", "1", expires="2026-11-19"))
    assert report(tmp_path) == [(3, "already_lapsed")]
    assert [one[0] for one in club.lots(program)] == ["ada"]


def test_other_lots_keep_their_days_under_inactivity(program: Program, bring: Bring) -> None:
    PointType.objects.filter(code="points").update(
        expiry_kind="inactivity", expiry_count=24, expiry_unit="months"
    )
    club.join(program, "ada")
    bring(row("ada", "1", expires="2026-12-31"), row("ada", "2", earned="2026-11-01", expires="2027-06-30"))
    assert [one[4] for one in club.lots(program)] == [date(2026, 12, 31), date(2027, 6, 30)]


def test_what_is_owed_is_repaid_by_what_comes_after_it(program: Program, bring: Bring) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "-50", expires=""), row("ada", "80"))
    assert club.balance(ada) == 30
    assert not club.debts(program)
    bring(row("ada", "-100", expires=""), row("ada", "5"), file=None, errors=None)
    assert club.debts(program) == {("ada", "points"): 95}
    call_command("verify", stdout=None)


def test_members_are_named_in_every_way(program: Program, bring: Bring) -> None:
    Program.objects.update(phone_region="ES")
    profile = {"external_id": "ada", "email": "ada@example.org", "phone": "+34600111222", "card": "9400 1234"}
    members.register(program, profile, channel=None, at=club.OPENED)
    bring(
        row("ada", "1"), row("ext:ada", "2"), row("email:ADA@example.org", "4"), row("phone:600 111 222", "8"),
        row("card:94001234", "16"),
    )  # fmt: skip
    assert Wallet.objects.get().balance == 31
    assert result()["counts"]["members"] == 4


def test_headings_are_found_whatever_their_case_and_others_by_name(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    [ada] = club.join(program, "ada")
    header = ["CUSTOMER_ID", "Solde", "EXPIRY DATE", "Note"]
    file = write(tmp_path / "export.csv", [["ada", "7", "31.12.2027", "x"]], header)
    bring(file=file, map=["amount=solde"], date_format="%d.%m.%Y")
    assert club.lot_of(ada).expires_at == datetime(2027, 12, 31, 23, tzinfo=UTC)
    assert club.balance(ada) == 7


# --- members --------------------------------------------------------------------------------------------------


def test_unknown_members_are_reported(program: Program, bring: Bring, tmp_path: Path) -> None:
    club.join(program, "ada")
    bring(row("ada", "1"), row("zoe", "2"), row("zoe", "3"))
    assert report(tmp_path) == [(3, "member_unknown"), (4, "member_unknown")]
    assert Member.objects.count() == 1


def test_unknown_members_are_enrolled_on_their_first_day_when_asked(program: Program, bring: Bring) -> None:
    said = bring(row("zoe", "2", earned="2026-05-02"), row("zoe", "3", earned="2026-04-01"), enrol=True)
    zoe = Member.objects.get()
    assert zoe.enrolled_at == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert club.balance(zoe) == 5
    assert "1 of these enrolled" in said
    fact = Fact.objects.get(type="member.registered").data
    assert fact == {"via": "import", "import": str(Job.objects.get().pk)}


def test_who_was_refused_for_being_unknown_comes_with_a_second_run(program: Program, bring: Bring) -> None:
    club.join(program, "ada")
    rows = [row("ada", "1"), row("zoe", "2")]
    bring(*rows)
    said = bring(*rows, enrol=True)
    assert "1 rows known already, without effect" in said
    assert sorted(Wallet.objects.values_list("balance", flat=True)) == [1, 2]


def test_closed_members_get_nothing(program: Program, bring: Bring, tmp_path: Path) -> None:
    [ada] = club.join(program, "ada")
    Member.objects.filter(pk=ada.pk).update(state="closed", closed_at=NOW)
    bring(row("ada", "1"))
    assert report(tmp_path) == [(2, "member_closed")]


# --- twice ----------------------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(program: Program, bring: Bring, tmp_path: Path) -> None:
    club.join(program, *MEMBERS)
    rows = Chance(3).rows(60)
    bring(*rows)
    before = everything()
    assert "Nothing new" in bring(*rows, at=NOW + timedelta(days=1))
    assert "rows known already" in bring(
        *rows, keep_duplicates=False, member_kind="ext", zone="Europe/Madrid"
    )
    assert everything() == before


def test_rows_that_are_alike_are_one_unless_asked(program: Program, bring: Bring, tmp_path: Path) -> None:
    [ada] = club.join(program, "ada")
    rows = [row("ada", "5"), row("ada", "5"), row("ada", "6")]
    bring(*rows)
    assert report(tmp_path) == [(3, "duplicate_row")]
    bring(*rows, keep_duplicates=True)
    assert club.balance(ada) == 16


def test_compressed_files_bring_the_same(program: Program, bring: Bring, tmp_path: Path) -> None:
    club.join(program, "ada")
    plain = write(tmp_path / "plain.csv", [row("ada", "5")])
    for name, pack in (("a.csv.gz", gzip.compress), ("a.csv.xz", lzma.compress)):
        file = tmp_path / name
        file.write_bytes(pack(plain.read_bytes()))
        bring(file=file)
    assert Wallet.objects.get().balance == 10


# --- what is refused ------------------------------------------------------------------------------------------

REFUSED = [
    (row("", "5"), "member_missing"),
    (row("email:x", "5"), "email_invalid"),
    (row("card:!", "5"), "card_invalid"),
    (row("m" * 300, "5"), "text_too_long"),
    (row("a\0b", "5"), "text_nul"),
    (row("ada", "1.5"), "points_decimals"),
    (row("ada", "1.255", points="stars"), "points_decimals"),
    (row("ada", "1,000"), "number_invalid"),
    (row("ada", "١٢"), "number_invalid"),
    (row("ada", "NaN"), "number_invalid"),
    (row("ada", "=1+1"), "number_invalid"),
    (row("ada", "9" * 18), "amount_out_of_range"),
    (row("ada", "5", points="miles"), "point_type_unknown"),
    (row("ada", "0"), "row_empty"),
    (row("ada"), "row_empty"),
    (row("ada", "-5", expires="2027-01-01"), "debt_with_expiry"),
    (row("ada", "5", earned="2026-02-30"), "day_invalid"),
    (row("ada", "5", earned="0001-01-01"), "day_invalid"),
    (row("ada", "5", earned="31/12/2025"), "day_invalid"),
    (row("ada", "5", earned="2026-11-21"), "earned_in_future"),
    (row("ada", "5", expires="2026-09-30"), "expires_before_earned"),
    (row("ada", "5", tier="gold"), "tier_unknown"),
    (("ada", "5"), "row_unreadable"),
    ((*row("ada", "5"), "more"), "row_unreadable"),
]


@pytest.mark.parametrize(("wrong", "code"), REFUSED)
def test_a_bad_row_is_reported_and_the_rest_goes_on(
    program: Program, bring: Bring, tmp_path: Path, wrong: Any, code: str
) -> None:
    [ada] = club.join(program, "ada")
    bring(row("ada", "10"), wrong, row("ada", "20"))
    assert report(tmp_path) == [(3, code)]
    assert club.balance(ada) == 30


def test_another_encoding_is_told_from_damage(program: Program, bring: Bring, tmp_path: Path) -> None:
    club.join(program, "josé")
    file = tmp_path / "latin.csv"
    file.write_bytes("Member,Amount\r\njosé,5\r\n".encode("latin-1"))
    bring(file=file)
    assert report(tmp_path) == [(2, "row_unreadable")]
    bring(file=file, encoding="latin-1")
    assert Wallet.objects.get().balance == 5


def test_a_byte_order_mark_is_no_part_of_a_heading(program: Program, bring: Bring, tmp_path: Path) -> None:
    club.join(program, "ada")
    file = tmp_path / "bom.csv"
    file.write_bytes(b"\xef\xbb\xbfMember;Amount\r\nada;5\r\n")
    bring(file=file, delimiter=";")
    assert Wallet.objects.get().balance == 5


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("Member,Amount\nada,5\n".encode("utf-16"), {}, "encoding"),
        (b"\x00\x01\x02\x03PNG", {}, "encoding"),
        (b"", {}, "which column names the member"),
        (b"Name,Amount\nada,5\n", {}, "which column names the member"),
        (b"Member,Note\nada,5\n", {}, "which column holds the amount or the tier"),
        (b"Member,Amount\nada,5\n", {"map": ["amount=Solde"]}, "no column Solde"),
        (b"Member,Amount\nada,5\n", {"map": ["colour=Amount"]}, "No field is called colour"),
        (b"Member,Amount\nada,5\n", {"zone": "Madrid"}, "IANA"),
        (b"Member,Amount\nada,5\n", {"encoding": "utf-99"}, "unknown encoding"),
        (b"Member,Amount\nada,5\n", {"delimiter": ";;"}, "one character"),
        (b"Member,Amount\nada,5\n", {"program": "nobody"}, "no program"),
    ],
)
@pytest.mark.usefixtures("program")
def test_what_cannot_work_is_said_before_anything_is_written(
    bring: Bring, tmp_path: Path, content: bytes, options: dict[str, Any], words: str
) -> None:
    file = tmp_path / "wrong.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        bring(file=file, **options)
    assert not Job.objects.exists()


def test_a_damaged_archive_ends_with_words_and_the_whole_one_is_another_file(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    club.join(program, *MEMBERS)
    whole = lzma.compress(write(tmp_path / "sample.csv", Chance(9).rows(3000)).read_bytes())
    file = tmp_path / "damaged.csv.xz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match=r"damaged.csv.xz"):
        bring(file=file)
    assert proof.verify(at=NOW).ok


def test_the_report_is_safe_in_a_spreadsheet_and_can_be_imported_when_put_right(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    club.join(program, "ada")
    bring(row("ada", "=5", tier=""), row("@ada", "5"))
    text = (tmp_path / "errors.csv").read_text()
    assert "ada,,'=5," in text
    assert "'@ada,,5," in text
    fixed = tmp_path / "fixed.csv"
    fixed.write_text(text.replace("'=5", "5").replace("'@ada,,5", "ada,,6"))
    bring(file=fixed, errors=tmp_path / "none.csv")
    assert Wallet.objects.get().balance == 11


# --- a dry run writes nothing ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_writes_nothing_really(program: Program, bring: Bring) -> None:
    club.join(program, "ada")
    before, written = everything(), _written()
    said = bring(row("ada", "5"), row("zoe", "7"), row("ada", "x"), dry_run=True, enrol=True)
    assert "Dry run: nothing was written." in said
    assert everything() == before
    assert _written() == written
    assert not Job.objects.exists()
    assert not Channel.objects.filter(code="import").exists()


def _written() -> dict[str, int]:
    """Where the numbers of all tables stand: they are used up even by what is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'public'"
        )
        return dict(cursor.fetchall())


def test_options_can_stand_in_a_file(program: Program, bring: Bring, tmp_path: Path) -> None:
    mapping = tmp_path / "old.yaml"
    mapping.write_text(
        "columns: {member: Kunde, amount: Punkte, expires_on: gültig bis}\n"
        "date_format: '%d.%m.%Y'\ndelimiter: ';'\nenrol: true\n"
    )
    file = tmp_path / "old.csv"
    file.write_text("Kunde;Punkte;gültig bis\n7;12;31.12.2027\n")
    with clock.pinned(NOW):
        club.run(file, map=[str(mapping)], errors=tmp_path / "errors.csv")
    assert Wallet.objects.get().balance == 12
