"""Orders and returns inside events: checked, their sums proved, and brought into one normal form.

Prices are what the member pays, tax included. In the normal form every amount is text with the currency's
decimals, every line has an id and its amount, and what was not sent has its default.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from loyalty.base.currencies import MAX_MONEY
from loyalty.base.ids import is_uuid
from loyalty.events.reading import (
    Faults,
    Money,
    boolean,
    fault,
    loose_attributes,
    plain,
    quantity,
    reference,
    text,
    whole,
)
from loyalty.programs.attributes import refuse_unknown

MAX_LINES = 1000
MAX_REFERENCE = 120

_ONE = Decimal(1)
_PRICE = {"quantity", "unit_price", "discount", "tax", "amount"}
_LINE = frozenset({"id", "sku", "name", "category", "brand", "gift_card", "attributes", *_PRICE})
_SUMS = {"shipping", "discount", "points_paid", "total"}
_ORDER = frozenset({"order_id", "currency", "revision", "lines", "payment_method", "store", *_SUMS})
_RETURN = frozenset({"order_id", "return_id", "currency", "lines", "store"})
_RETURNED_LINE = frozenset({"id", "sku", "quantity", "amount"})
_CANCEL = frozenset({"order_id", "reason"})


def order(raw: dict[str, Any], path: str, money: Money, faults: Faults, *, amended: bool) -> dict[str, Any]:
    """The data of order.completed, or of order.amended, which needs a revision above 0."""
    refuse_unknown(raw, _ORDER if amended else _ORDER | {"redemption"}, path, faults)
    before = len(faults)
    money.check_currency(raw.get("currency"), f"{path}/currency", faults, required=True)
    revision = raw.get("revision")
    data: dict[str, Any] = {
        "order_id": reference(raw.get("order_id"), f"{path}/order_id", faults, most=MAX_REFERENCE),
        "currency": money.currency,
        "revision": whole(revision, f"{path}/revision", faults, least=1)
        if amended
        else whole(revision, f"{path}/revision", faults, default=0),
    }
    data["lines"], amounts = _lines(raw.get("lines"), f"{path}/lines", money, faults)
    data |= _totals(raw, path, money, amounts, faults, sound=len(faults) == before)
    for name in ("payment_method", "store"):
        if (value := raw.get(name)) is not None:
            data[name] = text(value, f"{path}/{name}", faults, most=100)
    if (named := raw.get("redemption")) is not None:
        data["redemption"] = _redemption(named, f"{path}/redemption", faults)
    return data


def _redemption(raw: Any, path: str, faults: Faults) -> str:
    """The id of the transaction that reserved or took the points which paid for the order."""
    if is_uuid(raw):
        return str(raw).lower()
    fault(faults, path, "redemption_invalid", "Give the id that POST /transactions/redeem answered.")
    return ""


def _totals(
    raw: dict[str, Any], path: str, money: Money, amounts: Decimal, faults: Faults, *, sound: bool
) -> dict[str, str]:
    """Amounts of the whole order; their sums are checked when all that goes into them is `sound`."""
    before = len(faults)
    shipping = money.read(raw.get("shipping"), f"{path}/shipping", faults)
    discount = money.read(raw.get("discount"), f"{path}/discount", faults)
    points_paid = money.read(raw.get("points_paid"), f"{path}/points_paid", faults)
    total = amounts + shipping - discount
    said = total if raw.get("total") is None else money.read(raw["total"], f"{path}/total", faults)
    if sound and len(faults) == before:
        if total < 0:
            words = f"The discount is more than the lines and shipping, {amounts + shipping}."
            fault(faults, f"{path}/discount", "discount_above_total", words)
        elif points_paid > total:
            fault(faults, f"{path}/points_paid", "points_paid_above_total", f"The order comes to {total}.")
        if total >= MAX_MONEY:
            _too_much(total, f"{path}/total", faults)
        elif said != total:
            words = f"Lines, shipping and discount come to {total}."
            fault(faults, f"{path}/total", "total_mismatch", words)
    return {
        "shipping": str(shipping),
        "discount": str(discount),
        "points_paid": str(points_paid),
        "total": str(total),
    }


def _lines(raw: Any, path: str, money: Money, faults: Faults) -> tuple[list[dict[str, Any]], Decimal]:
    """Full priced lines and the sum of their amounts."""
    before = len(faults)
    lines: list[dict[str, Any]] = []
    total = money.zero
    for index, one in enumerate(_list(raw, path, faults, required=True)):
        line, amount = _line(one, index, f"{path}/{index}", money, faults)
        lines.append(line)
        total += amount
    if total >= MAX_MONEY and len(faults) == before:
        _too_much(total, path, faults)
    _refuse_same_ids(lines, path, faults)
    return lines, total


def _list(raw: Any, path: str, faults: Faults, *, required: bool = False) -> list[Any]:
    if raw is None and not required:
        return []
    if not isinstance(raw, list) or not raw:
        fault(faults, path, "required" if raw is None else "list_expected", "Give at least one line.")
        return []
    if len(raw) > MAX_LINES:
        fault(faults, path, "too_many_items", f"At most {MAX_LINES} lines.")
        return []
    return raw


def _refuse_same_ids(lines: list[dict[str, Any]], path: str, faults: Faults) -> None:
    ids = [line["id"] for line in lines if "id" in line]
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        for index, line in enumerate(lines):
            if line.get("id") in seen:
                fault(faults, f"{path}/{index}/id", "line_id_taken", "Another line has this id.")
            seen.add(line.get("id", ""))


def _line(raw: Any, index: int, path: str, money: Money, faults: Faults) -> tuple[dict[str, Any], Decimal]:
    if not isinstance(raw, dict):
        fault(faults, path, "object_expected", "A line is an object.")
        return {}, money.zero
    if not raw.keys() <= _LINE:
        refuse_unknown(raw, _LINE, path, faults)
    get = raw.get
    own_id = get("id")
    line: dict[str, Any] = {
        "id": str(index + 1) if own_id is None else _line_id(own_id, f"{path}/id", faults),
        "sku": reference(get("sku"), f"{path}/sku", faults),
    }
    for name in ("name", "category", "brand"):
        if (value := get(name)) is not None:
            line[name] = text(value, f"{path}/{name}", faults)
    amount = _price(raw, line, path, money, faults)
    line["gift_card"] = boolean(get("gift_card"), f"{path}/gift_card", faults)
    if (attributes := get("attributes")) is not None:
        line["attributes"] = loose_attributes(attributes, f"{path}/attributes", faults)
    return line, amount


def _line_id(raw: Any, path: str, faults: Faults) -> str:
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 10**18:
        return str(raw)
    return reference(raw, path, faults)


def _price(raw: dict[str, Any], line: dict[str, Any], path: str, money: Money, faults: Faults) -> Decimal:
    """Put the amounts into `line`; the line's amount: quantity × unit price − discount, half a coin up."""
    before = len(faults)
    get, read = raw.get, money.read
    count = quantity(get("quantity"), f"{path}/quantity", faults, default=_ONE)
    unit_price = read(get("unit_price"), f"{path}/unit_price", faults, required=True)
    discount = read(get("discount"), f"{path}/discount", faults)
    tax = read(get("tax"), f"{path}/tax", faults)
    amount = money.round(count * unit_price - discount)
    said = amount if get("amount") is None else read(raw["amount"], f"{path}/amount", faults)
    if len(faults) == before:
        if amount < 0:
            fault(faults, f"{path}/discount", "discount_above_price", "The discount exceeds the price.")
        elif tax > amount:
            fault(faults, f"{path}/tax", "tax_above_amount", f"The line comes to {amount}, tax included.")
        if amount >= MAX_MONEY:
            _too_much(amount, f"{path}/amount", faults)
        elif said != amount:
            words = f"Quantity × unit price − discount is {amount}."
            fault(faults, f"{path}/amount", "amount_mismatch", words)
    line["quantity"] = plain(count)
    line["unit_price"] = str(unit_price)
    line["discount"] = str(discount)
    line["tax"] = str(tax)
    line["amount"] = str(amount)
    return amount


