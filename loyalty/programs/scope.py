"""The program that a member of staff has chosen to work in.

Every list and every look-up of the admin goes through it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from loyalty.programs.models import Program

PROGRAM_KEY = "program"
REMEMBERED_SECONDS = 365 * 24 * 60 * 60


def current_program(request: HttpRequest) -> Program | None:
    """The chosen program, or the first one by name; None while there is no program at all.

    Read once a request: the answer is kept on it.
    """
    kept: Program | None = getattr(request, "_laurel_program", None)
    if kept is None:
        kept = _chosen(request) or Program.objects.order_by("name").first()
        request._laurel_program = kept  # type: ignore[attr-defined]
    return kept


def _chosen(request: HttpRequest) -> Program | None:
    """By the session, and after its end by the browser, which remembers: nobody who signs in again finds themselves in
    another program."""
    code = request.session.get(PROGRAM_KEY) or request.COOKIES.get(PROGRAM_KEY, "")[:50]
    return Program.objects.filter(code=code).first() if code else None


def remember(request: HttpRequest, answer: HttpResponse) -> None:
    """Let the browser keep what the session has chosen."""
    code = request.session.get(PROGRAM_KEY)
    if code and code != request.COOKIES.get(PROGRAM_KEY):
        answer.set_cookie(
            PROGRAM_KEY, code, max_age=REMEMBERED_SECONDS, httponly=True, samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip


def choose_program(request: HttpRequest, code: str) -> Program | None:
    """Work in the program of that code from now on; None if there is none."""
    program = Program.objects.filter(code=code).first()
    if program is not None:
        request.session[PROGRAM_KEY] = program.code
        request._laurel_program = program  # type: ignore[attr-defined]
    return program
