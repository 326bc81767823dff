"""Everything of Laurel on one machine: servers, web, worker and scheduler, until one of them or the user ends it."""

import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from django.core.management import call_command
from django.db import OperationalError, connection
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from loyalty.config.embedded import postgres, valkey
from loyalty.config.embedded.leash import Leashed
from loyalty.config.embedded.state import ROOT, EmbeddedError, state_dir
from loyalty.ledger.tasks import verify
from loyalty.programs.models import Program

HOST = "127.0.0.1"
# The address that the seeding command writes into its example; replaced by the real one.
USUAL_ADDRESS = f"http://{HOST}:8000"
BOOT_SECONDS = 60
STOP_SECONDS = 1
THREADS = 4


class Stopped(Exception):
    """The user asked to stop."""


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped


class Demo:
    """The running whole. Use as a context manager; leaving it ends every child."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        self.console = Console(highlight=False)
        self.home = state_dir()
        self.children: dict[str, Leashed] = {}
        self.servers: dict[str, Leashed] = {}

    @property
    def address(self) -> str:
        """Where the web server listens."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> "Demo":
        # Explicitly: a background job of a script starts with SIGINT ignored.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        return self

    def __exit__(self, *what: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        # The servers last, or the others would end in errors about them.
        for group in (self.children, self.servers):
            for child in group.values():
                child.release()
            for child in group.values():
                child.end()

    def run(self, *, empty: bool) -> None:
        """From nothing to a usable installation; returns never. Raises Stopped and EmbeddedError."""
        self.say("Laurel")
        self.refuse_taken_port()
        self.start_servers()
        self.step("Bringing the database up to date", lambda: call_command("migrate", verbosity=0))
        self.seed(empty=empty)
        self.step("Starting web, worker and scheduler", self.start_processes)
        verify.delay()  # the first proof of the books; the next comes by itself, tomorrow
        self.banner()
        self.watch()

    def say(self, text: str) -> None:
        """As it stands: a long call may be copied in one piece."""
        self.console.print(text, markup=False, soft_wrap=True)

    def step(self, text: str, act: Callable[[], object]) -> None:
        """Do it, with the seconds running in a terminal, and say how long it took."""
        started = time.monotonic()
        if not self.console.is_terminal:
            self.say(f"  {text} ...")
        columns = (TextColumn("  {task.description}"), SpinnerColumn(), TimeElapsedColumn())
        with Progress(
            *columns, console=self.console, transient=True, disable=not self.console.is_terminal
        ) as progress:
            progress.add_task(text, total=None)
            act()
        self.say(f"  {text}: {time.monotonic() - started:.1f} s")

    def refuse_taken_port(self) -> None:
        """Say so at once, before anything is started."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise EmbeddedError(
                    f"Port {self.port} cannot be used ({error.strerror}). "
                    f"Stop what listens there, or choose another: PORT={self.port + 1} ./run demo"
                ) from error

    def start_servers(self) -> None:
        """The embedded ones, each only where the environment names no other."""
        if not os.environ.get("DATABASE_URL"):
            self.step("Starting PostgreSQL", lambda: self.serve("PostgreSQL", _start_postgres()))
        else:
            _reach_database()
        if not os.environ.get("REDIS_URL"):
            self.step("Starting Valkey", lambda: self.serve("Valkey", _start_valkey()))

    def serve(self, name: str, server: Leashed | None) -> None:
        """Hold the server; one that somebody else runs is refused, for it would end with its owner."""
        if server is None:
            raise EmbeddedError(
                f"{name} of this checkout runs already, in another command: end that one first."
            )
        self.servers[name] = server

    @property
    def notes(self) -> Path:
        """What the seeding command tells: login, password, api_key, curl."""
        return self.home / "demo.json"

    def seed(self, *, empty: bool) -> None:
        """Fill an empty installation with its first program. What is there already is used as it is."""
        if Program.objects.exists():
            if empty:
                self.say(f"  There is data already, and it is kept. To begin anew, remove {self.home}")
            return
        options: dict[str, Any] = {"out": self.notes} | ({"empty": True} if empty else {})
        doing = "Making an empty program" if empty else "Playing a year of a coffee shop"
        self.step(doing, lambda: call_command("seed_demo", **options))

    def start_processes(self) -> None:
        """Web and worker, and wait until the web answers."""
        bound = [sys.executable, "-m"]
        web = ["granian", "--interface", "wsgi", "--host", HOST, "--port", str(self.port), "--no-ws"]
        web += ["--workers", "2", "--blocking-threads", str(THREADS)]
        self.start("web", [*bound, *web, "loyalty.config.wsgi:application"])
        worker = ["celery", "-A", "loyalty.config.celery", "worker", "--pool", "threads"]
        worker += [
            "--concurrency",
            str(THREADS),
            "--loglevel",
            "WARNING",
            "--without-mingle",
            "--without-gossip",
        ]
        # The scheduler inside the worker saves a process; only in development.
        self.start("worker", [*bound, *worker, "--beat", "--schedule", str(self.home / "celery-schedule")])
        deadline = time.monotonic() + BOOT_SECONDS
        while not self.answers():
            self.refuse_dead_child()
            if time.monotonic() > deadline:
                raise EmbeddedError(f"The web server does not answer:\n{self.children['web'].log_tail()}")
            time.sleep(0.1)

    def start(self, name: str, command: list[str]) -> None:
        """One process of ours on a leash."""
        environment = {**os.environ, "LAUREL_PROCESS": "service", "LAUREL_DEMO": "1"}
        log = self.home / f"{name}.log"
        self.children[name] = Leashed(command, log=log, cwd=ROOT, env=environment, grace_seconds=STOP_SECONDS)

    def answers(self) -> bool:
        """Whether the web server can work."""
        with suppress(urllib.error.URLError, OSError):
            # A fixed address of our own; no proxy from the environment may come between.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        return False

    def banner(self) -> None:
        """What to open, with what to log in, and one call that works as pasted."""
        lines = ["", f"Laurel is ready: {self.address}/", ""]
        if self.notes.exists():
            notes = json.loads(self.notes.read_text())
            lines += [
                f"  Log in     {self.address}/admin/",
                f"             {notes['login']}  /  {notes['password']}",
                f"  API key    {notes['api_key']}",
                "  Try        " + str(notes["curl"]).replace(USUAL_ADDRESS, self.address),
            ]
        else:
            lines.append("  Log in with an account of yours; ./run manage createsuperuser makes one.")
        lines += ["", f"  Data and logs are in {self.home}", "  Stop with Ctrl-C", ""]
        self.say("\n".join(lines))

    def watch(self) -> None:
        """Wait. A child that ends, ends everything."""
        while True:
            self.refuse_dead_child()
            time.sleep(0.2)

    def refuse_dead_child(self) -> None:
        """Raise EmbeddedError with the end of its log when one has ended."""
        for name, child in (self.servers | self.children).items():
            if (code := child.exit_code()) is not None:
                raise EmbeddedError(
                    f"{name} has ended (exit code {code}), so everything stops. "
                    f"The end of {child.log}:\n{child.log_tail()}"
                )


def _reach_database() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise EmbeddedError(f"The database that DATABASE_URL names cannot be reached: {error}") from error


def _start_postgres() -> Leashed | None:
    return postgres.start(postgres.development_cluster())


def _start_valkey() -> Leashed | None:
    return valkey.start(valkey.development_broker())
