"""How many orders wait, for the navigation: one query on each page, of an index that holds only what is open."""

from __future__ import annotations

from django.http import HttpRequest

from loyalty.base import clock
from loyalty.console.words import number
from loyalty.programs.scope import current_program
from rewards.screens import queue


def to_fulfil(request: HttpRequest) -> str:
    """Empty when nothing waits, and for those who may not see it."""
    program = current_program(request)
    if program is None or not request.user.has_perm("rewards.view_redemption"):
        return ""
    n = queue.waiting(program, clock.now())
    return number(n) if n else ""
