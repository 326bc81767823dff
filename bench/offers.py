"""What a member can have, out of two hundred rewards: how long the till waits for it while members buy and a worker
earns, against one bare indexed read of the same server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from bench import harness, load
from bench.api import BARE_PORT, PORT, _batch, _broker, _server, _worker

REWARDS = 200
MEMBERS = 500
CONNECTIONS = 8
WANTED_MS = 100
KINDS: dict[str, dict[str, Any]] = {
    "discount": {"off": "money", "value": Decimal(5), "minimum_order": Decimal(20), "valid_days": 60},
    "gift": {"value": Decimal(20), "valid_days": 365},
    "product": {"delivery": "ship", "sku": "MUG"},
    "voucher": {"valid_days": 30},
    "experience": {},
    "donation": {"beneficiary": "Trees", "value": Decimal(2)},
    "partner": {"partner_code": "air", "partner_name": "Air", "unit_cost": Decimal("1.50")},
}
AUDIENCES: list[dict[str, Any]] = [
    {},
    {"field": "member.tier", "op": "in", "value": ["silver", "gold"]},
    {"any": [{"field": "member.days_since_enrolled", "op": "gte", "value": 30},
             {"field": "activity.spend", "days": 90, "op": "gte", "value": "100"}]},
]  # fmt: skip
TIERS: list[dict[str, Any]] = [
    {"code": "friend", "name": "Friend", "threshold": Decimal(0)},
    {"code": "silver", "name": "Silver", "threshold": Decimal(200), "reward_price_factor": Decimal("0.9")},
    {"code": "gold", "name": "Gold", "threshold": Decimal(1000), "early_access_days": 7},
]
LADDER = {"code": "club", "name": "Club", "measure": "spend", "window": "rolling", "window_count": 12,
          "validity": "duration", "validity_count": 12}  # fmt: skip


def main(*, quick: bool = False) -> None:
    """Print p50 and p99 of the offers, alone and with a worker busy, and their ratio to a bare read."""
    seconds = 5.0 if quick else 20.0
    with harness.database("bench_offers"), _broker():
        key, members = _fill()
        offers = [load.get(f"/offers/available?member={member}", key) for member in members * 40]
        read = [load.get(f"/members/{member}/balances", key) for member in members * 200]
        with _server("loyalty.config.settings", PORT), _server("bench.bare_settings", BARE_PORT):
            calm = _measured(PORT, offers, seconds)
            limit = _measured(BARE_PORT, read, seconds)
            with _busy(key, batches=30 if quick else 120):
                busy = _measured(PORT, offers, seconds)
    print(f"\nOffers out of {REWARDS} rewards, {CONNECTIONS} connections")
    for what, one in (("one bare indexed read", limit), ("offers", calm), ("offers, worker busy", busy)):
        print(f"  {what:<24} {one.per_second:>8,.0f}/s  p50 {one.p50:>6.1f} ms  p99 {one.p99:>6.1f} ms")
    print(f"  offers against the bare read: {calm.per_second / limit.per_second:.0%}")
    for what, one in (("alone", calm), ("beside a busy worker", busy)):
        verdict = "ok" if one.p99 < WANTED_MS else "MISSED"
        print(f"  p99 {what}: wanted {WANTED_MS} ms: {verdict}")


def _measured(port: int, requests: list[str], seconds: float) -> load.Load:
    load.run(port, requests[:100], connections=CONNECTIONS, seconds=2)  # warm
    measured = load.run(port, requests, connections=CONNECTIONS, seconds=seconds)
    assert not measured.refused, f"{measured.refused} requests were refused"
    return measured


@contextmanager
def _busy(key: str, *, batches: int) -> Iterator[None]:
    """A worker works through a full inbox meanwhile."""
    load.run(PORT, [_batch(key, 0, number) for number in range(batches)], connections=2, seconds=120)
    with _worker():
        yield


# --- A program with a long catalogue ------------------------------------------------------------------------


def _fill() -> tuple[str, list[str]]:
    from bench.processing import _campaigns
    from loyalty.base import clock
    from loyalty.members import members
    from loyalty.members.models import Member
    from loyalty.programs import credentials, programs
    from loyalty.programs.models import Channel, PointType, Scope

    logging.getLogger("loyalty.base.waking").setLevel(logging.ERROR)  # nobody is there to be woken
    at = clock.now() - timedelta(days=60)
    program = programs.create(code="bench", name="Bench", currency="GBP", timezone="Europe/London", at=at)
    _campaigns(program, at)
    _ladder(program, at)
    points = PointType.objects.select_related("program").get(program=program, is_default=True)
    channel = Channel.objects.create(program=program, code="shop", name="Shop", created_at=at)
    found = [
        members.register(program, {"external_id": f"m{n}"}, channel=channel, at=at)[0] for n in range(MEMBERS)
    ]
    for place, tier in enumerate(("silver", "gold")):
        Member.objects.filter(pk__in=[one.pk for one in found[place::3]]).update(tier_code=tier)
    _give(found, points, at)
    rewards = [_reward(program, points, number, at) for number in range(REWARDS)]
    _take(found, rewards, clock.now())
    _, secret = credentials.issue(
        channel, name="bench", scopes=[scope.value for scope in Scope], at=at, rate_per_minute=100_000_000
    )
    harness.settle()
    return secret, [str(member.pk) for member in found]


def _ladder(program: Any, at: datetime) -> None:
    from tiers import drafts, versions

    versions.publish(drafts.create(program, LADDER, TIERS, by="bench", at=at), by="bench", at=at)


def _give(found: list[Any], points: Any, at: datetime) -> None:
    """Points in lots of several months, so that balances have something to add up."""
    from loyalty.ledger.books import Actor, Books

    with transaction.atomic():
        books = Books.open([(member.pk, points) for member in found])
        for month in range(4):
            when = at + timedelta(days=10 * month)
            for member in found:
                books.earn(member.pk, points, 1_500, occurred_at=when, recorded_at=when,
                           actor=Actor("channel", "shop"), expires_at=when + timedelta(days=400))  # fmt: skip
        books.write()


def _reward(program: Any, points: Any, number: int, at: datetime) -> Any:
    from rewards import catalogue

    kind = list(KINDS)[number % len(KINDS)]
    values: dict[str, Any] = {
        "code": f"reward-{number}", "name": f"Reward {number}", "position": number % 50 + 1,
        "description": "Something good to have. " * 10, "terms": "While stocks last. " * 20,
        "audience": AUDIENCES[number % len(AUDIENCES)],
        "prices": [{"point_type": points, "points": 80 * number + 90, "tiers": ["gold"]},
                   {"point_type": points, "points": 80 * number + 100}],
        "reserve_minutes": 600, **KINDS[kind],
    }  # fmt: skip
    if number % 2:
        values |= {"caps": [{"times": 2, "per": "month"}, {"times": 5, "per": "year"}]}
    if number % 5 == 0:
        values |= {"starts_at": at, "ends_at": at + timedelta(days=400), "hours": [["00:00", "23:59"]]}
    loaded = 1_000 if number % 3 and kind not in ("voucher", "experience") else None
    draft = catalogue.create(program, kind, values, by="bench", at=at, loaded=loaded)
    _stocks(draft, kind, number, at)
    return catalogue.publish(draft, by="bench", at=at)


def _stocks(draft: Any, kind: str, number: int, at: datetime) -> None:
    """Variants, dates and codes."""
    from rewards import stock, vouchers

    if kind == "product" and number % 2:
        for place, name in enumerate(("white", "blue", "green")):
            stock.make(draft, name, name=name.title(), loaded=300, by="bench", at=at, position=place)
    if kind == "experience":
        for place in range(4):
            starts_at = at + timedelta(days=70 + 7 * place)
            stock.make(draft, f"day-{place}", name=f"Day {place}", loaded=40, by="bench", at=at, position=place,
                       starts_at=starts_at, ends_at=starts_at + timedelta(hours=2))  # fmt: skip
    if kind == "voucher":
        content = "\n".join(f"CODE-{number}-{one:05d}" for one in range(200)).encode()
        vouchers.start(draft, content, name="", by="bench", at=at)


def _take(found: list[Any], rewards: list[Any], at: datetime) -> None:
    """Everybody has taken something before, and some have something reserved."""
    from loyalty.base import job_runs
    from loyalty.ledger.books import Actor
    from rewards import redemption
    from rewards.errors import NotEligible

    job_runs.run_waiting(lambda: at)
    plain = [one for one in rewards if not one.audience and one.kind in ("discount", "gift", "donation")]
    for number, member in enumerate(found):
        for turn in range(3):
            reward = plain[(number + turn) % 8]
            act = redemption.reserve if turn == 2 else redemption.redeem
            try:
                act(member, reward, at=at - timedelta(minutes=5 * turn), actor=Actor("channel", "shop"))
            except NotEligible:
                continue
