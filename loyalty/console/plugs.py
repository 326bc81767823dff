"""What the core itself shows on the home page."""

from __future__ import annotations

from loyalty.console import home
from loyalty.console.panels import setup_steps, watchers


def plug_in() -> None:
    """Called once, when the app is ready."""
    watchers.register("books", home.books_proved, order=10)
    watchers.register("events", home.events_aside, order=20)
    watchers.register("jobs", home.failed_jobs, order=30)
    setup_steps.register("points", home.has_points, order=10)
    setup_steps.register("channel", home.has_channel, order=20)
    setup_steps.register("key", home.has_key, order=30)
    setup_steps.register("event", home.has_event, order=50)
