"""What the locks promise: nothing but the files named by their hashes, from whatever index the user has."""

import re

import pytest

from loyalty.config.embedded.state import ROOT

LOCKS = ["requirements.lock", "requirements-dev.lock"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_of_an_index(name: str) -> None:
    text = (ROOT / name).read_text()
    for forbidden in ("://", "index-url", "find-links", "trusted-host"):
        assert forbidden not in text


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_one_version_and_a_hash(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert len(packages) > 30
    for entry in packages:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^\s;]+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_production_installs_nothing_that_tests_do_not_run_with() -> None:
    pinned = [
        set(re.findall(r"^[^\s#]+==[^\s;]+", (ROOT / name).read_text(), re.MULTILINE)) for name in LOCKS
    ]
    assert pinned[0] <= pinned[1]
