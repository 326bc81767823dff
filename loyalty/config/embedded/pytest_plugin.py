"""Gives the tests a throw-away PostgreSQL and Valkey when DATABASE_URL and REDIS_URL name none.

A plugin and not a conftest, because pytest-django reads the settings before any conftest is loaded. With
pytest-xdist the controller starts the servers; its workers inherit the URLs and share them.
"""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest

from loyalty.config.embedded import postgres, valkey
from loyalty.config.embedded.leash import Leashed
from loyalty.config.embedded.state import server_account

_servers: list[Leashed] = []
_places: list[Path] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    """Start what is missing before anybody reads the settings."""
    os.environ.setdefault("LAUREL_DEBUG", "1")
    os.environ.setdefault("LAUREL_PROCESS", "command")
    os.environ.setdefault("LAUREL_STATEMENT_TIMEOUT_MS", "30000")
    os.environ.setdefault("LAUREL_SECRET_KEY", secrets.token_urlsafe(64))
    os.environ.setdefault("LAUREL_KEY_PEPPER", secrets.token_urlsafe(64))
    os.environ.setdefault("LAUREL_CODE_KEY", secrets.token_urlsafe(64))
    if {"-h", "--help", "--version"} & set(args):
        return
    if not os.environ.get("DATABASE_URL") or not os.environ.get("REDIS_URL"):
        _start_missing()


def _start_missing() -> None:
    account = server_account()
    place = Path(tempfile.mkdtemp(prefix="laurel-test-", dir="/tmp"))
    place.chmod(0o711 if account else 0o700)
    _places.append(place)
    if not os.environ.get("DATABASE_URL"):
        cluster = postgres.Cluster(place / "postgres", place / "sockets", account, throwaway=place)
        _hold(postgres.start(cluster))
        os.environ["DATABASE_URL"] = cluster.url
    if not os.environ.get("REDIS_URL"):
        broker = valkey.Broker(place / "valkey", place / "sockets", account, throwaway=place)
        _hold(valkey.start(broker))
        os.environ["REDIS_URL"] = broker.url


def _hold(server: Leashed | None) -> None:
    if server:
        _servers.append(server)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Nothing is left afterwards."""
    for server in _servers:
        server.release()
    for server in _servers:
        server.end()
    for place in _places:
        shutil.rmtree(place, ignore_errors=True)
