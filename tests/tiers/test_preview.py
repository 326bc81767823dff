"""A preview says exactly what publishing then does."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from loyalty.base import clock, jobs
from loyalty.events import activity
from loyalty.events.activity import ActivityRow
from loyalty.members.models import Member
from loyalty.programs.models import Program
from tests.tiers.house import CLASSIC, GOLD, OPENING, SILVER, a_ladder, a_program
from tiers import drafts, placements, preview, review, versions
from tiers.errors import NotReady
from tiers.lines import Cause
from tiers.models import Standing, TierSet

pytestmark = pytest.mark.django_db
TODAY = datetime(2026, 2, 28, 12, tzinfo=UTC)
PLATINUM = {"code": "platinum", "name": "Platinum", "threshold": Decimal(500)}
LOWER = [SILVER | {"threshold": Decimal(60)}, GOLD | {"threshold": Decimal(400)}]
WITHOUT_GOLD = [CLASSIC, SILVER, PLATINUM]
ROLLING = {
    "window": "rolling",
    "window_count": 12,
    "window_unit": "months",
    "validity": "duration",
    "validity_count": 6,
}

CASES: dict[str, tuple[dict[str, Any], list[Any], dict[str, Any]]] = {
    "more is asked, protected": ({}, LOWER, {"protect": True}),
    "more is asked at once": ({}, LOWER, {"protect": False}),
    "at the review": ({}, LOWER, {"rollout": "review"}),
    "a tier is removed": ({}, WITHOUT_GOLD, {"protect": True}),
    "a tier is removed at once": ({}, WITHOUT_GOLD, {"protect": False}),
    "another window": (ROLLING, [SILVER, GOLD, PLATINUM], {"protect": False}),
    "years of membership": ({"window": "anniversary", "validity": "period"}, LOWER, {"protect": False}),
    "with the next period": ({"upgrade": "next_period"}, LOWER, {"protect": False}),
    "while qualified": (
        {"window": "lifetime", "validity": "while_qualified"},
        LOWER,
        {"rollout": "review"},
    ),
}


def a_crowd(program: Program, size: int = 60) -> list[Member]:
    """Members who joined on different days, some on 29 February, and have spent this and that."""
    dice = random.Random(11)
    crowd = [
        Member(
            program=program,
            name=f"m{number}",
            enrolled_at=datetime(2024, 2, 29, 12, tzinfo=UTC)
            + timedelta(days=0 if number % 7 == 0 else number * 5),
            updated_at=OPENING,
        )
        for number in range(size)
    ]
    Member.objects.bulk_create(crowd)
    rows = [
        ActivityRow(
            program.pk, member.pk, day, orders=1, spend=Decimal(dice.choice([5, 30, 80, 150])), points=7
        )
        for member in crowd
        for day in {date(2024, 3, 1) + timedelta(days=dice.randrange(729)) for _ in range(dice.randrange(7))}
    ]
    activity.add_many(rows)
    return crowd


@pytest.mark.parametrize("case", CASES)
def test_what_is_seen_before_is_what_happens_then(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "STRETCH", 7)
    fields, tiers, how = CASES[case]
    program = a_program()
    crowd = a_crowd(program)
    a_ladder(
        program,
        [SILVER, GOLD],
        **({"window": "calendar_year"} | {k: v for k, v in fields.items() if case != "another window"}),
    )
    ids = [member.pk for member in crowd]
    review.look_at_many(program, ids, at=TODAY, cause=Cause(), anew=True)
    placements.set_tier(crowd[0], "gold", until=None, reason_code="goodwill", by="olga", at=TODAY)
    draft = save(fields, tiers)
    before = tiers_now(program)
    seen = preview.preview(draft, at=TODAY, **how)
    listed = {
        (one["from"], one["to"]): [
            mover.member_id for mover in preview.movers(draft, one["from"], one["to"], at=TODAY, **how)
        ]
        for one in seen.as_json()["moves"]
    }
    versions.publish(draft, by="olga", at=TODAY, **how)
    review.due(program, at=TODAY)
    after = tiers_now(program)
    moved = Counter((before[member_id], after[member_id]) for member_id in before)
    assert dict(seen.moves) == dict(moved)
    assert seen.total == 60 == seen.up + seen.down + seen.stay
    assert {cell: len(ids) for cell, ids in listed.items()} == {
        cell: min(count, 50) for cell, count in moved.items()
    }
    assert all((before[one], after[one]) == cell for cell, ids in listed.items() for one in ids)


def test_the_first_ladder_can_be_looked_at_before_anybody_has_a_tier() -> None:
    program = a_program()
    a_crowd(program, 20)
    draft = drafts.create(program, {"code": "club", "name": "Club"}, [CLASSIC, SILVER], by="o", at=TODAY)
    seen = preview.preview(draft, at=TODAY)
    versions.publish(draft, by="o", at=TODAY)
    review.due(program, at=TODAY)
    assert sum(seen.moves.values()) == 20
    assert seen.moves["", "silver"] == Standing.objects.filter(tier_code="silver").count()
    assert not Standing.objects.filter(tier_code="").exists()


def test_a_list_goes_on_where_the_page_before_ended() -> None:
    program = a_program()
    a_crowd(program, 20)
    draft = drafts.create(program, {"code": "club", "name": "Club"}, [CLASSIC], by="o", at=TODAY)
    first = preview.movers(draft, "", "classic", at=TODAY, limit=12)
    rest = preview.movers(draft, "", "classic", at=TODAY, limit=12, follows=first[-1].member_id)
    assert (len(first), len(rest)) == (12, 8)
    assert len({mover.member_id for mover in first + rest}) == 20


def test_more_generous_multipliers_cost_points() -> None:
    program = a_program()
    ids = [member.pk for member in a_crowd(program, 20)]
    twice = CLASSIC | {"earning_multiplier": Decimal(2)}
    draft = drafts.create(program, {"code": "club", "name": "Club"}, [twice], by="o", at=TODAY)
    last_year = activity.sums(ids, date(2025, 3, 1), TODAY.date())
    assert preview.preview(draft, at=TODAY).extra_points == sum(one.points for one in last_year.values())


def test_a_draft_with_faults_has_no_preview() -> None:
    draft = drafts.create(a_program(), {"code": "club", "name": "Club"}, [], by="o", at=TODAY)
    with pytest.raises(NotReady):
        preview.preview(draft, at=TODAY)


def test_the_preview_can_be_asked_for_as_a_job() -> None:
    program = a_program()
    a_crowd(program, 5)
    drafts.create(program, {"code": "club", "name": "Club"}, [CLASSIC], by="o", at=TODAY)
    params = {"tier_set": "club", "rollout": "now", "protect": True}
    job = jobs.start(preview.KIND, scope=program.code, params=params, by="olga", at=TODAY)
    with clock.pinned(TODAY):
        result = preview._work(job)
    assert result["preview"]["moves"] == [{"from": "", "to": "classic", "members": 5}]


def tiers_now(program: Program) -> dict[Any, str]:
    return dict(Member.objects.filter(program=program).values_list("pk", "tier_code"))


def save(fields: dict[str, Any], tiers: list[Any]) -> TierSet:
    draft = TierSet.objects.select_related("program").get()
    return drafts.save(draft, fields, tiers=tiers, revision=draft.revision, by="olga", at=TODAY)
