"""What is chosen is what is seen: another program's things answer as if they did not exist."""

from __future__ import annotations

from urllib.parse import unquote
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from loyalty.members.models import Member
from loyalty.programs.models import Program
from tests.console import people

pytestmark = pytest.mark.django_db


def test_another_programs_objects_are_not_found_until_it_is_chosen() -> None:
    people.a_program("alpha", name="Alpha")
    beta = people.a_program("beta", name="Beta")
    member = people.ana(beta)
    booked = people.given(member, 5)
    channel = people.a_channel(beta)
    receipt = people.an_order(channel)
    client = people.olga()
    addresses = [
        f"/console/members/{member.pk}/",
        f"/console/members/{member.pk}/adjust/?form={uuid4()}",
        f"/console/members/{member.pk}/receipts/{booked.pk}/",
        f"/console/events/{receipt.event_id}/",
        f"/console/campaigns/events/{receipt.event_id}/why/",
        f"/console/channels/{channel.pk}/keys/",
        f"/admin/ledger/transaction/{booked.pk}/change/",
        f"/admin/members/member/{member.pk}/change/",
        f"/admin/programs/channel/{channel.pk}/change/",
    ]
    assert [client.get(address).status_code for address in addresses] == [404] * len(addresses)
    client.post("/console/switch/", {"program": "beta"})
    assert [client.get(address).status_code for address in addresses] == [200] * len(addresses)


def test_lists_show_the_chosen_program_only() -> None:
    people.a_program("alpha", name="Alpha")
    member = people.ana(people.a_program("beta", name="Beta"))
    people.given(member, 5)
    client = people.olga()
    lists = ["members/member", "ledger/transaction", "ledger/entry", "ledger/lot", "members/identifier"]
    for one in lists:
        assert str(member) not in client.get(f"/admin/{one}/").content.decode()
    client.post("/console/switch/", {"program": "beta"})
    assert str(member) in client.get("/admin/members/member/").content.decode()


def test_a_link_alone_does_not_switch() -> None:
    people.a_program("alpha", name="Alpha")
    people.a_program("beta", name="Beta")
    client = people.olga()
    client.get("/console/switch/?program=beta")
    assert "Work in Beta" in client.get("/console/switch/?program=beta").content.decode()
    assert client.session.get("program") is None
    assert client.post("/console/switch/", {"program": "nowhere"}).status_code == 404


def test_a_test_program_cannot_be_mistaken_for_a_live_one() -> None:
    people.a_program(mode=Program.Mode.TEST)
    client = people.olga()
    for address in ("/admin/", "/console/members/", "/admin/events/event/", "/console/campaigns/"):
        page = client.get(address).content.decode()
        assert "<strong>TEST</strong>" in page
        assert "<title>TEST – " in page


def test_a_live_program_has_no_test_bar() -> None:
    people.a_program()
    page = people.olga().get("/admin/").content.decode()
    assert "lr-testbar" not in page


def test_without_a_program_home_says_what_to_do_first() -> None:
    page = people.olga().get("/admin/").content.decode()
    assert "Set up your first program" in page


def test_staff_without_permissions_read_what_they_lack() -> None:
    people.a_program()
    client = people.nell()
    answer = client.get("/console/members/")
    assert answer.status_code == 403
    assert "Can view member" in answer.content.decode()
    assert client.get("/console/campaigns/").status_code == 403
    for address, lacks in {
        "/admin/events/event/": "Can view event",
        "/admin/programs/channel/add/": "Can add channel",
        "/admin/auth/user/": "Can view user",
    }.items():
        answer = client.get(address)
        assert (answer.status_code, lacks in answer.content.decode()) == (403, True), address


def test_who_is_not_signed_in_signs_in_first(client: object) -> None:
    people.a_program()
    for address in ("/console/members/", "/console/switch/", "/console/campaigns/"):
        answer = client.get(address)  # type: ignore[attr-defined]
        assert answer["Location"].startswith("/admin/login/?next=/console/")


def a_form_opened_in(program: Program, **more: str) -> dict[str, str]:
    """What a browser sends of the form for a new member that was opened in that program."""
    return {"form_program": program.code, "name": "Zoë <b>", "external_id": "zoe", **more}


