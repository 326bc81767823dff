"""A made-up file with the oddities of the real one, and some that it might have had."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

HEADER = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
Cells = Sequence[str]


def row(
    invoice: str,
    code: str,
    quantity: str,
    price: str,
    *,
    customer: str = "13085",
    at: str = "2009-12-01 07:45",
) -> Cells:
    return (invoice, code, f"THE {code}", quantity, at, price, customer, "United Kingdom")


def write(path: Path, rows: Iterable[Cells], header: Cells = HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


class Chance:
    """Three years of a few customers, so that points lapse between their orders; a seed makes it again."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.number = 489_000
        self.at = datetime(2009, 12, 1, 7, 45)  # noqa: DTZ001  local times, as in the file

    def rows(self, invoices: int) -> list[Cells]:
        found: list[Cells] = []
        while invoices:
            both = [self.invoice() for _ in range(self.dice.randint(1, 2))]
            if len(both) == 2 and self.dice.random() < 0.5:  # two tills write at the same time
                both = [_interleaved(*both)]
            for rows in both:
                found += rows
            invoices -= 1
            self.at += timedelta(minutes=self.dice.choice([0, 1, 600, 9_000, 20_000]))
        return found

    def invoice(self) -> list[Cells]:
        self.number += 1
        kind = self.dice.choice(["order"] * 6 + ["credit"] * 3 + ["write-off", "debt"])
        customer = self.dice.choice(["12346", "12347", "12348", "12349", ""])
        if kind == "credit":
            return self._lines(f"C{self.number}", customer, sign="-")
        if kind == "write-off":
            return [self._row(str(self.number), "85123A", "-12", "0", "")]
        if kind == "debt":
            return [self._row(f"A{self.number}", "B", "1", "-53594.36", "")]
        return self._order(str(self.number), customer)

    def _order(self, number: str, customer: str) -> list[Cells]:
        lines = self._lines(number, customer)
        first = lines[0]
        if self.dice.random() < 0.2:  # some of it comes back at once
            lines.append(
                self._row(number, first[1], f"-{self.dice.randint(1, int(first[3]))}", first[5], customer)
            )
        if self.dice.random() < 0.1:  # and something that was bought another time
            lines.append(self._row(number, "79323P", "-1", "6.75", customer))
        if self.dice.random() < 0.2:
            total = sum(int(line[3]) * float(line[5]) for line in lines if line[3][0] != "-")
            if total > 1:
                lines.append(
                    self._row(number, "D", "1", f"-{self.dice.uniform(0.01, total / 2):.2f}", customer)
                )
        return lines

    def _lines(self, number: str, customer: str, sign: str = "") -> list[Cells]:
        codes = [
            "85048",
            "22041",
            "21232",
            "POST",
            "M",
            "gift_0001_20",
            "TEST001",
            "ADJUST",
            "20725",
            "84879",
        ]
        chosen = self.dice.sample(codes, self.dice.randint(1, 6))
        return [
            self._row(number, code, f"{sign}{self.dice.randint(1, 30)}", self._price(), customer)
            for code in chosen
        ]

    def _price(self) -> str:
        return self.dice.choice(
            ["0", "2.1", "6.95", "0.001", "0.125", "1.045", "40", f"{self.dice.uniform(0, 9):.2f}"]
        )

    def _row(self, number: str, code: str, quantity: str, price: str, customer: str) -> Cells:
        later = timedelta(minutes=self.dice.random() < 0.05)
        at = (self.at + later).strftime("%Y-%m-%d %H:%M")
        return row(number, code, quantity, price, customer=customer, at=at)


def _interleaved(one: list[Cells], other: list[Cells]) -> list[Cells]:
    longest = max(len(one), len(other))
    return [rows[index] for index in range(longest) for rows in (one, other) if index < len(rows)]
