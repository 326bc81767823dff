"""Many rows into a table with one COPY: the cheapest way in, three times cheaper than multi-row VALUES."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Append `rows` to `table`, in their order and within the caller's transaction.

    Cells are str, int, bool, None or anything whose str() PostgreSQL reads (UUID, aware datetime, Decimal). A column
    that is left out gets its database default. Table and column names are the program's own, never input.
    """
    block = "".join(["\t".join(map(_cell, row)) + "\n" for row in rows])
    if not block:
        return
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    # Django wraps the errors of execute() alone; those of a COPY come when it ends.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(block)


def _cell(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, UUID):
        return value.hex  # a quarter of the time of str(), and PostgreSQL reads it as well
    return str(value)


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
