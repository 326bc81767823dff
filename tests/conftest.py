"""What every test may count on."""

import pytest
from django.conf import LazySettings


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: LazySettings) -> None:
    """Argon2 is slow on purpose, and no test but its own is about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
