"""What a production may not be started with."""

import hashlib
import os
import subprocess
import sys

import pytest
from django.conf import LazySettings

from loyalty.config import checks
from loyalty.config.embedded.state import ROOT

PRODUCTION = {
    "PATH": os.environ["PATH"],
    "DATABASE_URL": "postgresql://laurel:pw@db/laurel",
    "REDIS_URL": "redis://broker:6379/0",
    # The same in every process, since parallel runs compare the names of the tests.
    "LAUREL_SECRET_KEY": hashlib.sha256(b"key").hexdigest(),
    "LAUREL_KEY_PEPPER": hashlib.sha256(b"pepper").hexdigest(),
    "LAUREL_CODE_KEY": hashlib.sha256(b"codes").hexdigest(),
    "LAUREL_ALLOWED_HOSTS": "loyalty.example.org",
    "LAUREL_PROXY_COUNT": "1",
}


def python(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def check(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return python(environment, "manage.py", "check", "--deploy", "--fail-level", "WARNING")


def test_the_documented_environment_passes_without_a_warning() -> None:
    done = check(PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_an_empty_environment_is_no_production() -> None:
    done = check({"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LAUREL_DEBUG": "0"})
    assert done.returncode == 1
    for identity in ("E001", "E002", "E005", "E006", "E007", "E008"):
        assert f"laurel.{identity}" in done.stderr


def test_the_web_server_does_not_start_with_unsafe_settings() -> None:
    done = python(PRODUCTION | {"LAUREL_KEY_PEPPER": ""}, "-c", "import loyalty.config.wsgi")
    assert done.returncode == 1
    assert "laurel.E002" in done.stderr


def test_the_demo_shows_its_own_pages_of_errors_and_is_otherwise_as_in_development() -> None:
    demo = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "LAUREL_DEBUG": "1",
        "LAUREL_DEMO": "1",
    }
    told = "settings.DEBUG, settings.WHITENOISE_USE_FINDERS, settings.SESSION_COOKIE_SECURE"
    done = python(demo, "-c", f"from loyalty.config.wsgi import settings; print({told})")
    assert done.stdout.strip() == "False True False", done.stderr


def refused() -> set[str | None]:
    found = (
        checks.secrets_are_strong()
        + checks.debug_is_off()
        + checks.servers_are_real()
        + checks.hosts_are_named()
    )
    return {message.id for message in found}


@pytest.fixture
def production(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> LazySettings:
    """Settings that nothing is wrong with."""
    settings.DEBUG = False
    settings.SECRET_KEY = PRODUCTION["LAUREL_SECRET_KEY"]
    settings.SECRET_KEY_FALLBACKS = []
    settings.KEY_PEPPER = PRODUCTION["LAUREL_KEY_PEPPER"]
    settings.CODE_KEY = PRODUCTION["LAUREL_CODE_KEY"]
    settings.ALLOWED_HOSTS = ["loyalty.example.org"]
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.setenv(name, PRODUCTION[name])
    return settings


def test_safe_settings_are_accepted(production: LazySettings) -> None:
    assert refused() == set()


@pytest.mark.parametrize(
    ("name", "value", "identity"),
    [
        ("SECRET_KEY", "", "laurel.E001"),
        ("SECRET_KEY", "short", "laurel.E001"),
        ("SECRET_KEY", "ab" * 40, "laurel.E001"),
        ("KEY_PEPPER", "", "laurel.E002"),
        ("KEY_PEPPER", PRODUCTION["LAUREL_SECRET_KEY"], "laurel.E003"),
        ("SECRET_KEY_FALLBACKS", [PRODUCTION["LAUREL_KEY_PEPPER"]], "laurel.E003"),
        ("CODE_KEY", "", "laurel.E008"),
        ("CODE_KEY", PRODUCTION["LAUREL_KEY_PEPPER"], "laurel.E009"),
        ("DEBUG", True, "laurel.E004"),
        ("ALLOWED_HOSTS", [], "laurel.E007"),
        ("ALLOWED_HOSTS", ["loyalty.example.org", "*"], "laurel.E007"),
        ("ALLOWED_HOSTS", ["."], "laurel.E007"),
    ],
)
def test_an_unsafe_setting_is_refused(
    production: LazySettings, name: str, value: object, identity: str
) -> None:
    setattr(production, name, value)
    assert refused() == {identity}


@pytest.mark.parametrize(
    ("name", "identity"), [("DATABASE_URL", "laurel.E005"), ("REDIS_URL", "laurel.E006")]
)
def test_an_embedded_server_is_refused(
    production: LazySettings, monkeypatch: pytest.MonkeyPatch, name: str, identity: str
) -> None:
    monkeypatch.delenv(name)
    assert refused() == {identity}
