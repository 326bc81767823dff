"""What every test may count on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from tests import databases

# Slow is no fault of a property: the machine may be busy with something else.
hypothesis_settings.register_profile("laurel", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("laurel")


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: LazySettings) -> None:
    """Argon2 is slow on purpose, and no test but its own is about it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """The workers of one run migrate one database, which each of them copies."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if not run:
        yield
        return
    lock = tmp_path_factory.getbasetemp().parent / "template.lock"
    with django_db_blocker.unblock(), databases.template(f"template_{run}", lock):
        yield


@pytest.fixture(scope="session", autouse=True)
def _quickly_emptied() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", databases.empty)
        yield


@pytest.fixture(scope="module")
def lasting(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[[], None]]:
    """For what is long in the making: fixtures of a module that use this write for all of its tests.

    Each test still starts from just that, as it is undone to a savepoint. What is returned is to be called when all is
    made: it has the database check what it would check at the end of the transaction.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield connection.check_constraints
        transaction.set_rollback(True)