def test_a_form_of_another_program_is_held_back_and_what_was_typed_can_still_be_sent() -> None:
    own, other = people.a_program(), people.a_program("other")
    client, address = people.olga(), "/console/members/new/"
    client.post("/console/switch/", {"program": own.code})
    assert f'name="form_program" value="{own.code}"' in client.get(address).content.decode()
    client.post("/console/switch/", {"program": other.code})
    held = client.post(address, a_form_opened_in(own))
    assert held.status_code == 409
    assert "Nothing was changed in either of them." in held.content.decode()
    assert "Zoë &lt;b&gt;" in held.content.decode()
    assert not Member.objects.exists()
    client.post(address, a_form_opened_in(own, form_program_sure="1"))
    assert Member.objects.get().program == own
    assert f'name="form_program" value="{own.code}"' in client.get(address).content.decode()


def test_a_form_with_a_file_is_to_be_opened_again() -> None:
    own, other = people.a_program(), people.a_program("other")
    client = people.olga()
    client.post("/console/switch/", {"program": other.code})
    sent = {"form_program": own.code, "file": SimpleUploadedFile("a.csv", b"member,amount")}
    held = client.post("/console/imports/", sent)
    assert held.status_code == 409
    assert "open the form again" in held.content.decode()
    assert "form_program_sure" not in held.content.decode()


def test_whoever_was_signed_out_comes_back_to_the_page_and_reads_that_nothing_was_done(
    client: Client,
) -> None:
    people.a_program()
    page = "/console/campaigns/1/?tab=why"
    sent = client.post("/console/campaigns/1/pause/", headers={"Referer": f"http://testserver{page}"})
    assert (
        sent["Location"]
        == "/admin/login/?next=/console/held/%3Fpage%3D%252Fconsole%252Fcampaigns%252F1%252F%253Ftab%253Dwhy"
    )
    assert "nothing was changed" in client.get(sent["Location"]).content.decode()
    for origin in ("https://evil.example/console/", "", "//evil.example/"):
        sent = client.post("/console/campaigns/1/pause/", headers={"Referer": origin})
        assert unquote(unquote(sent["Location"])) == "/admin/login/?next=/console/held/?page=/admin/"
    asked = client.get("/console/members/", headers={
        "HX-Request": "true", "HX-Current-URL": "http://testserver/console/members/?q=a"})  # fmt: skip
    assert asked["HX-Redirect"] == "/admin/login/?next=/console/members/%3Fq%3Da"


def test_a_part_of_a_page_that_asks_in_vain_says_why_and_leaves_the_page_as_it_is(client: Client) -> None:
    own, other = people.a_program(), people.a_program("other", name="Other")
    asking = {"HX-Request": "true"}
    answer = client.post("/console/members/new/", {}, headers=asking)
    assert (answer.status_code, answer["Content-Type"]) == (401, "text/plain; charset=utf-8")
    assert "You have been signed out" in answer.content.decode()
    staff = people.olga()
    staff.post("/console/switch/", {"program": other.code})
    answer = staff.post("/console/members/new/", a_form_opened_in(own), headers=asking)
    assert (answer.status_code, answer["Content-Type"]) == (409, "text/plain; charset=utf-8")
    assert f"you work in {other.name}" in answer.content.decode()


def test_who_signs_in_again_works_in_the_same_program() -> None:
    people.a_program("alpha", name="Alpha")
    people.a_program("beta", name="Beta")
    client = people.olga()
    client.post("/console/switch/", {"program": "beta"})
    Session.objects.all().delete()
    client.post("/admin/login/", {"username": "olga", "password": "a long passphrase"})
    assert client.get("/console/members/").context["program"].code == "beta"
    client.cookies["program"] = "gone"
    client.session.flush()
    client.post("/admin/login/", {"username": "olga", "password": "a long passphrase"})
    assert client.get("/console/members/").status_code == 200


def test_a_held_form_leads_back_to_pages_of_ours_only() -> None:
    people.a_program()
    client = people.olga()
    back = {
        "/console/members/?q=a": "/console/members/?q=a",
        "https://evil.example/console/": "/admin/",
        "//evil.example/console/": "/admin/",
        "javascript:alert(1)": "/admin/",
        "": "/admin/",
    }
    for page, there in back.items():
        told = client.get("/console/held/", {"page": page}).content.decode()
        assert f'href="{there}">Back to the page' in told


def test_a_form_older_than_the_sign_in_can_be_sent_again() -> None:
    people.a_program()
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.olga().get("/admin/").wsgi_request.user)  # type: ignore[arg-type]
    address, sent = "/console/members/new/", {"name": "Zoë", "csrfmiddlewaretoken": "x" * 64}
    answer = client.post(address, sent)
    assert answer.status_code == 403
    assert "data-held" in answer.content.decode()
    answer = client.post(address, sent, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert "The form has expired" in Client(enforce_csrf_checks=True).post("/admin/login/").content.decode()
    assert not Member.objects.exists()
