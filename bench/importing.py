"""A year of a real online shop through `manage.py import_orders`, compared customer by customer with a plain oracle.

The file is the UCI data set "Online Retail II", sheet 2009-2010, as CSV; name it in LAUREL_IMPORT_FILE.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command

from bench import harness

FILE = Path(os.environ.get("LAUREL_IMPORT_FILE", "online_retail_2009_2010.csv.xz"))


def main(*, quick: bool = False) -> None:
    """Print rows and events a second, the totals, and whether every customer's account agrees."""
    from loyalty.base.imports import reading
    from tests.imports import oracle, shop

    if quick or not FILE.exists():
        print(f"\nImport of a file: skipped; it takes the whole of {FILE}")
        return
    with harness.database("bench_import"), tempfile.TemporaryDirectory() as place:
        print("\nImport of a file")
        program, bad = shop.open_shop(), Path(place) / "bad.csv"
        spent = harness.seconds(lambda: shop.run(FILE, bad_rows=bad))
        found = oracle.accounts(FILE, datetime.now(UTC))
        sums = oracle.totals(found)
        events, rows = sums["orders"] + sums["returns"], reading.count_lines(FILE)
        print(f"  {spent:.1f} s: {rows / spent:,.0f} rows/s, {events / spent:,.0f} events/s")
        _compare(shop.accounts(program), oracle.figures(found))
        call_command("verify")
        again = harness.seconds(lambda: shop.run(FILE, bad_rows=bad, again=True))
        _compare(shop.accounts(program), oracle.figures(found))
        print(f"  the same file once more, without effect: {again:.1f} s")


def _compare(ours: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]) -> None:
    """Raises AssertionError naming customers whose accounts differ."""
    differing = sorted(who for who in wanted.keys() | ours.keys() if wanted.get(who) != ours.get(who))
    assert not differing, [(who, ours.get(who), wanted.get(who)) for who in differing[:10]]
    print(f"  {len(wanted):,} customers compared with the oracle: all equal")
