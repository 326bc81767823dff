"""The command from end to end: what a file brings, what it refuses, and that nothing happens twice."""

from __future__ import annotations

import csv
import gzip
import lzma
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from campaigns import earning
from campaigns.batch import Batch
from campaigns.imports import run as importing
from campaigns.models import Order, Trace
from loyalty.base import clock
from loyalty.base.models import Job
from loyalty.events.models import Event
from loyalty.ledger.models import Entry, Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs import nightly
from loyalty.programs.models import Channel, Program
from tests.imports import oracle, shop
from tests.imports.sample import HEADER, Cells, Chance, row, write

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
Bring = Callable[..., str]


@pytest.fixture
def program() -> Program:
    return shop.open_shop()


@pytest.fixture
def bring(program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bring:
    """Write these rows into a file, or take a file, and import it; what the command said."""

    def bring(*rows: Any, file: Path | None = None, at: datetime = NOW, **options: Any) -> str:
        file = file or write(tmp_path / "orders.csv", rows)
        with clock.pinned(at):
            shop.run(file, **{"bad_rows": tmp_path / "bad.csv", **options})
        return capsys.readouterr().out

    return bring


def report(tmp_path: Path, delimiter: str = ",") -> list[tuple[str, str]]:
    """Row and code of each refused row."""
    with (tmp_path / "bad.csv").open(newline="") as file:
        return [(one["row"], one["code"]) for one in csv.DictReader(file, delimiter=delimiter)]


def points() -> int:
    return Wallet.objects.get().balance


def everything() -> list[Any]:
    tables = (Event, Order, Trace, Transaction, Entry, Wallet, Member)
    return [list(table.objects.order_by("pk").values()) for table in tables]


# --- against the oracle ---------------------------------------------------------------------------------------


@pytest.fixture(params=[7, 500])
def events_a_chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_EVENTS", request.param)


@pytest.mark.usefixtures("events_a_chunk")
@pytest.mark.parametrize("seed", range(3, 7))
@pytest.mark.parametrize("now", [NOW, datetime(2011, 9, 1, 12, tzinfo=UTC)])
def test_every_account_is_what_the_oracle_says(
    program: Program, bring: Bring, tmp_path: Path, seed: int, now: datetime
) -> None:
    """Now: all has lapsed by the day of the import. Then: some still counts, and what follows has not happened."""
    rows = [one for one in Chance(seed).rows(120) if one[4] < now.strftime("%Y-%m-%d")]
    file = write(tmp_path / "sample.csv", rows)
    bring(file=file, at=now)
    expected = oracle.figures(oracle.accounts(file, now))
    assert shop.accounts(program) == expected
    assert sum(one[2] for one in expected.values()) > 1000
    call_command("verify", stdout=None)


def test_a_credit_note_takes_points_back_and_the_next_order_repays_what_is_owed(bring: Bring) -> None:
    bring(
        row("C1", "22041", "-3", "10", at="2009-12-01 08:00"),
        row("2", "22041", "1", "20.99", at="2009-12-02 08:00"),
    )
    wallet = Wallet.objects.get()
    assert (wallet.debt, wallet.balance) == (10, -10)
    assert not Transaction.objects.filter(kind="expire").exists()


def test_points_that_lapsed_before_a_credit_note_are_not_there_to_be_taken(bring: Bring) -> None:
    bring(
        row("1", "22041", "1", "50", at="2009-12-01 08:00"),
        row("C2", "22041", "-1", "50", at="2010-12-02 08:00"),
    )
    assert points() == -50


def test_on_the_last_day_they_are(bring: Bring) -> None:
    bring(
        row("1", "22041", "1", "50", at="2009-12-01 08:00"),
        row("C2", "22041", "-1", "50", at="2010-12-01 23:59"),
    )
    assert points() == 0


def test_times_are_local_and_an_order_has_the_time_of_its_earliest_line(bring: Bring) -> None:
    bring(
        row("1", "22041", "1", "50", at="2010-07-01 08:01"),
        row("1", "21232", "1", "50", at="2010-07-01 08:00"),
    )
    assert Event.objects.get().occurred_at == datetime(2010, 7, 1, 7, tzinfo=UTC)


def test_a_price_finer_than_the_currency_is_folded_into_the_amount(bring: Bring) -> None:
    bring(row("1", "22041", "100", "0.125"))
    [line] = Event.objects.get().payload["lines"]
    assert (line["amount"], line["quantity"]) == ("12.50", "1")
    assert line["attributes"] == {"quantity": "100", "unit_price": "0.125"}


def test_patterns_mark_gift_cards_and_what_is_no_goods(bring: Bring) -> None:
    bring(
        row("1", "VOUCHER_20", "1", "20"),
        row("1", "carriage", "1", "5"),
        row("1", "22041", "1", "7"),
        gift_cards=["voucher_*"],
        not_goods=["CARRIAGE"],
    )
    lines = Event.objects.get().payload["lines"]
    assert [(line["gift_card"], line.get("category")) for line in lines] == [
        (True, None), (False, "not-goods"), (False, None),
    ]  # fmt: skip
    assert Trace.objects.get().points == 12  # this campaign knows nothing of the category


# --- twice, and after a stop ----------------------------------------------------------------------------------


def test_the_same_file_twice_has_no_second_effect(bring: Bring, tmp_path: Path) -> None:
    file = write(tmp_path / "sample.csv", Chance(9).rows(40))
    first = bring(file=file)
    before = everything()
    assert "Nothing new" in bring(file=file)
    assert first.splitlines()[1:4] == bring(file=file).splitlines()[2:5]
    assert "events known already" in bring(file=file, again=True)
    assert everything() == before


@pytest.mark.parametrize("packed", ["csv.gz", "csv.xz"])
def test_a_packed_copy_of_the_file_has_no_second_effect_either(
    bring: Bring, tmp_path: Path, packed: str
) -> None:
    file = write(tmp_path / "sample.csv", Chance(9).rows(40))
    copy = tmp_path / f"sample.{packed}"
    compress = gzip.compress if packed.endswith("gz") else lzma.compress
    copy.write_bytes(compress(file.read_bytes()))
    bring(file=copy)
    before = everything()
    bring(file=file)
    assert everything() == before


def test_a_file_that_grew_brings_only_what_is_new(bring: Bring) -> None:
    bring(row("1", "22041", "1", "50"))
    said = bring(row("1", "22041", "1", "50"), row("2", "22041", "1", "8", at="2009-12-02 08:00"))
    assert "1 events known already" in said
    assert Order.objects.count() == 2


def test_a_changed_order_of_the_same_id_is_refused(bring: Bring, tmp_path: Path) -> None:
    bring(row("1", "22041", "1", "50"))
    before = everything()
    bring(row("1", "22041", "2", "50"))
    assert report(tmp_path) == [("2", "event_conflict")]
    assert everything() == before


@pytest.fixture
def power_cut(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fourth chunk of five events is interrupted, once."""
    monkeypatch.setattr(importing, "MAX_EVENTS", 5)
    done = importing.Run._in_one_transaction
    chunks = 0

    def fragile(self: importing.Run, chunk: Any) -> Any:
        nonlocal chunks
        chunks += 1
        if chunks == 4:
            raise KeyboardInterrupt
        return done(self, chunk)

    monkeypatch.setattr(importing.Run, "_in_one_transaction", fragile)
    yield
    assert chunks > 4


@pytest.mark.usefixtures("power_cut")
def test_it_goes_on_after_the_chunk_that_was_done_last(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    file = write(tmp_path / "sample.csv", Chance(5).rows(60))
    with pytest.raises(CommandError, match="goes on from here"):
        bring(file=file)
    assert 0 < Event.objects.count() < 40
    assert "Going on after row" in bring(file=file)
    assert shop.accounts(program) == oracle.figures(oracle.accounts(file, NOW))


@pytest.mark.usefixtures("power_cut")
def test_a_night_between_a_stop_and_its_continuation_changes_nothing(
    program: Program, bring: Bring, tmp_path: Path
) -> None:
    file = write(tmp_path / "sample.csv", Chance(5).rows(60))
    with pytest.raises(CommandError):
        bring(file=file)
    nightly.run_due(NOW)
    assert not Transaction.objects.filter(kind="expire").exists()
    bring(file=file)
    assert shop.accounts(program) == oracle.figures(oracle.accounts(file, NOW))
    assert Transaction.objects.filter(kind="expire").exists()


def test_an_import_that_was_given_up_long_ago_holds_no_night_back(program: Program, bring: Bring) -> None:
    bring(row("1", "22041", "1", "50", at="2026-11-01 08:00"))
    long_ago = datetime.now(UTC) - timedelta(days=8)
    Job.objects.filter(kind="import").update(state="running", heartbeat_at=long_ago)
    nightly.run_due(datetime(2027, 11, 20, tzinfo=UTC))
    assert Transaction.objects.get(kind="expire").amount == -50


def test_an_import_that_runs_elsewhere_is_left_alone(bring: Bring) -> None:
    orders = row("1", "22041", "1", "50")
    bring(orders)
    job = Job.objects.get(kind="import")
    Job.objects.update(state="running")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"import {job.pk}"])
        with pytest.raises(CommandError, match="Another process"):
            bring(orders)
    assert "Going on after row 1" in bring(orders)


# --- members and guests ---------------------------------------------------------------------------------------


def test_a_member_is_enrolled_on_the_day_of_the_first_order(bring: Bring) -> None:
    bring(
        row("1", "22041", "1", "50", at="2009-12-03 08:00"),
        row("2", "22041", "1", "50", at="2009-12-05 08:00"),
    )
    member = Member.objects.get()
    assert member.enrolled_at == datetime(2009, 12, 3, 8, tzinfo=UTC)
    assert member.identifiers.get().value == "13085"


def test_without_enrolling_events_wait_for_their_member_and_a_second_run_may_enrol(bring: Bring) -> None:
    rows = [
        row("1", "22041", "1", "50", at="2025-12-01 08:00"),
        row("C2", "22041", "-1", "20", at="2025-12-02 08:00"),
    ]
    bring(*rows, enrol=False)
    assert set(Event.objects.values_list("status", flat=True)) == {"guest"}
    assert not Member.objects.exists()
    bring(*rows)
    assert set(Event.objects.values_list("status", flat=True)) == {"processed"}
    assert points() == 30


def test_orders_without_a_member_are_counted_and_kept_only_on_request(bring: Bring) -> None:
    rows = [row("1", "22041", "1", "50", customer=""), row("2", "22041", "-1", "0", customer="")]
    assert "2 orders without a member, left out" in bring(*rows)
    assert not Event.objects.exists()
    bring(*rows, keep_guests=True)
    assert not Event.objects.exclude(identifier=None).exists()
    assert list(Event.objects.order_by("pk").values_list("type", "status")) == [
        ("order.completed", "guest"), ("order.returned", "guest"),
    ]  # fmt: skip


# --- what is refused ------------------------------------------------------------------------------------------

REFUSED = [
    (row("1", "", "1", "5"), "sku_missing"),
    (row("", "22041", "1", "5"), "order_missing"),
    (row("1", "22041", "one", "5"), "number_invalid"),
    (row("1", "22041", "0", "5"), "quantity_zero"),
    (row("1", "22041", "1", "١٢"), "number_invalid"),
    (row("1", "22041", "1", "1e5"), "number_invalid"),
    (row("1", "22041", "1", "99999999999999"), "number_out_of_range"),
    (row("1", "22041", "1.0001", "5"), "number_decimals"),
    (row("1", "22041", "1", "5", at="1 Dec 2009"), "time_invalid"),
    (row("1", "22041", "1", "5", at="2009-02-30 10:00"), "time_invalid"),
    (row("1", "22041", "1", "5", at="2027-12-01 08:00"), "event_in_future"),
    (row("C1", "22041", "1", "5"), "return_line_positive"),
    (row("C1", "22041", "-1", "-5"), "price_negative"),
    (row("1", "22041", "-1", "-5"), "price_negative"),
    (row("1", "D", "1", "-5"), "discount_alone"),
    (row("1", "NUL\0", "1", "5"), "text_nul"),
    (row("1", "22041", "1", "5", customer="x" * 500), "text_too_long"),
    (row("1" * 200, "22041", "1", "5"), "text_too_long"),
    (("1", "22041"), "row_unreadable"),
    (row("A1", "B", "1", "-5"), "prefix_skipped"),
]


@pytest.mark.parametrize(("wrong", "code"), REFUSED)
def test_a_bad_row_is_reported_and_the_rest_goes_on(
    bring: Bring, tmp_path: Path, wrong: Any, code: str
) -> None:
    bring(row("2", "22041", "1", "50"), wrong, row("3", "22041", "1", "50", at="2009-12-01 07:46"))
    assert report(tmp_path) == [("3", code)]
    assert set(Order.objects.values_list("reference", flat=True)) == {"2", "3"}


def test_an_order_is_taken_as_a_whole_or_not_at_all(bring: Bring, tmp_path: Path) -> None:
    bring(row("1", "22041", "1", "5"), row("1", "21232", "x", "5"), row("1", "20725", "1", "5"))
    assert report(tmp_path) == [("2", "order_refused"), ("3", "number_invalid"), ("4", "order_refused")]
    assert not Event.objects.exists()


MIDDLE = row("1", "21232", "2", "20")
TORN = {
    "a cell too many": (*MIDDLE[:2], "Mug", " large", *MIDDLE[3:]),
    "too few cells": MIDDLE[:3],
    "one cell": ("1",),
    "no number, a cell too many": ("", *MIDDLE[1:], ""),
    "no number": ("", *MIDDLE[1:]),
}


@pytest.mark.parametrize(
    ("torn", "at"), [(torn, at) for torn in TORN.values() for at in (0, 1, 2) if torn[0] or at == 1]
)
def test_no_order_is_taken_without_a_row_of_it_that_cannot_be_read(
    bring: Bring, tmp_path: Path, torn: Cells, at: int
) -> None:
    rows = [row("1", "22041", "1", "5"), row("1", "20725", "1", "7")]
    rows.insert(at, torn)
    bring(row("7", "22041", "1", "1"), *rows, row("8", "22041", "1", "1"))
    assert set(Order.objects.values_list("reference", flat=True)) == {"7", "8"}
    codes = [code for _, code in report(tmp_path)]
    assert codes.count("order_refused") == 2
    assert codes[at] in ("row_unreadable", "order_missing")


def test_such_an_order_is_imported_from_the_report_once_its_row_is_put_right(
    bring: Bring, tmp_path: Path
) -> None:
    bring(row("1", "22041", "1", "5"), TORN["a cell too many"], row("1", "20725", "1", "7"))
    assert not Event.objects.exists()
    with (tmp_path / "bad.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    rows[2][: len(MIDDLE)] = MIDDLE
    fixed = write(tmp_path / "fixed.csv", rows[1:], rows[0])
    bring(file=fixed, bad_rows=tmp_path / "none.csv")
    assert Trace.objects.get().points == 52


@pytest.mark.parametrize("place", [1, 3, 7])
@pytest.mark.parametrize("extra", [0, 2, 8])
def test_an_orders_number_is_found_in_whatever_column_it_stands(
    bring: Bring, tmp_path: Path, place: int, extra: int
) -> None:
    """A cell too many may stand before the number or after it."""

    def moved(cells: Cells) -> Cells:
        rest = list(cells[1:])
        return (*rest[:place], cells[0], *rest[place:])

    torn = list(moved(row("501", "21232", "2", "20")))
    torn.insert(extra, "large")
    rows = [moved(row("501", "22041", "1", "5")), moved(row("502", "22041", "1", "3")), torn]
    file = write(tmp_path / "orders.csv", [*rows, moved(row("502", "20725", "1", "3"))], moved(HEADER))
    bring(file=file)
    assert [order.reference for order in Order.objects.all()] == ["502"]
    assert report(tmp_path) == [("2", "order_refused"), ("4", "row_unreadable")]


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [("1", "4,50", "4.50"), ("0,5", "1234,00", "617.00"), ("-1", "0,125", "0.13")],
)
def test_a_decimal_comma_is_read_where_columns_are_not_separated_by_commas(
    bring: Bring, tmp_path: Path, quantity: str, price: str, amount: str
) -> None:
    bring(file=semicolons(tmp_path, row("1", "22041", quantity, price)), delimiter=";")
    assert Event.objects.get().payload["lines"][0]["amount"] == amount


@pytest.mark.parametrize(
    ("price", "code", "words"),
    [
        ("1,234", "number_ambiguous", "1.234 or 1234"),
        ("1.234,50", "number_invalid", "a point before the decimals"),
        ("1,234,567", "number_invalid", "a point before the decimals"),
        (",5", "number_invalid", "a point before the decimals"),
    ],
)
def test_a_comma_that_may_mean_another_thing_is_refused_and_said_to(
    bring: Bring, tmp_path: Path, price: str, code: str, words: str
) -> None:
    bring(file=semicolons(tmp_path, row("1", "22041", "1", price)), delimiter=";")
    assert report(tmp_path, ";") == [("2", code)]
    assert words in (tmp_path / "bad.csv").read_text()


def test_between_commas_a_decimal_comma_is_refused_and_said_to_be(bring: Bring, tmp_path: Path) -> None:
    bring(row("1", "22041", "1", "4,50"))
    assert report(tmp_path) == [("2", "number_invalid")]
    assert "Write a point before the decimals" in (tmp_path / "bad.csv").read_text()


def test_the_report_is_separated_like_its_file_so_that_it_can_be_imported_alike(
    bring: Bring, tmp_path: Path
) -> None:
    rows = [row("1", "22041", "one", "4,50"), row("1", "D", "1", "-1,50"), row("1", "21232", "1", "3,00")]
    bring(file=semicolons(tmp_path, *rows), delimiter=";")
    fixed = tmp_path / "fixed.csv"
    fixed.write_text((tmp_path / "bad.csv").read_text().replace(";one;", ";1;"))
    bring(file=fixed, delimiter=";", bad_rows=tmp_path / "none.csv")
    assert Event.objects.get().payload["total"] == "6.00"


def semicolons(tmp_path: Path, *rows: Cells) -> Path:
    file = tmp_path / "semicolons.csv"
    file.write_text("\n".join(";".join(cells) for cells in (HEADER, *rows)))
    return file


def test_one_order_has_one_member(bring: Bring, tmp_path: Path) -> None:
    bring(row("1", "22041", "1", "5"), row("1", "21232", "1", "5", customer="99"))
    assert report(tmp_path) == [("2", "order_refused"), ("3", "members_differ")]


def test_what_the_inbox_refuses_is_told_by_row(bring: Bring, tmp_path: Path) -> None:
    bring(row("1", "22041", "1", "5"), row("1", "2" * 101, "1", "5"))
    assert report(tmp_path) == [("2", "order_refused"), ("3", "text_too_long")]


def test_a_discount_above_its_order_is_refused_with_the_returns_of_that_order(
    bring: Bring, tmp_path: Path
) -> None:
    bring(row("1", "22041", "2", "5"), row("1", "22041", "-1", "5"), row("1", "D", "1", "-50"))
    assert [code for _, code in report(tmp_path)] == [
        "discount_above_total",
        "order_refused",
        "order_refused",
    ]
    assert not Event.objects.exists()


def test_another_encoding_is_told_from_damage(bring: Bring, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    lines = [",".join(HEADER), ",".join(row("1", "CAFÉ", "1", "5"))]
    file.write_bytes("\r\n".join(lines).encode("latin-1"))
    bring(file=file)
    assert report(tmp_path) == [("2", "row_unreadable")]
    bring(file=file, encoding="latin-1")
    assert Event.objects.get().payload["lines"][0]["sku"] == "CAFÉ"


def test_the_report_is_safe_in_a_spreadsheet_and_can_be_imported_when_put_right(
    bring: Bring, tmp_path: Path
) -> None:
    bring(("1", "=1+1", "@x", "-x", "2009-12-01 07:45", "5", "13085", "-1"))
    text = (tmp_path / "bad.csv").read_text()
    assert "'=1+1,'@x,'-x,2009-12-01 07:45,5,13085,-1,2,number_invalid" in text
    fixed = tmp_path / "fixed.csv"
    fixed.write_text(text.replace("'-x", "1"))
    bring(file=fixed, bad_rows=tmp_path / "none.csv")
    assert Order.objects.get().reference == "1"


def test_an_event_that_cannot_be_processed_stays_in_the_inbox_and_stops_nobody(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Batch._handle

    def fragile(self: Batch, event: Any) -> Any:
        if event.order_reference == "2":
            raise ValueError("never like this")
        return handle(self, event)

    monkeypatch.setattr(Batch, "_handle", fragile)
    rows = [row(str(number), "22041", "1", "50", at="2026-11-01 08:00") for number in (1, 2, 3)]
    assert "1 events that could not be processed" in bring(*rows)
    assert list(Event.objects.order_by("pk").values_list("status", "error")) == [
        ("processed", ""), ("received", "ValueError: never like this"), ("processed", ""),
    ]  # fmt: skip
    monkeypatch.setattr(Batch, "_handle", handle)
    Event.objects.update(next_attempt_at=NOW)
    assert earning.drain() == 1
    assert points() == 150


def test_when_everything_fails_the_import_stops_and_can_go_on_later(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Batch, event: Any) -> Any:
        raise ValueError("always like this")

    rows = [row(str(number), "22041", "1", "50", at="2026-11-01 08:00") for number in range(30)]
    with monkeypatch.context() as patch:
        patch.setattr(Batch, "_handle", broken)
        with pytest.raises(CommandError, match=r"20 events in a row .* goes on from here"):
            bring(*rows)
        assert not Event.objects.exists()
    bring(*rows)
    assert points() == 1500


# --- options --------------------------------------------------------------------------------------------------


def test_a_dry_run_reports_and_writes_nothing(bring: Bring, tmp_path: Path) -> None:
    said = bring(row("1", "22041", "1", "50"), row("2", "22041", "x", "50"), dry_run=True)
    assert "1 orders taken in" in said
    assert report(tmp_path) == [("3", "number_invalid")]
    assert not Event.objects.exists()
    assert not Channel.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"program": "nobody"}, "no program"),
        ({"map": ["order=InvoiceNo"]}, "must name the column of sku, quantity, time, price"),
        ({"map": [*shop.COLUMNS, "order=Nr"]}, "no column Nr"),
        ({"map": [*shop.COLUMNS, "colour=C"]}, "No field is called colour"),
        ({"zone": "London"}, "IANA"),
        ({"currency": "gbp"}, "ISO"),
        ({"currency": "EUR"}, "keeps its books in GBP"),
        ({"encoding": "utf-99"}, "unknown encoding"),
        ({"channel": "web"}, "no active backfill channel"),
        ({"file": Path("/nowhere/x.csv")}, "nowhere"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_written(
    program: Program, bring: Bring, options: dict[str, Any], words: str
) -> None:
    Channel.objects.create(program=program, code="web", name="Web", created_at=NOW)
    with pytest.raises(CommandError, match=words):
        bring(row("1", "22041", "1", "5"), **options)
    assert not Job.objects.exists()


def test_a_damaged_archive_ends_with_words_and_can_be_continued(bring: Bring, tmp_path: Path) -> None:
    whole = lzma.compress(write(tmp_path / "sample.csv", Chance(9).rows(400)).read_bytes())
    file = tmp_path / "damaged.csv.xz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match=r"damaged.csv.xz"):
        bring(file=file)


def test_a_mapping_can_stand_in_a_file(program: Program, bring: Bring, tmp_path: Path) -> None:
    mapping = tmp_path / "shop.yaml"
    mapping.write_text(
        "columns: {order: Nr, sku: Artikel, quantity: Menge, time: Zeit, price: Preis, member: Kunde}\n"
        "time_format: '%d.%m.%Y %H:%M'\nzone: Europe/Berlin\nreturn_prefix: R-\ndelimiter: ';'\nenrol: true\n"
    )
    file = tmp_path / "kasse.csv"
    file.write_text("Nr;Artikel;Menge;Zeit;Preis;Kunde\nR-1;A;-2;01.07.2026 00:30;5;7\n")
    with clock.pinned(NOW):
        call_command(
            "import_orders", str(file), program="shop", map=[str(mapping)], bad_rows=tmp_path / "bad.csv"
        )
    event = Event.objects.get()
    assert (event.type, event.external_id, event.source) == ("order.returned", "return:R-1", "import")
    assert event.occurred_at == datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert points() == -10


# --- no campaign ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_of_a_time_without_a_campaign_is_told_to_earn_nothing(bring: Bring, dry_run: bool) -> None:
    told = bring(row("1", "22041", "1", "50", at="2008-12-01 08:00"), dry_run=dry_run)
    assert "No campaign is in force on the dates of this file: they earn nothing." in told


@pytest.mark.parametrize("dry_run", [True, False])
def test_so_are_those_of_its_orders_that_are_too_old_and_no_others(bring: Bring, dry_run: bool) -> None:
    old = row("1", "22041", "1", "50", at="2008-12-01 08:00")
    new = row("2", "22041", "1", "50", at="2009-12-01 08:00")
    assert "No campaign is in force on the dates of 1 of these" in bring(old, new, dry_run=dry_run)


@pytest.mark.parametrize("dry_run", [True, False])
def test_nothing_is_said_of_campaigns_when_there_is_one(bring: Bring, dry_run: bool) -> None:
    assert "campaign" not in bring(row("1", "22041", "1", "50", at="2009-12-01 08:00"), dry_run=dry_run)
