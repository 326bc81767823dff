from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from loyalty.base import clock
from loyalty.programs.models import Program
from tests.tiers_imports import club
from tests.tiers_imports.sample import write

Bring = Callable[..., str]


@pytest.fixture
def program() -> Program:
    return club.open_club()


@pytest.fixture
def bring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bring:
    """Write these rows into a file, or take a file, and import it; what the command said."""

    def bring(*rows: Any, file: Path | None = None, at: datetime = club.NOW, **options: Any) -> str:
        file = file or write(tmp_path / "balances.csv", rows)
        with clock.pinned(at):
            club.run(file, **{"errors": tmp_path / "errors.csv", **options})
        return capsys.readouterr().out

    return bring


@pytest.fixture
def undo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bring:
    """Take the newest import back, or that of a batch; what the command said."""

    def undo(batch: str, *, at: datetime = club.NOW, **options: Any) -> str:
        with clock.pinned(at):
            club.run(undo=batch, **{"errors": tmp_path / "spent.csv", **options})
        return capsys.readouterr().out

    return undo
