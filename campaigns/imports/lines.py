"""One row as a line of an order: its cells as values, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from campaigns.imports.mapping import NOT_GOODS, Mapping, matches
from loyalty.base.clock import FIRST_YEAR, LAST_YEAR, resolve_local
from loyalty.base.errors import Invalid
from loyalty.base.imports.reading import Row
from loyalty.base.numbers import parse_decimal

_COMMA = re.compile(r"-?[0-9]+,[0-9]+")
_MAYBE_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2},[0-9]{3}")


@dataclass(slots=True)
class Line:
    """Signs as in the file; `amount` is quantity × price, rounded half up to the currency's smallest coin."""

    row: Row
    sku: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    at: datetime
    member: str

    @property
    def article(self) -> str:
        return self.sku.casefold()


class LineReader:
    """Reads rows of one file. Equal cells are common, so what a cell means is remembered."""

    def __init__(self, mapping: Mapping, header: Sequence[str]) -> None:
        self.mapping = mapping
        self.column = {name: header.index(column) for name, column in mapping.columns.items()}
        self._coin = Decimal(1).scaleb(-mapping.decimals)
        self._time = lru_cache(4096)(self._read_time)
        self._number = lru_cache(65536)(self._read_number)
        self._money = lru_cache(65536)(self._write_money)
        self._kind = lru_cache(65536)(self._kind_of)

    def read(self, row: Row) -> Line:
        """Raises Invalid with the first fault."""
        if row.fault:
            raise Invalid(row.fault, code="row_unreadable")
        if not self._cell(row, "order"):
            raise Invalid("The row names no order.", code="order_missing")
        sku = self._cell(row, "sku")
        if not sku:
            raise Invalid("The row names no article.", code="sku_missing")
        quantity = self._number(self._cell(row, "quantity"), "quantity")
        price = self._number(self._cell(row, "price"), "price")
        if not quantity:
            raise Invalid("A quantity of 0 is neither bought nor returned.", code="quantity_zero")
        amount = (quantity * price).quantize(self._coin, ROUND_HALF_UP)
        at = self._time(self._cell(row, "time"))
        return Line(row, sku, quantity, price, amount, at, self._cell(row, "member"))

    def priced(self, line: Line) -> dict[str, Any]:
        """The line as an event has it, without its sign. A price finer than the currency cannot be said there: then it
        is one piece at the line's amount, with quantity and price among the attributes."""
        money, quantity = self._money(line.price), str(abs(line.quantity))
        told: dict[str, Any] = {"sku": line.sku, "quantity": quantity, "unit_price": money}
        if not money:
            told["quantity"], told["unit_price"] = "1", str(abs(line.amount))
            told["attributes"] = {"quantity": quantity, "unit_price": str(line.price)}
        for name in ("name", "category", "brand"):
            if name in self.column and (value := self._cell(line.row, name)):
                told[name] = value
        return told | self._kind(line.sku)

    def is_exact(self, line: Line) -> bool:
        """Whether the currency can express the price."""
        return bool(self._money(line.price))

    def store(self, line: Line) -> str:
        return self._cell(line.row, "store")

    def _cell(self, row: Row, name: str) -> str:
        index = self.column.get(name)
        return "" if index is None else row.cells[index].strip()

    def _kind_of(self, sku: str) -> dict[str, Any]:
        kind: dict[str, Any] = {}
        if matches(sku, self.mapping.not_goods):
            kind["category"] = NOT_GOODS
        if matches(sku, self.mapping.gift_cards):
            kind["gift_card"] = True
        return kind

    def _write_money(self, price: Decimal) -> str:
        """A price with the currency's decimals; empty when it has more of them."""
        rounded = price.quantize(self._coin)
        return str(rounded) if rounded == price else ""

    def _read_number(self, text: str, name: str) -> Decimal:
        try:
            return parse_decimal(self._with_point(text), max_digits=12)  # so that products stay exact
        except Invalid as wrong:
            raise Invalid(f"{name}: {text[:40]!r}. {wrong.detail}", code=wrong.code) from wrong

    def _with_point(self, text: str) -> str:
        """A number with a decimal comma as we read it. Raises Invalid when the comma may stand between thousands."""
        if "," not in text:
            return text
        if self.mapping.delimiter == "," or not _COMMA.fullmatch(text):
            words = "Write a point before the decimals, as in 12.50, and nothing between thousands."
            raise Invalid(words, code="number_invalid")
        if _MAYBE_THOUSANDS.fullmatch(text):
            words = (
                f"This may be {text.replace(',', '.')} or {text.replace(',', '')}: write a point or no comma."
            )
            raise Invalid(words, code="number_ambiguous")
        return text.replace(",", ".")

    def _read_time(self, text: str) -> datetime:
        form = self.mapping.time_format
        try:
            at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
        except ValueError as wrong:
            expected = form or "2009-12-01 07:45"
            raise Invalid(f"{text[:40]!r} is no time like {expected}.", code="time_invalid") from wrong
        if not FIRST_YEAR < at.year < LAST_YEAR:
            raise Invalid(f"The year {at.year} is outside the calendar.", code="time_invalid")
        return resolve_local(at, self.mapping.zone).at if at.tzinfo is None else at
