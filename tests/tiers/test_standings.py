"""Orders move members up and down a ladder: the rows, the facts and the member's own row say the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Order
from loyalty.events.models import Activity
from loyalty.ledger import ledger
from loyalty.ledger.models import Lot, Transaction
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from rewards import redemption
from tests.earning.shop import LONG_AGO, NOON, Shop, later
from tests.rewards.shop import TILL, a_reward
from tests.tiers.house import CLASSIC, SILVER, a_ladder, a_member, a_store
from tiers import drafts, preview, review, versions
from tiers.lines import Cause
from tiers.models import Standing, Tier, TierChange, TierSet

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def standing(member: Member) -> tuple[str, date | None, date | None]:
    row = Standing.objects.get(member=member)
    return row.tier_code, row.since, row.valid_until


def told(kind: str = "tier.") -> list[tuple[str, Any, Any]]:
    rows = Fact.objects.filter(type__startswith=kind).order_by("pk")
    return [(fact.type, fact.data["from"], fact.data["to"]) for fact in rows]


def test_the_order_that_crosses_the_threshold_brings_the_tier_and_the_next_one_finds_it() -> None:
    shop = a_store()
    shop.campaign(table_field="member.tier", table={"silver": "2"}, multiplier=None, code="tiered")
    shop.campaign()
    first, second = shop.order("A-1", "120"), shop.order("A-2", "10", at=NOON + later(hours=1))
    shop.process()
    assert shop.trace(first)["points"] == {"points": 120}
    assert shop.trace(second)["points"] == {"points": 20}
    assert standing(shop.ada) == ("silver", NOON.date(), date(2028, 1, 1))
    change = TierChange.objects.get()
    assert (change.kind, change.at, change.event_id) == ("joined", NOON, first.pk)
    assert change.numbers == {
        "measure": "spend", "value": "120", "needed": "100", "from": "2026-01-01", "on": "2026-03-10",
    }  # fmt: skip
    assert told() == [("tier.joined", "", "silver")]
    shop.ada.refresh_from_db()
    assert (shop.ada.tier_code, shop.ada.tier_name, shop.ada.tier_since) == ("silver", "Silver", NOON)
    assert shop.ada.tier_until == datetime(2027, 12, 31, 23, tzinfo=UTC)


def test_a_tier_reached_thanks_to_a_returned_order_was_never_reached() -> None:
    shop = a_store(downgrade="never")
    shop.order("A-1", "120")
    shop.order("A-2", "200", at=NOON + DAY)
    shop.process()
    assert standing(shop.ada)[0] == "gold"
    shop.send("order.returned", {"order_id": "A-2"}, at=NOON + 3 * DAY)
    shop.process()
    assert standing(shop.ada) == ("silver", NOON.date(), date(2028, 1, 1))
    assert [(one.kind, one.from_code, one.to_code) for one in TierChange.objects.order_by("pk")] == [
        ("joined", "", "silver"),
        ("upgraded", "silver", "gold"),
        ("corrected", "gold", "silver"),
    ]
    assert told()[-1] == ("tier.downgraded", "gold", "silver")
    shop.send("order.cancelled", {"order_id": "A-1"}, at=NOON + 4 * DAY)
    shop.process()
    assert standing(shop.ada)[0] == ""
    shop.ada.refresh_from_db()
    assert (shop.ada.tier_code, shop.ada.tier_since) == ("", None)


def test_a_late_order_is_rated_with_the_tier_of_its_time_and_counts_on_its_day() -> None:
    shop = a_store()
    shop.campaign()
    shop.campaign(
        table_field="member.tier", table={"silver": "2", "gold": "3"}, multiplier=None, code="tiered"
    )
    shop.order("A-1", "120")
    shop.process()
    before, after = shop.order("A-0", "10", at=NOON - DAY), shop.order("A-2", "10", at=NOON + DAY)
    shop.now = NOON + 2 * DAY
    shop.process()
    assert shop.trace(before)["points"] == {"points": 10}
    assert shop.trace(after)["points"] == {"points": 20}
    shop.order("A-3", "290", at=NOON - 30 * DAY)
    shop.process()
    assert standing(shop.ada) == ("gold", NOON.date() - DAY, date(2028, 1, 1))
    change = TierChange.objects.latest("pk")
    assert (change.kind, change.to_code, change.at.date()) == ("upgraded", "gold", date(2026, 3, 8))


def test_a_return_months_later_is_rated_with_the_tier_of_the_order() -> None:
    shop = a_store([SILVER | {"earning_multiplier": Decimal("1.5"), "expiry": Tier.Expiry.NEVER}])
    shop.campaign()
    shop.campaign(table_field="member.tier", table={"silver": "2"}, multiplier=None, code="tiered")
    shop.order("A-1", "120")
    shop.order("A-2", "10", "10", at=NOON + later(hours=1))
    shop.now = NOON + DAY
    shop.process()
    assert Order.objects.get(reference="A-2").context["tier"]["code"] == "silver"
    shop.send("order.cancelled", {"order_id": "A-1"}, at=shop.now)
    shop.process()
    assert standing(shop.ada)[0] == ""
    shop.now += 60 * DAY
    shop.send("order.returned", {"order_id": "A-2", "lines": [{"id": "1", "quantity": "1"}]}, at=shop.now)
    shop.process()
    assert shop.balance() == 20


def test_points_earned_in_a_tier_lapse_as_the_tier_says() -> None:
    shop = a_store([SILVER | {"expiry": Tier.Expiry.AFTER, "expiry_count": 24}])
    shop.points.expiry_kind, shop.points.expiry_count, shop.points.expiry_unit = "rolling", 12, "months"
    shop.points.save()
    shop.campaign()
    shop.order("A-1", "120")
    shop.order("A-2", "10", at=NOON + later(hours=1))
    shop.now = NOON + DAY
    shop.process()
    ends = Lot.objects.order_by("earned_at").values_list("expires_at", flat=True)
    assert [at.date() for at in ends if at] == [date(2027, 3, 10), date(2028, 3, 10)]


def test_a_review_that_is_due_comes_before_the_order_that_finds_it() -> None:
    """Nobody ran the night of the new year: the tier has ended all the same."""
    shop = a_store(validity="period")
    shop.campaign()
    shop.campaign(table_field="member.tier", table={"silver": "2"}, multiplier=None, code="tiered")
    shop.order("A-1", "120")
    shop.process()
    shop.now = datetime(2027, 1, 5, 12, tzinfo=UTC)
    event = shop.order("A-2", "10")
    shop.process()
    assert shop.trace(event)["points"] == {"points": 10}
    change = TierChange.objects.latest("pk")
    assert (change.kind, change.at, change.event_id) == (
        "downgraded",
        datetime(2026, 12, 31, 23, tzinfo=UTC),
        None,
    )


def test_everybody_has_a_tier_that_needs_nothing_from_the_day_they_joined() -> None:
    shop = a_store([CLASSIC, SILVER])
    shop.order("A-1", "20")
    shop.process()
    assert standing(shop.ada) == ("classic", LONG_AGO.date(), None)
    assert told() == [("tier.joined", "", "classic")]


def test_nobody_has_a_tier_from_before_they_joined() -> None:
    shop = a_store(None)
    a_ladder(shop.program, [CLASSIC, SILVER], at=NOON)
    joined = NOON + later(hours=2)
    ben = a_member(shop.program, "ben", at=joined)
    review.due(shop.program, at=joined)
    assert TierChange.objects.get(member=ben).at == joined
    ben.refresh_from_db()
    assert ben.tier_since == joined
    assert TierChange.objects.get(member=shop.ada).at == NOON


def test_two_versions_on_the_first_day_of_a_ladder_both_count() -> None:
    shop = a_store(None)
    a_ladder(shop.program, [SILVER], at=NOON, validity="while_qualified")
    shop.order("A-1", "150", at=NOON + later(hours=1))
    shop.process()
    draft = TierSet.objects.get()
    dearer = [SILVER | {"threshold": Decimal(400)}]
    drafts.save(draft, {}, tiers=dearer, revision=draft.revision, by="olga", at=NOON + later(hours=2))
    versions.publish(draft, protect=True, by="olga", at=NOON + later(hours=2))
    shop.now = NOON + later(hours=2)
    review.due(shop.program, at=shop.now)
    shop.order("A-2", "20", at=NOON + later(hours=3))
    shop.process()
    assert standing(shop.ada)[0] == "silver"
    assert looked_at_anew(shop, shop.now)[0] == "silver"
    assert told() == [("tier.joined", "", "silver")]


@pytest.mark.parametrize(("measure", "threshold"), [("orders", 2), ("points", 220), ("visits", 1)])
def test_each_measure_counts_what_it_says(measure: str, threshold: int) -> None:
    shop = a_store([SILVER | {"threshold": Decimal(threshold)}], measure=measure)
    shop.campaign(points=Decimal(2))
    shop.order("A-1", "50")
    shop.order("A-2", "60", at=NOON + DAY)
    if measure == "visits":
        shop.send("visit.checked_in", {}, at=NOON + DAY)
    shop.process()
    assert standing(shop.ada)[:2] == ("silver", (NOON + DAY).date())


def test_points_of_another_type_are_counted_from_the_ledger() -> None:
    shop = a_store(None)
    miles = shop.program.point_types.create(code="miles", name_one="mile", name_many="miles")
    a_ladder(shop.program, [SILVER], at=LONG_AGO, measure="points", point_type=miles)
    shop.campaign()
    default, shop.points = shop.points, miles
    shop.campaign("flights")
    shop.points = default
    shop.order("A-1", "60")
    shop.process()
    shop.order("A-2", "60", at=NOON + DAY)
    shop.process()
    assert standing(shop.ada)[0] == "silver"
    shop.send("order.returned", {"order_id": "A-1"}, at=NOON + 2 * DAY)
    shop.process()
    assert standing(shop.ada)[0] == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [("Pacific/Kiritimati", "Pacific/Pago_Pago"), ("Pacific/Pago_Pago", "Pacific/Kiritimati")],
)
def test_a_return_comes_off_the_day_of_its_order_also_after_a_change_of_the_time_zone(
    before: str, after: str
) -> None:
    shop = a_store(None)
    shop.program.timezone = before
    shop.program.save()
    a_ladder(shop.program, [SILVER], at=LONG_AGO)
    shop.campaign()
    shop.order("A-1", "120")
    shop.process()
    assert standing(shop.ada)[0] == "silver"
    shop.program.timezone = after
    shop.program.save()
    shop.send("order.returned", {"order_id": "A-1"}, at=NOON + later(hours=2))
    shop.process()
    assert standing(shop.ada)[0] == ""
    assert set(Activity.objects.values_list("orders", "spend", "points")) == {(0, Decimal(0), 0)}


def a_ladder_of_miles(shop: Shop) -> PointType:
    miles = shop.program.point_types.create(code="miles", name_one="mile", name_many="miles")
    a_ladder(shop.program, [SILVER], at=LONG_AGO, measure="points", point_type=miles)
    return miles


def looked_at_anew(shop: Shop, at: datetime) -> tuple[str, date | None, date | None]:
    review.look_at_many(shop.program, [shop.ada.pk], at=at, cause=Cause(), anew=True)
    return standing(shop.ada)


def test_of_points_of_another_type_what_events_gave_counts_and_not_what_a_reward_gave() -> None:
    shop = a_store(None)
    miles = a_ladder_of_miles(shop)
    shop.campaign()
    shop.order("A-1", "500")
    shop.process()
    redemption.redeem(
        shop.ada, a_reward(shop.points, "points", into=miles, gives=150), at=NOON + later(hours=1), actor=TILL
    )
    assert looked_at_anew(shop, NOON + DAY)[0] == ""
    assert previewed(shop, NOON + DAY) == {("", ""): 1}


def test_points_of_another_type_that_are_taken_back_by_hand_stay_counted_as_default_points_do() -> None:
    shop = a_store(None)
    shop.points = a_ladder_of_miles(shop)
    shop.campaign()
    shop.order("A-1", "120")
    shop.process()
    earned = Transaction.objects.get(kind="earn")
    ledger.reverse_transaction(earned, at=NOON + later(hours=1), actor=TILL, reason_code="mistake")
    before = standing(shop.ada)
    assert before[0] == "silver"
    assert looked_at_anew(shop, NOON + DAY) == before
    assert previewed(shop, NOON + DAY) == {("silver", "silver"): 1}


def previewed(shop: Shop, at: datetime) -> dict[tuple[str, str], int]:
    tier_set = TierSet.objects.get(program=shop.program)
    drafts.save(tier_set, {"downgrade": "one_step"}, revision=tier_set.revision, by="olga", at=at)
    return dict(preview.preview(tier_set, protect=False, at=at).moves)


def test_a_program_without_a_ladder_pays_nothing_for_tiers() -> None:
    shop = a_store(None)
    shop.campaign()
    shop.order("A-1", "20")
    shop.process()
    shop.order("A-2", "20")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        shop.process()
    assert not [query for query in queries if "tiers_" in query["sql"] and "concat_ws" not in query["sql"]]
    assert not Standing.objects.exists()


def test_a_ladder_costs_a_batch_a_handful_of_statements_however_many_members_it_has() -> None:
    shop = a_store()
    shop.campaign()
    shop.order("A-0", "20")
    shop.process()
    for number in range(30):
        shop.order(f"A-{number + 1}", "20")
    with CaptureQueriesContext(connection) as queries:
        shop.process()
    ours = [
        q
        for q in queries
        if ("tiers_" in q["sql"] or "events_activity a" in q["sql"]) and "concat_ws" not in q["sql"]
    ]
    assert len(ours) <= 6
