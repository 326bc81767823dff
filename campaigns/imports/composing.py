"""From the rows of one order to the events that say the same: an order, a return, or both.

An order is taken as a whole or not at all: one row that makes no sense, or cannot even be
read, leaves all its rows to the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from campaigns.imports.grouping import Group
from campaigns.imports.lines import Line, LineReader
from loyalty.base.clock import write_instant
from loyalty.base.errors import Invalid, LaurelError
from loyalty.base.imports.badrows import Refused
from loyalty.base.imports.reading import Row
from loyalty.events.types import ORDER_COMPLETED, ORDER_RETURNED

_LINE_PATH = re.compile(r"/data/lines/(\d+)(?:/|$)")


@dataclass(slots=True)
class Sending:
    """One event for the inbox, with the rows that its lines came from."""

    item: dict[str, Any]
    rows: list[Row]
    at: datetime

    @property
    def is_return(self) -> bool:
        return bool(self.item["type"] == ORDER_RETURNED)


@dataclass(slots=True)
class Composed:
    """What became of one group: events, refused rows, or a guest's order that nobody asked to keep."""

    group: Group
    member: str = ""
    sendings: list[Sending] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    outcome: str = "sent"  # sent, guest, skipped or refused

    def refuse(self, faults: Sequence[Refused]) -> None:
        """Nothing of it is sent. Rows without a fault of their own say that they share the order's fate."""
        own = {fault.row.number for fault in faults}
        rest = [
            Refused(row, "order_refused", "Another row of this order was refused.")
            for row in self.group.rows
            if row.number not in own
        ]
        self.refused = sorted([*faults, *rest], key=lambda one: one.row.number)
        self.sendings, self.outcome = [], "refused"


class Composer:
    """Composes the events of one file."""

    def __init__(self, reader: LineReader) -> None:
        self.reader = reader
        self.mapping = reader.mapping

    def compose(self, group: Group) -> Composed:
        """The events of a group of rows; it raises nothing."""
        composed = Composed(group)
        if self.mapping.is_skipped(group.reference):
            words = "Orders with this prefix are left out on request."
            composed.refused = [Refused(row, "prefix_skipped", words) for row in group.rows]
            composed.outcome = "skipped"
            return composed
        lines, faults = self._lines(group)
        if faults:
            composed.refuse(faults)
            return composed
        composed.member = lines[0].member
        if not composed.member and not self.mapping.keep_guests:
            composed.outcome = "guest"
            return composed
        parts = self._credit_note if self.mapping.is_return(group.reference) else self._order
        faults = parts(group.reference, lines, composed)
        if faults:
            composed.refuse(faults)
        return composed

    def _lines(self, group: Group) -> tuple[list[Line], list[Refused]]:
        lines: list[Line] = []
        faults: list[Refused] = []
        is_return = self.mapping.is_return(group.reference)
        for row in group.rows:
            try:
                lines.append(line := self.reader.read(row))
                _check_signs(line, is_return)
                _check_member(line, lines[0].member)
            except Invalid as wrong:
                faults.append(Refused(row, wrong.code, wrong.detail))
        return lines, faults

    def _credit_note(self, reference: str, lines: list[Line], composed: Composed) -> list[Refused]:
        """A return that names no order: its lines with the sign turned are a basket of their own."""
        self._send(
            composed, lines, ORDER_RETURNED, f"return:{reference}", self._basket(lines, return_id=reference)
        )
        return []

    def _order(self, reference: str, lines: list[Line], composed: Composed) -> list[Refused]:
        bought = [line for line in lines if line.quantity > 0 and line.price >= 0]
        back = [line for line in lines if line.quantity < 0]
        # Of a line whose price had to be folded into its amount no pieces can be sent back: that is a return by itself.
        folded = {line.article for line in bought if not self.reader.is_exact(line)}
        articles = {line.article for line in bought} - folded
        of_order = [line for line in back if line.article in articles]
        loose = [line for line in back if line.article not in articles]
        if bought:
            off = -sum((line.amount for line in lines if line.price < 0), Decimal(0))
            data = self._basket(bought, order_id=reference)
            if off:
                data["discount"] = str(off)
            self._send(composed, bought, ORDER_COMPLETED, f"order:{reference}", data)
        elif discounts := [line for line in lines if line.price < 0]:
            words = "A discount needs an order to be taken off."
            return [Refused(line.row, "discount_alone", words) for line in discounts]
        if of_order:
            data = {"order_id": reference, "lines": [_returned(line) for line in of_order]}
            self._send(composed, of_order, ORDER_RETURNED, f"return:{reference}", data)
        if loose:
            data = self._basket(loose, return_id=reference)
            self._send(composed, loose, ORDER_RETURNED, f"return-without-order:{reference}", data)
        return []

    def _basket(self, lines: Sequence[Line], **ids: str) -> dict[str, Any]:
        data: dict[str, Any] = ids | {
            "currency": self.mapping.currency,
            "lines": [self.reader.priced(line) for line in lines],
        }
        if store := self.reader.store(lines[0]):
            data["store"] = store
        return data

    def _send(
        self, composed: Composed, lines: Sequence[Line], kind: str, event_id: str, data: dict[str, Any]
    ) -> None:
        """The order's time is that of its earliest line, for whatever it says."""
        at = min(line.at for line in lines)
        item = {"id": event_id, "type": kind, "occurred_at": write_instant(at), "data": data}
        if composed.member:
            item["member"] = f"{self.mapping.member_kind}:{composed.member}"
        composed.sendings.append(Sending(item, [line.row for line in lines], at))


def _check_signs(line: Line, is_return: bool) -> None:
    """Raises Invalid for amounts that say neither bought nor returned nor discount."""
    if line.price < 0 and (is_return or line.quantity < 0):
        raise Invalid("A returned line has a price of 0 or more.", code="price_negative")
    if is_return and line.quantity > 0:
        raise Invalid("A line of a return has a quantity below 0.", code="return_line_positive")


def _check_member(line: Line, member: str) -> None:
    if line.member != member:
        raise Invalid("Another row of this order names another member.", code="members_differ")


def _returned(line: Line) -> dict[str, str]:
    return {"sku": line.sku, "quantity": str(-line.quantity), "amount": str(-line.amount)}


def faults_of(sending: Sending, fault: LaurelError) -> list[Refused]:
    """What the inbox found wrong with an event, by the row that it is about."""
    found: dict[int, Refused] = {}
    for one in fault.errors:
        match = _LINE_PATH.match(one.path)
        row = sending.rows[int(match[1])] if match else sending.rows[0]
        found.setdefault(row.number, Refused(row, one.code, one.message))
    first = sending.rows[0]
    return list(found.values()) or [Refused(first, fault.code, fault.detail)]


def in_time(sendings: Iterable[Sending]) -> list[Sending]:
    """As things happened; what happened at once stays in its order."""
    return sorted(sendings, key=lambda one: one.at)
