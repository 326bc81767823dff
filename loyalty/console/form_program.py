"""A form belongs to the program in which it was opened. Who works in another one by the time it is sent, in a second
tab, is asked first: nothing is written into the wrong program, and nothing that was typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.console.access import in_words, show
from loyalty.console.middleware import PLACES
from loyalty.programs.models import Program
from loyalty.programs.scope import choose_program, current_program

FIELD: Final = "form_program"
SURE: Final = "form_program_sure"
_NOT_SENT_AGAIN: Final = frozenset({"csrfmiddlewaretoken", SURE})


def program_of(request: HttpRequest | None) -> Program | None:
    """The program that a form on this page belongs to; none for who is not signed in."""
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated or not request.path.startswith(PLACES):
        return None
    return current_program(request)


class FormProgram:
    """Holds forms of one program back from another. Its view is asked after the forgery check."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: object) -> HttpResponse | None:
        if request.method != "POST" or (here := program_of(request)) is None:
            return None
        own = self._own(request, here)
        if own is None:
            return None
        if SURE not in request.POST:
            return _told(own, here) if "HX-Request" in request.headers else _ask(request, own, here)
        choose_program(request, own.code)
        timezone.activate(own.zone)  # until the request is over
        return None

    @staticmethod
    def _own(request: HttpRequest, here: Program) -> Program | None:
        """The program that the form belongs to, when it is another one and that matters."""
        code = request.POST.get(FIELD, here.code)
        if code == here.code or request.path in (reverse("console:switch"), reverse("admin:logout")):
            return None
        return Program.objects.filter(code=code[:50]).first()


def _told(own: Program, here: Program) -> HttpResponse:
    told = _(
        "This page belongs to %(own)s, but by now you work in %(here)s, in another tab. Choose %(own)s there again and "
        "go on here: what you typed is not lost."
    ) % {"own": own.name, "here": here.name}
    return in_words(told, status=409)


def _ask(request: HttpRequest, own: Program, here: Program) -> HttpResponse:
    """What was typed stands in the page, but for files, and for forms of the admin, which may hold passwords."""
    may_repeat = request.path.startswith("/console/") and not request.FILES
    # With the form's own program, which comes after that of the page and counts for that reason.
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _NOT_SENT_AGAIN
        for value in values
    ]
    context = {
        "title": _("This form belongs to %(name)s") % {"name": own.name},
        "own": own,
        "here": here,
        "typed": typed if may_repeat else None,
        "sure": SURE,
        "address": request.get_full_path(),
    }
    return show(request, "console/other_program.html", context, status=409)
