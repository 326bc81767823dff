"""Nights, and what they do to members whose day has come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.base import clock, jobs
from loyalty.base.models import Job
from loyalty.events import counting
from loyalty.ledger.acts import Actor
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from tests.earning.shop import NOON
from tests.tiers.house import CLASSIC, GOLD, SILVER, Store, a_member, a_store
from tests.tiers.test_standings import standing, told
from tiers import drafts, preview, review, versions
from tiers.models import Standing, TierChange, TierSet

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NEW_YEAR = datetime(2026, 12, 31, 23, tzinfo=UTC)  # midnight in Madrid


def an_ada_with(spent: str, **fields: Any) -> Store:
    """A store in whose March Ada spent so much."""
    store = a_store(**fields)
    store.order("A-1", spent)
    store.process()
    return store


def changes() -> list[tuple[str, str, str, datetime]]:
    rows = TierChange.objects.order_by("pk")
    return [(row.kind, row.from_code, row.to_code, row.at) for row in rows][1:]


def test_the_night_of_the_review_drops_who_did_too_little_and_says_why() -> None:
    store = an_ada_with("350", validity="next_period")
    store.night(NEW_YEAR + timedelta(minutes=5))
    assert changes() == []
    after = datetime(2027, 12, 31, 23, 5, tzinfo=UTC)
    store.order("A-2", "120", at=NOON + 365 * DAY)
    store.process()
    store.night(after)
    assert changes() == [("downgraded", "gold", "silver", datetime(2027, 12, 31, 23, tzinfo=UTC))]
    assert standing(store.ada) == ("silver", date(2028, 1, 1), date(2029, 1, 1))
    assert TierChange.objects.latest("pk").numbers["value"] == "120"


def test_nights_that_were_missed_are_made_up_for_with_the_dates_they_had() -> None:
    store = an_ada_with("350", validity="period", downgrade="one_step", grace_days=10)
    store.night(datetime(2028, 6, 1, 3, tzinfo=UTC))
    assert [(*row[:3], clock.local_date(row[3], store.program.zone)) for row in changes()] == [
        ("downgraded", "gold", "silver", date(2027, 1, 11)),
        ("downgraded", "silver", "", date(2028, 1, 11)),
    ]


def test_any_sum_of_orders_can_be_rolled_over() -> None:
    store = a_store([SILVER], validity="period", rollover=True)
    for number in range(12):
        store.order(f"A-{number}", "9999999999999.99")
    store.process()
    store.night(NEW_YEAR + timedelta(minutes=5))
    assert Standing.objects.get().carried == 12 * Decimal("9999999999999.99") - 100


def test_a_tier_is_kept_in_its_grace() -> None:
    store = an_ada_with("120", validity="next_period", grace_days=60)
    first_of_2028 = datetime(2027, 12, 31, 23, 5, tzinfo=UTC)
    store.night(first_of_2028)
    row = Standing.objects.get()
    assert (row.tier_code, row.grace_until, changes()) == ("silver", date(2028, 3, 1), [])
    store.order("A-2", "100", at=first_of_2028 + 20 * DAY)
    store.process()
    assert standing(store.ada)[2] == date(2029, 1, 1)
    assert changes()[0][:3] == ("retained", "silver", "silver")


def test_a_coming_drop_is_announced_once_and_in_time() -> None:
    store = an_ada_with("120", validity="period", warn_days=30)
    for day in (1, 2, 3, 4):
        store.night(datetime(2026, 12, day, 1, tzinfo=UTC))
    (fact,) = Fact.objects.filter(type="tier.will_downgrade")
    assert fact.occurred_at.date() == date(2026, 12, 2)
    assert fact.data == {
        "tier_set": "club", "tier": "silver", "review_on": "2027-01-01", "drops_on": "2027-01-01",
        "value": "0", "needed": "100",
    }  # fmt: skip


def test_nobody_is_warned_who_has_done_enough() -> None:
    store = an_ada_with("120", validity="next_period", warn_days=30)
    store.order("A-2", "110", at=NOON + 365 * DAY)
    store.process()
    store.night(datetime(2027, 12, 20, 1, tzinfo=UTC))
    store.night(datetime(2027, 12, 31, 23, 5, tzinfo=UTC))
    assert told() == [("tier.joined", "", "silver"), ("tier.retained", "silver", "silver")]


def test_a_night_looks_only_at_those_who_are_due() -> None:
    store = an_ada_with("120", validity="period", warn_days=0)
    assert review.due(store.program, at=NOON + DAY) == 0
    ben = a_member(store.program, "ben", at=NOON)
    assert review.due(store.program, at=NOON + DAY) == 1
    assert Standing.objects.get(member=ben).tier_code == ""
    assert review.due(store.program, at=NOON + 2 * DAY) == 0
    assert review.due(store.program, at=NEW_YEAR) == 1
    assert review.due(store.program, at=NEW_YEAR) == 0


def test_members_who_have_left_are_left_alone() -> None:
    store = an_ada_with("120", validity="period")
    members.close(store.ada, at=NOON + DAY)
    assert review.due(store.program, at=NEW_YEAR) == 0


def test_a_new_version_reaches_everybody_by_its_job_or_the_next_night() -> None:
    store = an_ada_with("120")
    publish(store, [SILVER | {"threshold": Decimal(50), "name": "Silver plus"}, CLASSIC][:1], protect=False)
    ben = a_member(store.program, "ben", at=NOON)
    job = jobs.claim_row(jobs.submit(review.PLACE, scope="shop", at=store.now), at=store.now)
    assert job is not None
    with clock.pinned(store.now):
        result = review.place(job)
    assert result["summary"][0][1] == 2
    store.ada.refresh_from_db()
    assert store.ada.tier_name == "Silver plus"
    assert Standing.objects.filter(member=ben).exists()
    assert review.due(store.program, at=store.now) == 0


def test_a_ladder_that_asks_for_more_takes_nothing_away_before_the_review_when_it_protects() -> None:
    store = an_ada_with("120")
    publish(store, [SILVER | {"threshold": Decimal(200)}], protect=True)
    review.due(store.program, at=store.now)
    assert (standing(store.ada)[0], changes()) == ("silver", [])
    publish(store, [SILVER | {"threshold": Decimal(201)}], protect=False)
    review.due(store.program, at=store.now)
    assert changes() == [("downgraded", "silver", "", store.now)]


def test_a_ladder_for_the_review_waits_for_it() -> None:
    store = an_ada_with("120", validity="period")
    publish(store, [SILVER | {"threshold": Decimal(20)}, GOLD], rollout="review", downgrade="never")
    review.due(store.program, at=store.now)
    row = Standing.objects.get()
    assert (row.version.number, row.seen_version.number) == (1, 2)
    review.due(store.program, at=NEW_YEAR)
    row.refresh_from_db()
    assert (row.version.number, row.tier_code, row.valid_until) == (2, "silver", date(2028, 1, 1))


def test_a_recalculation_corrects_what_was_stored_wrongly_and_can_be_stopped_and_resumed() -> None:
    store = an_ada_with("120")
    Standing.objects.update(tier_code="gold", valid_until=date(2030, 1, 1))
    job = jobs.claim_row(jobs.submit(review.RECALCULATE, scope="shop", at=store.now), at=store.now)
    assert job is not None
    with clock.pinned(store.now):
        review.recalculate(job)
        assert changes()[0][:3] == ("corrected", "gold", "silver")
        review.recalculate(Job.objects.get())
    assert len(changes()) == 1


def test_one_member_can_be_computed_anew_on_demand() -> None:
    store = an_ada_with("120")
    Standing.objects.update(tier_code="")
    review.one(store.ada, at=store.now, by="olga")
    change = TierChange.objects.latest("pk")
    assert (change.kind, change.to_code, change.actor) == ("joined", "silver", "olga")


def test_points_by_hand_that_count_move_the_tier() -> None:
    store = a_store([SILVER], measure="points")
    store.order("A-1", "1")
    store.process()
    counting.adjust(
        store.ada, store.points, 150, at=store.now, actor=Actor("staff", "olga"), reason_code="goodwill"
    )
    assert standing(store.ada)[0] == "silver"
    assert Member.objects.get(pk=store.ada.pk).tier_name == "Silver"
    counting.adjust(
        store.ada, store.points, -100, at=store.now, actor=Actor("staff", "olga"), reason_code="mistake"
    )
    assert standing(store.ada)[0] == ""


def test_a_balance_is_judged_every_night_as_the_day_left_it() -> None:
    store = a_store([SILVER], measure="balance", window="lifetime", validity="while_qualified")
    store.campaign()
    store.order("A-1", "120")
    store.process()
    assert standing(store.ada)[0] == ""
    store.night(NOON + DAY)
    assert standing(store.ada)[:2] == ("silver", NOON.date())


def test_points_that_had_lapsed_by_then_are_no_balance() -> None:
    store = a_store([SILVER], measure="balance", window="lifetime", validity="while_qualified")
    store.points.expiry_kind, store.points.expiry_count, store.points.expiry_unit = "rolling", 1, "days"
    store.points.save()
    store.campaign()
    store.order("A-1", "1")
    store.process()
    store.order("A-0", "500", at=NOON - 30 * DAY)
    store.process()
    draft = TierSet.objects.get()
    drafts.save(draft, {"name": "Club 2"}, revision=draft.revision, by="olga", at=store.now)
    assert dict(preview.preview(draft, at=store.now).moves) == {("", ""): 1}
    for days in (1, 2, 3):
        store.night(NOON + days * DAY)
        assert standing(store.ada)[0] == ""
    assert not TierChange.objects.exists()


def test_no_tier_before_and_none_after_is_no_correction() -> None:
    store = an_ada_with("20")
    Standing.objects.update(since=date(2026, 1, 1))
    review.one(store.ada, at=store.now)
    assert not TierChange.objects.exists()
    assert Standing.objects.get().since is None


def publish(store: Store, tiers: Any, **how: Any) -> None:
    """Another version, an hour later."""
    store.now += timedelta(hours=1)
    draft = TierSet.objects.get()
    changes = {name: how.pop(name) for name in ("downgrade",) if name in how}
    drafts.save(draft, changes, tiers=tiers, revision=draft.revision, by="olga", at=store.now)
    versions.publish(draft, by="olga", at=store.now, **how)
