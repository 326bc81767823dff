"""The catalogue on screen: the list, making and changing a reward, its stages, its picture."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from loyalty.base import clock
from loyalty.ledger.models import Lot
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import catalogue, pictures
from rewards.models import KINDS, DiscountReward, Reward, RewardPicture
from tests.rewards.shop import NOON, a_member, stock_of
from tests.rewards_ui import desk

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def olga() -> Client:
    return desk.olga()


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_empty_catalogue_explains_each_kind(points: PointType, olga: Client) -> None:
    page = text_of(olga.get("/console/rewards/"))
    assert "No rewards yet" in page
    for model in KINDS.values():
        assert str(model.title) in page
    chosen = text_of(olga.get("/console/rewards/new/"))
    assert all(f"/console/rewards/new/{kind}/" in chosen for kind in KINDS)


def test_the_list_tells_price_stock_state_and_who(points: PointType, olga: Client) -> None:
    desk.a_reward(points, name="Coffee mug", loaded=10, low_stock_at=20, unit_cost=Decimal("4.50"))
    desk.a_draft(points, "gift", name="Gift card")
    page = text_of(olga.get("/console/rewards/"))
    for told in (
        "Coffee mug",
        "100 points",
        "4.50 EUR",
        "10 of 10 available",
        "Running low",
        "All members",
        "Draft",
    ):
        assert told in page
    low = text_of(olga.get("/console/rewards/?state=stock"))
    assert "Coffee mug" in low
    assert "Gift card" not in low
    nothing = text_of(olga.get("/console/rewards/?q=zzz"))
    assert "No reward matches" in nothing
    assert "Clear filters" in nothing


def test_names_with_html_are_shown_as_text(points: PointType, olga: Client) -> None:
    reward = desk.a_reward(points, "product", name=HOSTILE, description=HOSTILE, terms=HOSTILE, loaded=3)
    for path in ("", f"{reward.pk}/", f"{reward.pk}/edit/", f"{reward.pk}/pause/", f"{reward.pk}/stock/new/"):
        page = text_of(olga.get(f"/console/rewards/{path}"))
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page


def test_another_programs_reward_is_not_there(points: PointType, olga: Client) -> None:
    theirs = desk.a_reward(desk.other_points(), loaded=1)
    olga.post("/console/switch/", {"program": points.program.code})
    for path in ("", "edit/", "pause/", f"stock/{stock_of(theirs).pk}/", "stock/new/"):
        assert olga.get(f"/console/rewards/{theirs.pk}/{path}").status_code == 404
    mine = desk.a_reward(points, loaded=1)
    assert olga.get(f"/console/rewards/{mine.pk}/stock/{stock_of(theirs).pk}/").status_code == 404


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_has_its_form(points: PointType, olga: Client, kind: str) -> None:
    page = text_of(olga.get(f"/console/rewards/new/{kind}/"))
    assert 'id="id_name"' in page
    assert "As the member sees it" in page
    draft = desk.a_draft(points, kind, **_own(points, kind))
    page = text_of(olga.get(f"/console/rewards/{draft.pk}/edit/"))
    answer = olga.post(
        f"/console/rewards/{draft.pk}/edit/", desk.typed(draft, name="Another name", _do="save")
    )
    assert answer.status_code == 302, text_of(answer)
    again = Reward.objects.get(pk=draft.pk)
    assert again.name == "Another name"
    assert catalogue.prices_of(again) == catalogue.prices_of(draft)
    for name in catalogue.fields_of(draft):
        assert name == "name" or getattr(again, name) == getattr(draft, name)


def _own(points: PointType, kind: str) -> dict[str, Any]:
    if kind != "points":
        return {}
    return {"into": desk.a_point_type(points.program, "miles", name_many="miles"), "gives": 50}


def test_a_reward_is_made_with_prices_by_tier_stock_and_picture(points: PointType, olga: Client) -> None:
    sent = {
        "name": "Five off", "code": "five", "off": "money", "value": "5", "reserve_minutes": "15", "position": "100",
        "auto_redeem_per_day": "1", "loaded": "1,000", "caps-0-times": "2", "caps-0-per": "month",
        "weekdays": ["sat"], "hours-0-from": "09:00", "hours-0-to": "12:00", "starts_at": "2026-12-01T09:00",
        "audience-blocks": "1", "audience-match": "all", "audience-0-rows": "1", "audience-0-0-field": "member.age",
        "audience-0-0-op": "gte", "audience-0-0-value": "18", "_do": "save",
        "picture": SimpleUploadedFile("mug.png", desk.a_picture(), "image/png"),
        **desk.prices_typed(("1,500", str(points.pk), ["gold"]), ("2000", str(points.pk), [])),
    }  # fmt: skip
    answer = olga.post("/console/rewards/new/discount/", sent)
    assert answer.status_code == 302, text_of(answer)
    made = DiscountReward.objects.get(code="five")
    assert (made.value, made.caps, made.weekdays) == (Decimal(5), [{"times": 2, "per": "month"}], ["sat"])
    assert made.hours == [["09:00", "12:00"]]
    assert made.starts_at is not None
    assert made.starts_at.isoformat() == "2026-12-01T08:00:00+00:00"  # nine in Madrid
    assert made.audience == {"field": "member.age", "op": "gte", "value": "18"}
    prices = [(one["points"], one["tiers"]) for one in catalogue.prices_of(made)]
    assert prices == [(1500, ["gold"]), (2000, [])]
    assert stock_of(made).loaded == 1000
    picture = RewardPicture.objects.get(reward=made)
    assert (picture.width, picture.height) == (800, 400)
    shown = Client().get(f"/pictures/{picture.digest}.webp")
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/webp")
    assert "immutable" in shown["Cache-Control"]


def test_prices_are_moved_and_removed_by_buttons_and_nothing_is_stored(
    points: PointType, olga: Client
) -> None:
    draft = desk.a_draft(points)
    sent = desk.typed(draft) | desk.prices_typed(("1", str(points.pk), []), ("2", str(points.pk), []))
    moved = text_of(
        olga.post(f"/console/rewards/{draft.pk}/edit/", sent | {"_do": "prices/up:1"}, headers=desk.HTMX)
    )
    assert moved.index('name="prices-0-points" value="2"') < moved.index('name="prices-1-points" value="1"')
    gone = text_of(olga.post(f"/console/rewards/{draft.pk}/edit/", sent | {"_do": "prices/remove:0"}))
    assert 'name="prices-0-points" value="2"' in gone
    assert 'name="prices-1-points"' not in gone
    assert len(catalogue.prices_of(draft)) == 1


def test_faults_keep_what_was_typed_and_link_to_their_fields(points: PointType, olga: Client) -> None:
    live = desk.a_reward(points)
    sent = desk.typed(live, name="", value="lots") | desk.prices_typed(("many", str(points.pk), []))
    answer = olga.post(f"/console/rewards/{live.pk}/edit/", sent | {"_do": "save"})
    page = text_of(answer)
    assert answer.status_code == 422
    for told in (
        "There is a problem",
        'href="#id_name"',
        'href="#id_value"',
        'href="#section-price"',
        'value="lots"',
    ):
        assert told in page
    sent = desk.typed(live) | desk.prices_typed(("1,5", str(points.pk), []))
    answer = olga.post(f"/console/rewards/{live.pk}/edit/", sent | {"_do": "save"})
    assert "a point before decimals" in text_of(answer)
    sent = desk.typed(live, value="0", **{"caps-0-times": "x", "caps-0-per": "day"})
    answer = olga.post(f"/console/rewards/{live.pk}/edit/", sent | {"_do": "save"})
    assert answer.status_code == 422
    assert 'href="#caps-0-times"' in text_of(answer)
    assert Reward.objects.get(pk=live.pk).revision == live.revision


def test_all_that_is_wrong_with_a_new_reward_is_said_at_once(points: PointType, olga: Client) -> None:
    desk.a_draft(points, code="taken")
    sent = {
        "name": "Off", "code": "taken", "off": "money", "value": "-1.505", "minimum_order": "-5", "unit_cost": "-7.5",
        "reserve_minutes": "15", "position": "100", "auto_redeem_per_day": "1", "loaded": "many", "_do": "save",
        **desk.prices_typed(("99999999999999999999", str(points.pk), [])),
    }  # fmt: skip
    answer = olga.post("/console/rewards/new/discount/", sent)
    assert answer.status_code == 422
    told = text_of(answer).partition("There is a problem")[2].partition("</div>")[0]
    for place in ("id_code", "id_value", "id_minimum_order", "id_unit_cost", "section-price", "id_loaded"):
        assert told.count(f'href="#{place}"') == 1, place
    assert not Reward.objects.filter(name="Off").exists()


def test_what_keeps_a_live_reward_from_being_saved_is_said_with_what_cannot_be_read(
    points: PointType, olga: Client
) -> None:
    live = desk.a_reward(points)
    wrong = {
        "value": "0", "unit_cost": "lots", "caps-0-times": "x", "caps-0-per": "day", "audience-blocks": "1",
        "audience-0-rows": "1", "audience-0-0-field": "member.age", "audience-0-0-op": "gte", "audience-0-0-value": "",
    }  # fmt: skip
    sent = desk.typed(live, **wrong) | desk.prices_typed(("many", str(points.pk), []))
    answer = olga.post(f"/console/rewards/{live.pk}/edit/", sent | {"_do": "save"})
    assert answer.status_code == 422
    told = text_of(answer).partition("There is a problem")[2].partition("</div>")[0]
    for place in ("id_value", "id_unit_cost", "section-price", "caps-0-times", "audience-0-0-value"):
        assert told.count(f'href="#{place}"') == 1, place
    assert ">Who can have it, Age: Write a plain number such as 12.50.<" in told
    assert ">Each member at most: Give a number of times from 1 to" in told
    assert Reward.objects.get(pk=live.pk).revision == live.revision


def test_money_with_too_many_decimals_is_told_at_its_field(points: PointType, olga: Client) -> None:
    live = desk.a_reward(points)
    for name in ("value", "minimum_order", "unit_cost"):
        sent = desk.typed(live, **{name: "1.005", "_do": "save"})
        answer = olga.post(f"/console/rewards/{live.pk}/edit/", sent)
        assert answer.status_code == 422
        assert f'href="#id_{name}"' in text_of(answer)
        assert "Give at most 2 decimals." in text_of(answer)


def test_a_stale_edit_is_a_conflict_that_shows_both(points: PointType, olga: Client) -> None:
    draft = desk.a_draft(points, name="Mug")
    stale = desk.typed(draft, name="Cup", _do="save")
    catalogue.save(draft, {"name": "Beaker"}, revision=draft.revision, by="rita", at=clock.now())
    answer = olga.post(f"/console/rewards/{draft.pk}/edit/", stale)
    page = text_of(answer)
    assert answer.status_code == 409
    for told in ("rita", "Beaker", "Cup", "Keep mine", "Take theirs"):
        assert told in page
    kept = olga.post(f"/console/rewards/{draft.pk}/edit/", stale | {"revision": str(draft.revision + 1)})
    assert kept.status_code == 302
    assert Reward.objects.get(pk=draft.pk).name == "Cup"


def test_stages_say_what_they_mean_before_they_are_taken(points: PointType, olga: Client) -> None:
    draft = desk.a_draft(points)
    for act, told, status in (
        ("publish", "From now on members can have it", "live"),
        ("pause", "Nobody can take it until it is resumed", "paused"),
        ("resume", "Members can take it again", "live"),
        ("end", "cannot be started again", "ended"),
    ):
        assert told in text_of(olga.get(f"/console/rewards/{draft.pk}/{act}/"))
        assert olga.post(f"/console/rewards/{draft.pk}/{act}/").status_code == 302
        assert Reward.objects.get(pk=draft.pk).status == status
    assert "Nothing to do" in text_of(olga.get(f"/console/rewards/{draft.pk}/pause/"))
    assert olga.get(f"/console/rewards/{draft.pk}/explode/").status_code == 404


def test_what_is_missing_is_named_with_its_place(points: PointType, olga: Client) -> None:
    draft = desk.a_draft(points, "experience", prices=[])
    page = text_of(olga.get(f"/console/rewards/{draft.pk}/publish/"))
    assert f'href="/console/rewards/{draft.pk}/edit/#section-price"' in page
    assert f'href="/console/rewards/{draft.pk}/stock/new/"' in page
    assert "Publish the reward" not in page
    assert olga.post(f"/console/rewards/{draft.pk}/publish/").status_code == 422
    assert Reward.objects.get(pk=draft.pk).status == "draft"


def test_what_is_missing_says_which_condition_it_is_about(points: PointType, olga: Client) -> None:
    nobody = {
        "all": [
            {"field": "member.age", "op": "gte", "value": ""},
            {"field": "member.tier", "op": "in", "value": []},
        ]
    }
    prices = [{"point_type": points, "points": 1}, {"point_type": points, "points": 2, "audience": nobody}]
    draft = desk.a_draft(points, audience=nobody, prices=prices)
    page = text_of(olga.get(f"/console/rewards/{draft.pk}/publish/"))
    edit = f"/console/rewards/{draft.pk}/edit/"
    for place, told in (
        ("audience-0-0-value", "Who can have it, Age: Write a plain number such as 12.50."),
        ("audience-0-1-value", "Who can have it, Tier: Give at least one value."),
        ("prices-1-0-0-value", "Price 2, Age: Write a plain number such as 12.50."),
    ):
        assert f'<a href="{edit}#{place}">{told}</a>' in page
        assert f'id="{place}"' in text_of(olga.get(edit))


def test_the_live_preview_shows_what_is_typed_and_stores_nothing(points: PointType, olga: Client) -> None:
    draft = desk.a_draft(points)
    sent = desk.typed(draft, name="Seven off", value="7", description="On beans")
    page = text_of(olga.post(f"/console/rewards/{draft.pk}/edit/", sent, headers=desk.HTMX))
    for told in ("Seven off", "7.00 EUR off", "On beans"):
        assert told in page
    assert "<html" not in page
    assert Reward.objects.get(pk=draft.pk).name == draft.name


def test_it_counts_the_members_who_have_the_points(
    points: PointType, ada: Member, ben: Member, olga: Client
) -> None:
    a_member(points, 50, "Cleo")
    a_member(points, 5000, "Dora", state="closed")
    page = text_of(olga.get(f"/console/rewards/reach/?price={points.pk}:100:"))
    assert "<strong>2</strong> members have the points" in page
    Member.objects.filter(pk=ben.pk).update(tier_code="gold")
    page = text_of(olga.get(f"/console/rewards/reach/?price={points.pk}:40:gold&price={points.pk}:100:"))
    assert "<strong>2</strong>" in page
    for nonsense in ("?price=x", f"?price={points.pk}:-1:", "?price=%00", "?price=1:2:3:4&price=9999999:1:"):
        assert olga.get(f"/console/rewards/reach/{nonsense}").status_code == 200


def test_points_that_cannot_be_spent_yet_do_not_count(points: PointType, ada: Member, olga: Client) -> None:
    Lot.objects.filter(member_id=ada.pk).update(is_pending=True, expires_at=clock.now() - timedelta(days=1))
    page = text_of(olga.get(f"/console/rewards/reach/?price={points.pk}:100:"))
    assert "<strong>0</strong> members" in page


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x00" * 100]
)
def test_what_is_no_picture_is_refused(points: PointType, olga: Client, content: bytes) -> None:
    draft = desk.a_draft(points)
    sent = desk.typed(draft, _do="save", picture=SimpleUploadedFile("x.png", content or b" ", "image/png"))
    answer = olga.post(f"/console/rewards/{draft.pk}/edit/", sent)
    assert answer.status_code == 422
    assert "Choose a picture in JPEG" in text_of(answer)
    assert not RewardPicture.objects.exists()


def test_a_picture_is_taken_away_again(points: PointType, olga: Client) -> None:
    draft = desk.a_draft(points)
    pictures.put(draft, pictures.read(desk.a_picture(form="JPEG")), by="olga", at=NOON)
    olga.post(f"/console/rewards/{draft.pk}/edit/", desk.typed(draft, _do="save", **{"no-picture": "1"}))
    assert not RewardPicture.objects.exists()


def test_staff_without_the_permission_read_what_they_lack(points: PointType) -> None:
    live = desk.a_reward(points, loaded=5)
    nell = desk.nell()
    for path in ("", "new/", f"{live.pk}/", f"{live.pk}/edit/", f"{live.pk}/pause/"):
        answer = nell.get(f"/console/rewards/{path}")
        assert answer.status_code == 403
        assert "Can view reward" in text_of(answer)
    pau = desk.pau()
    assert pau.get(f"/console/rewards/{live.pk}/").status_code == 200
    for path in ("new/", f"{live.pk}/edit/", f"{live.pk}/pause/", f"{live.pk}/stock/new/"):
        assert pau.get(f"/console/rewards/{path}").status_code == 403
    assert pau.post(f"/console/rewards/{live.pk}/pause/").status_code == 403
    assert Reward.objects.get(pk=live.pk).status == "live"


def test_the_history_tells_prices_and_fields(points: PointType, olga: Client) -> None:
    draft = desk.a_draft(points, name="Mug")
    sent = desk.typed(draft, name="Cup", _do="save") | desk.prices_typed(("250", str(points.pk), []))
    olga.post(f"/console/rewards/{draft.pk}/edit/", sent)
    page = text_of(olga.get(f"/console/history/rewards.discountreward/{draft.pk}/"))
    for told in ("<del>Mug</del>", "<ins>Cup</ins>", "<del>100 points</del>", "<ins>250 points</ins>"):
        assert told in page


def test_the_list_asks_no_more_for_more_rewards(points: PointType, olga: Client) -> None:
    miles = desk.a_point_type(points.program, "miles", name_many="miles")

    def put(number: int) -> None:
        for kind in ("gift", "points"):
            more = {"into": miles, "gives": 50} if kind == "points" else {}
            made = desk.a_reward(points, kind, code=f"{kind}-{number}", **more)
            pictures.put(made, pictures.read(desk.a_picture(side=20)), by="olga", at=NOON)

    put(1)
    olga.get("/console/rewards/")
    with CaptureQueriesContext(connection) as few:
        olga.get("/console/rewards/")
    for number in range(2, 5):
        put(number)
    with CaptureQueriesContext(connection) as many:
        page = text_of(olga.get("/console/rewards/"))
    assert page.count("/pictures/") == 8
    assert len(many) == len(few)
    assert not any('"rewards_rewardpicture"."content"' in query["sql"] for query in many.captured_queries)
