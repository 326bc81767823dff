"""Keys of a channel: shown once, rolled with an overlap, revoked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from loyalty.base import clock
from loyalty.programs.models import ApiKey
from tests.console import people

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"lk_live_[0-9A-Za-z]{50}")
NEW = {"name": "Production shop", "scopes": ["events:write", "members:read"], "expires_on": ""}


def test_a_new_key_is_shown_once_and_never_again() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    answer = client.post(f"/console/channels/{channel.pk}/keys/new/", NEW)
    secret = SECRET.search(answer.content.decode())
    assert secret
    assert "no-store" in answer["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.scopes, key.created_by) == (["events:write", "members:read"], "olga")
    listed = client.get(f"/console/channels/{channel.pk}/keys/").content.decode()
    assert secret[0] not in listed
    assert secret[0][-4:] in listed
    assert "never" in listed


def test_rolling_gives_a_successor_and_the_old_key_goes_on_for_the_overlap() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    client.post(f"/console/channels/{channel.pk}/keys/new/", NEW)
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
    client.post(f"/console/channels/{channel.pk}/keys/new/", NEW)
    key = ApiKey.objects.get()
    client.post(f"/console/keys/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked_at is not None
    client.post(f"/console/keys/{key.pk}/roll/", {"overlap": "24"})
    assert ApiKey.objects.count() == 1


def test_a_key_without_scopes_or_with_an_end_in_the_past_is_refused() -> None:
    channel = people.a_channel(people.a_program())
    client = people.olga()
    address = f"/console/channels/{channel.pk}/keys/new/"
    assert client.post(address, {"name": "x"}).status_code == 422
    assert client.post(address, NEW | {"scopes": ["everything"]}).status_code == 422
    assert client.post(address, NEW | {"expires_on": "2020-01-01"}).status_code == 422
    assert not ApiKey.objects.exists()


def test_agents_do_not_see_keys_and_no_get_changes_one() -> None:
    channel = people.a_channel(people.a_program())
    people.olga().post(f"/console/channels/{channel.pk}/keys/new/", NEW)
    key = ApiKey.objects.get()
    client = people.sam()
    assert client.get(f"/console/channels/{channel.pk}/keys/").status_code == 403
    assert client.post(f"/console/keys/{key.pk}/revoke/").status_code == 403
    assert client.get(f"/console/keys/{key.pk}/revoke/").status_code == 405
    key.refresh_from_db()
    assert key.revoked_at is None
