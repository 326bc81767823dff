"""An online shop of 2009 in the program of today: a point for each full pound on goods, valid for twelve months."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.db import connection

from campaigns import versions
from campaigns.models import EarningCampaign
from loyalty.programs import programs
from loyalty.programs.models import PointType, Program
from tests.imports.oracle import NO_GOODS, NO_GOODS_STARTS

OPENED = datetime(2009, 1, 1, tzinfo=UTC)
COLUMNS = (
    "order=InvoiceNo", "sku=StockCode", "name=Description", "quantity=Quantity", "time=InvoiceDate",
    "price=UnitPrice", "member=CustomerID",
)  # fmt: skip
OPTIONS: dict[str, Any] = {
    "program": "shop", "map": list(COLUMNS), "return_prefix": ["C"], "skip_prefix": ["A"], "enrol": True,
}  # fmt: skip


def open_shop(code: str = "shop") -> Program:
    program = programs.create(
        code=code, name="Shop", currency="GBP", timezone="Europe/London", rounding="down", at=OPENED,
        expiry_kind="rolling", expiry_count=12, expiry_unit="months", debt_policy="unlimited",
    )  # fmt: skip
    PointType.objects.filter(program=program).update(use_program_expiry=True)
    goods: list[dict[str, Any]] = [{"field": "item.sku", "op": "not_in", "value": sorted(NO_GOODS)}]
    goods += [
        {"not": {"field": "item.sku", "op": "starts_with", "value": start}} for start in NO_GOODS_STARTS
    ]
    campaign = EarningCampaign.objects.create(
        program=program, code="base", name="A point per pound", points=Decimal(1), items={"all": goods},
        point_type=PointType.objects.get(program=program), created_at=OPENED, updated_at=OPENED,
    )  # fmt: skip
    versions.publish(campaign, by="olga", at=OPENED, effective_from=OPENED)
    return program


def run(file: object, **options: Any) -> None:
    call_command("import_orders", str(file), **(OPTIONS | options))


_ACCOUNTS = """
    SELECT i.value,
        (SELECT count(*) FROM events_event e WHERE e.member_id = m.id AND e.type = 'order.completed'),
        (SELECT count(*) FROM events_event e WHERE e.member_id = m.id AND e.type = 'order.returned'),
        coalesce(sum(t.amount) FILTER (WHERE t.kind = 'earn'), 0)::bigint,
        coalesce(sum(t.forgiven + t.already_expired - t.amount) FILTER (WHERE t.kind = 'reverse'), 0)::bigint,
        coalesce(-sum(t.amount) FILTER (WHERE t.kind = 'expire'), 0)::bigint,
        coalesce(max(w.debt), 0)::bigint, coalesce(max(w.balance), 0)::bigint
    FROM members_member m
    JOIN members_identifier i ON i.member_id = m.id AND i.kind = 'external'
    LEFT JOIN ledger_wallet w ON w.member_id = m.id
    LEFT JOIN ledger_transaction t ON t.member_id = m.id
    WHERE m.program_id = %s GROUP BY i.value, m.id
"""


def accounts(program: Program) -> dict[str, tuple[int, ...]]:
    """By customer: orders, returns, points earned, taken back, expired, owed, balance; straight from the tables."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, [program.pk])
        return {row[0]: row[1:] for row in cursor.fetchall()}
