"""The shop of the API tests, with Ana, her points, and a shelf of rewards."""

from __future__ import annotations

import pytest

from loyalty.programs.models import Program
from tests.api.conftest import (  # noqa: F401  fixtures
    _fresh_process,
    a_point_per_euro,
    ana,
    ben,
    caller_with,
    channel,
    program,
    shop,
    stranger,
)
from tests.rewards_api import shelf


@pytest.fixture
def on_the_shelf(program: Program) -> None:  # noqa: F811  a fixture
    shelf.put_up(program)
