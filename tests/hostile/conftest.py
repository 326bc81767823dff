"""The shop of the API tests: what is refused there must leave every row of the database as it was."""

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
