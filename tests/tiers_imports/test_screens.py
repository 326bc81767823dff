"""The way of a file through the console: sent, checked, looked at, imported, taken back."""

from __future__ import annotations

import gzip
import lzma
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from loyalty.base import clock, job_files, job_runs
from loyalty.base.models import Job
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import Program
from tests.console import people
from tests.tiers_imports import club
from tests.tiers_imports.sample import MEMBERS
from tiers.models import Placement

pytestmark = pytest.mark.django_db
LIST = "/console/imports/"
NAMES = "Member,Amount,Expires on,Tier\n"


@pytest.fixture
def program() -> Program:
    program = club.open_club(ladder=True)
    club.join(program, *MEMBERS)
    return program


@pytest.fixture
def olga() -> Client:
    return people.olga()


def last_day() -> str:
    return clock.now().date().replace(year=clock.now().year + 1, day=1).isoformat()


def rows(*more: str) -> str:
    return NAMES + f"m1,50,{last_day()},gold\nm2,30,{last_day()},\nm3,-5,,\n" + "".join(more)


def send(client: Client, content: str | bytes, name: str = "old.csv", **options: str) -> str:
    """Send a file; where that leads."""
    data = content.encode() if isinstance(content, str) else content
    form = {"token": str(uuid4()), "file": SimpleUploadedFile(name, data), **options}
    answer = client.post(LIST, form)
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["Location"]


def work() -> None:
    job_runs.run_waiting(clock.now)


def page(client: Client, address: str) -> str:
    return " ".join(client.get(address).content.decode().split())


@pytest.mark.usefixtures("program")
def test_a_file_is_checked_looked_at_imported_and_taken_back(olga: Client) -> None:
    check = send(olga, rows("nobody,9,,\n", "m4,nine,,\n"))
    assert "progressbar" in page(olga, check)
    work()
    told = page(olga, check)
    assert "Nothing has been written yet" in told
    assert "Import 3 rows" in told
    assert "Member unknown" in told
    assert not Transaction.objects.exists()
    done = olga.post(f"{check}confirm/").headers["Location"]
    assert olga.post(f"{check}confirm/").headers["Location"] == done
    work()
    assert Job.objects.filter(kind="balances_import").count() == 1
    assert Transaction.objects.filter(actor_kind="staff", actor="olga", reason_code="import").count() == 3
    assert (Member.objects.get(identifiers__value="m1").tier_code, Placement.objects.count()) == ("gold", 1)
    receipt = page(olga, done)
    assert "Undo this import" in receipt
    assert "Download them with the reasons" in receipt
    undoing = olga.post(f"{done}undo/", {"token": str(uuid4()), "spent": "left"}).headers["Location"]
    work()
    assert "Taken back" in page(olga, undoing)
    assert "This import was undone" in page(olga, done)
    assert set(Wallet.objects.values_list("balance", "debt")) == {(0, 0)}
    assert Member.objects.get(identifiers__value="m1").tier_code == ""
    call_command("verify", stdout=None)


@pytest.mark.usefixtures("program")
def test_the_same_file_again_has_nothing_to_import(olga: Client) -> None:
    olga.post(f"{send(olga, rows())}confirm/")
    work()
    again = send(olga, rows())
    work()
    olga.post(f"{again}confirm/")  # before the check: refused, it is not done
    check = send(olga, rows())
    work()
    assert "There is nothing to import" in page(olga, check)
    assert "Known already" in page(olga, check)


@pytest.mark.usefixtures("program")
def test_confirming_twice_and_importing_beside_the_command_books_nothing_twice(olga: Client) -> None:
    for _ in range(2):  # two checks of the file, both confirmed
        check = send(olga, rows())
        work()
        olga.post(f"{check}confirm/")
    work()
    assert Job.objects.filter(kind="balances_import", state="done").count() == 2
    assert Transaction.objects.filter(reason_code="import").count() == 3


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(("name", "pack"), [("old.csv.gz", gzip.compress), ("old.XZ", lzma.compress)])
def test_packed_files_are_read(olga: Client, name: str, pack: type) -> None:
    check = send(olga, pack(rows().encode()), name)
    work()
    assert "Import 3 rows" in page(olga, check)


