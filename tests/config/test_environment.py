"""A variable that cannot be used is named in one line, without its value."""

import os
import subprocess
import sys

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


def _manage(environment: dict[str, str], command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
