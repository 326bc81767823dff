"""Nobody can be left out of the nights behind our back: the proof names whoever is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty.ledger import proof
from tests.earning.shop import NOON
from tests.tiers.house import CLASSIC, a_store
from tiers.models import Standing

pytestmark = pytest.mark.django_db
LASTING: dict[str, Any] = {
    "validity": "while_qualified",
    "window": "rolling",
    "window_count": 90,
    "window_unit": "days",
}
BALANCE: dict[str, Any] = {"validity": "while_qualified", "window": "lifetime", "measure": "balance"}


@pytest.mark.parametrize(
    "fields",
    [LASTING, BALANCE, LASTING | {"window": "calendar_year"}],
    ids=["rolling", "balance", "periods"],
)
def test_a_tier_that_lasts_while_the_member_qualifies_is_looked_at_some_day(fields: dict[str, Any]) -> None:
    store = a_store(**fields)
    store.campaign()
    store.order("A-1", "120")
    store.process()
    store.night(NOON + timedelta(days=1))
    assert Standing.objects.get().tier_code == "silver"
    assert proof.verify(at=store.now).breaches == []
    Standing.objects.update(review_on=None)
    assert [one.check for one in proof.verify(at=store.now).breaches] == ["tier_due"]


def test_a_tier_that_nothing_can_take_away_need_not_be_looked_at() -> None:
    store = a_store([CLASSIC], **LASTING)
    store.night(NOON)
    assert Standing.objects.get().review_on is None
    assert proof.verify(at=store.now).breaches == []
