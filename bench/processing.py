"""From the inbox to the ledger: our worker, against the very same rows written by plain SQL in the same batches.

The limit gets its rows ready-made from staging tables: it claims nothing, loads nothing, rates nothing. A second
comparison writes the same rows one event at a time through the ORM, as a straightforward Django project would.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction

from bench import harness
from bench.harness import Row

BATCH = 200
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
WANTED, WANTED_OF_ORM = 0.4, 8.0

_STAGE = """
SET session_replication_role = replica;
CREATE TABLE stage_event AS
    SELECT id, member_id, status, error, processed_at,
        (row_number() OVER (ORDER BY next_attempt_at, id) - 1) / 200 AS batch
    FROM events_event;
CREATE TABLE stage_transaction AS
    SELECT t.*, s.batch FROM ledger_transaction t JOIN stage_event s ON s.id = t.event_id;
CREATE TABLE stage_lot AS SELECT l.*, s.batch FROM ledger_lot l JOIN stage_transaction s ON s.id = l.transaction_id;
CREATE TABLE stage_entry AS SELECT e.*, s.batch FROM ledger_entry e JOIN stage_transaction s ON s.id = e.transaction_id;
CREATE TABLE stage_award AS SELECT a.*, s.batch FROM campaigns_award a JOIN stage_event s ON s.id = a.event_id;
CREATE TABLE stage_trace AS SELECT t.*, s.batch FROM campaigns_trace t JOIN stage_event s ON s.id = t.event_id;
CREATE TABLE stage_order AS SELECT o.*, s.batch FROM campaigns_order o JOIN stage_event s ON s.id = o.event_id;
CREATE TABLE stage_fact AS
    SELECT f.*, s.batch FROM outbox_fact f JOIN stage_event s ON s.id = (f.data->>'event_id')::uuid;
CREATE TABLE stage_wallet AS
    SELECT batch, wallet_id, sum(amount)::bigint AS amount, max(occurred_at) AS at FROM stage_entry GROUP BY 1, 2;
CREATE TABLE stage_activity AS
    SELECT s.batch, e.program_id, e.member_id, (e.occurred_at AT TIME ZONE 'Europe/London')::date AS day,
        count(*)::int AS orders, sum(o.spend) AS spend, 0 AS visits, coalesce(sum(t.points), 0)::bigint AS points
    FROM stage_event s JOIN events_event e ON e.id = s.id JOIN stage_order o ON o.event_id = e.id
    JOIN stage_trace t ON t.event_id = e.id GROUP BY 1, 2, 3, 4;
TRUNCATE ledger_entry, ledger_lot, ledger_transaction, campaigns_award, campaigns_trace, campaigns_order, outbox_fact,
    events_activity CASCADE;
