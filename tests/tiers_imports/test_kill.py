"""An import of balances that is killed with -9, and its undoing that is, end in the very books of ones left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection

from loyalty.base.models import Job
from loyalty.ledger.models import Transaction, Wallet
from tests.imports.test_kill import slow_entries
from tests.tiers_imports import club
from tests.tiers_imports.club import row
from tests.tiers_imports.sample import MEMBERS, write

pytestmark = pytest.mark.django_db(transaction=True)

IN_SMALL_CHUNKS = """
import sys
from pathlib import Path
import django
django.setup()
from tests.tiers_imports import club
from tiers.imports import run, undo
run.CHUNK, undo.CHUNK = 10, 3
club.run(**eval(sys.argv[1]))
"""
ROOT = Path(__file__).resolve().parents[2]


def start(options: str) -> subprocess.Popen[bytes]:
    """In a process of its own, on this test's database."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + connection.settings_dict["NAME"])
    environment = {**os.environ, "DATABASE_URL": address.geturl()}
    command = [sys.executable, "-c", IN_SMALL_CHUNKS, options]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def kill_in_the_middle(options: str, done: Callable[[], int], moment: float) -> None:
    """Wait until it has done something more, then a moment longer, then kill -9."""
    before = done()
    process = start(options)
    deadline = time.monotonic() + 90
    while done() == before and time.monotonic() < deadline:
        assert process.poll() is None, "it ended by itself"
        time.sleep(0.01)
    time.sleep(moment)
    process.kill()
    process.wait()


def test_a_killed_import_and_a_killed_undoing_go_on_at_once(tmp_path: Path) -> None:
    program = club.open_club()
    club.join(program, *MEMBERS)
    today = datetime.now(UTC).date()
    last = today.replace(year=today.year + 1, day=1).isoformat()
    first = today.replace(year=today.year - 1, day=1).isoformat()
    rows = [row(MEMBERS[n % 12], str(n), earned=first, expires=last) for n in range(1, 301)]
    rows += [row("nobody", str(n), earned=first, expires=last) for n in range(1, 21)]
    file, errors = write(tmp_path / "balances.csv", rows), tmp_path / "errors.csv"
    bringing = f"dict(file=Path({str(file)!r}), errors=Path({str(errors)!r}))"
    with slow_entries():
        for moment in (0.05, 0.15):
            kill_in_the_middle(bringing, Transaction.objects.count, moment)
    job = Job.objects.get(kind="import_balances")
    assert job.state == "running"
    assert 0 < job.done < 320
    club.run(file, errors=errors)
    assert sum(Wallet.objects.values_list("balance", flat=True)) == sum(range(1, 301))
    assert Transaction.objects.count() == 300
    assert errors.read_text().count("member_unknown") == 20
    call_command("verify", stdout=None)
    job.refresh_from_db()
    assert (job.result["points"]["points"]["all"]["booked"], job.result["counts"]["refused"]) == ("45150", 20)

    batch = job.pk.hex[:12]
    undone = Transaction.objects.filter(kind="reverse").count
    with slow_entries():
        kill_in_the_middle(
            f"dict(undo={batch!r}, errors=Path({str(tmp_path / 'spent.csv')!r}))", undone, 0.05
        )
    assert 0 < undone() < 300
    club.run(undo=batch, errors=tmp_path / "spent.csv")
    assert undone() == 300
    assert set(Wallet.objects.values_list("balance", "debt")) == {(0, 0)}
    call_command("verify", stdout=None)