def _too_much(amount: Decimal, path: str, faults: Faults) -> None:
    """Prices within bounds may still make a sum that the books have no room for."""
    fault(faults, path, "amount_out_of_range", f"This comes to {amount}: sums are below {MAX_MONEY}.")


def returned(raw: dict[str, Any], path: str, money: Money, faults: Faults) -> dict[str, Any]:
    """The data of order.returned. Without lines everything left of the order comes back; without an order its
    lines are priced in full, as a basket of their own."""
    refuse_unknown(raw, _RETURN, path, faults)
    data: dict[str, Any] = {}
    if raw.get("return_id") is not None:
        data["return_id"] = reference(raw["return_id"], f"{path}/return_id", faults, most=MAX_REFERENCE)
    if raw.get("store") is not None:
        data["store"] = text(raw["store"], f"{path}/store", faults, most=100)
    known = raw.get("order_id") is not None
    money.check_currency(raw.get("currency"), f"{path}/currency", faults, required=not known)
    if not known:
        data["currency"] = money.currency
        data["lines"], total = _lines(raw.get("lines"), f"{path}/lines", money, faults)
        return data | {"total": str(total)}
    data["order_id"] = reference(raw["order_id"], f"{path}/order_id", faults, most=MAX_REFERENCE)
    if raw.get("lines") is not None:
        lines = _list(raw["lines"], f"{path}/lines", faults)
        data["lines"] = [
            _returned_line(one, f"{path}/lines/{i}", money, faults) for i, one in enumerate(lines)
        ]
        _refuse_same_ids(data["lines"], f"{path}/lines", faults)
    return data


def _returned_line(raw: Any, path: str, money: Money, faults: Faults) -> dict[str, Any]:
    if not isinstance(raw, dict):
        fault(faults, path, "object_expected", "A line is an object.")
        return {}
    refuse_unknown(raw, _RETURNED_LINE, path, faults)
    line: dict[str, Any] = {}
    if raw.get("id") is not None:
        line["id"] = _line_id(raw["id"], f"{path}/id", faults)
    if raw.get("sku") is not None:
        line["sku"] = reference(raw["sku"], f"{path}/sku", faults)
    if raw.get("id") is None and raw.get("sku") is None:
        fault(faults, f"{path}/id", "required", "Name the line by its id or its sku.")
    line["quantity"] = plain(quantity(raw.get("quantity"), f"{path}/quantity", faults))
    if raw.get("amount") is not None:
        line["amount"] = str(money.read(raw["amount"], f"{path}/amount", faults))
    return line


def cancelled(raw: dict[str, Any], path: str, faults: Faults) -> dict[str, Any]:
    """The data of order.cancelled."""
    refuse_unknown(raw, _CANCEL, path, faults)
    data = {"order_id": reference(raw.get("order_id"), f"{path}/order_id", faults, most=MAX_REFERENCE)}
    if raw.get("reason") is not None:
        data["reason"] = text(raw["reason"], f"{path}/reason", faults)
    return data
