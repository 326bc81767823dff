"""Proof that nothing was written: the content of every table, before and after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

# When a key was last used is noted whatever it asked for.
NOT_COUNTED = {"programs_apikey", "django_session", "django_migrations"}


def contents() -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a digest of all of them."""
    tables = sorted(set(connection.introspection.table_names()) - NOT_COUNTED)
    digest = "md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), ''))"
    asked = [f"SELECT '{table}', count(*), {digest} FROM {table} t" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return {table: (count, found) for table, count, found in cursor.fetchall()}


@contextmanager
def nothing_written(*, but: str = "") -> Iterator[None]:
    """`but` is a table that may change, such as the one of kept refusals."""
    before = contents()
    yield
    after = contents()
    assert {name: after[name] for name in after if after[name] != before[name] and name != but} == {}
