"""An import that is killed with -9 again and again ends in the very books of one that was left alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from loyalty.base import clock
from loyalty.base.models import Job
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.ledger.models import Transaction
from loyalty.outbox.models import Fact
from tests.imports import oracle, shop
from tests.imports.sample import Chance, write

pytestmark = pytest.mark.django_db(transaction=True)

IN_SMALL_CHUNKS = """
import sys
from pathlib import Path
import django
django.setup()
from campaigns.imports import run
from tests.imports import shop
run.MAX_EVENTS = 10
shop.run(sys.argv[1], bad_rows=Path(sys.argv[2]))
"""
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def slow_entries() -> Iterator[None]:
    """Each ledger line takes 5 ms, so that a kill finds the import in the middle of something."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$""")
        cursor.execute(
            "CREATE TRIGGER dawdle BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION dawdle()"
        )
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER dawdle ON ledger_entry")
            cursor.execute("DROP FUNCTION dawdle")


def start(file: Path, bad: Path) -> subprocess.Popen[bytes]:
    """In a process of its own, on this test's database."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + connection.settings_dict["NAME"])
    environment = {**os.environ, "DATABASE_URL": address.geturl()}
    command = [sys.executable, "-c", IN_SMALL_CHUNKS, str(file), str(bad)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)


def kill_in_the_middle(file: Path, bad: Path, seed: int) -> None:
    """Wait until it has done something more, then a moment longer, then kill -9."""
    before = Event.objects.count()
    process = start(file, bad)
    deadline = time.monotonic() + 60
    while Event.objects.count() == before and time.monotonic() < deadline:
        assert process.poll() is None, "the import ended by itself"
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0, 0.2))
    process.kill()
    process.wait()


def test_a_killed_import_goes_on_at_once_and_ends_in_the_same_books(tmp_path: Path) -> None:
    program = shop.open_shop()
    file, bad = write(tmp_path / "sample.csv", Chance(3).rows(150)), tmp_path / "bad.csv"
    with slow_entries():
        for seed in range(3):
            kill_in_the_middle(file, bad, seed)
            job = Job.objects.get(kind="import")
            assert (job.state, 0 < job.done < 400) == ("running", True)
    shop.run(file, bad_rows=bad)
    now = datetime.now(UTC)
    assert shop.accounts(program) == oracle.figures(oracle.accounts(file, now))
    assert proof.verify(at=now).breaches == []
    assert not Event.objects.filter(status="received").exists()
    counts = Job.objects.get(kind="import").result["counts"]
    assert counts["orders"] + counts["returns"] == Event.objects.count()
    assert (
        Fact.objects.filter(type="points.earned").count() == Transaction.objects.filter(kind="earn").count()
    )
    refused = [line.split(",")[8] for line in bad.read_text().splitlines()[1:]]
    assert len(refused) == len(set(refused)) == counts["bad_rows"] > 0


def test_the_report_is_the_same_as_that_of_an_import_that_was_left_alone(tmp_path: Path) -> None:
    shop.open_shop()
    file = write(tmp_path / "sample.csv", Chance(3).rows(60))
    killed, whole = tmp_path / "killed.csv", tmp_path / "whole.csv"
    with slow_entries():
        kill_in_the_middle(file, killed, 1)
    with killed.open("ab") as torn:  # written, but the chunk that it belongs to was lost
        torn.write(b"half a ro")
    with clock.pinned(datetime.now(UTC)):
        shop.run(file, bad_rows=killed)
        shop.run(file, bad_rows=whole, again=True)
    assert killed.read_bytes() == whole.read_bytes()