@pytest.mark.usefixtures("program")
def test_columns_with_other_headings_are_named_in_the_form(olga: Client) -> None:
    check = send(olga, "Kunde;Solde\nm1;12\n", delimiter=";", column_member="kunde", column_amount="solde")
    work()
    assert "Import 1 row" in page(olga, check)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0 a picture", "encoding"),
        (b"Name,Amount\nm1,5\n", "which column names the member"),
        ("Member,Amount\nm1,5\n".encode("utf-16"), "encoding"),
        (b"<script>alert(1)</script>,x\n1,2\n", "&lt;script&gt;"),
    ],
)
def test_a_wrong_file_is_told_at_once(olga: Client, content: bytes, words: str) -> None:
    form = {"token": str(uuid4()), "file": SimpleUploadedFile("old.csv", content)}
    answer = olga.post(LIST, form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("name", ["old.csv.gz", "old.csv.xz"])
def test_a_damaged_archive_is_told_at_once(olga: Client, name: str) -> None:
    form = {"token": str(uuid4()), "file": SimpleUploadedFile(name, b"no archive")}
    answer = olga.post(LIST, form)
    assert answer.status_code == 422
    assert "damaged, or of another kind" in answer.content.decode()


@pytest.mark.usefixtures("program")
def test_an_archive_that_unpacks_without_end_is_refused(olga: Client) -> None:
    bomb = lzma.compress(b"Member,Amount\n" + b"x" * (8 << 20))
    answer = olga.post(LIST, {"token": str(uuid4()), "file": SimpleUploadedFile("old.csv.xz", bomb)})
    assert answer.status_code == 422
    assert "larger than can be read here" in answer.content.decode()


@pytest.mark.usefixtures("program")
def test_a_double_click_sends_one_file(olga: Client) -> None:
    token = str(uuid4())
    for _ in range(2):
        olga.post(LIST, {"token": token, "file": SimpleUploadedFile("old.csv", rows().encode())})
    assert Job.objects.filter(kind="balances_check").count() == 1


@pytest.mark.usefixtures("program")
def test_what_a_check_keeps_for_good_names_nobody(olga: Client) -> None:
    check = send(olga, "Member,Amount\nemail:ada@example.org,5\nzoe@example.org,x\nm1,7\n")
    work()
    job = Job.objects.get(kind="balances_check")
    assert "example.org" not in str((job.result, job.cursor, job.params, job.error))
    assert b"zoe@example.org" in b"".join(job_files.read_errors(job))
    assert page(olga, check)


def test_only_managers_of_the_program_come_in(program: Program, olga: Client) -> None:
    check = send(olga, rows())
    sam = people.sam()
    for address in (LIST, check):
        assert sam.get(address).status_code == 403
    for address in (LIST, f"{check}confirm/", f"{check}undo/"):
        assert sam.post(address).status_code == 403
    assert Client().get(LIST).status_code == 302
    User.objects.get(username="sam").user_permissions.add(
        *Permission.objects.filter(codename__in=["change_program", "add_placement"])
    )
    assert sam.get(LIST).status_code == 200


def test_another_programs_imports_are_not_there(program: Program, olga: Client) -> None:
    check = send(olga, rows())
    other = people.a_program("zoo", name="Zoo")
    olga.post(reverse("console:switch"), {"program": other.code})
    assert olga.get(check).status_code == 404
    assert olga.post(f"{check}confirm/").status_code == 404


@pytest.mark.usefixtures("program")
def test_nothing_changes_by_opening_an_address(olga: Client) -> None:
    check = send(olga, rows())
    assert olga.get(f"{check}confirm/").status_code == 405
    assert olga.get(f"{check}undo/").status_code == 405
    assert olga.post(f"{check}undo/").status_code == 404  # a check is nothing to undo
