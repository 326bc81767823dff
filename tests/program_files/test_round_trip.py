"""What was exported and applied to an empty database exports the same bytes again."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

import jsonschema_rs
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from campaigns.demo.setting import FILE
from loyalty.programs.files import applying, source, templates, writing
from loyalty.programs.files.applying import schema, snapshot
from loyalty.programs.models import Program
from tests.examples import examples
from tests.program_files import strategies
from tests.program_files.files import CAFE, NOON, apply, export

pytestmark = pytest.mark.django_db

DATES = {
    "autumn_starts": "2026-09-01T00:00:00Z",
    "autumn_ends": "2026-12-01T00:00:00Z",
    "tea_starts": "2026-01-01T00:00:00+01:00",
    "cupping_first": "2026-04-10T17:00:00Z",
    "cupping_second": "2026-04-24T17:00:00Z",
    "cupping_third": "2026-05-15T17:00:00Z",
}
DEMO = Template(FILE.read_text()).substitute(DATES)
FILES = [CAFE, DEMO, *(templates.text(name).decode() for name in templates.TEMPLATES)]


class _Over(Exception):
    """Ends an example: the database is empty again."""


def twice(text: str) -> tuple[str, str]:
    """What a file exports, and what that export exports, each from an empty database."""
    made = []
    for _ in range(2):
        try:
            with transaction.atomic():
                text = export(apply(text).program)
                assert apply(text).changes == []
                raise _Over  # noqa: TRY301 - the way to roll back
        except _Over:
            made.append(text)
    return made[0], made[1]


@pytest.mark.parametrize("text", FILES)
def test_an_export_applied_to_an_empty_database_exports_the_same_bytes(text: str) -> None:
    first, second = twice(text)
    assert first == second
    assert not Program.objects.exists()


@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.program_file)
def test_any_configuration_survives_export_and_apply(config: dict[str, Any]) -> None:
    first, second = twice(writing.write(config))
    assert first == second


@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.value)
def test_what_is_written_is_read_back_exactly(value: Any) -> None:
    assert source.read(writing.write({"a": value or 1}).encode()).value == {"a": value or 1}


def test_every_template_fits_the_json_schema_and_nonsense_does_not() -> None:
    check = jsonschema_rs.Draft202012Validator(json.loads(json.dumps(schema())))
    for text in FILES:
        value = json.loads(json.dumps(source.read(text.encode()).value, default=float))
        assert check.is_valid(value)
    assert not check.is_valid({**value, "campains": []})
    assert not check.is_valid({**value, "program": {**value["program"], "code": "Bad Code"}})


def test_the_snapshot_has_every_section_in_a_fixed_order() -> None:
    apply(CAFE)
    names = [
        "format", "program", "members", "point_types", "event_types", "channels", "tiers", "campaigns", "rewards",
    ]  # fmt: skip
    assert [name for name in snapshot(Program.objects.get()) if name in names] == names


def test_templates_stand_beside_their_list() -> None:
    there = {path.stem for path in Path(templates.__file__).parent.glob("*.yaml")}
    assert there == set(templates.TEMPLATES)
    assert applying.apply(templates.text("coffee_stamps"), at=NOON, by="").program == "cafe"
