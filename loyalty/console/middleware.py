"""The admin's own lists show times, as our screens do, on the wall clock of the chosen program."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from loyalty.programs.scope import current_program, remember

PLACES = ("/admin/", "/console/")


class ProgramZone:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        program = (
            current_program(request)
            if request.path.startswith(PLACES) and request.user.is_authenticated
            else None
        )
        with timezone.override(program.zone if program else None):
            answer = self.get_response(request)
        if program is not None:
            remember(request, answer)
        return answer
