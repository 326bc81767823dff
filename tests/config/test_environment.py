"""A variable that cannot be used is named in one line, without its value."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from loyalty.config.embedded.state import ROOT


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "REDIS_URL",
        "LAUREL_LOCK_TIMEOUT_MS",
        "LAUREL_PROXY_COUNT",
        "LAUREL_LOG_LEVEL",
        "LAUREL_SECRET_KEY_FILE",
    ],
)
def test_a_command_says_in_one_line_which_variable_it_cannot_use(name: str) -> None:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://laurel@db/laurel"}
    done = _manage(environment | {"REDIS_URL": "redis://broker", name: "-5 pigeons"}, "check")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} ")
    assert done.stderr.count("\n") == 1
    assert "pigeons" not in done.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536"])
def test_the_demo_says_what_a_port_is(port: str) -> None:
    done = _manage({"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PORT": port}, "demo")
    assert done.returncode == 2
    assert "a port is a number from 1 to 65535" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_says_when_the_database_cannot_be_reached(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    address = f"postgresql://laurel:hidden@127.0.0.1:{free}/laurel"
    environment = {"PATH": os.environ["PATH"], "LAUREL_STATE_DIR": str(tmp_path), "PORT": str(free)}
    done = _manage(environment | {"DATABASE_URL": address, "LAUREL_DEBUG": "1"}, "demo")
    assert done.returncode == 1
    assert "The database that DATABASE_URL names cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr


def _manage(environment: dict[str, str], command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
