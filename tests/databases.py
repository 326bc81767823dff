"""The database of the tests: migrated once for all workers, and emptied at the price of what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction
from django.test import TransactionTestCase

from loyalty.config.embedded.state import only_one

# What migrating fills, and no test changes.
KEPT = {"django_content_type", "auth_permission"}


@contextmanager
def template(name: str, lock: Path) -> Iterator[None]:
    """While the block runs, a test database is made as a copy of this one. Who comes first migrates it."""
    with only_one(lock), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        if not cursor.rowcount:
            cursor.execute(f"CREATE DATABASE {name}")
            _migrate(name)
    connection.settings_dict["TEST"]["TEMPLATE"] = name
    yield
    # By now every worker has its copy; one that came so late would make the template again.
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")


def _migrate(name: str) -> None:
    own = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()  # nobody may be in a database that is copied
        connection.settings_dict["NAME"] = own


def empty(test: TransactionTestCase) -> None:
    """Delete every row, in a hundredth of the time in which Django truncates so many tables and fills two again.

    Waits, as TRUNCATE does, for whoever is still at work in a table. A user who may not switch off foreign keys and
    the triggers that guard the books gets Django's own way.
    """
    if _may_switch_off_triggers():
        _delete_everything()
    else:
        _truncate(test)


_truncate = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _may_switch_off_triggers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _delete_everything() -> None:
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in tables))
        filled = [row[0] for row in cursor.fetchall()]
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in filled:
            cursor.execute(f"DELETE FROM {table}")
