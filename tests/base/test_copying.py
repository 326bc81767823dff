"""What is copied into a table comes out of it as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from loyalty.base.copying import Shared, as_array, copy_rows
from loyalty.programs.models import RoundingMode

TABLE = "copied"
COLUMNS = ("said", "counted", "named", "at", "exact", "yes", "many")
AWKWARD = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]) | st.sampled_from("\\\t\n\rN.")
)

COLUMNS_OF_ARRAYS = st.tuples(
    st.lists(st.none() | AWKWARD, max_size=5),
    st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), max_size=5),
    st.lists(st.none() | st.uuids(), max_size=5),
    st.lists(st.none() | st.integers(-9, 9) | st.decimals(-9, 9, places=2), max_size=5),
)


def _copied(*rows: tuple[object, ...]) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {TABLE} (number serial, said text, counted bigint, named uuid,"
            " at timestamptz, exact numeric, yes boolean, many bigint[])"
        )
        cursor.execute(f"TRUNCATE {TABLE}")
        copy_rows(TABLE, COLUMNS, rows)
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM {TABLE} ORDER BY number")
        return [tuple(row) for row in cursor.fetchall()]


@pytest.mark.django_db
def test_every_kind_of_value_comes_out_as_it_went_in() -> None:
    row = (
        "a", -5, UUID("0190b0a0-0000-7000-8000-000000000001"), datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=UTC),
        Decimal("12.3400"), True, [1, 2, 3],
    )  # fmt: skip
    empty: tuple[object, ...] = (None, 0, None, None, None, False, [])
    assert _copied(row, empty) == [row, empty]


@pytest.mark.django_db
@given(st.lists(AWKWARD, min_size=1, max_size=5))
def test_text_is_never_mistaken_for_the_marks_of_a_copy(texts: list[str]) -> None:
    assert [row[0] for row in _copied(*((text, 1, None, None, None, True, []) for text in texts))] == texts


@pytest.mark.django_db
@given(COLUMNS_OF_ARRAYS)
def test_a_column_comes_out_of_an_array_as_it_went_in(columns: tuple[list[object], ...]) -> None:
    types = ("text", "timestamptz", "uuid", "numeric")
    with connection.cursor() as cursor:
        for kind, column in zip(types, columns, strict=True):
            cursor.execute(f"SELECT * FROM unnest(%s::{kind}[])", [as_array(column)])
            assert [row[0] for row in cursor.fetchall()] == column


def test_what_many_rows_share_is_written_once() -> None:
    numbers = count()
    text = Shared[dict[str, int]](lambda value: f"{value} {next(numbers)}")
    one, equal = {"a": 1}, {"a": 1}
    assert [text(one), text(one), text(equal)] == ["{'a': 1} 0", "{'a': 1} 0", "{'a': 1} 1"]


@pytest.mark.django_db
def test_a_choice_is_copied_by_its_value() -> None:
    assert _copied((RoundingMode.HALF_UP, 1, None, None, None, True, []))[0][0] == "half_up"


@pytest.mark.django_db
def test_no_rows_ask_nothing_of_the_database() -> None:
    copy_rows("a_table_that_is_not_there", ("column",), [])
