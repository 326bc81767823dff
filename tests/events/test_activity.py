from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.events.activity import ActivityRow, Day, Sums, add_many, days, sums, total, windows
from loyalty.events.models import Activity
from loyalty.members.models import Member
from loyalty.programs.models import Channel, PointType
from tests.events.characters import ana
from tests.programs.characters import a_channel, a_program

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY, FRIDAY = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 20)


@pytest.fixture
def shop() -> Channel:
    return a_channel(a_program())


@pytest.fixture
def member(shop: Channel) -> Member:
    return ana(shop)


def row(member: Member, day: date, spend: str = "0", **changes: int) -> ActivityRow:
    return ActivityRow(member.program_id, member.pk, day, spend=Decimal(spend), **changes)


def test_changes_of_one_day_add_up_in_one_row(member: Member) -> None:
    with CaptureQueriesContext(connection) as queries:
        add_many(
            [row(member, MONDAY, "10.25", orders=1, points=10), row(member, MONDAY, "5", orders=1, visits=1)]
        )
    add_many([row(member, MONDAY, "-15.25", orders=-2, points=-10), row(member, TUESDAY, "0.0001")])
    assert len(queries) == 1
    assert days([member.pk], MONDAY, TUESDAY) == {
        member.pk: [Day(MONDAY, 0, Decimal(0), 1, 0), Day(TUESDAY, 0, Decimal("0.0001"), 0, 0)]
    }
    assert Activity.objects.count() == 2


def test_nothing_to_add_asks_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        add_many([])
        assert days([], MONDAY, FRIDAY) == {}
    assert len(queries) == 0


def test_sums_count_both_ends_of_the_window(member: Member) -> None:
    add_many([row(member, day, "1.10", points=1) for day in (MONDAY, TUESDAY, FRIDAY)])
    nobody = uuid4()
    assert sums([member.pk, nobody], MONDAY, TUESDAY) == {
        member.pk: Sums(0, Decimal("2.2000"), 0, 2),
        nobody: Sums(),
    }


def test_several_windows_come_from_one_load(member: Member) -> None:
    add_many([row(member, day, "1", orders=1) for day in (MONDAY, TUESDAY, FRIDAY)])
    loaded = days([member.pk], MONDAY, FRIDAY)[member.pk]
    assert total(loaded, first=TUESDAY).orders == 2
    assert total(loaded, last=TUESDAY).spend == 2
    assert total(loaded).orders == 3


def test_several_windows_come_from_one_query_and_end_today(member: Member) -> None:
    add_many(
        [row(member, MONDAY, "10", orders=1), row(member, TUESDAY, "5", orders=2), row(member, FRIDAY, "1")]
    )
    asked = {("spend", 1), ("spend", 4), ("spend", 5), ("orders", 5)}
    with CaptureQueriesContext(connection) as queries:
        found = windows(member.pk, asked, FRIDAY)
    assert found == {("spend", 1): 1, ("spend", 4): 6, ("spend", 5): 16, ("orders", 5): 3}
    assert len(queries) == 1
    assert windows(member.pk, (), FRIDAY) == {}


def test_points_of_a_window_are_whole_ones_whatever_their_decimals(member: Member) -> None:
    PointType.objects.filter(program=member.program).update(decimals=2)
    add_many([row(member, MONDAY, points=150), row(member, FRIDAY, points=-25)])
    assert windows(member.pk, {("points", 1), ("points", 5)}, FRIDAY) == {
        ("points", 1): Decimal("-0.25"),
        ("points", 5): Decimal("1.25"),
    }
