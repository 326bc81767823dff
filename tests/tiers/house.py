"""A café in Madrid with a ladder of silver and gold, and its regular, Ada."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from loyalty.base import clock
from loyalty.events.models import Event
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs import nightly, programs
from loyalty.programs.models import Program
from tests.earning.shop import LONG_AGO, Shop, open_shop
from tiers import drafts, versions
from tiers.models import LadderVersion, TierSet

OPENING = datetime(2024, 1, 1, 9, tzinfo=UTC)
SILVER = {"code": "silver", "name": "Silver", "threshold": Decimal(100)}
GOLD = {"code": "gold", "name": "Gold", "threshold": Decimal(300), "earning_multiplier": Decimal("1.5")}
CLASSIC = {"code": "classic", "name": "Classic", "threshold": Decimal(0)}


def a_program(**more: Any) -> Program:
    given: dict[str, Any] = {
        "code": "cafe",
        "name": "Café",
        "currency": "EUR",
        "timezone": "Europe/Madrid",
        "at": OPENING,
    }
    return programs.create(**given | more)


def a_member(program: Program, name: str = "ada", *, at: datetime = OPENING) -> Member:
    return members.register(program, {"external_id": name}, channel=None, at=at)[0]


def a_draft(
    program: Program,
    tiers: Sequence[Mapping[str, Any]] = (SILVER, GOLD),
    *,
    code: str = "club",
    at: datetime = OPENING,
    **fields: Any,
) -> TierSet:
    return drafts.create(program, {"code": code, "name": "Club"} | fields, tiers, by="olga", at=at)


def a_ladder(
    program: Program,
    tiers: Sequence[Mapping[str, Any]] = (SILVER, GOLD),
    *,
    at: datetime = OPENING,
    **fields: Any,
) -> LadderVersion:
    """A published ladder."""
    return versions.publish(a_draft(program, tiers, at=at, **fields), by="olga", at=at)


class Store(Shop):
    """A shop whose clock follows what is sent: nothing is ahead of it, and whatever is processed is processed then."""

    def send(self, kind: str, data: dict[str, Any], *, at: datetime | None = None, **more: Any) -> Event:
        self.now = max(self.now, at or self.now)
        return super().send(kind, data, at=at, **more)

    def process(self) -> int:
        with clock.pinned(self.now):
            return super().process()

    def night(self, at: datetime) -> None:
        """Run the night that is due at that time."""
        self.now = max(self.now, at)
        with clock.pinned(at):
            nightly.run_due(at)


def a_store(tiers: Sequence[Mapping[str, Any]] | None = (SILVER, GOLD), **fields: Any) -> Store:
    """A store, with a ladder unless `tiers` is None."""
    shop = open_shop()
    store = Store(shop.program, shop.channel, shop.points, shop.ada)
    if tiers is not None:
        a_ladder(store.program, tiers, at=LONG_AGO, **fields)
    return store
