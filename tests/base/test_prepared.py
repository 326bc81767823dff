"""Statements that are planned once answer as any other would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from loyalty.base.prepared import Question, ask, ask_together, columns, first, prepared, without_waiting
from loyalty.programs.models import Program
from tests.rewards.shop import a_program

pytestmark = pytest.mark.django_db


def the_sum(*numbers: int) -> Question[int]:
    statement = "SELECT n FROM unnest(%(numbers)s::int[]) AS n"
    return Question(statement, {"numbers": list(numbers)}, lambda rows: sum(n for (n,) in rows), binary=True)


NOTHING: Question[Any] = Question("", {}, lambda rows: f"{len(rows)} rows")
IMPOSSIBLE: Question[Any] = Question("SELECT 1 / %(zero)s::int", {"zero": 0}, list)


def test_questions_are_answered_together_as_one_by_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    asked: list[Question[Any]] = [the_sum(1, 2), NOTHING, the_sum(), the_sum(7)]
    with django_assert_num_queries(3):
        assert ask_together(*asked) == [3, "0 rows", 0, 7]
    assert [ask(one) for one in asked] == [3, "0 rows", 0, 7]
    assert ask_together() == []


def test_a_value_may_be_named_twice_beside_a_percent_sign() -> None:
    statement = "SELECT %(b)s::int - %(a)s::int, %(b)s::int %% 4 WHERE 'ten' LIKE 't%%'"
    question: Question[Any] = Question(statement, {"a": 3, "b": 10, "unused": object()}, list)
    assert ask(question) == [(7, 2)]
    assert ask_together(question, question) == [[(7, 2)], [(7, 2)]]


@pytest.mark.django_db(transaction=True)
def test_questions_go_on_over_a_new_connection() -> None:
    assert ask(the_sum(1, 2)) == 3
    connection.close()
    assert ask(the_sum(3, 4)) == 7


@pytest.mark.parametrize("asked", [[IMPOSSIBLE], [the_sum(1), IMPOSSIBLE, the_sum(2)]])
def test_what_goes_wrong_is_an_error_of_django_and_the_connection_goes_on(
    asked: list[Question[Any]],
) -> None:
    for _ in range(2):
        with pytest.raises(DataError), transaction.atomic():
            ask_together(*asked)
    assert ask_together(the_sum(1), the_sum(2)) == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_questions_need_no_transaction_and_leave_none_open() -> None:
    with pytest.raises(DataError):
        ask_together(the_sum(1), IMPOSSIBLE)
    assert ask_together(the_sum(1), the_sum(2)) == [1, 2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id_if_assigned()")
        assert cursor.fetchone() == (None,)
    assert connection.connection.info.transaction_status.name == "IDLE"


def test_what_is_sent_without_waiting_is_done_in_order_and_read_inside_as_well() -> None:
    made = a_program()
    with transaction.atomic(), without_waiting():
        for name in ("first", "second", "third"):
            rename(made, name)
        assert Program.objects.get().name == "third"
        rename(made, "last")
    assert Program.objects.get().name == "last"


def an_impossible_statement() -> None:
    with prepared() as cursor:
        cursor.execute(IMPOSSIBLE.statement, IMPOSSIBLE.values, prepare=True)


def an_error_of_python() -> None:
    raise LookupError


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fault", "error"), [(an_impossible_statement, DataError), (an_error_of_python, LookupError)]
)
def test_of_what_is_sent_without_waiting_nothing_is_done_when_something_fails(
    fault: Callable[[], None], error: type[Exception]
) -> None:
    made = a_program()

    def sent() -> None:
        with transaction.atomic(), without_waiting():
            rename(made, "sent before it")
            fault()
            rename(made, "sent after it")

    for _ in range(2):
        with pytest.raises(error):
            sent()
        assert Program.objects.get().name == made.name


def rename(program: Program, name: str) -> None:
    with prepared() as cursor:
        cursor.execute("UPDATE programs_program SET name = %s WHERE id = %s", [name, program.pk])


def test_a_row_is_read_as_the_orm_reads_it() -> None:
    made = a_program()
    Program.objects.update(member_schema={"size": {"type": "number"}})
    statement = f"SELECT {columns(Program, 'p')} FROM programs_program p WHERE p.code = %(code)s"
    found = first(Program, statement, {"code": made.code})
    expected = Program.objects.get()
    assert found is not None
    for field in Program._meta.concrete_fields:
        assert getattr(found, field.attname) == getattr(expected, field.attname), field.name
    assert first(Program, statement, {"code": "other"}) is None
