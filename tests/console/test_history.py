"""The history of settings: who, when, which field, from what to what, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.models import EarningCampaign
from loyalty.base import clock
from loyalty.console.changes import Change, Child, Comparer, Told, histories, plain, trimmed
from loyalty.console.story import story
from loyalty.programs.models import Channel, PointType, Program
from tests.console import people

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def program() -> Program:
    return people.a_program()


def told_of(row: Any) -> Told:
    return histories[row._meta.label_lower]


def pages(client: Client, row: Any) -> str:
    answer = client.get(reverse("console:history", args=[row._meta.label_lower, row.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_choices_switches_dates_and_points_are_told_in_words(program: Program) -> None:
    points = people.points_of(program)
    points.pending_kind, points.pending_days, points.redeem_minimum = PointType.Pending.DAYS, 14, 500
    points.redeem_rate, points.pending_date = Decimal("0.010000"), NOON.date()
    points.use_program_expiry = not points.use_program_expiry
    points.save()
    newest = story(told_of(points), points, program)[0]
    said = {change.label: (change.old, change.new) for change in newest.parts[0].changes}
    assert said["Pending kind"] == ("Spendable at once", "After some days")
    assert said["Pending days"] == ("–", "14")
    assert said["Pending date"] == ("–", "10 Mar 2026")
    assert said["Redeem rate"][1] == "0.01"
    assert said["Redeem minimum"] == ("0 points", "500 points")
    assert sorted(said["Use program expiry"]) == ["No", "Yes"]


def test_what_did_not_change_is_not_told(program: Program) -> None:
    program.name = "Corner house"
    program.save()
    program.save()
    savings = story(told_of(program), program, program)
    assert savings[0].parts[0].changes == [Change("Name", "Corner shop", "Corner house")]


def test_the_person_who_saved_is_named(program: Program) -> None:
    channel, olga = people.a_channel(program), people.olga()
    form = {
        "name": "Web store",
        "code": "web",
        "kind": "shop",
        "timezone": "",
        "is_active": "on",
        "_save": "1",
    }
    assert olga.post(f"/admin/programs/channel/{channel.pk}/change/", form).status_code == 302
    page = pages(olga, channel)
    assert "by olga" in page
    assert "<del>Web shop</del>" in page
    assert "<ins>Web store</ins>" in page
    assert page.index("Web store</ins>") < page.index("Added"), "newest first"


def test_every_setting_tells_its_history_from_its_admin_page(program: Program) -> None:
    olga = people.olga()
    for row in (program, people.points_of(program), people.a_channel(program)):
        meta = row._meta
        answer = olga.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[row.pk]))
        assert answer["Location"] == reverse("console:history", args=[meta.label_lower, row.pk])
        assert "Added" in pages(olga, row)


def a_campaign(program: Program, **more: Any) -> EarningCampaign:
    at = clock.now()
    return EarningCampaign.objects.create(
        program=program, code="base", name="Base", point_type=people.points_of(program), points=1,
        created_at=at, updated_at=at, **more,
    )  # fmt: skip


def test_a_campaigns_conditions_are_told_as_sentences(program: Program) -> None:
    campaign = a_campaign(program, updated_by="maria")
    campaign.conditions = {"field": "order.total", "op": "gte", "value": "20"}
    campaign.points, campaign.updated_by = Decimal(2), "maria"
    campaign.save()
    page = pages(people.olga(), campaign)
    for told in (
        "by maria",
        "order total is at least 20",
        "<del>1 point per 1 GBP spent</del>",
        "<ins>2 points per 1 GBP",
    ):
        assert told in page


def ladder() -> Told:
    """Channels of a program stand for the rows that belong to a setting."""
    children = [Child(Channel, "program", "Channel")]
    return Told(
        Program, lambda row: "/", children=children, say={"channel.name": lambda value, row: value.upper()}
    )


def test_rows_that_belong_to_a_setting_are_told_with_it(program: Program) -> None:
    channel = people.a_channel(program)
    channel.name = "Store"
    channel.save()
    channel.delete()
    parts = [part for saving in story(ladder(), program, program) for part in saving.parts]
    told = [(part.kind, part.title, part.name) for part in parts if part.title]
    assert sorted(told) == [
        ("added", "Channel", "Web shop"),
        ("changed", "Channel", "Store"),
        ("removed", "Channel", "Store"),
    ]
    assert [part.changes for part in parts if part.kind == "changed"] == [
        [Change("Name", "WEB SHOP", "STORE")]
    ]


def test_what_is_saved_together_is_one_saving(program: Program) -> None:
    channel = people.a_channel(program)
    channel.history.update(history_date=NOON)
    program.history.update(history_date=NOON - timedelta(seconds=1))
    channel.name = "Store"
    channel.save()
    sizes = [len(saving.parts) for saving in story(ladder(), program, program)]
    assert sizes == [1, 2]


def test_a_removed_name_still_has_words(program: Program) -> None:
    comparer = Comparer(told_of(people.points_of(program)), program)
    field = EarningCampaign._meta.get_field("point_type")
    assert comparer._name(field, 987) == "deleted (987)"


def test_the_history_of_another_program_does_not_exist(program: Program) -> None:
    tea = people.a_program("tea", name="Tea house")
    olga = people.olga()
    assert Program.objects.order_by("name").first() == program
    for row in (tea, people.points_of(tea), people.a_channel(tea), a_campaign(tea)):
        assert olga.get(reverse("console:history", args=[row._meta.label_lower, row.pk])).status_code == 404
    assert olga.get("/console/history/members.member/1/").status_code == 404


def test_who_may_not_see_the_setting_may_not_see_its_history(program: Program) -> None:
    nell = people.nell()
    for row in (program, a_campaign(program)):
        assert nell.get(reverse("console:history", args=[row._meta.label_lower, row.pk])).status_code == 403


def test_the_fragment_is_the_story_alone(program: Program) -> None:
    address = reverse("console:history", args=["programs.program", program.pk])
    fragment = people.olga().get(address, headers={"HX-Request": "true"}).content.decode()
    assert "lr-story" in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "Yes"), (1250, "1,250"), (["a", "b"], "a, b"), ({"times": 1, "per": "month"}, "times: 1; per: month"),
        (None, "–"), ("text", "text"), (NOON, "10 Mar 2026, 12:00"), (Decimal("-1250.50"), "−1,250.5"),
    ],
)  # fmt: skip
def test_any_stored_value_has_words(program: Program, value: Any, said: str) -> None:
    assert plain(value, program) == said


def test_numbers_lose_their_trailing_zeros() -> None:
    assert [trimmed(Decimal(text)) for text in ("1.5000", "100", "0.000", "12500.10")] == [
        "1.5",
        "100",
        "0",
        "12,500.1",
    ]
