"""Points given by hand that count for tiers: in the day's activity, told to who listens, all or nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from loyalty.base import clock
from loyalty.base.errors import Invalid, LaurelError
from loyalty.events import activity, counting
from loyalty.events.activity import activity_listeners
from loyalty.ledger.models import Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.console import people

pytestmark = pytest.mark.django_db

JUST_BEFORE_MIDNIGHT = datetime(2026, 3, 10, 23, 59, tzinfo=UTC)


@pytest.fixture
def ana() -> Member:
    return people.ana(people.a_program())


def counted(member: Member, points: int, at: datetime | None = None) -> Transaction:
    return counting.adjust(
        member, people.points_of(member.program), points,
        at=at or clock.now(), actor=people.STAFF, reason_code="correction",
    )  # fmt: skip


def points_by_day(member: Member) -> dict[str, int]:
    found = activity.days([member.pk], date.min, date.max)
    return {day.day.isoformat(): day.points for day in found[member.pk]}


def listen(monkeypatch: pytest.MonkeyPatch, listener: activity.Listener) -> None:
    monkeypatch.setitem(activity_listeners._items, "test", (0, listener))


def test_points_that_count_are_part_of_the_local_day(ana: Member) -> None:
    counted(ana, 500, JUST_BEFORE_MIDNIGHT)
    counted(ana, -200, JUST_BEFORE_MIDNIGHT)
    assert points_by_day(ana) == {"2026-03-10": 300}
    assert sorted(Transaction.objects.values_list("amount", flat=True)) == [-200, 500]


def test_other_adjustments_do_not_count(ana: Member) -> None:
    made = people.given(ana, 500)
    assert points_by_day(ana) == {}
    assert counting.counted(made) is None


def test_listeners_are_told_and_the_tier_is_remembered(ana: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[list[UUID], datetime]] = []

    def raise_tier(ids: Collection[UUID], at: datetime) -> None:
        heard.append((list(ids), at))
        members.set_standing(ana.pk, "gold", "Gold", since=at)

    listen(monkeypatch, raise_tier)
    at = clock.now()
    made = counted(ana, 500, at)
    assert heard == [([ana.pk], at)]
    effect = counting.counted(made)
    assert effect is not None
    assert (effect.points, effect.tier_before, effect.tier_after) == (500, "", "Gold")


def test_when_a_listener_refuses_nothing_is_booked(ana: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(ids: Collection[UUID], at: datetime) -> None:
        raise Invalid("no")

    listen(monkeypatch, refuse)
    with pytest.raises(Invalid):
        counted(ana, 500)
    assert not Transaction.objects.exists()
    assert points_by_day(ana) == {}


def test_what_the_ledger_refuses_does_not_count(ana: Member) -> None:
    with pytest.raises(LaurelError):
        counted(ana, -1)
    assert points_by_day(ana) == {}


def test_only_the_default_points_count(ana: Member) -> None:
    stars = PointType.objects.create(program=ana.program, code="stars", name_one="star", name_many="stars")
    with pytest.raises(Invalid, match="default"):
        counting.adjust(ana, stars, 5, at=clock.now(), actor=people.STAFF, reason_code="correction")
