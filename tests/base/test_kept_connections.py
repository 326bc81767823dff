"""Connections that are kept: a request does not ask the server whether it is there, and a server that ended them costs
no request an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.core.signals import request_started
from django.db import connection
from django.db.backends.postgresql import base as django_base

from loyalty.base import prepared
from loyalty.base.postgresql import base

pytestmark = pytest.mark.django_db(transaction=True)

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What the server said each time it was asked whether it is there."""
    answers: list[bool] = []
    ask = django_base.DatabaseWrapper.is_usable

    def counted(self: django_base.DatabaseWrapper) -> bool:
        answers.append(ask(self))
        return answers[-1]

    monkeypatch.setattr(django_base.DatabaseWrapper, "is_usable", counted)
    return answers


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, to be moved by hand."""
    now = [1_000.0]
    monkeypatch.setattr(base, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def kept() -> Iterator[None]:
    """Connections as a server has them."""
    known = connection.settings_dict
    before = known["CONN_MAX_AGE"]
    known["CONN_MAX_AGE"] = None
    connection.close()
    yield
    known["CONN_MAX_AGE"] = before
    connection.close()


def by_django() -> int:
    with connection.cursor() as cursor:
        cursor.execute(PID)
        return int(cursor.fetchone()[0])


def by_a_planned_statement() -> int:
    with prepared.prepared() as cursor:
        row = cursor.execute(PID).fetchone()
        assert row is not None
        return int(row[0])


def by_a_question() -> int:
    return prepared.ask(prepared.Question(PID, {}, lambda rows: int(rows[0][0])))


ways = pytest.mark.parametrize("ask", [by_django, by_a_planned_statement, by_a_question])


def a_request(ask: Callable[[], int]) -> int:
    request_started.send(sender=None)
    return ask()


@ways
def test_requests_share_a_connection_and_ask_after_it_only_now_and_then(
    ask: Callable[[], int], asked: list[bool], clock: list[float], kept: None
) -> None:
    pids = {a_request(ask) for _ in range(5)}
    assert (len(pids), asked) == (1, [])
    clock[0] += base.TRUSTED_SECONDS
    assert {a_request(ask) for _ in range(5)} == pids
    assert asked == [True]


@ways
def test_the_request_after_the_server_ended_the_connection_gets_another(
    ask: Callable[[], int], asked: list[bool], clock: list[float], kept: None
) -> None:
    first = a_request(ask)
    own = connection.connection.info
    with psycopg.connect(own.dsn, password=own.password, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert a_request(ask) != first
    assert asked == [False]
