"""What an order holds and how much of it qualifies: exact, whole or after returns.

Money is counted in the currency's smallest units. A line qualifies with its amount less its tax, less its share
of the order's discount and of the part paid with points, both shared over all lines in proportion to their
amounts; never below zero. Gift cards and shipping do not qualify.

After returns each line qualifies in proportion to the amount kept. What was returned is kept as sums (see
`returning`) and taken off all at once, therefore the order in which returns came makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Self

from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import Invalid
from loyalty.base.numbers import format_points

Exact = Fraction | int
SKU = "sku:"  # key of what was returned by article, without saying which line
OWN = " "  # before the id of a line that itself begins with `sku:`; no id begins with a blank
_SUMS = ("quantity", "priced", "amount")  # what is kept of all that was returned of a line


class Line(NamedTuple):
    """One line of an order. `part` is the qualifying amount in units of `1 / basket.parts` of the currency."""

    id: str
    sku: str
    quantity: Exact
    amount: Exact
    tax: Exact
    gift_card: bool
    part: Exact
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Basket:
    """An order's lines and totals, in smallest units of the currency; `parts` is the unit of the lines' `part`."""

    currency: str
    decimals: int
    lines: tuple[Line, ...]
    parts: int
    shipping: Exact
    discount: Exact
    points_paid: Exact

    @classmethod
    def from_payload(cls, data: Mapping[str, Any], currency: str) -> Self:
        """The basket of an order's stored data. Raises Invalid for money that the currency cannot express."""
        decimals = currency_decimals(currency)
        rows = [_row(position, line, decimals) for position, line in enumerate(data.get("lines") or (), 1)]
        discount, points_paid = (_minor(data.get(name, 0), decimals) for name in ("discount", "points_paid"))
        off = discount + points_paid
        total = sum(row[3] for row in rows) if off else 1
        lines = tuple(_line(row, off, total) for row in rows)
        shipping = _minor(data.get("shipping", 0), decimals)
        return cls(currency, decimals, lines, (total or 1) * 10**decimals, shipping, discount, points_paid)

    @property
    def is_empty(self) -> bool:
        """Nothing is left of it: everything was returned or cancelled."""
        return not self.lines

    @property
    def qualifying(self) -> Fraction:
        """The money that can earn, in whole units of the currency."""
        return Fraction(sum(line.part for line in self.lines)) / self.parts

    @property
    def amount(self) -> Exact:
        """All lines as charged, before the order's discount and without shipping, in smallest units."""
        return sum(line.amount for line in self.lines)

    @property
    def total(self) -> Exact:
        """What the order comes to, shipping included, in smallest units."""
        return self.amount + self.shipping - self.discount

    def money(self, smallest: Exact) -> Decimal:
        """Smallest units as money, rounded half up to the currency's decimals for people to read."""
        return to_decimal(Fraction(smallest) / 10**self.decimals, self.decimals)

    def empty(self) -> Self:
        """The basket of an order that was cancelled or sent back as a whole."""
        return replace(self, lines=(), shipping=0, discount=0, points_paid=0)

    def kept(self, returned: Mapping[str, Mapping[str, Any]]) -> Self:
        """What is left after `returned` (built by `returning`).

        A line all of whose units came back is gone. More than there is takes what there is.
        """
        if not returned:
            return self
        kept = _kept_lines(self.lines, returned, self.decimals)
        if not kept:
            return self.empty()
        share = Fraction(sum(line.amount for line in kept)) / self.amount if self.amount else Fraction(1)
        return replace(self, lines=kept, discount=self.discount * share, points_paid=self.points_paid * share)


