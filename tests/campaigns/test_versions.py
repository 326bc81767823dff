"""Publishing freezes; pausing, resuming and ending take effect at instants; events are rated by their own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from campaigns import versions
from campaigns.errors import Backdated, Ended, NotPaused, NotReady, NotRunning, Unchanged
from campaigns.models import CampaignVersion
from loyalty.events.models import Event
from loyalty.outbox.models import Fact
from loyalty.programs.models import Program, ProgramPause
from tests.campaigns.making import a_bonus, a_point_type, a_program, an_earning

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def program() -> Program:
    program = a_program()
    a_point_type(program)
    return program


def in_force(program: Program, at: datetime) -> versions.Chosen:
    return versions.in_force(program.pk, at, at).at("order.completed", at)


def processed(program: Program, at: datetime) -> Event:
    return Event.objects.create(
        program=program,
        source="shop",
        external_id="1",
        type="order.completed",
        occurred_at=at,
        received_at=at,
        payload={},
        content_hash=b"",
        status="processed",
    )


def test_publishing_freezes_the_whole_definition(program: Program) -> None:
    campaign = an_earning(program, points=Decimal("1.5"))
    version = versions.publish(campaign, by="mia", at=NOON, note="First")
    campaign.points = Decimal(9)
    campaign.save()
    version.refresh_from_db()
    assert (version.number, version.published_by, version.note) == (1, "mia", "First")
    assert version.definition["effect"] == {
        "basis": "amount", "points": "1.5", "step": "1", "step_rounding": "", "attribute": "",
    }  # fmt: skip
    assert Fact.objects.get().type == "campaign.published"


def test_the_database_refuses_to_change_a_version(program: Program) -> None:
    version = versions.publish(an_earning(program), by="mia", at=NOON)
    with pytest.raises(DatabaseError), transaction.atomic():
        CampaignVersion.objects.filter(pk=version.pk).update(note="other")


def test_an_event_is_rated_under_the_version_of_its_own_time(program: Program) -> None:
    campaign = an_earning(program)
    first = versions.publish(campaign, by="mia", at=NOON)
    campaign.points = Decimal(2)
    campaign.save()
    second = versions.publish(campaign, by="mia", at=NOON + HOUR)
    span = versions.in_force(program.pk, NOON, NOON + 2 * HOUR)
    before, after = (span.at("order.completed", NOON + HOUR + step) for step in (-HOUR / 2, timedelta(0)))
    assert (before.version_ids, after.version_ids) == ([first.pk], [second.pk])
    assert [terms.number for terms in (*before.terms, *after.terms)] == [1, 2]


def test_before_its_first_version_and_as_a_draft_a_campaign_is_named_as_not_published(
    program: Program,
) -> None:
    published, draft = an_earning(program), a_bonus(program)
    versions.publish(published, by="mia", at=NOON)
    chosen = in_force(program, NOON - HOUR)
    assert [terms.code for terms in chosen.terms] == ["base", "double"]
    assert {chosen.standing[one.pk].outcome for one in (published, draft)} == {"not_published"}
    assert chosen.version_ids == []


def test_what_is_published_later_replaces_what_was_scheduled_before(program: Program) -> None:
    campaign = an_earning(program)
    versions.publish(campaign, by="mia", at=NOON, effective_from=NOON + 10 * HOUR)
    campaign.points = Decimal(2)
    campaign.save()
    versions.publish(campaign, by="mia", at=NOON + HOUR)
    assert [terms.number for terms in in_force(program, NOON + 11 * HOUR).terms] == [2]


def test_a_pause_takes_points_only_from_events_inside_it(program: Program) -> None:
    campaign = an_earning(program)
    versions.publish(campaign, by="mia", at=NOON)
    versions.pause(campaign, by="mia", at=NOON + HOUR)
    assert versions.state(campaign, NOON + HOUR) == "paused"
    versions.resume(campaign, by="mia", at=NOON + 2 * HOUR)
    assert versions.state(campaign, NOON + 2 * HOUR) == "running"
    span = versions.in_force(program.pk, NOON, NOON + 3 * HOUR)
    told = [span.at("order.completed", NOON + step * HOUR).standing.get(campaign.pk) for step in (0, 1, 2)]
    assert [one.outcome if one else None for one in told] == [None, "campaign_paused", None]


def test_only_what_runs_can_be_paused_and_only_what_is_paused_resumed(program: Program) -> None:
    campaign = an_earning(program)
    with pytest.raises(NotRunning):
        versions.pause(campaign, by="mia", at=NOON)
    versions.publish(campaign, by="mia", at=NOON)
    with pytest.raises(NotPaused):
        versions.resume(campaign, by="mia", at=NOON)
    versions.pause(campaign, by="mia", at=NOON)
    with pytest.raises(NotRunning):
        versions.pause(campaign, by="mia", at=NOON + HOUR)


def test_a_scheduled_campaign_that_is_paused_does_not_start(program: Program) -> None:
    campaign = an_earning(program)
    versions.publish(campaign, by="mia", at=NOON, effective_from=NOON + 2 * HOUR)
    versions.pause(campaign, by="mia", at=NOON + HOUR)
    assert versions.state(campaign, NOON + HOUR) == "paused"
    assert in_force(program, NOON + 3 * HOUR).standing[campaign.pk].outcome == "campaign_paused"
    versions.resume(campaign, by="mia", at=NOON + HOUR)
    assert versions.state(campaign, NOON + HOUR) == "scheduled"
    assert in_force(program, NOON + 3 * HOUR).standing == {}


def test_an_ended_campaign_gives_nothing_from_that_instant_and_stays_ended(program: Program) -> None:
    campaign = an_earning(program)
    versions.publish(campaign, by="mia", at=NOON)
    versions.pause(campaign, by="mia", at=NOON + HOUR)
    campaign = versions.end(campaign, by="mia", at=NOON + 2 * HOUR)  # type: ignore[assignment]
    assert versions.state(campaign, NOON + 2 * HOUR) == "ended"
    assert in_force(program, NOON).standing == {}
    assert in_force(program, NOON + 2 * HOUR).standing[campaign.pk].outcome == "campaign_ended"
    for refused in (versions.publish, versions.resume, versions.end):
        with pytest.raises(Ended):
            refused(campaign, by="mia", at=NOON + 3 * HOUR)


def test_a_campaign_long_over_is_not_named_any_more(program: Program) -> None:
    campaign = an_earning(program)
    versions.publish(campaign, by="mia", at=NOON)
    versions.end(campaign, by="mia", at=NOON)
    assert in_force(program, NOON + timedelta(days=59)).terms
    assert not in_force(program, NOON + timedelta(days=60)).terms


def test_a_version_may_begin_in_the_past_only_while_nothing_was_processed_since(program: Program) -> None:
    processed(program, NOON - 2 * HOUR)
    campaign = an_earning(program)
    with pytest.raises(Backdated):
        versions.publish(campaign, by="mia", at=NOON, effective_from=NOON - 2 * HOUR)
    version = versions.publish(campaign, by="mia", at=NOON, effective_from=NOON - HOUR)
    assert version.effective_from == NOON - HOUR


def test_publishing_the_same_again_is_refused(program: Program) -> None:
    campaign = an_earning(program)
    versions.publish(campaign, by="mia", at=NOON)
    with pytest.raises(Unchanged):
        versions.publish(campaign, by="mia", at=NOON + HOUR)


def test_faults_are_told_all_at_once_and_nothing_is_published(program: Program) -> None:
    campaign = an_earning(
        program,
        points=Decimal(0),
        starts_at=NOON,
        ends_at=NOON,
        weekdays=["someday"],
        hours=[["25:00", "26:00"]],
        caps=[{"points": "0", "per": "month"}],
        conditions={"field": "order.nothing", "op": "eq", "value": "1"},
    )
    with pytest.raises(NotReady) as refused:
        versions.publish(campaign, by="mia", at=NOON)
    assert {error.path.partition("/")[0] for error in refused.value.errors} == {
        "points", "ends_at", "weekdays", "hours", "caps", "conditions",
    }  # fmt: skip
    assert not CampaignVersion.objects.exists()
    assert not Fact.objects.exists()


def test_states_follow_the_published_dates(program: Program) -> None:
    campaign = an_earning(program, starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    assert versions.state(campaign, NOON) == "draft"
    versions.publish(campaign, by="mia", at=NOON)
    told = [versions.state(campaign, NOON + step * HOUR) for step in (0, 1, 2)]
    assert told == ["scheduled", "running", "ended"]


def test_a_pause_of_the_program_is_known_by_its_time(program: Program) -> None:
    ProgramPause.objects.create(program=program, started_at=NOON, ended_at=NOON + HOUR)
    span = versions.in_force(program.pk, NOON - HOUR, NOON + 2 * HOUR)
    assert [span.program_paused(NOON + step * HOUR) for step in (-1, 0, 1)] == [False, True, False]


def test_an_orders_own_versions_come_back_in_the_order_of_rating(program: Program) -> None:
    double = versions.publish(a_bonus(program), by="mia", at=NOON)
    base = versions.publish(an_earning(program), by="mia", at=NOON)
    assert [terms.code for terms in versions.compiled([double.pk, base.pk])] == ["base", "double"]
