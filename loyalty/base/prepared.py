"""Statements that PostgreSQL parses and plans once per connection: for the few hottest ones, where planning costs
more than the work itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from typing import Any, Self, TypeVar

import psycopg
from django.db import connection, models

M = TypeVar("M", bound=models.Model)


@contextmanager
def prepared() -> Iterator[psycopg.Cursor]:
    """A cursor whose parameters are bound by the server; `execute(…, prepare=True)` keeps the plan. Inside Django's
    transaction, and with its errors."""
    connection.ensure_connection()
    with connection.wrap_database_errors, _Cursor(connection.connection) as cursor:
        yield cursor


class _Cursor(psycopg.Cursor):
    """Tells Django of its statements where they are counted: in tests, and in debugging."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        if not connection.queries_logged:
            return super().execute(query, params, **options)
        started = monotonic()
        try:
            return super().execute(query, params, **options)
        finally:
            connection.queries_log.append({"sql": query, "time": f"{monotonic() - started:.3f}"})


def columns(model: type[models.Model], alias: str) -> str:
    """All columns of a model's table, in the order of its fields, for a statement that `first` runs."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def first(model: type[M], statement: str, values: Mapping[str, object]) -> M | None:
    """The first row of a statement that selects `columns(model, …)`, as the ORM would read it; None without one."""
    with prepared() as cursor:
        row = cursor.execute(statement, values, prepare=True).fetchone()
    if row is None:
        return None
    read = list(row)
    names, converters = _reading(model)
    for place, column, convert in converters:
        read[place] = convert(read[place], column, connection)
    return model.from_db(connection.alias, names, read)


@lru_cache(maxsize=32)
def _reading(model: type[models.Model]) -> tuple[list[str], list[tuple[int, Any, Any]]]:
    """The names of the fields, and what turns a column that needs it into a value: its place and converter."""
    fields = model._meta.concrete_fields
    converters = [
        (place, field.get_col(model._meta.db_table), convert)
        for place, field in enumerate(fields)
        for convert in field.get_db_converters(connection)
    ]
    return [field.attname for field in fields], converters
