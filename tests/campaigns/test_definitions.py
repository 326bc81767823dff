"""What a campaign says: in one normal form, compiled as it was on its day, with its faults told by field."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campaigns import drafts, versions
from campaigns.caps import Cap, period_key
from campaigns.definitions import compile_terms, definition_of
from campaigns.errors import StaleDraft
from campaigns.faults import faults
from loyalty.base.errors import Conflict, Invalid
from loyalty.events.models import EventType
from loyalty.programs.models import Program
from loyalty.programs.schedule import Schedule
from tests.campaigns.making import LONDON, a_bonus, a_point_type, a_program, an_earning

NOON = datetime(2026, 11, 12, 12, tzinfo=UTC)
TIER = {"field": "member.tier", "op": "eq", "value": "gold"}


@pytest.fixture
def program(db: None) -> Program:
    program = a_program(member_schema=[{"code": "city", "type": "text", "label": "City"}])
    a_point_type(program)
    return program


# --- definitions ----------------------------------------------------------------------------------------


def test_a_definition_stands_by_itself(program: Program) -> None:
    campaign = an_earning(program, audience={"field": "member.city", "op": "eq", "value": "Leeds"})
    definition = definition_of(campaign)
    program.member_schema = []
    program.save()
    terms = compile_terms(definition, campaign_id=campaign.pk)
    assert terms.audience.matches({"member.city": "leeds"})
    assert terms.declared["member.city"].private
    assert definition["point_type"] == {"id": campaign.point_type_id, "code": "points", "decimals": 0}


def test_a_definition_is_the_same_for_the_same_draft_written_differently(program: Program) -> None:
    one = an_earning(program, "a", points=Decimal("2.50"), conditions={})
    two = an_earning(program, "b", points=Decimal("2.5000"), conditions={})
    first, second = definition_of(one), definition_of(two)
    assert first | {"code": "", "name": ""} == second | {"code": "", "name": ""}


def test_items_are_asked_one_by_one(program: Program) -> None:
    campaign = an_earning(program, items={"field": "item.category", "op": "in", "value": ["Coffee", "Tea"]})
    items = compile_terms(definition_of(campaign), campaign_id=1).items
    assert items is not None
    assert [items.matches({"item.category": one}) for one in ("tea", "Milk")] == [True, False]


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "values", "path", "code"),
    [
        ("earning", {"points": Decimal(0)}, "points", "points_invalid"),
        ("earning", {"step": Decimal(0)}, "step", "step_invalid"),
        ("earning", {"basis": "attribute", "attribute": "nights"}, "attribute", "attribute_unknown"),
        ("earning", {"trigger": "no.such", "basis": "fixed"}, "trigger", "trigger_unknown"),
        ("earning", {"trigger": "visit.checked_in"}, "basis", "no_order"),
        (
            "earning",
            {"audience": {"field": "order.total", "op": "gt", "value": "1"}},
            "audience",
            "not_about_member",
        ),
        (
            "earning",
            {"items": {"field": "member.tier", "op": "eq", "value": "x"}},
            "items/field",
            "not_an_item_field",
        ),
        ("earning", {"budget": 0}, "budget", "budget_invalid"),
        ("earning", {"caps": [{"points": "1.5", "per": "day"}]}, "caps/0", "cap_invalid"),
        ("earning", {"caps": [{"times": 1, "per": "day"}] * 2}, "caps/1", "cap_twice"),
        ("earning", {"hours": [["09:00", "09:00"]]}, "hours/0", "hours_invalid"),
        ("bonus", {"multiplier": None}, "multiplier", "multiplier_missing"),
        ("bonus", {"multiplier": Decimal("1000.0001")}, "multiplier", "multiplier_invalid"),
        ("bonus", {"table_field": "member.tier"}, "table", "table_incomplete"),
        ("bonus", {"table_field": "item.sku", "table": {"a": "2"}}, "table_field", "unknown_field"),
        (
            "bonus",
            {"table_field": "member.tier", "table": {"gold": "NaN"}},
            "table/gold",
            "multiplier_invalid",
        ),
        ("bonus", {"table_field": "member.tier", "table": {"gold": 1.5}}, "table/gold", "multiplier_invalid"),
        ("bonus", {"table_field": "activity.orders", "table": {"1": "2"}}, "table_field", "unknown_field"),
        (
            "bonus",
            {"trigger": "visit.checked_in", "table_field": "order.lines", "table": {"1": "2"}},
            "table_field",
            "no_order",
        ),
        ("bonus", {"bonus": "extra"}, "extra_points", "points_invalid"),
    ],
)
def test_each_fault_names_its_field(
    program: Program, kind: str, values: dict[str, Any], path: str, code: str
) -> None:
    campaign = (an_earning if kind == "earning" else a_bonus)(program, **values)
    assert [(fault.path, fault.code) for fault in faults(campaign)] == [(path, code)]


@pytest.mark.parametrize(
    ("field", "key", "code"),
    [
        ("order.lines", "1e99", "number_invalid"),
        ("order.lines", "1_000", "number_invalid"),
        ("order.lines", " 5 ", "number_invalid"),
        ("order.lines", "2.0", "row_twice"),
        ("event.type", "", "text_required"),
        ("event.type", " a", "value_invalid"),
        ("time.weekday", "saturday", "value_not_a_choice"),
        ("member.is_birthday", "yes", "value_invalid"),
        ("member.city", "LEEDS", "row_twice"),
    ],
)
def test_a_row_that_no_value_finds_or_that_is_there_already_is_refused(
    program: Program, field: str, key: str, code: str
) -> None:
    program.member_schema = [{"code": "city", "type": "text", "label": "City"}]
    sound = {"order.lines": "2", "member.city": "Leeds", "time.weekday": "sat", "member.is_birthday": "true"}
    table = {sound.get(field, "x"): "2", key: "3"}
    campaign = a_bonus(program, table_field=field, table=table)
    assert [(fault.path, fault.code) for fault in faults(campaign)] == [(f"table/{key}", code)]


def test_a_sound_campaign_on_an_event_of_ones_own_has_no_faults(program: Program) -> None:
    EventType.objects.create(
        program=program,
        code="stay.ended",
        name="Stay",
        attributes=[{"code": "nights", "type": "number", "label": "Nights"}],
    )
    stay = an_earning(program, basis="attribute", attribute="nights", trigger="stay.ended")
    stay.conditions = {"field": "event.nights", "op": "gte", "value": "2"}
    assert faults(stay) == []


# --- drafts ---------------------------------------------------------------------------------------------


def test_a_second_manager_gets_the_first_ones_changes_and_overwrites_nothing(program: Program) -> None:
    campaign = an_earning(program)
    drafts.save(campaign, {"points": Decimal(3), "budget": 500}, revision=1, by="mia", at=NOON)
    with pytest.raises(StaleDraft) as refused:
        drafts.save(campaign, {"points": Decimal(5)}, revision=1, by="max", at=NOON)
    told = refused.value.extra
    assert (told["by"], told["at"], told["revision"]) == ("mia", "2026-11-12T12:00:00Z", 2)
    assert told["changes"] == [
        {"field": "budget", "before": None, "after": 500},
        {"field": "points", "before": "1.0000", "after": "3.0000"},
    ]
    campaign.refresh_from_db()
    assert campaign.points == 3


def test_an_edit_leaves_what_runs_alone_and_shows_what_would_change(program: Program) -> None:
    campaign = an_earning(program)
    version = versions.publish(campaign, by="mia", at=NOON)
    edited = drafts.save(campaign, {"points": Decimal(3), "audience": TIER}, revision=1, by="mia", at=NOON)
    assert versions.compiled([version.pk])[0].definition["effect"]["points"] == "1"
    assert drafts.unpublished(edited, version) == [
        {"field": "audience", "before": None, "after": TIER},
        {"field": "points", "before": "1", "after": "3"},
    ]


def test_a_draft_is_created_once_per_code_and_refuses_what_it_cannot_hold(program: Program) -> None:
    values = {"code": "new", "name": "New", "point_type": program.point_types.get(), "points": Decimal(2)}
    made = drafts.create(program, "earning", values, by="mia", at=NOON)
    assert (made.revision, versions.state(made, NOON)) == (1, "draft")
    with pytest.raises(Conflict) as taken:
        drafts.create(program, "bonus", {"code": "new", "name": "Other"}, by="mia", at=NOON)
    assert taken.value.code == "code_taken"
    with pytest.raises(Invalid) as refused:
        drafts.save(made, {"priority": 5000, "name": ""}, revision=1, by="mia", at=NOON)
    assert {error.path for error in refused.value.errors} == {"priority", "name"}


def test_code_and_points_stay_once_a_campaign_was_published(program: Program) -> None:
    campaign = an_earning(program)
    drafts.save(campaign, {"code": "other"}, revision=1, by="mia", at=NOON)
    versions.publish(campaign, by="mia", at=NOON)
    with pytest.raises(Conflict) as refused:
        drafts.save(campaign, {"code": "third"}, revision=2, by="mia", at=NOON)
    assert refused.value.code == "already_published"


def test_an_old_version_can_become_the_draft_again(program: Program) -> None:
    campaign = a_bonus(program, starts_at=NOON, audience=TIER)
    first = versions.publish(campaign, by="mia", at=NOON)
    changed: dict[str, Any] = {"starts_at": None, "audience": {}, "multiplier": Decimal(3)}
    drafts.save(campaign, changed, revision=1, by="mia", at=NOON)
    restored = drafts.restore(campaign, first, revision=2, by="max", at=NOON)
    assert drafts.unpublished(restored, first) == []
    assert (restored.revision, restored.updated_by) == (3, "max")


# --- schedules and periods ------------------------------------------------------------------------------


def miss(schedule: dict[str, Any], at: datetime) -> str | None:
    return Schedule.parse(schedule).miss(at, at.astimezone(LONDON))


def test_dates_are_instants_with_the_end_outside() -> None:
    dates = {"starts_at": "2026-11-12T12:00:00Z", "ends_at": "2026-11-13T12:00:00Z"}
    tick = timedelta(microseconds=1)
    times = (NOON - tick, NOON, NOON + timedelta(days=1) - tick, NOON + timedelta(days=1))
    assert [miss(dates, at) for at in times] == ["before", None, None, "after"]


def test_weekdays_and_hours_are_read_off_the_local_wall_clock() -> None:
    summer_evening = datetime(2026, 7, 3, 23, 30, tzinfo=UTC)  # Friday in UTC, Saturday 00:30 in London
    assert miss({"weekdays": ["fri"]}, summer_evening) == "weekday"
    assert miss({"weekdays": ["sat"]}, summer_evening) is None
    assert miss({"hours": [["00:00", "01:00"]]}, summer_evening) is None
    assert miss({"hours": [["23:00", "24:00"]]}, summer_evening) == "hours"


def test_a_window_over_midnight_belongs_to_the_day_it_began() -> None:
    night = {"weekdays": ["fri"], "hours": [["22:00", "02:00"]]}
    friday = datetime(2026, 11, 13, tzinfo=UTC)
    told = [miss(night, friday + timedelta(hours=hour)) for hour in (1, 21, 22, 25, 26, 46)]
    assert told == ["weekday", "hours", None, None, "weekday", "weekday"]


def test_an_hour_that_comes_twice_is_inside_both_times() -> None:
    window = {"hours": [["01:00", "02:00"]]}
    before_change = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 01:30 in London, twice
    times = [before_change + timedelta(hours=hour) for hour in (-1, 0, 1, 2)]
    assert [miss(window, at) for at in times] == ["hours", None, None, "hours"]


def test_periods_are_named_by_the_local_date() -> None:
    new_year = date(2027, 1, 1)
    keys = [period_key(new_year, per) for per in ("day", "week", "month", "quarter", "year", "lifetime")]
    assert keys == ["d:2027-01-01", "w:2026-W53", "m:2027-01", "q:2027-Q1", "y:2027", "l"]


@pytest.mark.parametrize(
    "raw",
    [
        {"per": "month"},
        {"per": "hour", "times": 1},
        {"per": "day", "times": 0},
        {"per": "day", "times": True},
        {"per": "day", "times": 1, "points": "5"},
        {"per": "day", "points": "0"},
        {"per": "day", "points": "-5"},
        {"per": "day", "points": "5", "more": 1},
    ],
)
def test_a_cap_that_says_nothing_sensible_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises((ValueError, Invalid)):
        Cap.parse(raw, 0)
