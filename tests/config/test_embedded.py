"""The embedded servers: one per directory, private, and never left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from loyalty.config.embedded import postgres, valkey
from loyalty.config.embedded.state import ROOT, EmbeddedError, server_account


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    """One that no test leaves running, below a directory whose name holds a space."""
    place = Path(tempfile.mkdtemp(prefix="laurel test ", dir="/tmp"))
    sockets = Path(tempfile.mkdtemp(prefix="laurel-s", dir="/tmp"))
    for walked_through in (place, sockets):
        walked_through.chmod(0o711)
    yield postgres.Cluster(place / "postgres", sockets / "s", server_account())
    shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(sockets, ignore_errors=True)


def connect(cluster: postgres.Cluster) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(cluster.url, autocommit=True)


def processes_of(path: Path) -> list[str]:
    """Command lines that name the path."""
    listed = subprocess.run(["ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(path) in line]


def wait_until(happened: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_database_in_a_path_with_a_space_starts_and_ends_without_a_trace(cluster: postgres.Cluster) -> None:
    server = postgres.start(cluster)
    assert server is not None
    with connect(cluster) as connection:
        assert connection.execute("SELECT lower('É')").fetchone() == ("é",)
    server.end()
    assert processes_of(cluster.home) == []


def test_only_the_owner_reaches_the_data_and_the_socket(cluster: postgres.Cluster) -> None:
    server = postgres.start(cluster)
    assert server is not None
    for closed in (cluster.data, cluster.sockets):
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    with connect(cluster) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    server.end()


def test_a_second_start_uses_the_running_server(cluster: postgres.Cluster) -> None:
    first = postgres.start(cluster)
    assert first is not None
    assert postgres.start(cluster) is None
    first.end()


def test_a_killed_database_comes_back_with_its_rows(cluster: postgres.Cluster) -> None:
    server = postgres.start(cluster)
    assert server is not None
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS points")
    postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    assert wait_until(lambda: server.exit_code() is not None)
    again = postgres.start(cluster)
    assert again is not None
    with connect(cluster) as connection:
        assert connection.execute("SELECT points FROM kept").fetchone() == (7,)
    again.end()


def test_a_process_number_that_somebody_else_has_now_does_not_keep_the_database_down(
    cluster: postgres.Cluster,
) -> None:
    server = postgres.start(cluster)
    assert server is not None
    server.end()
    stale = cluster.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{cluster.data}\n")
    again = postgres.start(cluster)
    assert again is not None
    again.end()


def test_data_of_another_major_version_is_refused_with_what_to_do(cluster: postgres.Cluster) -> None:
    server = postgres.start(cluster)
    assert server is not None
    server.end()
    version = cluster.data / "PG_VERSION"
    real = version.read_text()
    version.write_text("12\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 12.*PG_BIN"):
        postgres.start(cluster)
    version.write_text(real)


def test_a_socket_directory_of_somebody_else_is_refused(cluster: postgres.Cluster) -> None:
    elsewhere = cluster._replace(sockets=cluster.sockets.with_name("link"))
    elsewhere.sockets.symlink_to("/tmp")
    with pytest.raises(EmbeddedError, match="belongs to somebody else"):
        postgres.start(elsewhere)


PARENT = """
import sys, time
from pathlib import Path
from loyalty.config.embedded import postgres, valkey
from loyalty.config.embedded.state import server_account
home, sockets = Path(sys.argv[1]), Path(sys.argv[2])
servers = [
    postgres.start(postgres.Cluster(home / "postgres", sockets, server_account())),
    valkey.start(valkey.Broker(home / "valkey", sockets, server_account())),
]
print("started", flush=True)
time.sleep(60)
"""


def test_a_killed_parent_leaves_no_process(cluster: postgres.Cluster) -> None:
    home = cluster.home.parent
    command = [sys.executable, "-c", PARENT, str(home), str(cluster.sockets)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        assert processes_of(cluster.sockets)
        parent.kill()
    assert wait_until(lambda: not processes_of(home) and not processes_of(cluster.sockets))


def test_the_broker_listens_on_its_socket_alone_and_throws_nothing_away(cluster: postgres.Cluster) -> None:
    broker = valkey.Broker(cluster.home.parent / "valkey", cluster.sockets, server_account())
    server = valkey.start(broker)
    assert server is not None
    assert valkey.start(broker) is None
    with valkey.client(broker) as client:
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    server.end()
    assert processes_of(broker.socket) == []
