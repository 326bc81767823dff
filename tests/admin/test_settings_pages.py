"""Programs, point types, channels, event types and staff: forms that say what is wrong, and history."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from loyalty.base.admin import permissions_by_name
from loyalty.events.models import EventType
from loyalty.programs.models import Channel, PointType, Program, ProgramPause
from tests.console import people

pytestmark = pytest.mark.django_db

EXPIRY = {
    "expiry_kind": "none",
    "expiry_unit": "months",
    "expiry_rounding": "",
    "expiry_count": "",
    "expiry_dates": "",
}
PROGRAM: dict[str, Any] = EXPIRY | {
    "name": "Corner shop", "code": "corner", "currency": "GBP", "timezone": "Europe/London", "mode": "live",
    "rounding": "half_up", "debt_policy": "unlimited", "refund_grace_days": "30", "event_window_days": "365",
    "phone_region": "GB", "member_schema": "city | text | City\nsize | choice | Shirt size | S, M, L | required",
}  # fmt: skip


def test_a_new_program_comes_with_its_points_and_is_the_one_worked_in() -> None:
    client = people.olga()
    answer = client.post("/admin/programs/program/add/", PROGRAM)
    assert answer.status_code == 302, answer.context["errors"]
    program = Program.objects.get()
    assert PointType.objects.get().program == program
    assert client.session["program"] == "corner"
    assert program.member_schema[1]["choices"] == ["S", "M", "L"]
    assert program.member_schema[1]["required"] is True


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("currency", "EURO", "at most 3"),
        ("currency", "XXX", "ISO code"),
        ("timezone", "Mars/Base", "IANA time zone"),
        ("code", "Has Space", "lower-case"),
        ("phone_region", "ZZ", "ISO code of a country"),
        ("phone_region", "es", "ISO code of a country"),
        ("member_schema", "city | colour | City", "Line 1"),
        ("expiry_dates", "13-45", "not a day of the year"),
        ("expiry_kind", "rolling", "after how many"),
        ("expiry_kind", "fixed", "at least one date"),
    ],
)
def test_a_program_that_cannot_be_is_refused_with_the_reason(field: str, value: str, words: str) -> None:
    answer = people.olga().post("/admin/programs/program/add/", PROGRAM | {field: value})
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Program.objects.exists()


def test_pausing_a_program_writes_the_interval_and_a_history_line() -> None:
    program = people.a_program()
    client = people.olga()
    changed = PROGRAM | {"status": "paused", "member_schema": ""}
    answer = client.post(f"/admin/programs/program/{program.pk}/change/", changed)
    assert answer.status_code == 302
    assert Program.objects.get().status == "paused"
    assert ProgramPause.objects.get().ended_at is None
    client.post(f"/admin/programs/program/{program.pk}/change/", changed | {"status": "running"})
    assert ProgramPause.objects.get().ended_at is not None
    assert (
        "olga" in client.get(f"/admin/programs/program/{program.pk}/history/", follow=True).content.decode()
    )


def test_currency_code_and_mode_stay_as_they_were() -> None:
    program = people.a_program()
    sent = PROGRAM | {
        "currency": "EUR",
        "code": "other",
        "mode": "test",
        "status": "running",
        "member_schema": "",
    }
    people.olga().post(f"/admin/programs/program/{program.pk}/change/", sent)
    program.refresh_from_db()
    assert (program.currency, program.code, program.mode) == ("GBP", "corner", "live")


def test_settings_are_never_deleted() -> None:
    program = people.a_program()
    channel = people.a_channel(program)
    client = people.olga()
    for address in (
        f"/admin/programs/program/{program.pk}/delete/",
        f"/admin/programs/channel/{channel.pk}/delete/",
        f"/admin/programs/pointtype/{people.points_of(program).pk}/delete/",
    ):
        assert client.post(address, {"post": "yes"}).status_code == 403
    assert Channel.objects.exists()


def test_a_channel_belongs_to_the_program_worked_in_whatever_is_sent() -> None:
    people.a_program("alpha", name="Alpha")
    beta = people.a_program("beta", name="Beta")
    data = {
        "name": "Till",
        "code": "till",
        "kind": "till",
        "timezone": "",
        "is_active": "on",
        "program": beta.pk,
    }
    people.olga().post("/admin/programs/channel/add/", data)
    assert Channel.objects.get().program.code == "alpha"


def opened(client: Client, address: str) -> dict[str, Any]:
    """What a browser would send of a form as it was opened: each value, and beside it what was shown at first."""
    answer = client.get(address)
    page = answer.content.decode()
    sent: dict[str, Any] = {}
    for field in answer.context["adminform"].form:
        value = field.value()
        if not isinstance(value, bool):
            sent |= {field.html_name: "" if value is None else value}
        elif value:
            sent |= {field.html_name: "on"}
        shown = re.search(rf'name="{field.html_initial_name}"(?: value="([^"]*)")?', page)
        assert shown, field.name
        sent |= {field.html_initial_name: unescape(shown[1] or "")}
    return sent


def test_two_people_in_one_form_undo_nothing_of_each_other() -> None:
    channel = people.a_channel(people.a_program())
    address = f"/admin/programs/channel/{channel.pk}/change/"
    client = people.olga()
    mine, theirs = opened(client, address), opened(client, address)
    client.post(address, theirs | {"name": "The old shop"})
    del mine["is_active"]
    assert client.post(address, mine).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.is_active) == ("The old shop", False)


def test_what_two_people_changed_is_told_and_saving_again_means_it() -> None:
    program = people.a_program()
    address = f"/admin/programs/program/{program.pk}/change/"
    client = people.olga()
    mine = opened(client, address) | {"name": "Mine", "debt_policy": "only_pending"}
    client.post(address, opened(client, address) | {"name": "Theirs", "refund_grace_days": "7"})
    told = client.post(address, mine)
    assert told.status_code == 200
    assert "Someone else set this to “Theirs” in the meantime." in told.content.decode()
    assert Program.objects.get().name == "Theirs"
    form = told.context["adminform"].form
    again = mine | {form["name"].html_initial_name: form.data[form["name"].html_initial_name]}
    assert client.post(address, again).status_code == 302
    program.refresh_from_db()
    assert (program.name, program.refund_grace_days, program.debt_policy) == ("Mine", 7, "only_pending")


def test_a_taken_code_is_said_beside_the_form() -> None:
    program = people.a_program()
    data = EXPIRY | {
        "name_one": "star", "name_many": "stars", "code": "points", "decimals": "0", "pending_kind": "none",
        "debt_policy": "", "redeem_minimum": "0", "redeem_increment": "1",
    }  # fmt: skip
    client = people.olga()
    taken = client.post("/admin/programs/pointtype/add/", data)
    assert "already exists" in taken.content.decode()
    assert PointType.objects.filter(program=program).count() == 1


def point_type_form(**changes: str) -> dict[str, str]:
    return EXPIRY | {
        "name_one": "star", "name_many": "stars", "code": "stars", "decimals": "0", "pending_kind": "none",
        "debt_policy": "", "redeem_rate": "", "redeem_minimum": "0", "redeem_increment": "1",
    } | changes  # fmt: skip


def test_the_mark_of_the_default_moves_and_is_never_lost() -> None:
    program = people.a_program()
    client = people.olga()
    client.post("/admin/programs/pointtype/add/", point_type_form(is_default="on"))
    assert PointType.objects.get(program=program, is_default=True).code == "stars"
    stars = PointType.objects.get(program=program, code="stars")
    unmarked = client.post(f"/admin/programs/pointtype/{stars.pk}/change/", point_type_form())
    assert "A program always has a default" in unmarked.content.decode()
    assert PointType.objects.get(program=program, is_default=True).code == "stars"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expiry_kind": "rolling", "expiry_count": "101", "expiry_unit": "years"}, "At most 100."),
        ({"expiry_kind": "inactivity", "expiry_count": "1201", "expiry_unit": "months"}, "At most 1,200."),
        ({"pending_kind": "days", "pending_days": "3661"}, "At most 3,660."),
        ({"pending_kind": "date", "pending_date": "9999-12-31"}, "not after the year 2999"),
        ({"redeem_rate": "0"}, "empty when these points cannot pay"),
        ({"redeem_minimum": "-5"}, "Not below zero"),
    ],
)
def test_a_point_type_that_would_break_the_calendar_or_the_till_is_refused(
    changes: dict[str, str], words: str
) -> None:
    program = people.a_program()
    page = people.olga().post("/admin/programs/pointtype/add/", point_type_form(**changes))
    assert words in page.content.decode()
    assert PointType.objects.filter(program=program).count() == 1


def test_event_types_are_declared_in_lines() -> None:
    people.a_program()
    client = people.olga()
    data = {"name": "Hotel stay", "code": "hotel.stay", "attributes": "nights | number | Nights | required"}
    client.post("/admin/events/eventtype/add/", data)
    assert EventType.objects.get().attributes[0]["code"] == "nights"
    page = client.get(f"/admin/events/eventtype/{EventType.objects.get().pk}/change/").content.decode()
    assert "nights | number | Nights | required" in page


@pytest.mark.parametrize(
    "address",
    [
        "programs/program", "programs/pointtype", "programs/channel", "events/event", "events/eventtype", "base/job",
        "outbox/fact", "members/member", "members/identifier", "ledger/transaction", "ledger/entry", "ledger/lot",
        "ledger/wallet", "campaigns/campaign", "campaigns/campaignversion", "auth/user", "auth/group",
        "tiers/tierset", "tiers/ladderversion", "tiers/standing", "tiers/tierchange", "tiers/placement",
    ],
)  # fmt: skip
def test_every_list_opens_for_the_superuser_empty_and_not(address: str) -> None:
    client = people.olga()
    assert client.get(f"/admin/{address}/").status_code == 200
    program = people.a_program()
    people.given(people.ana(program), 5)
    people.an_order(people.a_channel(program))
    assert client.get(f"/admin/{address}/").status_code == 200


def test_no_page_carries_inline_script_or_style() -> None:
    program = people.a_program()
    member = people.ana(program)
    client = people.olga()
    for address in (
        "/admin/",
        f"/console/members/{member.pk}/",
        "/console/campaigns/new/base/",
        "/admin/programs/program/add/",
    ):
        answer = client.get(address)
        page = answer.content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert "onclick" not in page
        assert all("src=" in part.partition(">")[0] for part in page.split("<script")[1:])
        assert "script-src 'self' 'unsafe-eval';" in f"{answer['Content-Security-Policy']};"


def test_how_much_of_an_order_points_pay_is_set_and_checked_in_the_form() -> None:
    program = people.a_program()
    client = people.olga()
    wrong = point_type_form(redeem_max_percent="101", hold_minutes="0")
    page = client.post("/admin/programs/pointtype/add/", wrong).content.decode()
    assert "less than or equal to 100" in page
    assert "greater than or equal to 1" in page
    client.post("/admin/programs/pointtype/add/", point_type_form(redeem_max_percent="40", hold_minutes=""))
    made = PointType.objects.get(program=program, code="stars")
    assert (made.redeem_max_percent, made.hold_minutes) == (40, 15)


def test_whoever_is_added_to_the_staff_can_sign_in() -> None:
    people.a_program()
    secret = "correct horse battery staple"
    new = {"username": "vera", "password1": secret, "password2": secret, "usable_password": "true"}
    assert people.olga().post("/admin/auth/user/add/", new).status_code == 302
    answer = Client().post("/admin/login/", {"username": "vera", "password": secret, "next": "/admin/"})
    assert answer.status_code == 302


def test_what_the_inner_tables_of_django_allow_is_no_permission_to_pick() -> None:
    client = people.olga()
    for page in (
        reverse("admin:auth_group_add"),
        reverse("admin:auth_user_change", args=[User.objects.get().pk]),
    ):
        shown = client.get(page).content.decode()
        assert "Can view member" in shown
        assert "log entry" not in shown
        assert "content type" not in shown
        assert "add permission" not in shown
        assert "|" not in "".join(re.findall(r"<option[^>]*>([^<]*)</option>", shown))


def test_each_permission_that_can_be_picked_has_a_name_of_its_own() -> None:
    names = list(permissions_by_name().values_list("name", flat=True))
    assert len(names) == len(set(names)) > 50


def test_a_short_list_tells_a_number_only_when_a_search_leaves_rows_out() -> None:
    program = people.a_program()
    people.a_channel(program)
    people.a_channel(program, "till")
    client, page = people.olga(), reverse("admin:programs_channel_changelist")
    assert "(Show all)" not in client.get(reverse("admin:base_job_changelist")).content.decode()
    assert "2 results" not in client.get(page).content.decode()
    assert "1 result" in (found := client.get(f"{page}?q=till").content.decode())
    assert "2 total" in found
