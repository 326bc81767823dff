"""Keys of a channel: shown once, rolled with an overlap, revoked."""

from __future__ import annotations

import html
import re
import shlex
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from loyalty.base import clock
from loyalty.programs.models import ApiKey, Channel, Scope
from tests.console import people

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"lk_live_[0-9A-Za-z]{50}")
NEW = {"name": "Production shop", "scopes": ["events:write", "members:read"], "expires_on": ""}
COMMAND = re.compile(r'<pre class="lr-code" id="lr-curl">(.*?)</pre>', re.DOTALL)


def made(client: Client, channel: Channel, **changes: Any) -> Any:
    """The answer to the form, filled in and sent."""
    return client.post(f"/console/channels/{channel.pk}/keys/new/", NEW | {"token": str(uuid4())} | changes)


def pasted(page: str) -> Any:
    """The answer to the printed call, made as a shell would."""
    found = COMMAND.search(page)
    assert found
    words = shlex.split(html.unescape(found[1]).replace("\\\n", " "))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    body = words[words.index("-d") + 1] if "-d" in words else ""
    address = next(word for word in words if word.startswith("http")).removeprefix("http://testserver")
    content_type = headers.pop("Content-Type", "")
    return Client().generic(method, address, body, content_type=content_type, headers=headers)


def test_a_new_key_is_shown_once_and_never_again() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    answer = made(client, channel)
    secret = SECRET.search(answer.content.decode())
    assert secret
    assert "no-store" in answer["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.scopes, key.created_by) == (["events:write", "members:read"], "olga")
    listed = client.get(f"/console/channels/{channel.pk}/keys/").content.decode()
    assert secret[0] not in listed
    assert secret[0][-4:] in listed
    assert "never" in listed


def test_a_reload_of_the_new_key_makes_no_other_and_shows_no_secret() -> None:
    channel = people.a_channel(people.a_program())
    client, token = people.olga(), str(uuid4())
    secret = SECRET.search(made(client, channel, token=token).content.decode())
    again = made(client, channel, token=token)
    assert secret
    assert again["Location"] == f"/console/channels/{channel.pk}/keys/"
    listed = client.get(again["Location"]).content.decode()
    assert "It is shown only once" in listed
    assert secret[0] not in listed
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Asia/Tokyo", "America/Lima"])
def test_the_printed_call_tells_the_time_as_it_is_whatever_the_zone(zone: str) -> None:
    page = made(people.olga(), people.a_channel(people.a_program(timezone=zone))).content.decode()
    answer = pasted(page)
    assert answer.status_code == 200, answer.content
    assert pasted(page).json()["event"] == answer.json()["event"]


@pytest.mark.parametrize("scopes", [[scope] for scope in Scope.values] + [list(Scope.values)], ids=" ".join)
def test_the_printed_call_is_one_that_the_key_may_make(scopes: list[str]) -> None:
    program = people.a_program()
    people.ana(program)
    page = made(people.olga(), people.a_channel(program), scopes=scopes).content.decode()
    if COMMAND.search(page):
        answer = pasted(page)
        assert answer.status_code in (200, 201, 202), answer.content
    else:
        assert scopes[0].partition(":")[2] not in ("read", "write")
        assert "openapi.json" in page


@pytest.mark.parametrize("scope", ["members:read", "members:write"])
def test_before_there_is_a_member_the_printed_call_enrols_one_or_there_is_none(scope: str) -> None:
    page = made(people.olga(), people.a_channel(people.a_program()), scopes=[scope]).content.decode()
    if scope == "members:write":
        assert pasted(page).status_code == 201
    else:
        assert not COMMAND.search(page)


def test_rolling_gives_a_successor_and_the_old_key_goes_on_for_the_overlap() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    made(client, channel)
    old = ApiKey.objects.get()
    answer = client.post(f"/console/keys/{old.pk}/roll/", {"overlap": "24"})
    assert SECRET.search(answer.content.decode())
    old.refresh_from_db()
    assert old.successor is not None
    assert old.expires_at is not None
    assert timedelta(hours=23) < old.expires_at - clock.now() <= timedelta(hours=24)
    assert "Replaced, still works" in client.get(f"/console/channels/{channel.pk}/keys/").content.decode()


def test_a_revoked_key_is_marked_and_can_not_be_rolled() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    made(client, channel)
    key = ApiKey.objects.get()
    client.post(f"/console/keys/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at is not None
    client.post(f"/console/keys/{key.pk}/roll/", {"overlap": "24"})
    assert ApiKey.objects.count() == 1


def test_a_key_without_scopes_or_with_an_end_in_the_past_is_refused() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    assert made(client, channel, scopes=[]).status_code == 422
    assert made(client, channel, scopes=["everything"]).status_code == 422
    assert made(client, channel, expires_on="2020-01-01").status_code == 422
    assert made(client, channel, token="").status_code == 422
    assert not ApiKey.objects.exists()


def test_agents_do_not_see_keys_and_no_get_changes_one() -> None:
    channel = people.a_channel(people.a_program())
    made(people.olga(), channel)
    key = ApiKey.objects.get()
    client = people.sam()
    assert client.get(f"/console/channels/{channel.pk}/keys/").status_code == 403
    assert client.post(f"/console/keys/{key.pk}/revoke/").status_code == 403
    assert client.get(f"/console/keys/{key.pk}/revoke/").status_code == 405
    key.refresh_from_db()
    assert key.revoked_at is None
