"""A second, simple-minded importer: plain Python over the CSV file, no project code, one member at a time.

It knows the file of an online shop (invoices, `C…` credit notes, `A…` bad debt, articles that are no goods) and these
terms: a point for each full pound on goods, valid for twelve months to the end of that London day, every return takes
its points back and what is not there is owed. Run it on a file to print the totals:

    python tests/imports/oracle.py online_retail.csv.xz
"""

from __future__ import annotations

import csv
import io
import lzma
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
NO_GOODS = {
    "post", "dot", "m", "c2", "c3", "d", "adjust", "adjust2", "bank charges", "s", "b", "amazonfee", "pads", "gift",
}  # fmt: skip
NO_GOODS_STARTS = ("test", "gift_")
PENNY = Decimal("0.01")


@dataclass
class Lot:
    earned: datetime
    ends: datetime
    left: int


@dataclass
class Account:
    orders: int = 0
    returns: int = 0
    earned: int = 0
    reversed: int = 0
    expired: int = 0
    debt: int = 0
    balance: int = 0
    lots: list[Lot] = field(default_factory=list, repr=False)

    def earn(self, points: int, at: datetime) -> Lot:
        lot = Lot(at, end_of_validity(at), points)
        repaid = min(self.debt, points)
        self.debt -= repaid
        lot.left -= repaid
        self.earned += points
        self.lots.append(lot)
        return lot

    def take_back(self, points: int, at: datetime, own: Lot | None = None) -> None:
        """Out of the order's own lot if there is one, then whatever lapses first, then on credit."""
        self.reversed += points
        others = [lot for lot in self.lots if lot is not own and at < lot.ends]
        for lot in [*([own] if own else []), *sorted(others, key=lambda lot: (lot.ends, lot.earned))]:
            part = min(points, lot.left)
            lot.left -= part
            points -= part
        self.debt += points

    def close(self, now: datetime) -> None:
        for lot in self.lots:
            if lot.ends <= now:
                self.expired += lot.left
                lot.left = 0
        self.balance = sum(lot.left for lot in self.lots) - self.debt


def end_of_validity(at: datetime) -> datetime:
    """The first moment after the day a year later; 29 February becomes the 28th."""
    day = at.astimezone(LONDON).date()
    last = date(day.year + 1, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=LONDON).astimezone(UTC)


def is_goods(code: str) -> bool:
    folded = code.strip().casefold()
    return folded not in NO_GOODS and not folded.startswith(NO_GOODS_STARTS)


def money(row: dict[str, str]) -> Decimal:
    return (Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])).quantize(PENNY, ROUND_HALF_UP)


def full_pounds(rows: Iterable[dict[str, str]], share: Fraction = Fraction(1)) -> int:
    goods = sum((abs(money(row)) for row in rows if is_goods(row["StockCode"])), Decimal(0))
    return int(Fraction(goods) * share)


def invoices(path: Path) -> list[tuple[datetime, str, list[dict[str, str]]]]:
    """Invoices of known customers as they happened; those of one minute in the order of the file."""
    found: dict[str, list[dict[str, str]]] = {}
    content = path.read_bytes()
    text = (lzma.decompress(content) if path.suffix == ".xz" else content).decode()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        found.setdefault(row["InvoiceNo"], []).append(row)
    known = [
        (min(_local(row["InvoiceDate"]) for row in rows), number, rows)
        for number, rows in found.items()
        if rows[0]["CustomerID"] and not number.startswith("A")
    ]
    return sorted(known, key=lambda one: one[0])


def _local(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=LONDON).astimezone(UTC)


def accounts(path: Path, now: datetime) -> dict[str, Account]:
    """What every customer has got, owes and has lost by `now`."""
    found: dict[str, Account] = {}
    for at, number, rows in invoices(path):
        account = found.setdefault(rows[0]["CustomerID"], Account())
        if number.startswith("C"):
            account.returns += 1
            account.take_back(full_pounds(rows), at)
        else:
            _order(account, at, rows)
    for account in found.values():
        account.close(now)
    return found


def _order(account: Account, at: datetime, rows: list[dict[str, str]]) -> None:
    """Lines with a negative price are a discount on the whole invoice; those with a negative quantity come back."""
    bought = [row for row in rows if Decimal(row["Quantity"]) > 0 and Decimal(row["UnitPrice"]) >= 0]
    off = -sum((money(row) for row in rows if Decimal(row["UnitPrice"]) < 0), Decimal(0))
    total = sum((money(row) for row in bought), Decimal(0))
    share = 1 - Fraction(off) / Fraction(total) if off else Fraction(1)
    fine = {row["StockCode"] for row in bought if Decimal(row["UnitPrice"]) % PENNY}
    codes = {row["StockCode"] for row in bought} - fine
    back = [row for row in rows if Decimal(row["Quantity"]) < 0]
    of_order = [row for row in back if row["StockCode"] in codes]
    loose = [row for row in back if row["StockCode"] not in codes]
    lot = None
    points = full_pounds(bought, share)
    if bought:
        account.orders += 1
        lot = account.earn(points, at)
    if of_order:
        account.returns += 1
        kept = sum((money(row) for row in [*bought, *of_order] if is_goods(row["StockCode"])), Decimal(0))
        account.take_back(points - int(Fraction(kept) * share), at, lot)
    if loose:
        account.returns += 1
        account.take_back(full_pounds(loose), at)


def figures(found: dict[str, Account]) -> dict[str, tuple[int, ...]]:
    """By customer: orders, returns, earned, reversed, expired, owed, balance."""
    return {
        who: (one.orders, one.returns, one.earned, one.reversed, one.expired, one.debt, one.balance)
        for who, one in found.items()
    }


def totals(found: dict[str, Account]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for account in found.values():
        for name, value in asdict(account).items():
            if name != "lots":
                sums[name] = sums.get(name, 0) + value
    return {"customers": len(found), **sums}


if __name__ == "__main__":
    for name, value in totals(accounts(Path(sys.argv[1]), datetime.now(UTC))).items():
        sys.stdout.write(f"{name:<12}{value:>14,}\n")
