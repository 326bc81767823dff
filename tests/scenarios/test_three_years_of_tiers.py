"""Three years of Ada on every kind of ladder. She joins on 29 February 2024 and lives in Madrid, where clocks go
forward on the last Sunday of March and back on the last of October.

Each story is a table: when, by the clock on the wall; what she does; where she then stands, by what the ladder does
when she has done too little. `gold to 2026-01-01`: the tier is judged on that day. Everything goes the way it goes in
the product: events are taken in and processed, and the night runs on the days on which it has somebody to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loyalty.base import clock
from loyalty.ledger import proof
from loyalty.members import members
from loyalty.programs.models import Channel, PointType
from tests.tiers.house import GOLD, OPENING, SILVER, Store, a_ladder, a_program
from tiers import review
from tiers.models import Standing, TierChange

pytestmark = pytest.mark.django_db
MADRID = ZoneInfo("Europe/Madrid")
JOINED = datetime(2024, 2, 29, 9, tzinfo=UTC)
MODES = ("never", "fit", "one_step")


@dataclass(frozen=True)
class Story:
    """A ladder of silver from 100 and gold from 300 euros, and what happens on it."""

    table: str
    rules: dict[str, Any] = field(default_factory=dict)

    def steps(self) -> Iterator[tuple[datetime, str, list[str]]]:
        for line in self.table.strip().splitlines():
            when, deed, *standings = (cell.strip() for cell in line.split("|"))
            yield datetime.fromisoformat(when).replace(tzinfo=MADRID).astimezone(UTC), deed, standings


STORIES = {
    # The money of all times counts: only a return takes a tier away, and that whatever the mode.
    "lifetime": Story(
        """
        2024-02-29 12:00 | buys 120      | silver to 2025-02-28 | silver to 2025-02-28 | silver to 2025-02-28
        2025-01-01 00:00 | buys 200 as R | gold to 2026-01-01   | gold to 2026-01-01   | gold to 2026-01-01
        2026-12-31 23:59 |               | gold to 2027-01-01   | gold to 2027-01-01   | gold to 2027-01-01
        2027-01-01 00:30 |               | gold to 2028-01-01   | gold to 2028-01-01   | gold to 2028-01-01
        2027-01-15 10:00 | returns R     | silver to 2027-02-28 | silver to 2027-02-28 | silver to 2027-02-28
        2027-02-28 00:30 |               | silver to 2028-02-28 | silver to 2028-02-28 | silver to 2028-02-28
        """,
        {"window": "lifetime", "validity": "duration", "validity_count": 12},
    ),
    # A tier lasts twelve months and is judged on the twelve before: the leap day is still among those that end on
    # 27 February 2025. The second purchase falls into the hour that comes twice, the third just before one that is
    # left out.
    "rolling months": Story(
        """
        2024-02-29 12:00 | buys 320 | gold to 2025-02-28 | gold to 2025-02-28   | gold to 2025-02-28
        2025-02-27 23:59 |          | gold to 2025-02-28 | gold to 2025-02-28   | gold to 2025-02-28
        2025-02-28 00:30 |          | gold to 2026-02-28 | gold to 2026-02-28   | gold to 2026-02-28
        2025-10-26 02:30 | buys 40  | gold to 2026-02-28 | gold to 2026-02-28   | gold to 2026-02-28
        2026-02-28 00:30 |          | gold to 2027-02-28 | none                 | silver to 2027-02-28
        2026-03-29 01:59 | buys 70  | gold to 2027-02-28 | silver to 2027-03-29 | silver to 2027-02-28
        2027-02-28 00:30 |          | gold to 2028-02-28 | silver to 2027-03-29 | none
        2027-03-29 00:30 |          | gold to 2028-02-28 | none                 | none
        """,
        {
            "window": "rolling",
            "window_count": 12,
            "window_unit": "months",
            "validity": "duration",
            "validity_count": 12,
        },
    ),
    # Held while the last ninety days hold enough. 29 February is gone on 29 May; New Year's Eve on 31 March, the day
    # after the clocks went forward. One step down is taken a night.
    "rolling days": Story(
        """
        2024-02-29 23:30 | buys 320      | gold | gold   | gold
        2024-05-10 12:00 | buys 60       | gold | gold   | gold
        2024-05-28 23:59 |               | gold | gold   | gold
        2024-05-29 00:30 |               | gold | none   | silver
        2024-05-30 00:30 |               | gold | none   | none
        2024-12-31 23:30 | buys 100      | gold | silver | silver
        2025-03-30 23:59 |               | gold | silver | silver
        2025-03-31 00:30 |               | gold | none   | none
        2025-05-01 12:00 | buys 150 as R | gold | silver | silver
        2025-05-20 12:00 | returns R     | gold | none   | none
        2027-03-01 12:00 | buys 99.99    | gold | none   | none
        """,
        {"window": "rolling", "window_count": 90, "window_unit": "days", "validity": "while_qualified"},
    ),
    # To the end of the next year. The last minute of 2026 is in 2026, though it is the 31st at 22:59 in London.
    "calendar year": Story(
        """
        2024-02-29 23:59 | buys 320 | gold to 2026-01-01 | gold to 2026-01-01   | gold to 2026-01-01
        2025-06-01 12:00 | buys 50  | gold to 2026-01-01 | gold to 2026-01-01   | gold to 2026-01-01
        2026-01-01 00:30 |          | gold to 2027-01-01 | none                 | silver to 2027-01-01
        2026-03-29 03:30 | buys 110 | gold to 2027-01-01 | silver to 2028-01-01 | silver to 2027-01-01
        2026-12-31 23:59 | buys 200 | gold to 2027-01-01 | gold to 2028-01-01   | gold to 2028-01-01
        2027-01-01 00:30 |          | gold to 2028-01-01 | gold to 2028-01-01   | gold to 2028-01-01
        """,
        {"window": "calendar_year", "validity": "next_period"},
    ),
    # Her years begin on 28 February in common years and on the 29th in leap years; a minute decides which one it is.
    "anniversary": Story(
        """
        2024-02-29 12:00 | buys 320 | gold to 2026-02-28 | gold to 2026-02-28   | gold to 2026-02-28
        2026-02-27 23:59 | buys 40  | gold to 2026-02-28 | gold to 2026-02-28   | gold to 2026-02-28
        2026-02-28 00:30 | buys 110 | gold to 2027-02-28 | silver to 2028-02-29 | silver to 2027-02-28
        2027-02-27 23:59 |          | gold to 2027-02-28 | silver to 2028-02-29 | silver to 2027-02-28
        2027-02-28 00:30 |          | gold to 2028-02-29 | silver to 2028-02-29 | silver to 2028-02-29
        2028-02-28 23:59 |          | gold to 2028-02-29 | silver to 2028-02-29 | silver to 2028-02-29
        2028-02-29 00:30 |          | gold to 2029-02-28 | none                 | none
        """,
        {"window": "anniversary", "validity": "next_period"},
    ),
}
ONLY_FIT = {
    # To the end of the year; what exceeds the threshold counts in the next one, and ten days are given to make up.
    "rollover and grace": Story(
        """
        2024-03-01 12:00 | buys 250 | silver to 2025-01-01
        2025-01-01 00:30 |          | silver to 2026-01-01
        2025-06-01 12:00 | buys 160 | gold to 2026-01-01
        2026-01-01 00:30 |          | gold in grace to 2026-01-11
        2026-01-05 12:00 | buys 120 | gold in grace to 2026-01-11
        2026-01-11 00:30 |          | silver to 2027-01-01
        2027-01-01 00:30 |          | silver in grace to 2027-01-11
        2027-01-10 23:59 | buys 80  | silver to 2028-01-01
        """,
        {"window": "calendar_year", "validity": "period", "rollover": True, "grace_days": 10},
    ),
    # A tier that was reached begins with the next year.
    "upgrades wait": Story(
        """
        2024-05-01 12:00 | buys 320 | none
        2024-12-31 23:59 |          | none
        2025-01-01 00:30 |          | gold to 2027-01-01
        2026-05-01 12:00 | buys 150 | gold to 2027-01-01
        2027-01-01 00:30 |          | silver to 2028-01-01
        """,
        {"window": "calendar_year", "validity": "next_period", "upgrade": "next_period"},
    ),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STORIES)
def test_three_years_in_the_life_of_a_member(name: str, mode: str) -> None:
    tell(STORIES[name], mode, MODES.index(mode))


@pytest.mark.parametrize("name", ONLY_FIT)
def test_what_is_carried_over_what_is_forgiven_and_what_waits(name: str) -> None:
    tell(ONLY_FIT[name], "fit", 0)


def tell(story: Story, mode: str, column: int) -> None:
    """Live through the story, and look at the standing after each line of it."""
    store = opened(story, mode)
    for at, deed, expected in story.steps():
        nights_until(store, at)
        do(store, deed, at)
        assert stands(store) == expected[column], f"{at.astimezone(MADRID):%Y-%m-%d %H:%M} {deed}"
    rows = TierChange.objects.count()
    review.one(store.ada, at=store.now)
    assert TierChange.objects.count() == rows, "counting anew finds something else"
    assert proof.verify(at=store.now).breaches == []


def opened(story: Story, mode: str) -> Store:
    program = a_program()
    channel = Channel.objects.create(program=program, code="web", name="Web shop", created_at=OPENING)
    a_ladder(program, [SILVER, GOLD], downgrade=mode, **story.rules)
    ada, _ = members.register(program, {"external_id": "ada"}, channel=channel, at=JOINED)
    return Store(program, channel, PointType.objects.get(program=program), ada, now=JOINED)


def nights_until(store: Store, at: datetime) -> None:
    """The night of every day on which somebody is due, ten minutes after midnight."""
    seen = JOINED
    while (due := Standing.objects.values_list("review_on", flat=True).first()) is not None:
        night = clock.midnight(due, MADRID) + timedelta(minutes=10)
        if night > at:
            return
        assert night > seen, "the night has not done its work"
        seen = night
        store.night(night)


def do(store: Store, deed: str, at: datetime) -> None:
    store.now = max(store.now, at)
    match deed.split():
        case ["buys", amount, *name]:
            store.order(name[-1] if name else f"A-{store.sent}", amount, at=at)
        case ["returns", name]:
            store.send("order.returned", {"order_id": name}, at=at)
    store.process()


def stands(store: Store) -> str:
    """What is stored of her, in the words of the table."""
    one = Standing.objects.get(member=store.ada)
    if one.grace_until:
        return f"{one.tier_code} in grace to {one.grace_until}"
    return f"{one.tier_code or 'none'}{f' to {one.valid_until}' if one.valid_until else ''}"