def returning(
    before: Mapping[str, Mapping[str, Any]], lines: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """`before` plus the lines of one more return, ready to be stored with the order.

    By the line's id, or by `sku:` and the article: `quantity` sent back in all, and of that `priced` with an explicit
    `amount`; the rest is worth its share of the line. Sums only, so that returns add up in any order.
    """
    after = {key: dict(value) for key, value in before.items()}
    for line in lines:
        key = _key(str(line["id"])) if line.get("id") not in (None, "") else SKU + str(line["sku"])
        sums = after.setdefault(key, dict.fromkeys(_SUMS, "0"))
        quantity = Decimal(str(line.get("quantity", 0)))
        sums["quantity"] = str(Decimal(sums["quantity"]) + quantity)
        if line.get("amount") is not None:
            sums["priced"] = str(Decimal(sums["priced"]) + quantity)
            sums["amount"] = str(Decimal(sums["amount"]) + Decimal(str(line["amount"])))
    return after


def to_text(value: Exact, places: int, unit: int = 1) -> str:
    """`value / unit` with so many places, half up: for people and traces, never to calculate with."""
    scale = 10**places
    if unit == scale and isinstance(value, int):
        units: int = value
    else:
        top, bottom = value.numerator, value.denominator * unit
        units = (2 * abs(top) * scale + bottom) // (2 * bottom)
        units = -units if top < 0 else units
    if units < 0 or not places:
        return format_points(units, places)
    whole, part = divmod(units, scale)
    return f"{whole}.{str(part).zfill(places)}"


def to_decimal(value: Exact, places: int) -> Decimal:
    """A fraction as a decimal of so many places, half up."""
    return Decimal(to_text(value, places))


_Row = tuple[str, str, Exact, int, int, bool, Mapping[str, Any]]


def _row(position: int, line: Mapping[str, Any], decimals: int) -> _Row:
    quantity = _quantity(line.get("quantity", 1))
    sent = line.get("amount")
    amount = _minor(sent, decimals) if sent is not None else _computed(line, quantity, decimals)
    tax = _minor(line.get("tax", 0), decimals)
    line_id = str(line.get("id") or position)
    return line_id, line.get("sku", ""), quantity, amount, tax, bool(line.get("gift_card")), line


def _line(row: _Row, off: int, total: int) -> Line:
    line_id, sku, quantity, amount, tax, gift_card, data = row
    part = 0 if gift_card else max(0, total * (amount - tax) - off * amount)
    return Line(line_id, sku, quantity, amount, tax, gift_card, part, data)


def _computed(line: Mapping[str, Any], quantity: Exact, decimals: int) -> int:
    price = Decimal(str(line["unit_price"])) * Decimal(str(line.get("quantity", 1)))
    amount = price - Decimal(str(line.get("discount", 0)))
    return int(amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP).scaleb(decimals))


def _minor(value: object, decimals: int) -> int:
    """Money as a whole number of the currency's smallest units."""
    whole, dot, part = str(value).partition(".")
    if dot and len(part) == decimals:  # the canonical form, by far the commonest
        return int(whole + part)
    exact = Decimal(str(value)).scaleb(decimals)
    if exact != int(exact):
        raise Invalid(f"The amount {value} has more decimals than its currency.", code="money_decimals")
    return int(exact)


def _quantity(value: object) -> Exact:
    text = str(value)
    return int(text) if text.isdecimal() else Fraction(text)


def _kept_lines(
    lines: Sequence[Line], returned: Mapping[str, Mapping[str, Any]], decimals: int
) -> tuple[Line, ...]:
    """Returns that name a line come off first, then those that name only the article, whatever came first."""
    returned = _without_bare_ids(lines, returned)
    kept = [
        _less(line, *_taken(line, returned[key], decimals)) if (key := _key(line.id)) in returned else line
        for line in lines
    ]
    for key, sums in returned.items():
        if key.startswith(SKU):
            kept = _less_by_sku(kept, key.removeprefix(SKU), sums, decimals)
    return tuple(line for line in kept if line.quantity > 0)


def _key(line_id: str) -> str:
    """The key of what was returned of a line; never that of an article."""
    return OWN + line_id if line_id.startswith(SKU) else line_id


def _without_bare_ids(
    lines: Sequence[Line], returned: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    """What was stored before under a bare id that begins with `sku:` is the line's, unless the order has that
    article."""
    bare = {line.id for line in lines if line.id.startswith(SKU) and line.id in returned}
    for line_id in bare - {SKU + line.sku for line in lines}:
        both = [returned[key] for key in (line_id, OWN + line_id) if key in returned]
        sums = {name: str(sum(Decimal(str(one.get(name, 0))) for one in both)) for name in _SUMS}
        returned = {key: one for key, one in returned.items() if key != line_id} | {OWN + line_id: sums}
    return returned


def _taken(line: Line, sums: Mapping[str, Any], decimals: int) -> tuple[Exact, Exact]:
    """The quantity and the amount that came back of one line."""
    quantity, priced = _quantity(sums["quantity"]), _quantity(sums.get("priced", 0))
    by_share = Fraction(line.amount) * max(0, quantity - priced) / line.quantity
    return quantity, _minor(sums.get("amount", 0), decimals) + by_share


def _less(line: Line, quantity: Exact, amount: Exact) -> Line:
    left = max(0, line.quantity - quantity)
    if not left:
        return line._replace(quantity=0, amount=0, tax=0, part=0)
    kept = max(Fraction(0), Fraction(line.amount) - amount)
    share = kept / line.amount if line.amount else Fraction(1)
    return line._replace(quantity=left, amount=kept, tax=line.tax * share, part=line.part * share)


def _less_by_sku(lines: list[Line], sku: str, sums: Mapping[str, Any], decimals: int) -> list[Line]:
    """The article's lines give up units in their order; an explicit amount is shared by the units taken."""
    asked = _quantity(sums["quantity"])
    priced, amount = _quantity(sums.get("priced", 0)), _minor(sums.get("amount", 0), decimals)
    left, kept = asked, []
    for line in lines:
        units = min(left, line.quantity) if line.sku == sku else 0
        left -= units
        if units:
            by_share = Fraction(line.amount) * units / line.quantity * (asked - priced) / asked
            kept.append(_less(line, units, by_share + Fraction(amount) * units / asked))
        else:
            kept.append(line)
    return kept
