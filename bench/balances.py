"""Lots and tiers of another system through `manage.py import_balances`: dry run, import, undoing."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command

from bench import harness


def main(*, quick: bool = False) -> None:
    """Print rows a second of each, and how much memory that took; the books must add up afterwards."""
    from loyalty.base.models import Job
    from tests.tiers_imports import club, sample

    members, rows = (2_000, 20_000) if quick else (20_000, 200_000)
    with harness.database("bench_balances"), tempfile.TemporaryDirectory() as place:
        print(f"\nImport of balances: {rows:,} lots of {members:,} members who are new and have a tier")
        club.open_club(ladder=True)
        file = sample.write(Path(place) / "balances.csv", _rows(members, rows))
        terms: dict[str, Any] = {"enrol": True, "keep_duplicates": True, "errors": Path(place) / "errors.csv"}
        _measure("dry run", rows, file, terms | {"dry_run": True})
        _measure("import", rows, file, terms)
        batch = Job.objects.get(kind="import_balances").pk.hex
        _measure("undoing", rows, None, {"undo": batch, "errors": terms["errors"]})
        call_command("verify")


def _rows(members: int, rows: int) -> Iterator[tuple[str, ...]]:
    from tests.tiers_imports.club import row

    last = f"{datetime.now(UTC).year + 2}-03-31"
    for number in range(rows):
        points = str(number % 900 + 1)
        yield row(f"m{number % members}", points, earned="2026-01-02", expires=last, tier="silver")


def _measure(name: str, rows: int, file: Path | None, options: dict[str, Any]) -> None:
    from tests.tiers_imports import club

    spent = harness.seconds(lambda: club.run(file, **options))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"  {name}: {spent:.1f} s, {rows / spent:,.0f} rows/s, at most {most} MB of memory so far")
