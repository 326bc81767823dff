"""What import-linter cannot see: foreign keys are imports too, and they go down like the others."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).parent.parent
OURS = ("loyalty.", "campaigns", "rewards", "tiers")
APPS = [config for config in apps.get_app_configs() if config.name.startswith(OURS)]


def floors() -> list[str]:
    """Packages from the ground up, as pyproject.toml lists them for import-linter."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    core = next(c["layers"] for c in contracts if c.get("containers") == ["loyalty"])
    names = ["loyalty." + name.strip("()") for name in reversed(core)]
    return [*names[:-1], "tiers", "rewards", "campaigns", names[-1]]


def relations(model: type[models.Model]) -> list[type[models.Model]]:
    found = [
        field.related_model
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created
    ]
    return [target for target in found if isinstance(target, type)]


@pytest.mark.parametrize("config", APPS, ids=lambda config: config.name)
def test_foreign_keys_point_down(config: object) -> None:
    order = floors()
    upward = [
        f"{model.__name__} -> {target.__name__}"
        for model in config.get_models()  # type: ignore[attr-defined]
        for target in relations(model)
        if (there := apps.get_app_config(target._meta.app_label).name) in order
        and order.index(there) > order.index(config.name)  # type: ignore[attr-defined]
    ]
    assert not upward


def test_the_check_of_foreign_keys_sees_all_our_apps() -> None:
    assert len(APPS) >= 8
    assert {config.name for config in APPS} <= set(floors())
    assert any(relations(model) for config in APPS for model in config.get_models())


def test_models_keep_no_logic_in_save_and_nobody_listens_to_signals() -> None:
    saving = [m.__name__ for config in APPS for m in config.get_models() if "save" in vars(m)]
    listening = [
        str(path.relative_to(ROOT))
        for package in ("loyalty", "tiers", "rewards", "campaigns")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"from django\.(dispatch|.*signals) import", path.read_text())
    ]
    assert not saving
    assert not listening


@pytest.mark.parametrize("config", APPS, ids=lambda config: config.name)
def test_every_model_says_what_it_is(config: object) -> None:
    mute = [
        model.__name__
        for model in config.get_models()  # type: ignore[attr-defined]
        if not inspect.getdoc(model) or (inspect.getdoc(model) or "").startswith(f"{model.__name__}(")
        if not model.__name__.startswith("Historical")
    ]
    assert not mute
