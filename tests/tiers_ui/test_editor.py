"""The ladder editor: a draft without JSON, a guard against stale edits, publishing with its changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.console import people
from tiers import drafts
from tiers.models import LadderVersion, Tier, TierSet

pytestmark = pytest.mark.django_db
LADDER: dict[str, Any] = {
    "revision": "1",
    "name": "Club",
    "code": "club",
    "measure": "spend",
    "window": "rolling",
    "window_count": "12",
    "window_unit": "months",
    "upgrade": "at_once",
    "validity": "duration",
    "validity_count": "12",
    "validity_unit": "months",
    "downgrade": "fit",
    "grace_days": "30",
    "warn_days": "30",
    "tier": ["silver", "_1"],
    "t-silver-name": "Silver",
    "t-silver-threshold": "100",
    "t-_1-name": "Gold star",
    "t-_1-threshold": "1,000.50",
    "t-_1-earning_multiplier": "1.5",
    "t-_1-price_percent": "90",
    "t-_1-perk-0-text": "Free shipping",
    "t-_1-perk-0-icon": "🚚",
}


@pytest.fixture
def olga() -> Client:
    people.a_program()
    return people.olga()


def a_ladder(client: Client, **more: Any) -> TierSet:
    answer = client.post("/console/tiers/new/empty/", LADDER | {"tier": ["_2", "_1"], "t-_2-name": "Silver",
                         "t-_2-threshold": "100"} | more)  # fmt: skip
    assert answer.status_code == 302, answer.content
    return TierSet.objects.get()


def test_a_program_without_a_ladder_is_shown_what_to_begin_with(olga: Client) -> None:
    page = olga.get("/console/tiers/").content.decode()
    assert "No tiers yet" in page
    assert "/console/tiers/new/visits/" in page


@pytest.mark.parametrize("recipe", ["spend", "year", "visits", "lifetime"])
def test_each_start_is_saved_as_it_is_and_can_be_published(olga: Client, recipe: str) -> None:
    page = olga.get(f"/console/tiers/new/{recipe}/")
    assert "Before it can be published" not in page.content.decode()
    form = page.context["form"]
    data = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    data.pop("rollover")
    data |= {
        field.html_name: field.value() for tier in form.tiers for field in tier if field.value() is not None
    }
    saved = olga.post(f"/console/tiers/new/{recipe}/", {**data, "tier": [one.key for one in form.tiers]})
    ladder = TierSet.objects.get()
    assert (saved.status_code, saved["Location"]) == (302, f"/console/tiers/{ladder.pk}/")
    done = olga.post(f"/console/tiers/{ladder.pk}/publish/", {"rollout": "now", "protect": "on"})
    assert done.status_code == 302
    assert [tier["code"] for tier in LadderVersion.objects.get().definition["tiers"]] == [
        tier["code"].value() for tier in form.tiers
    ]


def test_what_is_typed_is_stored_with_codes_made_from_the_names(olga: Client) -> None:
    ladder = a_ladder(olga)
    silver, gold = ladder.tiers.order_by("rank")
    assert (silver.code, str(silver.threshold), gold.code) == ("silver", "100.0000", "gold-star")
    assert (str(gold.threshold), str(gold.earning_multiplier), str(gold.reward_price_factor)) == (
        "1000.5000", "1.5000", "0.9000",
    )  # fmt: skip
    assert gold.perks == [{"code": "free-shipping", "icon": "🚚", "text": "Free shipping"}]
    page = olga.get(f"/console/tiers/{ladder.pk}/edit/").content.decode()
    assert 'value="1000.5"' in page
    assert 'value="90"' in page


def test_the_summary_says_what_is_typed(olga: Client) -> None:
    page = olga.post("/console/tiers/new/empty/", LADDER, headers={"HX-Request": "true"}).content.decode()
    assert (
        "Members reach Silver with 100.00 GBP and Gold star with 1,000.50 GBP spent in the last 12 months."
        in page
    )
    assert "Who has not reached it again by then has 30 days more, then drops to the tier that fits." in page
    assert not TierSet.objects.exists()


def test_tiers_are_added_moved_and_removed_by_buttons(olga: Client) -> None:
    def keys(do: str) -> list[str]:
        answer = olga.post("/console/tiers/new/empty/", {**LADDER, "_do": do})
        return [tier.key for tier in answer.context["form"].tiers]

    assert keys("tier/add") == ["silver", "_1", "_2"]
    assert keys("tier/up:_1") == ["_1", "silver"]
    assert keys("tier/down:_1") == ["silver", "_1"]
    assert keys("tier/remove:silver") == ["_1"]
    assert keys("tier/explode:silver") == ["silver", "_1"]


def test_what_keeps_it_from_being_published_links_to_its_field_and_can_be_saved(olga: Client) -> None:
    typed = {**LADDER, "t-_1-threshold": "50", "validity": "period"}
    page = olga.post("/console/tiers/new/empty/", typed, headers={"HX-Request": "true"}).content.decode()
    assert '<a href="#id_t-_1-threshold">Gold star: A tier needs more than the one below it.' in page
    assert '<a href="#id_validity">This needs a window with periods' in page
    ladder = a_ladder(olga, **{"t-_1-threshold": "50"})
    publish = olga.get(f"/console/tiers/{ladder.pk}/publish/").content.decode()
    assert f'href="/console/tiers/{ladder.pk}/edit/#id_t-gold-star-threshold"' in publish
    assert olga.post(f"/console/tiers/{ladder.pk}/publish/", {"rollout": "now"}).status_code == 422
    assert not LadderVersion.objects.exists()


def test_what_cannot_be_stored_is_refused_with_its_field_and_nothing_is_lost(olga: Client) -> None:
    answer = olga.post("/console/tiers/new/empty/", {**LADDER, "t-_1-threshold": "a lot", "grace_days": "-1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert '<a href="#id_t-_1-threshold">Gold star: From: Enter a number.' in page
    assert '<a href="#id_grace_days">' in page
    assert 'value="a lot"' in page


def test_two_people_editing_see_what_differs_and_lose_nothing(olga: Client) -> None:
    ladder = a_ladder(olga)
    drafts.save(ladder, {"grace_days": 7}, revision=1, by="maria", at=ladder.updated_at)
    mine = LADDER | {
        "tier": ["silver", "gold-star"],
        "t-gold-star-name": "Gold",
        "t-gold-star-threshold": "900",
    }
    answer = olga.post(f"/console/tiers/{ladder.pk}/edit/", mine)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "maria" in page
    assert "<del>7 days</del>" in page
    assert "<ins>30 days</ins>" in page
    assert 'name="revision" value="2"' in page
    again = olga.post(f"/console/tiers/{ladder.pk}/edit/", mine | {"revision": "2"})
    assert again.status_code == 302
    assert dict(Tier.objects.values_list("code", "name")) == {"silver": "Silver", "gold-star": "Gold"}


def test_publishing_shows_each_change_and_keeps_the_reason(olga: Client) -> None:
    ladder = a_ladder(olga)
    address = f"/console/tiers/{ladder.pk}"
    olga.post(f"{address}/publish/", {"rollout": "now", "protect": "on", "note": "The first"})
    olga.post(f"{address}/edit/", LADDER | {"tier": ["silver", "_1"], "t-silver-threshold": "150"})
    page = olga.get(f"{address}/publish/").content.decode()
    assert "Silver: threshold" in page
    assert "<del>100.00 GBP</del>" in page
    assert "<ins>150.00 GBP</ins>" in page
    olga.post(f"{address}/publish/", {"rollout": "review", "note": "Costs"})
    version = LadderVersion.objects.get(number=2)
    assert (version.rollout, version.protect, version.note, version.published_by) == (
        "review",
        False,
        "Costs",
        "olga",
    )
    listed = olga.get(f"{address}/").content.decode()
    assert "Costs" in listed
    assert "at each member's review" in listed
    compared = olga.get(f"{address}/versions/2/").content.decode()
    assert "<del>100.00 GBP</del>" in compared


def test_a_date_to_come_is_needed_for_publishing_on_a_date(olga: Client) -> None:
    ladder = a_ladder(olga)
    for day in ("", "2020-01-01", "soon"):
        answer = olga.post(f"/console/tiers/{ladder.pk}/publish/", {"rollout": "date", "on_day": day})
        assert answer.status_code == 422
    assert (
        olga.post(
            f"/console/tiers/{ladder.pk}/publish/", {"rollout": "date", "on_day": "2099-01-01"}
        ).status_code
        == 302
    )
    assert LadderVersion.objects.get().effective_from.isoformat() == "2099-01-01T00:00:00+00:00"
    assert "Begins later" in olga.get(f"/console/tiers/{ladder.pk}/").content.decode()


def test_an_old_version_becomes_the_draft_again(olga: Client) -> None:
    ladder = a_ladder(olga)
    address = f"/console/tiers/{ladder.pk}"
    olga.post(f"{address}/publish/", {"rollout": "now"})
    olga.post(f"{address}/edit/", LADDER | {"tier": ["silver"], "t-silver-threshold": "150"})
    olga.post(f"{address}/publish/", {"rollout": "now"})
    assert olga.post(f"{address}/versions/1/restore/")["Location"] == f"{address}/publish/"
    assert list(Tier.objects.order_by("rank").values_list("code", flat=True)) == ["silver", "gold-star"]


def test_the_history_tells_the_tiers_too(olga: Client) -> None:
    ladder = a_ladder(olga)
    olga.post(f"/console/tiers/{ladder.pk}/edit/", LADDER | {"tier": ["silver"], "t-silver-threshold": "150"})
    page = olga.get(f"/console/history/tiers.tierset/{ladder.pk}/").content.decode()
    assert "Gold star" in page
    assert "150.00 GBP" in page
    assert "1,000.50 GBP" in page
    assert "Counted over, how many" in page
    for raw in ("Window count", "Reward price factor"):
        assert raw not in page


@pytest.mark.parametrize("typed", ["1,5", "1 2 3", "1e3"])
def test_a_threshold_that_is_no_number_is_refused_rather_than_read_as_another(
    olga: Client, typed: str
) -> None:
    answer = olga.post("/console/tiers/new/empty/", LADDER | {"t-_1-threshold": typed})
    assert answer.status_code == 422
    assert typed in answer.content.decode()
    assert not Tier.objects.exists()


def test_a_threshold_finer_than_the_money_is_not_published(olga: Client) -> None:
    ladder = a_ladder(olga, **{"t-_1-threshold": "1000.505"})
    page = olga.get(f"/console/tiers/{ladder.pk}/publish/").content.decode()
    assert "Give at most 2 decimals." in page
    olga.post(f"/console/tiers/{ladder.pk}/publish/", {"rollout": "now"})
    assert not LadderVersion.objects.exists()


@pytest.mark.parametrize("part", ["", "edit/", "publish/", "members/", "versions/1/"])
def test_another_programs_ladder_is_not_there(olga: Client, part: str) -> None:
    ladder = a_ladder(olga)
    olga.post(f"/console/tiers/{ladder.pk}/publish/", {"rollout": "now"})
    other = people.a_program("other")
    assert olga.get(f"/console/tiers/{ladder.pk}/{part}").status_code == 200
    olga.post("/console/switch/", {"program": other.code})
    assert olga.get(f"/console/tiers/{ladder.pk}/{part}").status_code == 404


def test_who_may_not_is_told_what_is_missing(olga: Client) -> None:
    ladder = a_ladder(olga)
    sam = people.sam()
    for part in ("", f"{ladder.pk}/", f"{ladder.pk}/publish/", "new/"):
        assert sam.get(f"/console/tiers/{part}").status_code == 403


def test_who_may_only_look_reads_what_for_and_whom_to_ask(olga: Client) -> None:
    draft = a_ladder(olga)
    user = User.objects.create_user("vera", password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_tierset"))
    page = people._signed_in(user).get(f"/console/tiers/{draft.pk}/").content.decode()
    assert 'aria-disabled="true" aria-describedby="lr-locked-edit"' in page
    assert "ask an administrator for “Can change tier set”" in page
    assert "ask an administrator for “Can add ladder version”" in page
    assert f"/console/tiers/{draft.pk}/edit/" not in page
