from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from loyalty.base.errors import Conflict, Invalid
from loyalty.programs import programs
from loyalty.programs.models import PointType, Program, ProgramPause
from tests.programs.characters import NOON, a_channel, a_program

pytestmark = pytest.mark.django_db


def test_a_new_program_has_one_default_point_type() -> None:
    program = a_program()
    assert PointType.objects.get(program=program, is_default=True).name_many == "points"


@pytest.mark.parametrize(
    ("wrong", "path", "code"),
    [
        ({"currency": "eur"}, "currency", "currency_unknown"),
        ({"currency": "XXX"}, "currency", "currency_unknown"),
        ({"timezone": "Mars/Olympus"}, "timezone", "zone_unknown"),
        ({"timezone": "../etc/passwd"}, "timezone", "zone_unknown"),
        ({"code": "Beans!"}, "code", "code_invalid"),
        ({"name": "  "}, "name", "text_required"),
        ({"name": "a\x00b"}, "name", "text_nul"),
        ({"member_schema": [{"code": "x", "type": "float"}]}, "member_schema/0/type", "type_invalid"),
    ],
)
def test_a_program_that_cannot_work_is_refused_with_the_field(
    wrong: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        a_program(**wrong)
    assert [(fault.path, fault.code) for fault in refused.value.errors] == [(path, code)]
    assert not Program.objects.exists()


def test_two_programs_cannot_share_a_code() -> None:
    a_program()
    with pytest.raises(Conflict) as refused:
        a_program()
    assert refused.value.code == "code_taken"


def test_pausing_twice_leaves_one_open_interval_and_resuming_closes_it() -> None:
    program = a_program()
    programs.pause(program, at=NOON)
    programs.pause(program, at=NOON + timedelta(hours=1))
    assert ProgramPause.objects.get().ended_at is None
    programs.resume(program, at=NOON + timedelta(hours=2))
    programs.resume(program, at=NOON + timedelta(hours=3))
    pause = ProgramPause.objects.get()
    assert (pause.started_at, pause.ended_at) == (NOON, NOON + timedelta(hours=2))


def test_a_channel_cannot_take_the_programs_own_source_or_an_unknown_zone() -> None:
    program = a_program()
    for wrong in ({"code": "laurel"}, {"timezone": "Nowhere"}, {"kind": "spaceship"}):
        with pytest.raises(Invalid):
            a_channel(program, **wrong)


def test_channel_codes_are_unique_within_a_program_only() -> None:
    first, second = a_program("one"), a_program("two")
    a_channel(first)
    a_channel(second)
    with pytest.raises(Conflict):
        a_channel(first)
