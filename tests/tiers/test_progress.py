"""What a member is told: the distance to the next tier, what keeps this one, and what happens otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.earning.shop import NOON
from tests.tiers.house import CLASSIC, GOLD, SILVER, Store, a_store
from tiers import placements, progress
from tiers.progress import Progress

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ROLLING = {"window": "rolling", "window_count": 90, "window_unit": "days", "validity": "while_qualified"}


def seen(store: Store, at: datetime | None = None) -> Progress:
    (found,) = progress.of_member(store.ada, at=at or store.now)
    return found


def an_ada_with(spent: str, **fields: Any) -> Store:
    store = a_store(**fields)
    store.order("A-1", spent)
    store.process()
    return store


def test_a_member_without_a_tier_sees_the_first_one() -> None:
    found = seen(an_ada_with("40"))
    assert (found.tier, found.until, found.keep, found.risk) == ("", None, None, None)
    assert found.next is not None
    assert (found.next.code, found.next.needed, found.next.missing) == ("silver", "100", "60")


def test_what_keeps_a_tier_is_what_the_judged_year_holds() -> None:
    store = an_ada_with("120", validity="next_period")
    found = seen(store)
    assert (found.tier_name, found.since, found.until) == ("Silver", NOON, date(2027, 12, 31))
    assert found.keep is not None
    assert (found.keep.needed, found.keep.counted, found.keep.by) == ("100", "0", date(2027, 12, 31))
    assert found.risk is not None
    assert (found.risk.on, found.risk.to) == (date(2028, 1, 1), "")
    store.order("A-2", "150", at=NOON + 365 * DAY)
    store.process()
    found = seen(store)
    assert found.keep is not None
    assert (found.keep.counted, found.keep.missing, found.risk) == ("150", "0", None)
    assert found.next is not None
    assert found.next.missing == "150"


def test_a_tier_held_while_qualified_tells_the_day_on_which_it_would_go() -> None:
    store = an_ada_with("120", **ROLLING)
    found = seen(store)
    assert found.until is None
    assert found.risk is not None
    assert found.risk.on == NOON.date() + 90 * DAY
    assert found.keep is not None
    assert (found.keep.missing, found.keep.by) == ("100", NOON.date() + 89 * DAY)


def test_in_grace_the_member_sees_what_is_missing_and_until_when() -> None:
    store = an_ada_with("120", validity="next_period", grace_days=60)
    store.night(datetime(2027, 12, 31, 23, 5, tzinfo=UTC))
    found = seen(store)
    assert (found.in_grace, found.tier, found.until) == (True, "silver", date(2028, 2, 29))
    assert found.keep is not None
    assert (found.keep.missing, found.keep.by) == ("100", date(2028, 2, 29))


def test_a_tier_that_comes_with_the_next_period_is_said_to_be_waiting() -> None:
    found = seen(an_ada_with("120", upgrade="next_period"))
    assert (found.tier, found.waiting) == ("", "silver")
    assert found.next is not None
    assert found.next.code == "gold"


def test_a_manual_tier_is_told_apart_from_the_computed_one() -> None:
    store = an_ada_with("120")
    placements.set_tier(
        store.ada, "gold", until=NOON.date() + DAY, reason_code="goodwill", by="olga", at=NOON
    )
    found = seen(store)
    assert (found.tier, found.manual, found.computed, found.until) == (
        "gold",
        True,
        "silver",
        NOON.date() + DAY,
    )
    assert found.benefits.earning_multiplier == GOLD["earning_multiplier"]


def test_what_is_shown_is_right_even_when_no_night_has_run() -> None:
    store = an_ada_with("120", validity="period")
    assert seen(store, datetime(2027, 1, 1, tzinfo=UTC)).tier == ""


def test_progress_is_a_handful_of_statements(django_assert_max_num_queries: Any) -> None:
    store = a_store([CLASSIC, SILVER])
    store.order("A-1", "20")
    store.process()
    seen(store)
    with django_assert_max_num_queries(4):
        seen(store)
