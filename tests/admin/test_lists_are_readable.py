"""Lists of the admin speak as people do, and what surrounds them works from the first visit."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from campaigns.earning import drain
from campaigns.models import EarningCampaign
from loyalty.base import clock
from loyalty.events.intake import receive
from loyalty.events.models import EventType
from loyalty.ledger.admin import last_day
from loyalty.ledger.models import Lot
from tests.console import people
from tests.ledger.bookings import earned
from tests.rewards import shop
from tests.tiers import house

pytestmark = pytest.mark.django_db


def test_the_books_read_in_names_signs_and_days() -> None:
    """No raw ids in the columns, a real minus, and what became of a lot in a word."""
    program = people.a_program()
    member = people.ana(program)
    people.given(member, 1250)
    people.given(member, -200)
    client = people.olga()
    transactions = client.get("/admin/ledger/transaction/").content.decode()
    assert "+1,250 points" in transactions
    assert "\u2212200 points" in transactions
    assert "Goodwill" in transactions
    entries = client.get("/admin/ledger/entry/").content.decode()
    assert ">1,250 of " in entries
    assert "Entrys" not in entries
    lots = client.get("/admin/ledger/lot/").content.decode()
    assert "1,250 points" in lots
    assert "Available" in lots


def test_the_page_of_a_lot_says_what_kept_it_alive_and_nothing_of_it_elsewhere() -> None:
    program = people.a_program()
    ana = people.ana(program)
    given = people.given(ana, 70)
    client, page = people.olga(), reverse("admin:ledger_lot_change", args=[given.lots.get().pk])
    assert "Kept alive by activity" not in client.get(page).content.decode()
    points = people.points_of(program)
    points.use_program_expiry = False
    points.expiry_kind, points.expiry_count, points.expiry_unit = "inactivity", 90, "days"
    points.save()
    earned(ana, points, 5, clock.now() - timedelta(days=9))
    older = Lot.objects.get(amount=5)
    earned(ana, points, 6, clock.now())
    assert older.extensions.count() == 1
    shown = client.get(reverse("admin:ledger_lot_change", args=[older.pk])).content.decode()
    assert "Kept alive by activity" in shown
    for end in (older.expires_at, Lot.objects.get(pk=older.pk).expires_at):
        assert end is not None
        assert last_day(end) in shown


def test_the_inbox_says_what_each_event_gave_also_nothing() -> None:
    program = people.a_program()
    people.ana(program)
    people.an_order(people.a_channel(program))
    client = people.olga()
    assert points_shown(client, {}) == ["–"]
    drain()
    assert points_shown(client, {"received": "1"}) == ["0"]
    assert points_shown(client, {"received": "x"}) == ["0"]


def points_shown(client: Client, query: dict[str, str]) -> list[str]:
    page = client.get("/admin/events/event/", query).context["cl"]
    return [page.model_admin.shown_points(event) for event in page.result_list]


def rows_of_every_kind() -> dict[str, str]:
    """The address of a list, and the screen that its only row leads to."""
    program = people.a_program()
    points, now = people.points_of(program), clock.now()
    member = people.ana(program)
    campaign = EarningCampaign.objects.create(
        program=program, point_type=points, code="base", name="Base", points=1, created_at=now, updated_at=now
    )
    ladder = house.a_draft(program, at=now)
    reward = shop.a_draft(points)
    event = people.an_order(people.a_channel(program)).event_id
    return {
        "members/member": reverse("console:member", args=[member.pk]),
        "events/event": reverse("console:event", args=[event]),
        "campaigns/campaign": reverse("campaigns:campaign", args=[campaign.pk]),
        "tiers/tierset": reverse("tiers:ladder", args=[ladder.pk]),
        "rewards/reward": reverse("rewards:reward", args=[reward.pk]),
    }


def test_the_first_column_leads_to_the_screen_of_the_row_and_has_its_name_on_a_phone() -> None:
    rows, client = rows_of_every_kind(), people.olga()
    for address, screen in rows.items():
        page = client.get(f"/admin/{address}/").content.decode()
        assert f'<a href="{screen}"' in page, address
        cells = re.findall(r'<t[hd] class="field-[^>]* data-label="([^"]*)"', page)
        assert cells, address
        assert "Select record" not in cells, address


def test_who_opens_the_login_page_itself_comes_home() -> None:
    people.olga()
    answer = Client().post("/admin/login/", {"username": "olga", "password": "a long passphrase"})
    assert answer["Location"] == "/admin/"


def test_no_page_allows_inline_styles_or_scripts() -> None:
    people.a_program()
    policy = people.olga().get("/admin/")["Content-Security-Policy"]
    assert "unsafe-inline" not in policy


def test_an_event_of_the_programs_own_type_goes_by_its_name() -> None:
    program = people.a_program()
    EventType.objects.create(program=program, code="tasting.attended", name="Tasting attended", attributes=[])
    at = clock.now()
    event = {"id": "t-1", "type": "tasting.attended", "occurred_at": clock.write_instant(at), "data": {}}
    receive(people.a_channel(program), [event | {"member": "ext:ana"}], at=at)
    shown = people.olga().get("/admin/events/event/").content.decode()
    assert re.search(r"<a[^>]*>\s*Tasting attended\s*</a>", shown)
    assert not re.search(r"<a[^>]*>\s*tasting\.attended\s*</a>", shown)
