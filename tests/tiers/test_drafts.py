"""Drafts of ladders, what is wrong with them, and what publishing freezes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from loyalty.base.errors import Conflict, Invalid
from loyalty.outbox.models import Fact
from tests.tiers.house import CLASSIC, GOLD, OPENING, SILVER, a_draft, a_ladder, a_member, a_program
from tiers import benefits, drafts, published, versions
from tiers.errors import Backdated, NotReady, StaleDraft, Unchanged
from tiers.ladder import Ladder, Span
from tiers.models import LadderVersion, Standing, Tier, TierSet

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_the_first_ladder_of_a_program_is_its_main_one() -> None:
    program = a_program()
    assert a_draft(program).is_main
    assert not a_draft(program, code="partners").is_main
    with pytest.raises(Conflict, match="main ladder") as refused:
        a_draft(program, code="other", is_main=True)
    assert refused.value.code == "main_taken"


def test_a_code_is_taken_once_per_program() -> None:
    program = a_program()
    a_draft(program)
    with pytest.raises(Conflict) as refused:
        a_draft(program)
    assert refused.value.code == "code_taken"


def test_a_save_keeps_tiers_by_their_code_whatever_their_order() -> None:
    draft = a_draft(a_program())
    ids = dict(draft.tiers.values_list("code", "pk"))
    save(draft, {}, [CLASSIC, GOLD | {"name": "Golden"}, SILVER])
    assert [(tier.rank, tier.code, tier.name) for tier in draft.tiers.order_by("rank")] == [
        (1, "classic", "Classic"),
        (2, "gold", "Golden"),
        (3, "silver", "Silver"),
    ]
    assert dict(draft.tiers.exclude(code="classic").values_list("code", "pk")) == ids
    save(draft, {}, [SILVER])
    assert draft.tiers.get().code == "silver"


def test_two_people_saving_the_same_revision_do_not_overwrite_each_other() -> None:
    draft = a_draft(a_program())
    drafts.save(draft, {"grace_days": 14}, revision=1, by="olga", at=OPENING)
    with pytest.raises(StaleDraft) as refused:
        drafts.save(draft, {"grace_days": 7}, revision=1, by="ben", at=OPENING)
    assert refused.value.extra["changes"] == [{"field": "grace_days", "before": 0, "after": 14}]
    assert TierSet.objects.get().grace_days == 14


def test_what_no_draft_can_hold_is_refused_and_changes_nothing() -> None:
    draft = a_draft(a_program())
    with pytest.raises(Invalid) as refused:
        save(draft, {}, [SILVER, GOLD | {"code": "Not a code", "threshold": Decimal(-1)}])
    assert {error.path for error in refused.value.errors} == {"tiers/1/code", "tiers/1/threshold"}
    assert set(draft.tiers.values_list("code", flat=True)) == {"silver", "gold"}
    assert TierSet.objects.get().revision == 1


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"window": "rolling"}, "window_count"),
        ({"window": "rolling", "window_count": 12}, "validity"),
        ({"window": "lifetime", "validity": "duration"}, "validity_count"),
        ({"window": "lifetime", "validity": "while_qualified", "upgrade": "next_period"}, "upgrade"),
        ({"upgrade": "next_period", "validity": "while_qualified"}, "validity"),
        ({"window": "lifetime", "validity": "while_qualified", "rollover": True}, "rollover"),
        ({"measure": "balance"}, "window"),
        ({"grace_days": 9999}, "grace_days"),
    ],
)
def test_settings_that_do_not_go_together_keep_a_ladder_from_being_published(
    fields: dict[str, Any], path: str
) -> None:
    draft = a_draft(a_program(), **fields)
    assert path in [fault.path for fault in versions.faults(draft)]
    with pytest.raises(NotReady):
        versions.publish(draft, by="olga", at=OPENING)
    assert not LadderVersion.objects.exists()


def test_thresholds_rise_and_are_whole_where_things_are_counted() -> None:
    draft = a_draft(a_program(), [SILVER, GOLD | {"threshold": Decimal("100")}])
    assert [fault.path for fault in versions.faults(draft)] == ["tiers/1/threshold"]
    draft = save(draft, {"measure": "orders"}, [SILVER | {"threshold": Decimal("2.5")}])
    assert [fault.code for fault in versions.faults(draft)] == ["threshold_not_whole"]
    save(draft, {}, [])
    assert [fault.path for fault in versions.faults(draft)] == ["tiers"]


def test_publishing_freezes_the_draft_and_says_so() -> None:
    program = a_program()
    version = a_ladder(program, rollover=True)
    ladder = Ladder.parse(version.definition)
    assert (version.number, ladder.rollover, [rung.code for rung in ladder.rungs]) == (
        1,
        True,
        ["silver", "gold"],
    )
    assert [ladder.fit(value) for value in (0, 99, 100, 299, 300)] == [0, 0, 1, 1, 2]
    fact = Fact.objects.get(type="ladder.published")
    assert fact.data["tier_set"] == "club"
    with pytest.raises(DatabaseError), transaction.atomic():
        LadderVersion.objects.update(note="changed")
    with pytest.raises(Unchanged):
        versions.publish(version.tier_set, by="olga", at=OPENING + DAY)


def test_a_version_takes_effect_in_the_past_only_while_nobody_was_placed_since() -> None:
    first = a_ladder(a_program(), at=OPENING)
    draft = save(first.tier_set, {"grace_days": 3})
    Standing.objects.create(
        program=first.program,
        tier_set=first.tier_set,
        member=a_member(first.program),
        version=first,
        seen_version=first,
        computed_through=(OPENING + DAY).date(),
        updated_at=OPENING,
    )
    with pytest.raises(Backdated):
        versions.publish(draft, effective_from=OPENING + DAY, by="o", at=OPENING + 9 * DAY)
    made = versions.publish(draft, effective_from=OPENING + 2 * DAY, by="o", at=OPENING + 9 * DAY)
    assert made.effective_from == OPENING + 2 * DAY


def test_a_version_never_takes_effect_before_an_older_one() -> None:
    draft = a_draft(a_program())
    versions.publish(draft, rollout="date", effective_from=OPENING + 9 * DAY, by="o", at=OPENING)
    save(draft, {"grace_days": 3})
    with pytest.raises(Backdated):
        versions.publish(draft, by="o", at=OPENING + DAY)
    assert versions.in_force(draft, OPENING + DAY) is None
    assert versions.in_force(draft, OPENING + 9 * DAY) == versions.latest(draft)


def test_an_old_version_can_become_the_draft_again() -> None:
    version = a_ladder(a_program(), validity="duration", validity_count=6, window="rolling", window_count=90,
                       window_unit="days")  # fmt: skip
    draft = version.tier_set
    save(draft, {"window": "lifetime", "window_count": None}, [CLASSIC])
    assert {"field": "tiers/gold/name", "before": "Gold", "after": None} in drafts.unpublished(draft, version)
    drafts.restore(draft, version, revision=2, by="olga", at=OPENING)
    assert drafts.unpublished(TierSet.objects.get(), version) == []


def test_thresholds_in_points_are_counted_in_their_smallest_units() -> None:
    program = a_program()
    program.point_types.update(decimals=2)
    ladder = Ladder.parse(a_ladder(program, measure="points").definition)
    assert (ladder.bars, ladder.shown(12345)) == ((Decimal(10_000), Decimal(30_000)), "123.45")


def test_published_ladders_are_read_once_and_again_when_there_is_a_new_one(
    django_assert_num_queries: Any,
) -> None:
    program = a_program()
    assert published.of_program(program.pk) == ()
    version = a_ladder(program)
    published.of_program(program.pk)
    with django_assert_num_queries(1):
        assert published.of_program(program.pk)[0].versions[0].id == version.pk
    save(version.tier_set, {"grace_days": 3})
    versions.publish(version.tier_set, by="olga", at=OPENING + DAY)
    (found,) = published.of_program(program.pk)
    assert [one.number for one in found.versions] == [1, 2]


def test_benefits_are_those_in_force_and_those_of_tiers_that_are_still_held() -> None:
    program = a_program()
    version = a_ladder(program, [SILVER, GOLD | {"expiry": Tier.Expiry.AFTER, "expiry_count": 24}])
    assert benefits.of_program(program.pk, at=OPENING)["gold"].expiry == Span(24, "months")
    save(version.tier_set, {}, [SILVER | {"earning_multiplier": Decimal(2)}])
    versions.publish(version.tier_set, by="olga", at=OPENING + DAY)
    before, after = (benefits.of_program(program.pk, at=at) for at in (OPENING, OPENING + DAY))
    assert before["silver"].earning_multiplier == Decimal(1)
    assert after["silver"].earning_multiplier == Decimal(2)
    assert after["gold"].earning_multiplier == Decimal("1.5")


def save(draft: TierSet, changes: dict[str, Any], tiers: Any = None) -> TierSet:
    revision = TierSet.objects.get(pk=draft.pk).revision
    return drafts.save(draft, changes, tiers=tiers, revision=revision, by="olga", at=OPENING)
