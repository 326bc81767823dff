"""A member's tier on the screens: where they stand and why, a tier by hand, counting anew."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from loyalty.base import clock
from loyalty.programs.models import Program
from tests.console import people
from tests.tiers_ui.shop import a_ladder, a_member
from tiers.models import Placement, Standing, TierChange

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return people.a_program()


@pytest.fixture
def olga(program: Program) -> Client:
    return people.olga()


def test_the_panel_says_the_tier_and_how_far_it_is_to_the_next(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    page = olga.get(
        f"/console/tiers/members/{ana.pk}/panel/", headers={"HX-Request": "true"}
    ).content.decode()
    assert "Silver" in page
    assert "180.00 GBP to Gold" in page
    member_page = olga.get(f"/console/members/{ana.pk}/").content.decode()
    assert f'hx-get="/console/tiers/members/{ana.pk}/panel/"' in member_page


def test_without_a_ladder_the_panel_says_so(olga: Client, program: Program) -> None:
    ana = a_member(program)
    page = olga.get(
        f"/console/tiers/members/{ana.pk}/panel/", headers={"HX-Request": "true"}
    ).content.decode()
    assert "No tiers in this program yet." in page
    assert "No tiers yet" in olga.get(f"/console/tiers/members/{ana.pk}/").content.decode()


def test_why_this_tier_is_answered_with_the_numbers(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    page = olga.get(f"/console/tiers/members/{ana.pk}/").content.decode()
    assert "Up from Friend to Silver" in page
    assert "120.00 GBP counted from" in page
    assert "100.00 GBP needed (version 1)" in page
    timeline = olga.get(f"/console/members/{ana.pk}/").content.decode()
    assert "Up from Friend to Silver" in timeline


def a_form(**more: str) -> dict[str, str]:
    return {"token": str(uuid4()), "tier": "gold", "reason_code": "goodwill", "note": "A late parcel"} | more


def test_a_tier_is_set_by_hand_once_however_often_it_is_sent(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    until = (clock.now() + timedelta(days=30)).date().isoformat()
    form = a_form(until=until)
    address = f"/console/tiers/members/{ana.pk}/set/"
    first, again = (olga.post(address, form) for _ in range(2))
    assert first["Location"] == again["Location"] == f"/console/tiers/members/{ana.pk}/"
    [placed] = Placement.objects.all()
    assert (placed.tier_code, placed.ends_on.isoformat(), placed.created_by) == ("gold", until, "olga")  # type: ignore[union-attr]
    ana.refresh_from_db()
    assert (ana.tier_code, Standing.objects.get(member=ana).tier_code) == ("gold", "silver")
    page = olga.get(f"/console/tiers/members/{ana.pk}/").content.decode()
    assert "Set by hand" in page
    assert "Computed: Silver, 180.00 GBP to Gold" in page
    assert "Goodwill: A late parcel" in page


def test_before_and_after_are_shown_before_it_is_set(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    page = olga.post(
        f"/console/tiers/members/{ana.pk}/set/preview/", a_form(), headers={"HX-Request": "true"}
    ).content.decode()
    assert "Silver" in page
    assert "Gold, set by hand" in page
    assert not Placement.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tier": "diamond"}, "Select a valid choice"),
        ({"reason_code": ""}, "This field is required"),
        ({"until": "2020-01-01"}, "Give today or a day to come"),
        ({"reason_code": "other", "note": ""}, "Say in the note what the reason is."),
    ],
)
def test_what_cannot_be_set_is_refused_beside_its_field(
    olga: Client, program: Program, wrong: dict[str, str], words: str
) -> None:
    a_ladder(program)
    ana = a_member(program)
    answer = olga.post(f"/console/tiers/members/{ana.pk}/set/", a_form(**wrong))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Placement.objects.exists()


def test_a_note_is_kept_without_addresses(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program)
    olga.post(f"/console/tiers/members/{ana.pk}/set/", a_form(note="ask ana@example.org"))
    assert "example.org" not in Placement.objects.get().note


def test_a_tier_set_by_hand_is_taken_away_once(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    olga.post(f"/console/tiers/members/{ana.pk}/set/", a_form())
    for _ in range(2):
        answer = olga.post(f"/console/tiers/members/{ana.pk}/remove/")
        assert answer["Location"] == f"/console/tiers/members/{ana.pk}/"
    ana.refresh_from_db()
    assert ana.tier_code == "silver"
    kinds = list(TierChange.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-2:] == ["manual", "manual_ended"]


def test_counting_anew_corrects_what_was_stored_otherwise(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    Standing.objects.update(tier_code="gold")
    answer = olga.post(f"/console/tiers/members/{ana.pk}/evaluate/", follow=True)
    assert "Counted anew" in answer.content.decode()
    assert Standing.objects.get(member=ana).tier_code == "silver"


def test_who_may_not_set_tiers_sees_why_and_is_refused(program: Program) -> None:
    a_ladder(program)
    ana = a_member(program)
    sam = people.sam()
    page = sam.get(f"/console/tiers/members/{ana.pk}/").content.decode()
    assert "ask an administrator for “Can add placement”" in page
    assert sam.post(f"/console/tiers/members/{ana.pk}/set/", a_form()).status_code == 403
    assert sam.post(f"/console/tiers/members/{ana.pk}/remove/").status_code == 403
    User.objects.get(username="sam").user_permissions.add(Permission.objects.get(codename="add_placement"))
    assert sam.get(f"/console/tiers/members/{ana.pk}/set/", follow=True).status_code == 200


def test_another_programs_member_is_not_there(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program)
    people.a_program("other")
    olga.post("/console/switch/", {"program": "other"})
    for part in ("", "panel/", "set/"):
        assert olga.get(f"/console/tiers/members/{ana.pk}/{part}").status_code == 404
    for part in ("remove/", "evaluate/"):
        assert olga.post(f"/console/tiers/members/{ana.pk}/{part}").status_code == 404


def test_in_the_sidebar_a_members_tier_belongs_to_members(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program)
    of_ladder = f"/console/tiers/{program.tier_sets.get().pk}/members/"
    for title, address in (("Members", f"/console/tiers/members/{ana.pk}/"), ("Tiers", of_ladder)):
        groups = olga.get(address).context["sidebar_navigation"]
        assert [item["title"] for group in groups for item in group["items"] if item["active"]] == [title]


def adjusting(program: Program, **more: object) -> dict[str, object]:
    """The form of points by hand that count."""
    point_type = people.points_of(program)
    return {
        "token": str(uuid4()), "direction": "give", "points": "150", "point_type": point_type.pk,
        "reason_code": "goodwill", "counts": "on",
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("50", "The tier stays Friend."),
        ("150", "The tier rises from Friend to Silver."),
        ("400", "The tier rises from Friend to Gold."),
    ],
)
def test_what_counted_points_do_to_the_tier_is_said_before_they_are_booked_and_comes_true(
    olga: Client, program: Program, points: str, words: str
) -> None:
    a_ladder(program, measure="points")
    ana = a_member(program)
    olga.post(f"/console/members/{ana.pk}/adjust/", adjusting(program, points="10"))
    typed = adjusting(program, points=points)
    before = Standing.objects.get().computed_through, TierChange.objects.count()
    page = olga.post(f"/console/members/{ana.pk}/adjust/preview/", typed).content.decode()
    assert words in page
    assert (Standing.objects.get().computed_through, TierChange.objects.count()) == before
    olga.post(f"/console/members/{ana.pk}/adjust/", typed)
    ana.refresh_from_db()
    assert words.removesuffix(".").endswith(ana.tier_name)


def test_taking_counted_points_says_which_tier_is_lost(olga: Client, program: Program) -> None:
    a_ladder(program, measure="points")
    ana = a_member(program)
    olga.post(f"/console/members/{ana.pk}/adjust/", adjusting(program, points="400"))
    typed = adjusting(program, direction="take", points="300")
    page = olga.post(f"/console/members/{ana.pk}/adjust/preview/", typed).content.decode()
    assert "The tier drops from Gold to Silver." in page


def test_a_ladder_that_counts_money_is_not_moved_by_points(olga: Client, program: Program) -> None:
    a_ladder(program)
    ana = a_member(program, spent=120)
    page = olga.post(f"/console/members/{ana.pk}/adjust/preview/", adjusting(program, points="900"))
    told = "The ladder counts something else: qualifying spend. The tier stays Silver."
    assert told in page.content.decode()


def test_a_ladder_on_the_balance_of_the_same_points_counts_nothing_else(
    olga: Client, program: Program
) -> None:
    a_ladder(program, measure="balance", window="lifetime", validity="while_qualified")
    ana = a_member(program)
    page = olga.post(f"/console/members/{ana.pk}/adjust/preview/", adjusting(program, points="50"))
    assert "The member rises to Friend." in page.content.decode()
    assert "counts something else" not in page.content.decode()
