"""A shop in Madrid and its regular, Ada: one point per euro, sent in and processed as a channel would."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from campaigns import earning, versions
from campaigns.models import BonusCampaign, Campaign, EarningCampaign, Trace
from loyalty.base import clock
from loyalty.events import intake
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs import programs
from loyalty.programs.models import Channel, PointType, Program

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass
class Shop:
    """`now` is the shop's clock; every call moves nothing by itself."""

    program: Program
    channel: Channel
    points: PointType
    ada: Member
    now: datetime = NOON
    sent: int = field(default=0)

    def campaign(self, code: str = "base", **terms: Any) -> Campaign:
        kind = BonusCampaign if {"multiplier", "table", "extra_points"} & terms.keys() else EarningCampaign
        if kind is EarningCampaign:
            terms = {"points": Decimal(1)} | terms
        campaign = kind.objects.create(
            program=self.program, code=code, name=code.capitalize(), point_type=self.points,
            created_at=LONG_AGO, updated_at=LONG_AGO, **terms,
        )  # fmt: skip
        versions.publish(campaign, by="olga", at=LONG_AGO)
        return campaign

    def send(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        event_id: str = "",
        at: datetime | None = None,
        member: str | None = "ext:ada",
    ) -> Event:
        self.sent += 1
        item = {
            "id": event_id or f"e-{self.sent}",
            "type": kind,
            "occurred_at": (at or self.now).isoformat(),
            "data": data,
        }
        if member:
            item["member"] = member
        [receipt] = intake.receive(self.channel, [item], at=self.now)
        if receipt.fault:
            raise receipt.fault
        assert receipt.event_id is not None
        return Event.objects.get(pk=receipt.event_id)

    def order(
        self,
        reference: str,
        *prices: str,
        at: datetime | None = None,
        member: str | None = "ext:ada",
        **more: Any,
    ) -> Event:
        return self.send("order.completed", basket(reference, *prices, **more), at=at, member=member)

    def process(self) -> int:
        return earning.drain()

    def balance(self, member: Member | None = None) -> int:
        member = member or self.ada
        return Wallet.objects.filter(member=member).aggregate(sum=Sum("balance"))["sum"] or 0

    def trace(self, event: Event) -> dict[str, Any]:
        detail: dict[str, Any] = Trace.objects.get(event=event).detail
        return detail


def basket(reference: str, *prices: str, **more: Any) -> dict[str, Any]:
    lines = [{"id": str(n), "sku": f"SKU-{n}", "unit_price": price} for n, price in enumerate(prices, 1)]
    return {"order_id": reference, "currency": "EUR", "lines": lines, **more}


def open_shop(**changes: Any) -> Shop:
    program = programs.create(
        code="shop", name="Shop", currency="EUR", timezone="Europe/Madrid", at=LONG_AGO, **changes
    )
    channel = Channel.objects.create(program=program, code="web", name="Web shop", created_at=LONG_AGO)
    points = PointType.objects.get(program=program)
    ada, _ = members.register(program, {"external_id": "ada", "name": "Ada"}, channel=channel, at=LONG_AGO)
    return Shop(program, channel, points, ada)


def books_add_up() -> None:
    """The invariants every test ends with."""
    for wallet in Wallet.objects.all():
        entries = Entry.objects.filter(wallet=wallet)
        assert wallet.balance == (entries.aggregate(sum=Sum("amount"))["sum"] or 0)
        lots = Lot.objects.filter(wallet=wallet).aggregate(sum=Sum("remaining"))["sum"] or 0
        assert wallet.balance == lots - wallet.debt
    assert proof.verify(at=clock.now()).breaches == []


def later(**by: float) -> timedelta:
    return timedelta(**by)
