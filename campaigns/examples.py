"""Example requests and answers for the public document. A test runs and compares them."""

from __future__ import annotations

from typing import Any

from loyalty.ledger.examples import BALANCE, EVENT_ID, MEMBER_ID

ORDER: dict[str, Any] = {
    "order_id": "A-1001",
    "currency": "EUR",
    "lines": [
        {
            "sku": "BEAN-1KG",
            "name": "Coffee beans",
            "category": "coffee",
            "quantity": 2,
            "unit_price": "19.90",
        },
        {"sku": "CUP-S", "quantity": 1, "unit_price": "8.40"},
    ],
    "shipping": "3.90",
}
EVENT: dict[str, Any] = {
    "id": "order-A-1001",
    "type": "order.completed",
    "occurred_at": "2026-11-22T10:00:00Z",
    "member": "ext:ana",
    "data": ORDER,
}
VISIT: dict[str, Any] = {
    "id": "visit-77",
    "type": "visit.checked_in",
    "occurred_at": "2026-11-22T10:00:00Z",
    "member": "ext:ana",
    "data": {"store": "Gran Vía"},
}
RECEIPT = {"event": EVENT_ID, "id": "order-A-1001", "status": "received", "duplicate": False}
BATCH = {
    "received": 1,
    "duplicates": 0,
    "refused": 0,
    "results": [{**RECEIPT, "problem": None}],
}
TRACE: dict[str, Any] = {
    "outcome": "given",
    "points": {"points": 48},
    "qualifying": "48.20",
    "excluded": [{"what": "shipping", "amount": "3.90"}],
    "campaigns": [
        {
            "campaign": "base",
            "name": "A point per euro",
            "version": 1,
            "kind": "earning",
            "outcome": "given",
            "points": 48,
            "point_type": "points",
            "raw": "48.2",
            "arithmetic": "48.20 EUR at 1 per 1.00",
        }
    ],
    "rounding": {"mode": "half_up", "before": "48.2", "after": 48},
}
DECIDED: dict[str, Any] = {
    "event": EVENT_ID,
    "id": "order-A-1001",
    "source": "shop",
    "type": "order.completed",
    "status": "processed",
    "duplicate": False,
    "occurred_at": "2026-11-22T10:00:00Z",
    "received_at": "2026-11-22T10:00:01Z",
    "processed_at": "2026-11-22T10:00:01Z",
    "member": MEMBER_ID,
    "order": "A-1001",
    "points": {"points": 48},
    "trace": TRACE,
    "error": None,
    "tier": None,
    "balances": [BALANCE],
}
ACCRUE = {"member": "ext:ana", "amount": "12.50", "order_id": "R-000123"}
QUOTE_BODY = {"member": "ext:ana", "order": ORDER}
QUOTE = {
    "points": {"points": 48},
    "trace": TRACE,
    "payable": [
        {
            "point_type": "points",
            "points": 1250,
            "money_off": "12.50",
            "minimum": 100,
            "increment": 50,
            "max_percent": 100,
            "available": 1250,
        }
    ],
    "total": "52.10",
    "currency": "EUR",
}
