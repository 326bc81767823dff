"""What the core itself shows on the home page, and how the history of its settings is told."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.console import home
from loyalty.console.changes import Told, as_points, tell
from loyalty.console.panels import setup_steps, watchers
from loyalty.programs.models import Channel, PointType, Program


def plug_in() -> None:
    """Called once, when the app is ready."""
    watchers.register("books", home.books_proved, order=10)
    watchers.register("events", home.events_aside, order=20)
    watchers.register("jobs", home.failed_jobs, order=30)
    setup_steps.register("points", home.has_points, order=10)
    setup_steps.register("channel", home.has_channel, order=20)
    setup_steps.register("key", home.has_key, order=30)
    setup_steps.register("event", home.has_event, order=50)
    _tell_settings()


def _tell_settings() -> None:
    tell(
        Told(
            Program,
            _page,
            say={"member_schema": _attributes},
            labels={"member_schema": gettext_lazy("Member details")},
        )
    )
    tell(Told(PointType, _page, say={"redeem_minimum": as_points, "redeem_increment": as_points}))
    tell(Told(Channel, _page))


def _page(row: Any) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def _attributes(schema: Any, row: Any) -> str:
    """Declared details of members by their labels."""
    return _(", ").join(str(one.get("label") or one.get("code")) for one in schema)
