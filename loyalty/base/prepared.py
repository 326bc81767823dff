"""Statements that PostgreSQL parses and plans once per connection: for the few hottest ones, where planning costs
more than the work itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection


@contextmanager
def prepared() -> Iterator[psycopg.Cursor]:
    """A cursor whose parameters are bound by the server; `execute(…, prepare=True)` keeps the plan. Inside Django's
    transaction, and with its errors."""
    with (
        connection.cursor() as outer,
        connection.wrap_database_errors,
        psycopg.Cursor(outer.connection) as cursor,
    ):
        yield cursor
