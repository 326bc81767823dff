"""What can be done with several events of the inbox at once. Filled by the apps that process events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loyalty.base.registry import Registry
from loyalty.base.words import Words


@dataclass(frozen=True, slots=True)
class EventAction:
    """An entry of the list's action menu: `run(model_admin, request, events)`."""

    label: Words
    run: Callable[[Any, Any, Any], Any]


event_actions: Registry[EventAction] = Registry("event action")
