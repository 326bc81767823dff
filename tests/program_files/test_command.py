"""`manage.py program`: what people type, and what they read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from loyalty.programs.models import Program
from tests.program_files.files import CAFE, export

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("program", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cafe.yaml"
    path.write_text(CAFE)
    return path


def test_apply_then_export_then_diff(file: Path) -> None:
    told = run("apply", str(file))
    assert "+ campaigns/base\n    name: A point per euro\n" in told
    assert told.endswith("Changed 9 entries of cafe.\n")
    assert run("export", "cafe") == export()
    file.write_text(run("export", "cafe"))
    assert run("diff", str(file)) == "Nothing to do.\n"
    assert run("apply", str(file)) == "Nothing to do.\n"


def test_a_diff_says_field_by_field_what_would_change_and_changes_nothing(file: Path) -> None:
    run("apply", str(file))
    file.write_text(CAFE.replace("Café Olé", "Café Sol").replace("count: 12", "count: 6"))
    before = export()
    for told in (run("diff", str(file)), run("apply", "--dry-run", str(file))):
        assert told == (
            "~ program\n    name: Café Olé -> Café Sol\n"
            "~ point_types/points\n    expiry/count: 12 -> 6\n"
            "Would change 2 entries of cafe.\n"
        )
    assert export() == before


def test_faults_are_told_as_file_and_line(file: Path) -> None:
    file.write_text(CAFE.replace("EUR", "EURO").replace("multiplier: 2", "multiplier: 0.5"))
    with pytest.raises(CommandError) as refused:
        run("apply", str(file))
    assert str(refused.value).splitlines() == [
        f"{file}:6: program/currency: Use the three-letter ISO code, such as EUR.",
        f"{file}:50: campaigns/1/bonus/multiplier: A multiplier is from 1 to 1000.",
        "Nothing was changed.",
    ]
    assert not Program.objects.exists()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no program 'nowhere'"):
        run("export", "nowhere")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run("apply", str(tmp_path / "none.yaml"))


def test_the_schema_is_json_and_a_template_can_be_applied(tmp_path: Path) -> None:
    assert json.loads(run("schema"))["properties"].keys() >= {"program", "campaigns", "event_types"}
    file = tmp_path / "mine.yaml"
    file.write_text(run("template", "hotel_nights"))
    assert run("apply", str(file)).endswith("of hotel.\n")
