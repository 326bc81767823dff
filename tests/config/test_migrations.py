"""The first migrations make all tables in one go, and take them away again."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

UPPER = ["rewards", "tiers"]


def tables() -> set[str]:
    with connection.cursor() as cursor:
        return {name for name in connection.introspection.table_names(cursor) if name.split("_")[0] in UPPER}


@pytest.mark.django_db(transaction=True)
def test_apps_can_be_taken_out_and_put_in_again() -> None:
    before = tables()
    assert before
    try:
        for app in UPPER:
            call_command("migrate", app, "zero", verbosity=0)
        assert tables() == set()
    finally:
        call_command("migrate", verbosity=0)
    assert tables() == before


@pytest.mark.django_db
def test_no_change_of_a_model_is_without_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
