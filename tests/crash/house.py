"""A whole Laurel of real processes, each of which can be killed at any moment and started again.

Unlike the servers of other tests this PostgreSQL writes every commit through: what it acknowledged must survive.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from loyalty.config.embedded import postgres, valkey
from loyalty.config.embedded.leash import Leashed
from loyalty.config.embedded.state import ROOT, server_account

BOOT_SECONDS = 90
SETTLE_SECONDS = 90
Json = dict[str, Any]


class Answer(NamedTuple):
    """What a request came to; status 0 when the connection broke."""

    status: int
    body: Json


class House:
    """The servers and our own processes. `close` ends them all."""

    def __init__(self) -> None:
        account = server_account()
        self.place = Path(tempfile.mkdtemp(prefix="laurel-crash-", dir="/tmp"))
        self.place.chmod(0o711 if account else 0o700)
        self.cluster = postgres.Cluster(self.place / "postgres", self.place / "sockets", account)
        self.broker = valkey.Broker(self.place / "valkey", self.place / "sockets", account)
        self.port = _free_port()
        self.running: dict[str, Leashed] = {}
        self.pids: dict[str, int] = {}
        self.key = ""

    def open(self) -> House:
        """Everything up, with a shop in it."""
        self.start("valkey")
        self.start("postgres")
        self.manage("migrate", "--verbosity", "0")
        self.key = self.run_code("from tests.crash.opening import open_shop; open_shop()").split()[-1]
        self.start("web")
        self.start("worker")
        return self

    def close(self) -> None:
        for name in ("worker", "web", "postgres", "valkey"):
            if name in self.running:
                self.running.pop(name).end()
        shutil.rmtree(self.place, ignore_errors=True)

    # --- processes -------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        started = getattr(self, f"_start_{name}")()
        assert started is not None, f"{name} runs already"
        self.running[name] = started
        if name == "web":
            self.wait_for(self._is_ready, "the web server", BOOT_SECONDS)

    def kill(self, name: str) -> None:
        """kill -9, and wait until it is gone with all its children."""
        with suppress(ProcessLookupError):  # it may have ended by itself a moment ago
            os.kill(self._pid(name), signal.SIGKILL)
        leash = self.running.pop(name)
        self.wait_for(lambda: leash.exit_code() is not None, f"the end of {name}", BOOT_SECONDS)

    def restart_ended(self) -> None:
        """What every supervisor does: a worker that loses its broker in the middle of a task may end by itself."""
        for name in ("web", "worker"):
            if name in self.running and self.running[name].exit_code() is not None:
                self.start(name)

    def _pid(self, name: str) -> int:
        if name == "postgres":
            return int((self.cluster.data / "postmaster.pid").read_text().split()[0])
        if name == "valkey":
            with valkey.client(self.broker) as client:
                return int(client.info("server")["process_id"])
        return self.pids[name]

    def _start_postgres(self) -> Leashed | None:
        return postgres.start(self.cluster)

    def _start_valkey(self) -> Leashed | None:
        return valkey.start(self.broker)

    def _start_web(self) -> Leashed:
        options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--no-ws"]
        options += ["--workers", "1", "--blocking-threads", "4"]
        return self._ours("web", ["granian", *options, "--pid-file"], "loyalty.config.wsgi:application")

    def _start_worker(self) -> Leashed:
        command = [
            "celery",
            "-A",
            "loyalty.config.celery",
            "worker",
            "--pool",
            "threads",
            "--concurrency",
            "2",
        ]
        command += ["--loglevel", "WARNING", "--without-mingle", "--without-gossip"]
        command += ["--beat", "--schedule", str(self.place / "schedule"), "--pidfile"]
        return self._ours("worker", command)

    def _ours(self, name: str, command: list[str], *more: str) -> Leashed:
        """One process of Laurel; its command ends with the option that takes the file of its process id."""
        pid_file = self.place / f"{name}.pid"
        pid_file.unlink(missing_ok=True)
        leashed = Leashed(
            [sys.executable, "-m", *command, str(pid_file), *more],
            log=self.place / f"{name}-{time.monotonic_ns()}.log",
            cwd=ROOT,
            env=self.environment | {"LAUREL_PROCESS": "service"},
        )
        self.wait_for(
            lambda: pid_file.exists() and bool(pid_file.read_text()), f"the id of {name}", BOOT_SECONDS
        )
        self.pids[name] = int(pid_file.read_text())
        return leashed

    @property
    def environment(self) -> dict[str, str]:
        own = {"DATABASE_URL": self.cluster.url, "REDIS_URL": self.broker.url, "LAUREL_DEBUG": "1"}
        return {**os.environ, **own}

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment | {"LAUREL_PROCESS": "command"},
            capture_output=True,
            text=True,
            check=check,
        )

    def run_code(self, code: str, *, check: bool = True) -> str:
        """What a process of its own prints."""
        return self.manage("shell", "--no-imports", "-c", code, check=check).stdout

    # --- what can go wrong inside PostgreSQL -----------------------------------------------------------------

    def kill_backend(self, chance: random.Random) -> None:
        """kill -9 of one server process of ours: PostgreSQL then restarts itself."""
        if pids := [
            row[0] for row in self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'laurel'")
        ]:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)

    def cut_connections(self) -> None:
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'laurel'")

    def flush(self) -> None:
        with valkey.client(self.broker) as client:
            client.flushall()

    def sql(self, query: str, params: Any = None) -> list[tuple[Any, ...]]:
        """The rows; waits for a server that is just recovering."""
        self.wait_for(self._is_up, "PostgreSQL", BOOT_SECONDS)
        with psycopg.connect(self.cluster.url, autocommit=True) as connection:
            return connection.execute(query, params).fetchall()

    def _is_up(self) -> bool:
        try:
            psycopg.connect(self.cluster.url).close()
        except psycopg.OperationalError:
            return False
        return True

    # --- asking ----------------------------------------------------------------------------------------------

    def send(self, path: str, body: object, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=40)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **named}
        try:
            connection.request("POST", f"/api/v1{path}", json.dumps(body), sent)
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()))
        except (OSError, HTTPException):
            return Answer(0, {})
        finally:
            connection.close()

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def settled(self) -> bool:
        """Whether no event is left to be processed."""
        return not self.sql("SELECT 1 FROM events_event WHERE status IN ('received', 'waiting') LIMIT 1")

    def settle(self) -> None:
        def settled() -> bool:
            self.restart_ended()
            return self.settled()

        self.wait_for(settled, "the inbox to be worked off", SETTLE_SECONDS)

    def balances(self) -> dict[str, int]:
        rows = self.sql(
            """SELECT i.value, sum(w.balance)::int FROM ledger_wallet w
               JOIN members_identifier i ON i.member_id = w.member_id AND i.kind = 'external' GROUP BY 1"""
        )
        return dict(rows)

    def wait_for(self, what: Callable[[], bool], name: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                logs = "\n".join(f"{one}:\n{leash.log_tail(400)}" for one, leash in self.running.items())
                raise AssertionError(f"waited {seconds} s for {name}\n{logs}")
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