UPDATE ledger_wallet SET balance = 0, lifetime = 0, version = 0;
UPDATE events_event SET status = 'received', processed_at = NULL;
SET session_replication_role = origin
"""


def main(*, quick: bool = False) -> None:
    """Print events a second: ours, the limit, and one at a time through the ORM."""
    events, rounds = (4_000, 3) if quick else (20_000, 3)
    ours: list[float] = []
    limit: list[float] = []
    orm: list[float] = []
    with harness.database("bench_inbox"):
        _fill(events)
        for _ in range(rounds):
            with harness.database("bench_inbox_run", like="bench_inbox"):
                ours.append(harness.seconds(_drain))
                _check(events)
                _stage()
                limit.append(harness.seconds(lambda: _plain_sql(events)))
            with harness.database("bench_inbox_run", like="bench_inbox"):
                orm.append(harness.seconds(lambda: _one_at_a_time(events // 40)))
    speed = events / harness.typical(ours)
    rows = [
        Row(
            "orders of 3 lines, 4 campaigns, batches of 200",
            speed,
            events / harness.typical(limit),
            "events/s",
            WANTED,
        ),
        Row(
            "the same rows, one at a time through the ORM",
            speed,
            events // 40 / harness.typical(orm),
            "events/s",
            WANTED_OF_ORM,
        ),
    ]
    harness.table("Event processing", rows)


def _fill(events: int) -> None:
    from loyalty.events import intake
    from loyalty.members import members
    from loyalty.programs import programs
    from loyalty.programs.models import Channel

    made = AT - timedelta(days=300)
    program = programs.create(code="bench", name="Bench", currency="GBP", timezone="Europe/London", at=made)
    _campaigns(program, made)
    channel = Channel.objects.create(program=program, code="shop", name="Shop", created_at=made)
    for number in range(max(200, events // 10)):
        members.register(program, {"external_id": f"m{number}"}, channel=channel, at=made)
    dice = random.Random(7)  # the same events in every run
    items = [_order(number, dice, events) for number in range(events)]
    for start in range(0, events, 500):
        receipts = intake.receive(channel, items[start : start + 500], at=AT)
        assert not [receipt for receipt in receipts if receipt.fault]
    harness.settle()


def _campaigns(program: object, at: datetime) -> None:
    from campaigns import versions
    from campaigns.models import BonusCampaign, EarningCampaign
    from loyalty.programs.models import PointType

    points = PointType.objects.get(program=program)
    shared = {"program": program, "point_type": points, "created_at": at, "updated_at": at}
    coffee = {"field": "item.category", "op": "eq", "value": "coffee"}
    large = {"field": "order.total", "op": "gte", "value": "100.00"}
    made = [
        EarningCampaign.objects.create(code="base", name="Base", points=Decimal(1), **shared),
        BonusCampaign.objects.create(
            code="weekend", name="Weekend", multiplier=Decimal(2), weekdays=["sat", "sun"], **shared
        ),
        BonusCampaign.objects.create(
            code="coffee", name="Coffee", multiplier=Decimal(3), items=coffee,
            caps=[{"points": "500", "per": "month"}], **shared,
        ),
        BonusCampaign.objects.create(
            code="large", name="Large orders", bonus="extra", extra_points=Decimal(50), conditions=large, **shared
        ),
    ]  # fmt: skip
    for campaign in made:
        versions.publish(campaign, by="bench", at=at)


def _order(number: int, dice: random.Random, events: int) -> dict[str, object]:
    at = AT - timedelta(minutes=dice.randrange(60 * 24 * 30))
    category = ("coffee", "tea", "cake")
    lines = [
        {"sku": f"s{dice.randrange(500)}", "category": dice.choice(category), "quantity": dice.randint(1, 3),
         "unit_price": f"{dice.randint(100, 4000) / 100:.2f}"}
        for _ in range(3)
    ]  # fmt: skip
    return {
        "id": f"e{number}", "type": "order.completed", "occurred_at": at.isoformat(),
        "member": f"ext:m{dice.randrange(max(200, events // 10))}",
        "data": {"order_id": f"o{number}", "currency": "GBP", "lines": lines},
    }  # fmt: skip


def _drain() -> None:
    from campaigns import earning

    earning.drain(limit=BATCH)


def _check(events: int) -> None:
    """What was measured was done, and the books add up."""
    from campaigns.models import Trace
    from loyalty.ledger import proof

    assert Trace.objects.count() == events
    assert not proof.verify(at=AT).breaches


def _stage() -> None:
    with connection.cursor() as cursor:
        for statement in _STAGE.split(";"):
            cursor.execute(statement)
        for name in (
            "event",
            "transaction",
            "lot",
            "entry",
            "award",
            "trace",
            "order",
            "fact",
            "wallet",
            "activity",
        ):
            cursor.execute(f"CREATE INDEX ON stage_{name} (batch)")
    harness.settle()


def _columns(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                       "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [name])  # fmt: skip
        return str(cursor.fetchone()[0])


def _plain_sql(events: int) -> None:
    tables = {
        "ledger_transaction": "stage_transaction", "ledger_lot": "stage_lot", "ledger_entry": "stage_entry",
        "campaigns_order": "stage_order", "campaigns_award": "stage_award", "campaigns_trace": "stage_trace",
        "outbox_fact": "stage_fact",
    }  # fmt: skip
    statements = [
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} WHERE batch = %s"
        for table, stage in tables.items()
        if (columns := _columns(table))
    ]
    statements += [
        """UPDATE ledger_wallet w SET balance = w.balance + s.amount, lifetime = w.lifetime + s.amount,
           version = w.version + 1, last_active_at = s.at FROM stage_wallet s
           WHERE s.wallet_id = w.id AND s.batch = %s""",
        """INSERT INTO events_activity AS a (program_id, member_id, day, orders, spend, visits, points)
           SELECT program_id, member_id, day, orders, spend, visits, points FROM stage_activity WHERE batch = %s
           ON CONFLICT (member_id, day) DO UPDATE SET orders = a.orders + excluded.orders,
           spend = a.spend + excluded.spend, points = a.points + excluded.points""",
        """UPDATE events_event e SET status = s.status, processed_at = s.processed_at FROM stage_event s
           WHERE s.id = e.id AND s.batch = %s""",
    ]
    for batch in range((events + BATCH - 1) // BATCH):
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, [batch])


def _one_at_a_time(events: int) -> None:
    """What a plain project does: create() for each row, save() for each change, a transaction an event."""
    from campaigns.models import Award, Campaign, CampaignVersion, Order, Trace
    from loyalty.events.models import Activity, Event
    from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
    from loyalty.outbox.models import Fact

    campaign = Campaign.objects.order_by("code").first()
    assert campaign is not None
    version = CampaignVersion.objects.get(campaign=campaign)
    for event in Event.objects.filter(status="received", type="order.completed")[:events]:
        who = {"program_id": event.program_id, "member_id": event.member_id}
        with transaction.atomic():
            wallet, _ = Wallet.objects.get_or_create(**who, point_type_id=campaign.point_type_id)
            wallet = Wallet.objects.select_for_update().get(pk=wallet.pk)
            wallet.balance += 50
            wallet.save()
            when = {"occurred_at": event.occurred_at}
            made = Transaction.objects.create(
                **who, **when, point_type_id=campaign.point_type_id, kind="earn", amount=50, event_id=event.pk,
                actor_kind="channel", recorded_at=AT,
            )  # fmt: skip
            lot = Lot.objects.create(
                **who, wallet=wallet, transaction=made, amount=50, remaining=50, earned_at=AT, available_at=AT
            )
            Entry.objects.create(
                **who,
                **when,
                transaction=made,
                wallet=wallet,
                lot=lot,
                amount=50,
                balance_after=wallet.balance,
                lot_after=50,
            )
            order = Order.objects.create(
                **who, **when, reference=event.order_reference, event=event, basket_event=event
            )
            Award.objects.create(
                **who, **when, event=event, order=order, campaign=campaign, version=version, transaction=made,
                point_type_id=campaign.point_type_id, points=50,
            )  # fmt: skip
            Trace.objects.create(event=event, points=50, detail=event.payload, decided_at=AT)
            Fact.objects.create(**who, **when, type="points.earned", data={"points": 50}, recorded_at=AT)
            day, _ = Activity.objects.get_or_create(**who, day=event.occurred_at.date())
            day.orders += 1
            day.save()
            event.status = "processed"
            event.processed_at = AT
            event.save()
