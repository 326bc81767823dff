from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.base.errors import Conflict, Invalid
from loyalty.programs import channels, credentials
from loyalty.programs.errors import KeyNotValid
from loyalty.programs.models import ApiKey, Channel, Scope
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=1)
READ = [Scope.MEMBERS_READ.value]


@pytest.fixture
def channel() -> Channel:
    return a_channel(a_program())


def an_api_key(channel: Channel) -> tuple[ApiKey, str]:
    return credentials.issue(channel, name="Till 4", scopes=READ, at=NOON, by="olga")


def test_a_key_opens_its_channel_with_one_query(channel: Channel) -> None:
    key, secret = an_api_key(channel)
    credentials.authenticate(secret, at=NOON)
    with CaptureQueriesContext(connection) as queries:
        found = credentials.authenticate(secret, at=NOON + timedelta(seconds=1))
        assert found == key
        assert found.channel.program.code == "beans"
    assert len(queries) == 1


def test_a_key_says_its_mode_and_carries_190_bits() -> None:
    live, test = a_channel(a_program("one")), a_channel(a_program("two", mode="test"))
    assert re.fullmatch(r"lk_live_[0-9A-Za-z]{50}", an_api_key(live)[1])
    assert an_api_key(test)[1].startswith("lk_test_")


def test_nothing_of_the_secret_is_in_the_database(channel: Channel) -> None:
    key, secret = an_api_key(channel)
    row = serializers.serialize("json", [ApiKey.objects.get(pk=key.pk)])
    hidden = secret[len("lk_live_") + credentials.LOOKUP_CHARS : -credentials.CHECK_CHARS]
    assert not any(hidden[start : start + 5] in row for start in range(len(hidden) - 4))
    assert bytes(key.digest).hex() not in secret


def test_the_pepper_is_part_of_the_key(channel: Channel, settings: LazySettings) -> None:
    _, secret = an_api_key(channel)
    settings.KEY_PEPPER = "another pepper"
    with pytest.raises(KeyNotValid):
        credentials.authenticate(secret, at=NOON)


@pytest.mark.parametrize("wrong", ["", "lk_live_", "Bearer x", "lk_live_" + "a" * 50, "\ud800", "l" * 10_000])
def test_what_is_no_key_costs_no_query(channel: Channel, wrong: str) -> None:
    with CaptureQueriesContext(connection) as queries, pytest.raises(KeyNotValid):
        credentials.authenticate(wrong, at=NOON)
    assert len(queries) == 0


def test_one_changed_character_is_refused(channel: Channel) -> None:
    _, secret = an_api_key(channel)
    for place in range(len(secret)):
        changed = secret[:place] + ("x" if secret[place] != "x" else "y") + secret[place + 1 :]
        with pytest.raises(KeyNotValid):
            credentials.authenticate(changed, at=NOON)


def test_a_right_checksum_does_not_help_a_guess(channel: Channel) -> None:
    _, secret = an_api_key(channel)
    other = credentials.issue(channel, name="Other", scopes=READ, at=NOON)[1]
    body = secret[:20] + other[20:-6]
    with pytest.raises(KeyNotValid):
        credentials.authenticate(body + credentials._checksum(body), at=NOON)


def test_a_revoked_key_is_refused_at_once(channel: Channel) -> None:
    key, secret = an_api_key(channel)
    credentials.authenticate(secret, at=NOON)
    credentials.revoke(key, at=LATER)
    with pytest.raises(KeyNotValid):
        credentials.authenticate(secret, at=LATER)


def test_a_key_ends_at_its_expiry_and_not_after(channel: Channel) -> None:
    _, secret = credentials.issue(channel, name="Till", scopes=READ, at=NOON, expires_at=LATER)
    credentials.authenticate(secret, at=LATER - timedelta(milliseconds=1))
    with pytest.raises(KeyNotValid):
        credentials.authenticate(secret, at=LATER)


def test_a_channel_that_is_switched_off_takes_its_keys_along(channel: Channel) -> None:
    _, secret = an_api_key(channel)
    channels.switch(channel, on=False)
    with pytest.raises(KeyNotValid):
        credentials.authenticate(secret, at=NOON)


def test_a_rolled_key_and_its_successor_work_side_by_side_for_the_overlap(channel: Channel) -> None:
    key, old = an_api_key(channel)
    successor, new = credentials.roll(key, overlap=timedelta(hours=1), at=NOON)
    assert successor.scopes == key.scopes
    during = LATER - timedelta(seconds=1)
    assert credentials.authenticate(old, at=during).successor_id == successor.pk
    credentials.authenticate(new, at=LATER)
    with pytest.raises(KeyNotValid):
        credentials.authenticate(old, at=LATER)
    with pytest.raises(Conflict):
        credentials.roll(key, overlap=timedelta(0), at=LATER)


def test_rolling_never_lengthens_the_life_of_the_old_key(channel: Channel) -> None:
    key, _ = credentials.issue(channel, name="Till", scopes=READ, at=NOON, expires_at=LATER)
    credentials.roll(key, overlap=timedelta(days=7), at=NOON)
    assert ApiKey.objects.get(pk=key.pk).expires_at == LATER


def test_a_revoked_key_cannot_be_rolled(channel: Channel) -> None:
    key, _ = an_api_key(channel)
    credentials.revoke(key, at=NOON)
    with pytest.raises(Conflict):
        credentials.roll(key, overlap=timedelta(0), at=LATER)


def test_use_is_noted_at_most_once_a_minute(channel: Channel) -> None:
    key, secret = an_api_key(channel)
    for seconds in (0, 30, 59, 61, 90):
        credentials.authenticate(secret, at=NOON + timedelta(seconds=seconds))
    key.refresh_from_db()
    assert key.last_used_at == NOON + timedelta(seconds=61)


@pytest.mark.parametrize("scopes", [[], ["points:mint"], ["members:read", "*"]])
def test_a_key_has_known_scopes_only(channel: Channel, scopes: list[str]) -> None:
    with pytest.raises(Invalid):
        credentials.issue(channel, name="Till", scopes=scopes, at=NOON)
