"""A version that was published for a day to come can be taken back until then, and never counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from loyalty.members.models import Member
from loyalty.outbox.models import Fact
from tests.earning.shop import basket
from tests.tiers.house import GOLD, OPENING, SILVER, a_ladder, a_member, a_program, a_store
from tiers import drafts, progress, published, review, versions
from tiers.errors import AlreadyWithdrawn, Backdated, TookEffect
from tiers.models import LadderVersion, Standing, TierChange, TierSet

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BEGINS = OPENING + 30 * DAY
EASY = SILVER | {"threshold": Decimal(1), "name": "Argent"}


def planned(tier_set: TierSet, *, at: datetime = OPENING + DAY, begins: datetime = BEGINS) -> LadderVersion:
    """A second version, with a silver for next to nothing."""
    tier_set.refresh_from_db()
    draft = drafts.save(tier_set, {}, tiers=[EASY, GOLD], revision=tier_set.revision, by="olga", at=at)
    return versions.publish(draft, rollout="date", effective_from=begins, by="olga", at=at)


def withdraw(version: LadderVersion, at: datetime = OPENING + 2 * DAY) -> LadderVersion:
    return versions.withdraw(version, by="maria", at=at)


def test_a_planned_version_is_withdrawn_and_says_by_whom_and_when() -> None:
    first = a_ladder(a_program())
    second = withdraw(planned(first.tier_set))
    assert (second.withdrawn_at, second.withdrawn_by) == (OPENING + 2 * DAY, "maria")
    assert versions.latest(first.tier_set) == first
    assert versions.in_force(first.tier_set, BEGINS + DAY) == first
    assert versions.planned(first.tier_set, OPENING + 2 * DAY) == []
    fact = Fact.objects.get(type="ladder.withdrawn")
    assert fact.data == {"tier_set": "club", "version": 2, "by": "maria"}


def test_its_number_is_not_given_again_and_the_others_still_count_in_order() -> None:
    first = a_ladder(a_program())
    withdraw(planned(first.tier_set))
    third = versions.publish(first.tier_set, by="olga", at=OPENING + 3 * DAY)
    assert third.number == 3
    (found,) = published.of_program(first.program_id)
    assert [(one.number, one.published_as) for one in found.versions] == [(1, 1), (2, 3)]


def test_whoever_keeps_what_was_read_reads_again_after_a_withdrawal() -> None:
    first = a_ladder(a_program())
    second = planned(first.tier_set)
    assert len(published.of_program(first.program_id)[0].versions) == 2
    withdraw(second)
    assert [one.id for one in published.of_program(first.program_id)[0].versions] == [first.pk]


def test_one_of_two_planned_versions_can_go_and_the_other_stays() -> None:
    first = a_ladder(a_program())
    second = planned(first.tier_set)
    draft = drafts.save(first.tier_set, {"grace_days": 3}, revision=TierSet.objects.get().revision, by="o",
                        at=OPENING + DAY)  # fmt: skip
    third = versions.publish(draft, effective_from=BEGINS + 9 * DAY, by="o", at=OPENING + DAY)
    withdraw(second)
    assert versions.planned(first.tier_set, OPENING + 2 * DAY) == [third]
    ada = a_member(first.program)
    review.due(first.program, at=BEGINS + 10 * DAY)
    assert Standing.objects.get(member=ada).seen_version == third


def test_what_has_taken_effect_or_is_about_to_is_not_withdrawn() -> None:
    second = planned(a_ladder(a_program()).tier_set)
    for at in (BEGINS + DAY, BEGINS, BEGINS - timedelta(seconds=59)):
        with pytest.raises(TookEffect, match="Version 2 takes effect on 2024-01-31"):
            withdraw(second, at=at)
    assert LadderVersion.objects.filter(withdrawn_at=None).count() == 2
    assert not Fact.objects.filter(type="ladder.withdrawn").exists()


def test_what_placed_a_member_is_not_withdrawn_whatever_the_clock_says() -> None:
    second = planned(a_ladder(a_program()).tier_set)
    a_member(second.program)
    review.due(second.program, at=BEGINS + DAY)
    with pytest.raises(TookEffect):
        withdraw(second, at=OPENING + 2 * DAY)


def test_a_version_is_withdrawn_once_and_for_good() -> None:
    second = withdraw(planned(a_ladder(a_program()).tier_set))
    with pytest.raises(AlreadyWithdrawn):
        withdraw(second)
    for changes in ({"withdrawn_at": None}, {"note": "changed"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            LadderVersion.objects.filter(pk=second.pk).update(**changes)
    with pytest.raises(DatabaseError), transaction.atomic():
        LadderVersion.objects.filter(number=1).update(withdrawn_at=OPENING + DAY)


def test_an_earlier_ladder_is_refused_with_the_date_and_fits_after_the_withdrawal() -> None:
    second = planned(a_ladder(a_program()).tier_set)
    draft = drafts.save(second.tier_set, {"grace_days": 3}, revision=TierSet.objects.get().revision, by="o",
                        at=OPENING + DAY)  # fmt: skip
    with pytest.raises(Backdated, match="Version 2 is planned for 2024-01-31"):
        versions.publish(draft, by="olga", at=OPENING + 2 * DAY)
    with pytest.raises(Backdated):  # members would be placed by both at one and the same midnight
        versions.publish(draft, effective_from=BEGINS, by="olga", at=OPENING + 2 * DAY)
    withdraw(second)
    assert versions.publish(draft, by="olga", at=OPENING + 2 * DAY).number == 3


def test_a_ladder_whose_only_version_is_withdrawn_is_a_draft_again() -> None:
    first = a_ladder(a_program(), at=OPENING)
    assert first.number == 1
    later = planned(first.tier_set)
    withdraw(later)
    other = drafts.create(first.program, {"code": "partners", "name": "P"}, [SILVER], by="o", at=OPENING)
    only = versions.publish(other, effective_from=BEGINS, by="o", at=OPENING)
    withdraw(only)
    assert versions.latest(other) is None
    assert [one.code for one in published.of_program(first.program_id)] == ["club"]


def test_members_never_see_a_withdrawn_version() -> None:
    store = a_store()
    begins = store.now + 30 * DAY
    version = planned(TierSet.objects.get(), at=store.now, begins=begins)
    store.send("order.completed", basket("O-1", "50.00"))
    store.process()
    versions.withdraw(version, by="maria", at=store.now + DAY)
    store.night(begins + 2 * DAY)
    standing = Standing.objects.get(member=store.ada)
    assert (standing.tier_code, standing.seen_version.number) == ("", 1)
    assert not TierChange.objects.exists()
    (shown,) = progress.of_member(Member.objects.get(), at=begins + 2 * DAY)
    assert (shown.tier, shown.next and shown.next.name) == ("", "Silver")
