"""What benchmarks share: a database of their own, the machine's size, and a table of ratios.

A benchmark measures our code and its limit (the database alone, on the same rows) in the same run; only the ratio
means anything on another machine.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import django
from django.core.management import call_command
from django.db import connection

from loyalty.config.embedded import postgres
from loyalty.config.embedded.state import server_account


class Row(NamedTuple):
    """Units per second of our code, and of its limit."""

    what: str
    ours: float
    limit: float
    unit: str
    wanted: float = 0.0

    @property
    def ratio(self) -> float:
        return self.ours / self.limit


@contextmanager
def server() -> Iterator[None]:
    """A PostgreSQL for this run, with Django set up on it. DATABASE_URL if set (its user must be able to create
    databases), else an embedded one that writes to the disk as a real one does, unlike that of the tests."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.config.settings")
    os.environ.setdefault("LAUREL_DEBUG", "0")
    os.environ.setdefault("LAUREL_PROCESS", "command")
    os.environ.setdefault("LAUREL_SECRET_KEY", secrets.token_urlsafe(64))
    os.environ.setdefault("LAUREL_KEY_PEPPER", secrets.token_urlsafe(64))
    os.environ.setdefault("LAUREL_CODE_KEY", secrets.token_urlsafe(64))
    if "DATABASE_URL" in os.environ:
        django.setup()
        yield
        return
    account = server_account()
    place = Path(tempfile.mkdtemp(prefix="laurel-bench-", dir="/tmp"))
    place.chmod(0o711 if account else 0o700)
    cluster = postgres.Cluster(place / "postgres", place / "sockets", account)
    leash = postgres.start(cluster)
    os.environ["DATABASE_URL"] = cluster.url
    try:
        django.setup()
        yield
    finally:
        connection.close()
        if leash:
            leash.end()
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def database(name: str, *, like: str | None = None) -> Iterator[None]:
    """A database of that name for Django's connection: empty with all migrations, or a copy of another one."""
    before = connection.settings_dict["NAME"]
    template = f" TEMPLATE {like} STRATEGY file_copy" if like else ""
    _outside(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}{template}")
    _use(name)
    try:
        if not like:
            call_command("migrate", verbosity=0)
        yield
    finally:
        _outside(f"DROP DATABASE IF EXISTS {name}")
        _use(before)


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _outside(*statements: str) -> None:
    _use("postgres")
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def environment(settings: str = "loyalty.config.settings") -> dict[str, str]:
    """For a process of ours that works on the present database, as in production: behind a proxy that speaks HTTPS."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    ours = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": settings, "LAUREL_PROCESS": "service"}
    served = {"LAUREL_ALLOWED_HOSTS": "127.0.0.1", "LAUREL_PROXY_COUNT": "1", "LAUREL_STATIC_ROOT": "static"}
    return {**os.environ, **ours, **served, "LAUREL_DEBUG": "0"}


def seconds(work: Callable[[], object]) -> float:
    """How long it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def typical(durations: Sequence[float]) -> float:
    return median(durations)


def settle() -> None:
    """Statistics are known and dirty pages written, so that no round pays for the one before."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def machine() -> str:
    """The machine in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    cores, python = os.cpu_count(), platform.python_version()
    return f"{cores} cores, {memory:.0f} GiB, PostgreSQL {version}, Python {python}"


def table(title: str, rows: Sequence[Row]) -> None:
    """Print what was measured; the last column says whether it is what we promise."""
    print(f"\n{title}")
    print(f"  {'':<44} {'ours':>12} {'limit':>12}  {'ratio':>6}")
    for row in rows:
        verdict = (
            ""
            if not row.wanted
            else f"  wanted {row.wanted:.0%}: {'ok' if row.ratio >= row.wanted else 'MISSED'}"
        )
        print(
            f"  {row.what:<44} {row.ours:>12,.0f} {row.limit:>12,.0f}  {row.ratio:>6.0%}  {row.unit}{verdict}"
        )
