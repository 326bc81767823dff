"""Manual tiers lie over the computed ones; imported tiers are where the computation begins."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from loyalty.base.errors import Invalid
from loyalty.members.models import Member
from rewards import offers
from tests.earning.shop import NOON
from tests.rewards.shop import a_reward
from tests.tiers.house import GOLD, SILVER, Store, a_store
from tests.tiers.test_standings import standing, told
from tiers import placements, progress, review
from tiers.errors import NoLadder, NotPlaced, TierUnknown
from tiers.lines import Cause
from tiers.models import Placement, TierChange, TierSet
from tiers.placements import Brought

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def shown(store: Store) -> str:
    return Member.objects.get(pk=store.ada.pk).tier_code


def set_gold(store: Store, until: date | None = None) -> Placement:
    return placements.set_tier(
        store.ada, "gold", until=until, reason_code="goodwill", by="olga", at=store.now
    )


def test_a_manual_tier_is_what_everybody_sees_while_the_computed_one_goes_on_beneath() -> None:
    store = a_store()
    store.campaign()
    store.campaign(table_field="member.tier", table={"gold": "3"}, multiplier=None, code="tiered")
    made = set_gold(store, until=NOON.date() + 9 * DAY)
    assert (shown(store), standing(store.ada)[0]) == ("gold", "")
    event = store.order("A-1", "120", at=NOON + DAY)
    store.process()
    assert store.trace(event)["points"] == {"points": 360}
    assert (shown(store), standing(store.ada)[0]) == ("gold", "silver")
    assert [(one.kind, one.beneath) for one in TierChange.objects.order_by("pk")] == [
        ("manual", False),
        ("joined", True),
    ]
    assert told() == [("tier.joined", "", "gold")]
    store.night(NOON + 10 * DAY)
    assert shown(store) == "silver"
    change = TierChange.objects.latest("pk")
    assert (change.kind, change.from_code, change.to_code, change.placement) == (
        "manual_ended",
        "gold",
        "silver",
        made,
    )
    assert told()[-1] == ("tier.downgraded", "gold", "silver")


def test_a_manual_tier_can_be_replaced_and_removed() -> None:
    store = a_store()
    set_gold(store)
    placements.set_tier(store.ada, "silver", until=None, reason_code="mistake", by="ben", at=NOON + DAY)
    assert shown(store) == "silver"
    removed = placements.remove(store.ada, by="ben", at=NOON + 2 * DAY)
    assert (shown(store), removed.ended_by) == ("", "ben")
    with pytest.raises(NotPlaced):
        placements.remove(store.ada, by="ben", at=NOON + 2 * DAY)
    assert [(one.from_code, one.to_code) for one in TierChange.objects.order_by("pk")] == [
        ("", "gold"),
        ("gold", "silver"),
        ("silver", ""),
    ]


def test_a_manual_tier_may_begin_later() -> None:
    store = a_store()
    first = NOON.date() + 5 * DAY
    placements.set_tier(
        store.ada, "gold", until=first, starts_on=first, reason_code="event", by="olga", at=store.now
    )
    assert shown(store) == ""
    store.night(NOON + 5 * DAY)
    assert shown(store) == "gold"
    store.night(NOON + 6 * DAY)
    assert shown(store) == ""


def test_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    store = a_store()
    for wrong, kind in (
        ({"tier": "bronze"}, TierUnknown),
        ({"reason_code": " "}, Invalid),
        ({"until": NOON.date() - DAY}, Invalid),
        ({"starts_on": NOON.date() - DAY}, Invalid),
    ):
        given = {"tier": "gold", "until": None, "reason_code": "goodwill", "by": "olga", "at": NOON} | wrong
        with pytest.raises(kind):
            placements.set_tier(store.ada, **given)
    assert not Placement.objects.exists()


def test_without_a_ladder_there_is_nothing_to_set() -> None:
    store = a_store(None)
    with pytest.raises(NoLadder):
        set_gold(store)


def test_an_imported_tier_is_kept_until_its_end_and_then_judged() -> None:
    store = a_store()
    store.order("A-1", "10")
    store.process()
    batch = uuid4()
    rows = [Brought(store.ada.pk, "gold", date(2019, 5, 1), date(2026, 12, 31))]
    [placed] = placements.bring(TierSet.objects.get(), rows, batch=batch, by="olga", at=NOON + DAY)
    review.look_at_many(store.program, [store.ada.pk], at=NOON + DAY, cause=Cause(), anew=True)
    assert standing(store.ada) == ("gold", date(2019, 5, 1), date(2027, 1, 1))
    assert TierChange.objects.get().kind == "imported"
    assert told() == []
    assert placements.withdraw(batch, by="olga", at=NOON + 2 * DAY) == [store.ada.pk]
    review.look_at_many(store.program, [store.ada.pk], at=NOON + 2 * DAY, cause=Cause(), anew=True)
    assert standing(store.ada)[0] == ""
    assert placed.kind == "import"


def test_a_manual_tier_that_has_ended_sets_no_prices_before_the_night_has_looked() -> None:
    store = a_store([SILVER, GOLD | {"reward_price_factor": Decimal("0.5")}])
    reward = a_reward(store.points)
    set_gold(store, until=NOON.date())
    store.ada.refresh_from_db()
    for hours, tier, points in ((10, "gold", 50), (11, "", 100)):
        at = NOON + timedelta(hours=hours)
        offer = offers.of_one(store.ada, reward, at)
        assert offer is not None
        (price,) = offer.verdict.costs
        assert (progress.of_member(store.ada, at=at)[0].tier, price.points) == (tier, points)
    assert shown(store) == "gold"
