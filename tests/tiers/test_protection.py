"""A protected tier that lasts while the member qualifies is kept by the ladder that gave it, whatever is published."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.earning.shop import NOON
from tests.tiers.house import GOLD, SILVER, Store, a_store
from tests.tiers.test_progress import seen
from tests.tiers.test_review import publish
from tests.tiers.test_standings import standing
from tiers import drafts, preview, review, versions
from tiers.models import Standing, TierSet

pytestmark = pytest.mark.django_db
ROLLING: dict[str, Any] = {
    "window": "rolling",
    "window_count": 12,
    "window_unit": "months",
    "validity": "while_qualified",
}
A_YEAR_ON = date(2027, 3, 10)
DEARER = [SILVER | {"threshold": Decimal(400)}, GOLD | {"threshold": Decimal(500)}]


def a_silver_ada(spent: str = "150") -> Store:
    store = a_store(**ROLLING)
    store.order("A-1", spent)
    store.process()
    return store


def change(store: Store, tiers: Any, **how: Any) -> None:
    publish(store, tiers, **{"protect": True} | how)
    review.due(store.program, at=store.now)


def spend(store: Store, amount: str, after_days: int) -> None:
    store.order(f"A-{after_days}", amount, at=NOON + timedelta(days=after_days))
    store.process()


def tier_on(store: Store, day: date) -> str:
    store.night(NOON + timedelta(days=(day - NOON.date()).days))
    return standing(store.ada)[0]


@pytest.mark.parametrize("second", [400, 450], ids=["a new name", "more again"])
def test_a_second_version_leaves_the_protection_of_the_first(second: int) -> None:
    store = a_silver_ada()
    change(store, DEARER)
    change(
        store, [SILVER | {"threshold": Decimal(second)}, GOLD | {"threshold": Decimal(500), "name": "Golden"}]
    )
    risk = seen(store).risk
    assert risk is not None
    assert risk.on == A_YEAR_ON
    assert tier_on(store, A_YEAR_ON - timedelta(days=1)) == "silver"
    assert tier_on(store, A_YEAR_ON) == ""


def test_a_preview_of_the_second_version_says_what_the_next_night_does() -> None:
    store = a_silver_ada()
    change(store, DEARER)
    draft = TierSet.objects.get()
    drafts.save(draft, {"name": "Club of 2027"}, revision=draft.revision, by="olga", at=store.now)
    assert dict(preview.preview(draft, at=store.now).moves) == {("silver", "silver"): 1}
    versions.publish(draft, by="olga", at=store.now)
    assert tier_on(store, NOON.date() + timedelta(days=1)) == "silver"


def test_an_unprotected_version_ends_the_protection() -> None:
    store = a_silver_ada()
    change(store, DEARER)
    change(store, [SILVER | {"threshold": Decimal(390)}, DEARER[1]], protect=False)
    assert standing(store.ada)[0] == ""


def test_whoever_has_enough_for_the_new_ladder_is_protected_by_the_old_one_too() -> None:
    store = a_silver_ada("120")
    spend(store, "150", 100)
    change(store, [SILVER | {"threshold": Decimal(200)}, GOLD])
    assert tier_on(store, A_YEAR_ON) == "silver"


def test_a_ladder_that_asks_for_no_more_protects_from_nothing() -> None:
    store = a_silver_ada()
    change(store, DEARER)
    change(store, [SILVER | {"threshold": Decimal(90)}, GOLD])
    assert Standing.objects.get().held_version is None


@pytest.mark.parametrize("more", ["100", "399", "400"])
def test_who_does_more_while_protected_is_not_worse_off(more: str) -> None:
    store = a_silver_ada()
    change(store, DEARER)
    spend(store, more, 90)
    assert tier_on(store, A_YEAR_ON) == "silver"
    assert Standing.objects.get().held_version is not None


def test_a_tier_reached_while_another_is_protected_is_judged_by_the_new_ladder() -> None:
    store = a_silver_ada()
    change(store, DEARER)
    spend(store, "360", 90)
    assert standing(store.ada)[0] == "gold"
    assert tier_on(store, A_YEAR_ON) == "silver"
    assert tier_on(store, A_YEAR_ON + timedelta(days=91)) == ""


def test_what_keeps_a_protected_tier_is_what_the_old_ladder_asks_for() -> None:
    store = a_silver_ada()
    change(store, DEARER)
    spend(store, "30", 90)
    keep = seen(store).keep
    assert keep is not None
    assert (keep.needed, keep.counted, keep.missing, keep.by) == ("100", "30", "70", date(2027, 3, 9))
    spend(store, "70", 91)
    assert tier_on(store, A_YEAR_ON) == "silver"
