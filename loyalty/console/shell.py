"""What every screen of the admin shows around its content: the program, the switcher, the test bar."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from loyalty.programs.models import Program
from loyalty.programs.scope import current_program


def context(request: HttpRequest) -> dict[str, Any]:
    """For the page frame: the chosen program and whether it is a test program."""
    program = current_program(request) if request.user.is_authenticated else None
    return {"program": program, "test_mode": program is not None and program.mode == Program.Mode.TEST}


def title_prefix(request: HttpRequest) -> str:
    """`TEST – ` in the window title of a test program, so that tabs cannot be confused."""
    return "TEST – " if context(request)["test_mode"] else ""


def site_header(request: HttpRequest) -> str:
    """The name at the top of the navigation: the program that is being worked in."""
    program = context(request)["program"]
    return program.name if program else "Laurel"


def program_choices(request: HttpRequest) -> list[dict[str, Any]]:
    """The program switcher: one link a program, to a page that switches by POST."""
    if not request.user.is_authenticated:
        return []
    chosen = current_program(request)
    choices = [_choice(program, chosen) for program in Program.objects.order_by("name")[:30]]
    return [
        *choices,
        {
            "title": _("All programs"),
            "icon": "storefront",
            "link": reverse("admin:programs_program_changelist"),
        },
    ]


def _choice(program: Program, chosen: Program | None) -> dict[str, Any]:
    suffix = " (TEST)" if program.mode == Program.Mode.TEST else ""
    url = f"{reverse('console:switch')}?{urlencode({'program': program.code})}"
    return {
        "title": f"{program.name}{suffix}",
        "icon": "check" if chosen and chosen.pk == program.pk else "radio_button_unchecked",
        "link": url,
        "attrs": {"hx-post": url},  # one click; without JavaScript the link asks first
    }
