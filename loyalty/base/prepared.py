"""Statements that PostgreSQL parses and plans once per connection: for the few hottest ones, where planning costs
more than the work itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from typing import Any, Generic, NamedTuple, Self, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")


@contextmanager
def prepared() -> Iterator[psycopg.Cursor]:
    """A cursor whose parameters are bound by the server; `execute(…, prepare=True)` keeps the plan. Inside Django's
    transaction, and with its errors."""
    database = _connected()
    with database.wrap_database_errors, _Told(database.connection) as cursor:
        yield cursor


class Question(NamedTuple, Generic[T]):
    """A statement that reads, its values, and what its rows say. Without a statement, the answer for no rows."""

    statement: str
    values: Mapping[str, object]
    read: Callable[[list[Any]], T]
    binary: bool = False


def ask(question: Question[T]) -> T:
    """The answer, in one statement."""
    return cast(T, ask_together(question)[0])


def ask_together(*questions: Question[Any]) -> list[Any]:
    """The answers to several questions, which go to the server and come back together. On a busy machine the way there
    costs more than the statement: each time the process waits for its turn again."""
    asked = [one for one in questions if one.statement]
    found = iter(_rows(asked))
    return [one.read(next(found) if one.statement else []) for one in questions]


@contextmanager
def without_waiting() -> Iterator[None]:
    """Within a transaction: statements inside are sent without waiting for what they come to, so that the server works
    on one while the next is made. What one of them is refused for is raised at the end at the latest. Reads inside
    wait as ever; COPY is not possible."""
    database = _connected()
    with database.wrap_database_errors, database.connection.pipeline():
        yield


def _rows(questions: Sequence[Question[Any]]) -> list[list[Any]]:
    database = _connected()
    with database.wrap_database_errors:
        if len(questions) == 1:
            return [_asked(_kept(database), questions[0]).fetchall()]
        with database.connection.pipeline():
            cursors = [_asked(_RawCursor(database.connection), one) for one in questions]
            return [cursor.fetchall() for cursor in cursors]


def _asked(cursor: _RawCursor, question: Question[Any]) -> _RawCursor:
    statement, names = _numbered(question.statement)
    values = [question.values[name] for name in names]
    return cursor.execute(statement, values, prepare=True, binary=question.binary)


def _kept(database: BaseDatabaseWrapper) -> _RawCursor:
    """A cursor that stays with its connection: to make one costs nearly as much as to ask."""
    cursor: _RawCursor | None = getattr(database, "kept_cursor", None)
    if cursor is None or cursor.connection is not database.connection:
        cursor = database.kept_cursor = _RawCursor(database.connection)  # type: ignore[attr-defined]
    return cursor


_NAME = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """The statement with numbers for the names of its values, as the server takes it, and the names in that order."""
    names = tuple(dict.fromkeys(_NAME.findall(statement)))
    text = _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    return text.replace("%%", "%"), names


def _connected() -> BaseDatabaseWrapper:
    """This thread's connection, alive as far as one can know."""
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    return database


class _Told(psycopg.Cursor):
    """Tells Django of its statements where they are counted: in tests, and in debugging."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        if not connection.queries_logged:
            return super().execute(query, params, **options)
        started = monotonic()
        try:
            return super().execute(query, params, **options)
        finally:
            connection.queries_log.append({"sql": query, "time": f"{monotonic() - started:.3f}"})


class _RawCursor(_Told, psycopg.RawCursor):
    """Takes values by number."""


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
