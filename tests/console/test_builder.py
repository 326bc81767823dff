"""The campaign builder: conditions without JSON, a guard against stale edits, publishing with its changes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from campaigns.faults import faults
from campaigns.models import BonusCampaign, CampaignVersion, EarningCampaign
from loyalty.conditions.standard import STANDARD
from loyalty.console.condition_editor import Editor
from tests.console import people

pytestmark = pytest.mark.django_db

BIG = {"field": "order.total", "op": "gte", "value": "50"}
WEB = {"field": "channel.code", "op": "eq", "value": "web"}
COFFEE = {"items": "any", "where": {"field": "item.category", "op": "in", "value": ["Coffee", "Tea"]}}
TREES: list[dict[str, Any]] = [
    {},
    BIG,
    {"all": [BIG, WEB]},
    {
        "any": [
            {"field": "order.total", "op": "between", "value": ["10", "20"]},
            {"field": "order.store", "op": "exists"},
        ]
    },
    {"all": [BIG, {"any": [COFFEE, {"field": "member.is_birthday", "op": "eq", "value": True}]}]},
    {
        "any": [
            {"all": [{"field": "member.tier", "op": "in", "value": ["gold"]}, WEB]},
            {"all": [{"field": "activity.spend", "op": "gt", "value": "200", "days": 90}, BIG]},
        ]
    },
    {
        "all": [
            {
                "items": "count",
                "where": {"field": "item.brand", "op": "eq", "value": "X"},
                "op": "gte",
                "value": "3",
            },
            BIG,
        ]
    },
    {"not": {"field": "order.store", "op": "eq", "value": "North"}},
]


def typed(editor: Editor) -> dict[str, Any]:
    """The form that the page of this editor would send."""
    data: dict[str, Any] = {
        f"{editor.prefix}-match": editor.match,
        f"{editor.prefix}-blocks": str(len(editor.blocks)),
    }
    for b, block in enumerate(editor.blocks):
        name = f"{editor.prefix}-{b}"
        data |= {f"{name}-match": block.match, f"{name}-rows": str(len(block.rows))}
        for r, row in enumerate(block.rows):
            parts = {
                "field": row.field,
                "op": row.op,
                "value": row.value,
                "upper": row.upper,
                "days": row.days,
                "items": row.items,
            }
            data |= {f"{name}-{r}-{part}": value for part, value in parts.items()}
            if row.kept is not None:
                data[f"{name}-{r}-kept"] = json.dumps(row.kept)
    return data


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_a_condition_survives_the_way_through_the_form_unchanged(tree: dict[str, Any]) -> None:
    editor = Editor.posted("conditions", typed(Editor.of("conditions", tree)))
    assert editor.tree(STANDARD) == tree


def test_rows_and_groups_come_and_go_by_their_buttons() -> None:
    editor = Editor("conditions")
    editor.act("add-block")
    editor.act("add-row:0")
    editor.act("add-block")
    assert [len(block.rows) for block in editor.blocks] == [2, 1]
    editor.act("remove:0:1")
    editor.act("remove:1:0")
    assert [len(block.rows) for block in editor.blocks] == [1]
    for nonsense in ("remove:9:9", "remove:0", "add-row:x", "add-row:99", "drop", "", "remove:0:0:0"):
        editor.act(nonsense)
    assert [len(block.rows) for block in editor.blocks] == [1]


@pytest.mark.parametrize("count", ["999999", "-1", "x", "١٢", ""])
def test_the_number_of_rows_is_bounded_whatever_is_sent(count: str) -> None:
    editor = Editor.posted("items", {"items-blocks": count, "items-0-rows": count})
    assert len(editor.blocks) <= 10
    assert all(len(block.rows) <= 20 for block in editor.blocks)


def filled(**changes: Any) -> dict[str, Any]:
    point_type = changes.pop("point_type")
    return {
        "name": "Coffee week", "code": "coffee-week", "description": "", "point_type": point_type.pk,
        "trigger": "order.completed", "starts_at": "", "ends_at": "", "priority": "100", "stacking_group": "",
        "basis": "amount", "points": "2", "step": "1", "step_rounding": "", "attribute": "", "budget_points": "10,000",
        "caps-0-amount": "500", "caps-0-what": "points", "caps-0-per": "month", "revision": "1",
        "conditions-match": "all", "conditions-blocks": "1", "conditions-0-match": "all", "conditions-0-rows": "1",
        "conditions-0-0-field": "order.total", "conditions-0-0-op": "gte", "conditions-0-0-value": "20",
        "weekdays": ["sat", "sun"], "_do": "save",
    } | changes  # fmt: skip


def made(client: Client, **changes: Any) -> EarningCampaign:
    program = people.a_program()
    answer = client.post(
        "/console/campaigns/new/base/", filled(point_type=people.points_of(program), **changes)
    )
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    return EarningCampaign.objects.get()


def test_a_campaign_is_made_without_json_and_says_itself_in_words() -> None:
    client = people.olga()
    campaign = made(client)
    assert campaign.conditions == {"field": "order.total", "op": "gte", "value": "20"}
    assert campaign.caps == [{"points": "500", "per": "month"}]
    assert (campaign.budget, campaign.weekdays, campaign.updated_by) == (10_000, ["sat", "sun"], "olga")
    page = client.get(f"/console/campaigns/{campaign.pk}/").content.decode()
    assert "2 points per 1 GBP" in page
    assert "on Saturdays and Sundays" in page
    assert "the order total is at least 20 GBP" in page


def test_a_comma_before_decimals_is_not_dropped_from_a_budget_or_a_limit() -> None:
    client = people.olga()
    campaign = made(client, **{"caps-0-amount": "1,5"})
    assert campaign.caps == [{"points": "1,5", "per": "month"}]
    assert [fault.path for fault in faults(campaign)] == ["caps/0"]
    data = filled(point_type=campaign.point_type, budget_points="12,50")
    answer = client.post(f"/console/campaigns/{campaign.pk}/edit/", data)
    assert answer.status_code == 422
    assert "a point before decimals" in answer.content.decode()


def test_the_summary_follows_what_is_typed_and_nothing_is_stored() -> None:
    client = people.olga()
    campaign = made(client)
    data = filled(point_type=campaign.point_type, points="7", name="Other")
    data.pop("_do")
    answer = client.post(f"/console/campaigns/{campaign.pk}/edit/", data, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert "7 points per 1 GBP" in page
    assert "<html" not in page
    campaign.refresh_from_db()
    assert (campaign.name, campaign.revision) == ("Coffee week", 1)


def test_buttons_of_the_editor_work_as_plain_form_buttons_and_keep_what_was_typed() -> None:
    client = people.olga()
    campaign = made(client)
    data = filled(point_type=campaign.point_type, name="Typed but not saved", _do="conditions/add-row:0")
    page = client.post(f"/console/campaigns/{campaign.pk}/edit/", data).content.decode()
    assert 'name="conditions-0-1-field"' in page
    assert "Typed but not saved" in page
    assert "<html" in page


def test_a_stale_save_is_refused_with_both_sides_and_nothing_is_lost() -> None:
    client = people.olga()
    campaign = made(client)
    address = f"/console/campaigns/{campaign.pk}/edit/"
    theirs = filled(point_type=campaign.point_type, points="3", revision="1")
    assert client.post(address, theirs).status_code == 302
    mine = filled(point_type=campaign.point_type, points="9", name="Mine", revision="1")
    answer = client.post(address, mine)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Someone else saved this draft" in page
    assert "3 points per 1 GBP" in page
    assert "9 points per 1 GBP" in page
    assert 'value="Mine"' in page
    assert EarningCampaign.objects.get().points == 3
    assert 'name="revision" value="2"' in page
    assert client.post(address, mine | {"revision": "2"}).status_code == 302
    assert EarningCampaign.objects.get().name == "Mine"


def test_values_that_cannot_be_stored_are_refused_and_faults_only_stop_publishing() -> None:
    client = people.olga()
    campaign = made(client)
    address = f"/console/campaigns/{campaign.pk}/edit/"
    wrong = client.post(address, filled(point_type=campaign.point_type, points="much"))
    assert wrong.status_code == 422
    assert "There is a problem" in wrong.content.decode()
    unfinished = filled(point_type=campaign.point_type, **{"conditions-0-0-value": ""})
    assert client.post(address, unfinished).status_code == 302
    page = client.get(f"/console/campaigns/{campaign.pk}/publish/").content.decode()
    assert "Before it can be published" in page
    refused = client.post(f"/console/campaigns/{campaign.pk}/publish/", {"effective_from": "", "note": ""})
    assert refused.status_code == 422
    assert not CampaignVersion.objects.exists()


UNFINISHED: dict[str, Any] = {
    "conditions-0-rows": "3", "conditions-0-0-value": "much",
    "conditions-0-1-field": "order.store", "conditions-0-1-op": "in", "conditions-0-1-value": "",
    "starts_at": "2026-05-02T00:00", "ends_at": "2026-05-01T00:00", "caps-0-amount": "many", "hours-0-from": "09:00",
    "audience-blocks": "1", "audience-0-rows": "1", "audience-0-0-field": "member.tier", "audience-0-0-op": "in",
}  # fmt: skip
PLACES = {
    "conditions-0-0-value": "Conditions, Order total: Write a plain number such as 12.50.",
    "conditions-0-1-value": "Conditions, Store: Give at least one value.",
    "audience-0-0-value": "Who, Tier: Give at least one value.",
    "id_ends_at": "Ends: The end date is not after the start date.",
    "caps-0-amount": "For each member: Give a period and either points or a number of times",
    "hours-0-from": "Only at these hours: Give two times such as 17:00 and 19:00.",
}


def test_what_keeps_it_from_being_published_says_what_it_is_about_and_leads_there() -> None:
    client = people.olga()
    campaign = made(client, **UNFINISHED)
    edit = f"/console/campaigns/{campaign.pk}/edit/"
    page = client.get(f"/console/campaigns/{campaign.pk}/publish/").content.decode()
    editor = client.get(edit).content.decode()
    for anchor, told in PLACES.items():
        assert f'<a href="{edit}#{anchor}">{told}' in page
        assert f'<a href="#{anchor}">{told}' in editor
        assert f'id="{anchor}"' in editor
    assert re.search(rf'<a class="[^"]*" href="{edit}"><span[^>]*>edit</span>\s*Go on editing</a>', page)
    assert (
        "Conditions, Store: Give at least one value."
        in client.get(edit.removesuffix("edit/")).content.decode()
    )
    refused = client.post(f"/console/campaigns/{campaign.pk}/publish/", {}).content.decode()
    assert refused.count("Conditions, Store: Give at least one value.") == 1


def test_all_that_is_wrong_with_a_draft_is_said_at_once() -> None:
    client = people.olga()
    taken = made(client)
    wrong = {"points": "much", "budget_points": "12,50", "ends_at": "soon"}
    data = filled(point_type=taken.point_type, **{**UNFINISHED, **wrong})
    answer = client.post("/console/campaigns/new/base/", data)
    assert answer.status_code == 422
    told = answer.content.decode().partition("There is a problem")[2].partition("</div>")[0]
    for anchor in ("id_code", "id_points", "id_budget_points", "id_ends_at"):
        assert told.count(f'href="#{anchor}"') == 1, anchor
    for anchor, message in PLACES.items():
        assert anchor == "id_ends_at" or f'<a href="#{anchor}">{message}' in told
    assert EarningCampaign.objects.count() == 1


def test_publishing_shows_old_and_new_and_versions_can_be_compared() -> None:
    client = people.olga()
    campaign = made(client)
    base = f"/console/campaigns/{campaign.pk}"
    assert client.post(f"{base}/publish/", {"effective_from": "", "note": "First"}).status_code == 302
    client.post(f"{base}/edit/", filled(point_type=campaign.point_type, points="4", revision="1"))
    page = client.get(f"{base}/publish/").content.decode()
    assert "<del>2 points per 1 GBP spent</del>" in page
    assert "<ins>4 points per 1 GBP spent</ins>" in page
    client.post(f"{base}/publish/", {"effective_from": "", "note": "More"})
    compared = client.get(f"{base}/versions/2/?with=1").content.decode()
    assert "<del>2 points per 1 GBP spent</del>" in compared
    assert client.get(f"{base}/versions/9/").status_code == 404
    client.post(f"{base}/versions/1/restore/")
    campaign.refresh_from_db()
    assert campaign.points == 2
    assert list(CampaignVersion.objects.values_list("number", "note")) == [(2, "More"), (1, "First")]


def test_pause_resume_and_end_are_one_press_each_on_the_campaigns_page() -> None:
    client = people.olga()
    campaign = made(client)
    base = f"/console/campaigns/{campaign.pk}"
    client.post(f"{base}/publish/", {})
    for act, word in (("pause", "Paused"), ("resume", "Running"), ("end", "Ended")):
        page = client.get(f"{base}/").content.decode()
        assert f'action="{base}/{act}/"' in page
        assert client.get(f"{base}/{act}/").status_code == 405
        assert word in client.post(f"{base}/{act}/", follow=True).content.decode()
    assert (
        "Publish"
        not in client.get(f"{base}/").content.decode().partition('id="content"')[2].partition("Published")[0]
    )


def test_a_bonus_with_a_table_is_made_in_rows() -> None:
    program = people.a_program()
    client = people.olga()
    data = filled(
        point_type=people.points_of(program), code="tiers", bonus="multiplier", multiplier="", extra_points="",
        table_field="member.tier",
        **{"table-0-value": "gold", "table-0-multiplier": "2", "table-1-value": "silver", "table-1-multiplier": "1,5"},
    )  # fmt: skip
    assert client.post("/console/campaigns/new/bonus/", data).status_code == 302
    assert BonusCampaign.objects.get().table == {"gold": "2", "silver": "1.5"}


def test_a_time_that_the_clocks_skip_is_said_and_moved() -> None:
    client = people.olga()
    campaign = made(client)
    data = filled(point_type=campaign.point_type, starts_at="2026-03-29T01:30")
    data.pop("_do")
    page = client.post(
        f"/console/campaigns/{campaign.pk}/edit/", data, headers={"HX-Request": "true"}
    ).content.decode()
    assert "The clocks skip this time" in page
    client.post(f"/console/campaigns/{campaign.pk}/edit/", data | {"_do": "save"})
    campaign.refresh_from_db()
    assert campaign.starts_at is not None
    assert campaign.starts_at.isoformat() == "2026-03-29T01:00:00+00:00"


@pytest.mark.parametrize(
    "recipe", ["base", "weekend", "category", "welcome", "birthday", "review", "earning", "bonus"]
)
def test_every_recipe_opens(recipe: str) -> None:
    people.a_program()
    assert people.olga().get(f"/console/campaigns/new/{recipe}/").status_code == 200


def test_a_taken_code_is_said_beside_the_code() -> None:
    client = people.olga()
    campaign = made(client)
    answer = client.post("/console/campaigns/new/base/", filled(point_type=campaign.point_type))
    assert answer.status_code == 422
    assert "has this code" in answer.content.decode()


@pytest.mark.parametrize(
    "kept", ["[" * 9000, "{", '{"all": 3}', "null", '{"field": "a.b", "op": {}, "value": NaN}']
)
def test_a_tampered_part_of_a_condition_is_refused_not_believed(kept: str) -> None:
    client = people.olga()
    campaign = made(client)
    data = filled(point_type=campaign.point_type, **{"conditions-0-0-kept": kept})
    answer = client.post(f"/console/campaigns/{campaign.pk}/edit/", data)
    assert answer.status_code in (302, 422)
    assert client.get(f"/console/campaigns/{campaign.pk}/publish/").status_code == 200


def test_who_may_only_look_sees_the_buttons_and_reads_why_they_do_nothing() -> None:
    client = people.olga()
    campaign = made(client)
    client.post(f"/console/campaigns/{campaign.pk}/publish/", {})
    user = User.objects.create_user("vera", password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_campaign"))
    page = people._signed_in(user).get(f"/console/campaigns/{campaign.pk}/").content.decode()
    for label in ("Pause", "Edit"):
        assert re.search(
            rf'aria-disabled="true" aria-describedby="lr-locked"><span[^>]*>lock</span>\s*{label}<', page
        )
    assert '<p class="lr-help" id="lr-locked">You may look at campaigns, but not change them' in page
    assert f"/console/campaigns/{campaign.pk}/pause/" not in page
