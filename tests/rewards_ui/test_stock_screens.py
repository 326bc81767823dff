"""Stock on screen: add, set, variants and dates, who changed it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from loyalty.base import clock
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import catalogue, redemption, stock
from rewards.models import Stock, StockChange
from tests.rewards.shop import DAY, TILL, stock_of
from tests.rewards_ui import desk
from tests.rewards_ui.test_catalogue_screens import text_of

pytestmark = pytest.mark.django_db


def amount(how: str, count: str, **more: str) -> dict[str, str]:
    return {"act": "amount", "token": str(uuid4()), "how": how, "count": count, "note": "", **more}


@pytest.fixture
def olga() -> Client:
    return desk.olga()


def test_adding_twice_with_one_form_adds_once(points: PointType, olga: Client) -> None:
    reward = desk.a_reward(points, loaded=10)
    path = f"/console/rewards/{reward.pk}/stock/{stock_of(reward).pk}/"
    sent = amount("add", "1,000", note="Delivery 77")
    assert olga.post(path, sent).status_code == 302
    assert olga.post(path, sent).status_code == 302
    assert stock_of(reward).loaded == 1010
    page = text_of(olga.get(path))
    for told in ("Delivery 77", "olga", "1,010", "10"):
        assert told in page


def test_a_stock_is_not_set_below_what_is_taken(points: PointType, olga: Client) -> None:
    reward = desk.a_reward(points, loaded=10)
    Stock.objects.filter(reward=reward).update(used=4, reserved=2)
    path = f"/console/rewards/{reward.pk}/stock/{stock_of(reward).pk}/"
    answer = olga.post(path, amount("set", "5"))
    assert answer.status_code == 422
    assert "6 are taken already (4 redeemed, 2 reserved)" in text_of(answer)
    assert stock_of(reward).loaded == 10
    assert olga.post(path, amount("set", "6")).status_code == 302
    assert stock_of(reward).left == 0
    assert olga.post(path, amount("lift", "")).status_code == 302
    assert stock_of(reward).loaded is None


@pytest.mark.parametrize("count", ["", "x", "1.5", "1,5", "1 5", "99999999999", "\u0663", "-"])
def test_what_is_no_number_is_refused(points: PointType, olga: Client, count: str) -> None:
    reward = desk.a_reward(points, loaded=10)
    answer = olga.post(f"/console/rewards/{reward.pk}/stock/{stock_of(reward).pk}/", amount("add", count))
    assert answer.status_code == 422
    assert StockChange.objects.count() == 1


def test_variants_and_dates_are_added_and_closed(points: PointType, olga: Client) -> None:
    mug = desk.a_reward(points, "product", loaded=10)
    path = f"/console/rewards/{mug.pk}/stock/new/"
    assert "members choose a variant from then on" in text_of(olga.get(path))
    assert olga.post(path, {"name": "Blue, large", "loaded": "5"}).status_code == 302
    blue = stock_of(mug, "blue-large")
    assert (blue.loaded, stock_of(mug).is_open) == (5, False)
    taken = olga.post(path, {"name": "Blue large", "loaded": "5"})
    assert taken.status_code == 422
    assert "has a stock with this code" in text_of(taken)
    assert olga.post(f"/console/rewards/{mug.pk}/stock/{blue.pk}/", {"act": "close"}).status_code == 302
    assert not stock_of(mug, "blue-large").is_open
    walk = desk.a_draft(points, "experience")
    path = f"/console/rewards/{walk.pk}/stock/new/"
    assert "Say when it begins" in text_of(olga.post(path, {"name": "Tasting", "loaded": "8"}))
    assert olga.post(path, {"name": "", "starts_at": "2026-12-05T18:00", "loaded": "8"}).status_code == 302
    slot = stock_of(walk, "2026-12-05-1800")
    assert slot.starts_at is not None
    assert slot.starts_at.isoformat() == "2026-12-05T17:00:00+00:00"
    answer = olga.post(
        f"/console/rewards/{walk.pk}/stock/{slot.pk}/",
        {"act": "describe", "name": "Late", "starts_at": "2026-12-05T19:00", "ends_at": "2026-12-05T18:00"},
    )
    assert answer.status_code == 422
    assert "The end is not after the start" in text_of(answer)


def test_who_moves_a_date_is_told_what_is_taken_of_it(points: PointType, ada: Member, olga: Client) -> None:
    walk = desk.a_draft(points, "experience")
    now = clock.now().replace(second=0, microsecond=0)
    slot = stock.make(walk, "walk", name="Walk", loaded=9, by="olga", at=now, starts_at=now + 3 * DAY)
    catalogue.publish(walk, by="olga", at=now)
    path = f"/console/rewards/{walk.pk}/stock/{slot.pk}/"

    def described(name: str, days: int) -> str:
        begins = (now + days * DAY).astimezone(points.program.zone).strftime("%Y-%m-%dT%H:%M")
        sent = {"act": "describe", "name": name, "starts_at": begins, "ends_at": ""}
        return text_of(olga.post(path, sent, follow=True))

    assert "taken before" not in described("Walk", 4)
    gone, _kept = (redemption.redeem(ada, walk, at=now, actor=TILL) for _ in range(2))
    held = redemption.reserve(ada, walk, at=now, actor=TILL)
    assert "taken before" not in described("Long walk", 4)
    told = "3 places were taken before: they keep the date and the terms they were sold with."
    assert told in described("Walk", 5)
    for row in (gone, held):
        redemption.cancel(row, at=now, actor=TILL)
    assert "1 place was taken before" in described("Walk", 6)


def test_stock_needs_its_own_permission(points: PointType) -> None:
    reward = desk.a_reward(points, loaded=10)
    rita = desk.rita()
    path = f"/console/rewards/{reward.pk}/stock/{stock_of(reward).pk}/"
    assert "Can change stock" in text_of(rita.get(path))
    assert rita.post(path, amount("add", "5")).status_code == 403
    assert stock_of(reward).loaded == 10


def test_the_home_page_tells_what_runs_low(points: PointType, olga: Client) -> None:
    desk.a_reward(points, name="Mug", loaded=2, low_stock_at=5)
    gone = desk.a_reward(points, "gift", name="Card", loaded=1)
    Stock.objects.filter(reward=gone).update(used=1)
    page = text_of(olga.get("/admin/"))
    assert "2 of Mug are left." in page
    assert "Card is sold out." in page
