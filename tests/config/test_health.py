from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client

from loyalty.base import clock, jobs
from loyalty.config import health
from loyalty.ledger import proof


def test_a_living_process_says_so_without_the_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.django_db
def test_readiness_names_every_part(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    parts = answer.json()["parts"]
    assert set(parts) == {"database", "broker", "migrations", "events", "scheduler", "books"}
    assert parts["database"]["status"] == parts["broker"]["status"] == "ok"
    assert parts["migrations"] == {"status": "ok", "pending": 0}


@pytest.mark.django_db
def test_a_silent_scheduler_is_named_and_takes_no_web_server_down(client: Client) -> None:
    assert client.get("/readyz").json()["parts"]["scheduler"]["status"] == "silent"
    now = clock.now()
    jobs.beat("beat", at=now - timedelta(seconds=20))
    with clock.pinned(now):
        assert client.get("/readyz").json()["parts"]["scheduler"]["status"] == "ok"
    with clock.pinned(now + timedelta(minutes=5)):
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["parts"]["scheduler"] == {"status": "silent", "seconds_since_last_turn": 320}


@pytest.mark.django_db
def test_the_last_verdict_on_the_books_is_told_without_rows(client: Client) -> None:
    books = {"status": "not_checked_yet", "seconds_since_last_check": None, "breaches": None}
    assert client.get("/readyz").json()["parts"]["books"] == books
    now = clock.now()
    job = proof.verify_now(at=now)
    with clock.pinned(now + timedelta(hours=1)):
        assert client.get("/readyz").json()["parts"]["books"]["status"] == "ok"
    breach = {"check": "wallet_balance", "table": "ledger_wallet", "id": "7", "message": "off by 1"}
    job.refresh_from_db()
    job.result = {**job.result, "ok": False, "breaches": [breach]}
    job.save()
    assert job.finished_at is not None
    with clock.pinned(job.finished_at + timedelta(hours=2)):
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["parts"]["books"] == {
        "status": "broken", "seconds_since_last_check": 7200, "breaches": 1
    }  # fmt: skip


@pytest.mark.django_db
def test_without_its_broker_the_process_lives_but_is_not_ready(
    client: Client, settings: LazySettings
) -> None:
    settings.REDIS_URL = "unix:///nowhere/broker.sock"
    health._broker.cache_clear()
    answer = client.get("/readyz")
    health._broker.cache_clear()
    assert answer.status_code == 503
    assert answer.json()["parts"]["broker"] == {"status": "failing", "error": "ConnectionError"}
    assert answer.json()["parts"]["database"]["status"] == "ok"
    assert client.get("/healthz").status_code == 200


def test_without_its_database_the_process_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "ensure_connection", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == {"status": "failing", "error": "OperationalError"}
