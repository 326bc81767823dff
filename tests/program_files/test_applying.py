"""Applying a file brings the database to what it says: all of it or nothing, and once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import versions
from campaigns.models import Campaign, CampaignVersion
from loyalty.events.models import EventType
from loyalty.outbox.models import Fact
from loyalty.programs.models import Channel, PointType, Program
from tests.program_files.files import CAFE, NOON, apply, export, faults, line_of

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


def test_a_file_makes_the_whole_program() -> None:
    outcome = apply(CAFE)
    program = Program.objects.get(code="cafe")
    assert (program.name, program.currency, program.member_schema[0]["code"]) == ("Café Olé", "EUR", "city")
    points = PointType.objects.get(program=program)
    assert (points.is_default, points.expiry_count, str(points.redeem_rate)) == (True, 12, "0.010000")
    assert Channel.objects.get(program=program).kind == "till"
    assert EventType.objects.get(program=program).attributes[0]["required"] is True
    assert {one.campaign.code for one in CampaignVersion.objects.all()} == {"base", "weekend", "nights"}
    assert {change.place for change in outcome.changes} >= {"program", "point_types/points", "campaigns/base"}


def test_attributes_that_the_file_does_not_name_stay_and_are_named() -> None:
    apply(CAFE)
    outcome = apply(CAFE.replace("code: city", "code: size").replace("{code: nights", "{code: rooms"))
    program = Program.objects.get()
    assert [one["code"] for one in program.member_schema] == ["size", "city"]
    assert [one["code"] for one in EventType.objects.get().attributes] == ["rooms", "nights"]
    assert {"members/attributes/city", "event_types/stay.completed/attributes/nights"} <= set(outcome.left)
    assert apply(export(program.code)).changes == []


def test_an_attribute_keeps_its_type() -> None:
    apply(CAFE)
    changed = CAFE.replace("{code: nights, type: number", "{code: nights, type: text")
    place = "event_types/0/attributes/0/type"
    assert (line_of(changed, "code: nights"), place, "type_fixed") in faults(changed)


def test_the_second_time_there_is_nothing_to_do() -> None:
    apply(CAFE)
    before = rows()
    assert apply(CAFE, at=LATER).changes == []
    assert rows() == before


def test_a_dry_run_tells_the_same_changes_and_keeps_nothing() -> None:
    told = apply(CAFE, dry_run=True)
    assert not Program.objects.exists()
    assert told == apply(CAFE)


def test_a_dry_run_of_a_change_leaves_every_row_alone() -> None:
    apply(CAFE)
    before = rows()
    told = apply(CAFE.replace("multiplier: 2", "multiplier: 3"), at=LATER, dry_run=True)
    assert [(one.place, one.field, str(one.old), str(one.new)) for one in told.changes][-1] == (
        "campaigns/weekend", "bonus/multiplier", "2", "3",
    )  # fmt: skip
    assert rows() == before


def test_only_what_changed_is_published_anew() -> None:
    apply(CAFE)
    outcome = apply(CAFE.replace("value: 12.50", "value: 20"), at=LATER)
    numbers = {one.code: one.versions.count() for one in Campaign.objects.all()}
    assert numbers == {"base": 1, "weekend": 2, "nights": 1}
    assert CampaignVersion.objects.get(campaign__code="weekend", number=2).effective_from == LATER
    assert {one.field for one in outcome.changes} == {"effective_from", "conditions/all"}


def test_the_same_number_written_otherwise_is_no_change() -> None:
    apply(CAFE)
    same = (
        CAFE.replace("multiplier: 2", "multiplier: 2.0")
        .replace("step: 1.00", 'step: "1"')
        .replace("0.01,", '"0.010",')
    )
    assert apply(same).changes == []


def test_what_the_file_does_not_name_is_left_alone() -> None:
    apply(CAFE)
    outcome = apply(CAFE[: CAFE.index("  - code: weekend")], at=LATER)
    assert outcome.changes == []
    assert outcome.left == ["campaigns/nights", "campaigns/weekend"]
    assert versions.state(Campaign.objects.get(code="weekend"), LATER) == "running"


def test_whole_sections_that_the_file_does_not_have_are_left_alone_and_named() -> None:
    apply(CAFE)
    outcome = apply(CAFE[: CAFE.index("members:")], at=LATER)
    assert outcome.changes == []
    assert outcome.left == [
        "members", "point_types/points", "event_types/stay.completed", "channels/till", "tiers/club",
        "campaigns/base", "campaigns/nights", "campaigns/weekend",
    ]  # fmt: skip


def test_a_refused_file_leaves_nothing_behind() -> None:
    assert faults(CAFE.replace("multiplier: 2", "multiplier: 0"))
    assert not Program.objects.exists()
    assert not Fact.objects.exists()


def test_a_campaign_can_be_paused_resumed_and_ended_by_file() -> None:
    apply(CAFE)
    for status, state in (("paused", "paused"), ("published", "running"), ("ended", "ended")):
        text = CAFE.replace("name: Double weekend", f"name: Double weekend\n    status: {status}")
        assert [one.new for one in apply(text, at=LATER).changes] == [status]
        assert versions.state(Campaign.objects.get(code="weekend"), LATER) == state
        assert apply(text, at=LATER).changes == []
    assert [code for _, _, code in faults(CAFE)] == ["campaign_ended"]


def test_a_draft_is_stored_and_gives_nothing_until_it_is_published() -> None:
    draft = CAFE.replace("name: Double weekend", "name: Double weekend\n    status: draft")
    apply(draft)
    assert versions.state(Campaign.objects.get(code="weekend"), NOON) == "draft"
    assert apply(draft).changes == []
    apply(CAFE, at=LATER)
    assert versions.state(Campaign.objects.get(code="weekend"), LATER) == "running"
    assert [code for _, _, code in faults(draft)] == ["already_published"]


def test_an_edit_that_nobody_published_is_no_part_of_the_configuration() -> None:
    apply(CAFE)
    text = export()
    Campaign.objects.filter(code="base").update(name="Half-way through an edit")
    assert export() == text
    assert apply(CAFE).changes == []


def test_a_draft_that_cannot_be_read_gives_way_to_the_file() -> None:
    apply(CAFE.replace("name: Double weekend", "name: Double weekend\n    status: draft"))
    Campaign.objects.filter(code="weekend").update(conditions={"field": "event.gone", "op": "exists"})
    apply(CAFE, at=LATER)
    assert versions.state(Campaign.objects.get(code="weekend"), LATER) == "running"


def test_another_order_of_attributes_is_a_change() -> None:
    both = CAFE.replace("label: City}", "label: City}\n    - {code: size, type: text, label: Size}")
    apply(both)
    turned = (
        both.replace("code: city, type: text, label: City", "code: size, type: text, label: S1")
        .replace("code: size, type: text, label: Size", "code: city, type: text, label: City")
        .replace("S1", "Size")
    )
    [change] = apply(turned).changes
    assert change == ("members", "attributes", ["city", "size"], ["size", "city"])
    assert apply(turned).changes == []


def test_terms_can_begin_in_the_past_while_no_event_was_rated() -> None:
    apply(
        CAFE.replace("name: Double weekend", "name: Double weekend\n    effective_from: 2025-01-01T00:00:00Z")
    )
    assert CampaignVersion.objects.get(campaign__code="weekend").effective_from.year == 2025


def test_an_exported_date_does_not_backdate_a_later_change() -> None:
    apply(CAFE)
    apply(export().replace("multiplier: 2", "multiplier: 4"), at=LATER)
    assert CampaignVersion.objects.get(campaign__code="weekend", number=2).effective_from == LATER


def test_another_default_point_type_takes_over() -> None:
    apply(CAFE)
    more = CAFE.replace("default: true", "default: false").replace(
        "channels:", "  - {code: stars, name: {one: star, many: stars}, default: true}\n\nchannels:"
    )
    pinned = more.replace("    earn:", "    point_type: points\n    earn:").replace(
        "    bonus:", "    point_type: points\n    bonus:"
    )
    apply(pinned)
    assert PointType.objects.get(is_default=True).code == "stars"


def test_applying_asks_the_database_no_more_when_nothing_differs_than_it_must() -> None:
    apply(CAFE)
    with CaptureQueriesContext(connection) as asked:
        apply(CAFE, at=LATER)
    assert not [
        one["sql"] for one in asked.captured_queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]


def rows() -> dict[str, list[object]]:
    """Everything that a file can write, as it stands."""
    models = (Program, PointType, Channel, EventType, Campaign, CampaignVersion, Fact)
    made = {model.__name__: list(model.objects.order_by("pk").values_list()) for model in models}
    histories = {one.__name__: list(one.history.values_list()) for one in (Program, PointType, Channel)}
    return {**made, **{f"{name} history": found for name, found in histories.items()}}
