"""A repeated POST gets the first answer and acts once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.db import connection, transaction

from loyalty.base import clock
from loyalty.outbox.models import Fact
from loyalty.programs import idempotency
from loyalty.programs.models import Channel, IdempotencyKey, Program, Scope
from tests.api.calls import Answer, Caller, make_channel, make_key, read, refused

NOTE = {"points": 5}


@pytest.fixture(autouse=True)
def _tiny(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.api.tiny"


def test_a_repetition_gets_the_same_bytes_and_acts_once(shop: Caller) -> None:
    first = shop.post("/notes", NOTE, Idempotency_Key="k 1")
    again = shop.post("/notes", NOTE, Idempotency_Key="k 1")
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Fact.objects.count() == 1


def test_the_same_json_written_differently_is_the_same_request(shop: Caller) -> None:
    shop.post("/notes", b'{"points": 5, "text": "a"}', Idempotency_Key="k")
    again = shop.post("/notes", b'{"text":"a","points":5}', Idempotency_Key="k")
    assert again["Idempotent-Replayed"] == "true"


def test_another_body_under_the_same_key_is_refused_and_named(shop: Caller) -> None:
    shop.post("/notes", NOTE, Idempotency_Key="k")
    problem = refused(shop.post("/notes", {"points": 6}, Idempotency_Key="k"), 409, "idempotency_key_reused")
    assert problem["idempotency_key"] == "k"
    assert problem["differs"] == "body"
    assert Fact.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "é", "a\x7f"])
def test_a_key_that_is_no_key_is_refused(shop: Caller, key: str) -> None:
    refused(shop.post("/notes", NOTE, Idempotency_Key=key), 400, "idempotency_key_invalid")
    assert Fact.objects.count() == 0


def test_a_missing_key_is_refused(shop: Caller) -> None:
    refused(shop.post("/notes", NOTE), 400, "idempotency_key_missing")
    assert Fact.objects.count() == 0


def test_a_key_of_255_characters_is_a_key(shop: Caller) -> None:
    assert shop.post("/notes", NOTE, Idempotency_Key="x" * 255).status_code == 201


def test_a_business_refusal_is_kept_and_replayed(shop: Caller) -> None:
    first = shop.post("/notes", {"points": 5, "text": "refuse"}, Idempotency_Key="k")
    again = shop.post("/notes", {"points": 5, "text": "refuse"}, Idempotency_Key="k")
    refused(first, 409, "not_now")
    refused(again, 409, "not_now")
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    assert Fact.objects.count() == 0


@pytest.mark.parametrize("text", ["invalid", "crash", "x" * 21])
def test_what_was_not_done_may_be_corrected_under_the_same_key(shop: Caller, text: str) -> None:
    assert shop.post("/notes", {"points": 5, "text": text}, Idempotency_Key="k").status_code in (422, 500)
    assert not IdempotencyKey.objects.exists()
    assert shop.post("/notes", NOTE, Idempotency_Key="k").status_code == 201


def test_a_key_refused_for_its_scope_may_be_used_later(
    shop: Caller, caller_with: Callable[..., Caller]
) -> None:
    refused(caller_with(Scope.MEMBERS_READ).post("/notes", NOTE, Idempotency_Key="k"), 403, "missing_scope")
    assert shop.post("/notes", NOTE, Idempotency_Key="k").status_code == 201


def test_two_channels_may_use_the_same_key(shop: Caller, program: Program) -> None:
    till = Caller(make_key(make_channel(program, "till"))[1])
    assert "Idempotent-Replayed" not in shop.post("/notes", NOTE, Idempotency_Key="k")
    assert "Idempotent-Replayed" not in till.post("/notes", NOTE, Idempotency_Key="k")
    assert Fact.objects.count() == 2


def test_keys_are_kept_for_thirty_days(shop: Caller, program: Program) -> None:
    shop.post("/notes", NOTE, Idempotency_Key="k")
    made = IdempotencyKey.objects.get().created_at
    assert idempotency.forget_old(program, at=made + timedelta(days=30)) == 0
    assert idempotency.forget_old(program, at=made + timedelta(days=30, seconds=1)) == 1


def _all_at_once(shop: Caller, count: int) -> list[Answer]:
    def call(_: int) -> Answer:
        try:
            return Caller(shop.key).post("/notes", NOTE, Idempotency_Key="k")
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as threads:
        return list(threads.map(call, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_fifty_parallel_repetitions_one_acts_and_all_get_its_answer(shop: Caller) -> None:
    answers = _all_at_once(shop, 50)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
    assert Fact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_unique_row_they_would_act_more_than_once(
    shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the test above is able to see the fault that it is there for."""
    monkeypatch.setattr(idempotency, "_claim", lambda *args: 0)
    _all_at_once(shop, 50)
    assert Fact.objects.count() > 1


@pytest.mark.django_db(transaction=True)
def test_a_key_still_in_use_is_answered_soon(channel: Channel, shop: Caller) -> None:
    def repeat() -> Answer:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            return shop.post("/notes", NOTE, Idempotency_Key="k")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        idempotency._claim(channel, "k", "POST /api/v1/notes", b"x" * 32, clock.now())
        answer = threads.submit(repeat).result()
    refused(answer, 409, "idempotency_key_in_progress")
    assert answer["Retry-After"] == "1"


def test_the_answer_of_a_refusal_names_its_first_request(shop: Caller) -> None:
    shop.post("/notes", {"points": 1, "text": "refuse"}, Idempotency_Key="k", X_Request_ID="first")
    again = shop.post("/notes", {"points": 1, "text": "refuse"}, Idempotency_Key="k", X_Request_ID="second")
    assert read(again)["request_id"] == "first"
    assert again["X-Request-ID"] == "second"


def test_what_a_caller_writes_into_headers_is_not_kept(shop: Caller) -> None:
    refusal = {"points": 1, "text": "refuse"}
    headers = {"Idempotency_Key": "ana.priv@example.org 1", "X_Request_ID": "ana.priv@example.org"}
    first = shop.post("/notes", refusal, **headers)
    again = shop.post("/notes", refusal, **headers)
    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert "ana.priv" not in str(IdempotencyKey.objects.values().get())


def test_keys_that_were_kept_before_are_found_again(shop: Caller) -> None:
    shop.post("/notes", NOTE, Idempotency_Key="k")
    IdempotencyKey.objects.update(key="k")
    migration = import_module("loyalty.programs.migrations.0002_keys_are_kept_as_digests")
    migration.digest_keys(apps, None)
    assert shop.post("/notes", NOTE, Idempotency_Key="k")["Idempotent-Replayed"] == "true"
