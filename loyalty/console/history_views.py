"""The page of a setting's history, and the same as a fragment for pages that show it in place."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loyalty.console.access import ScreenRequest, may, refuse, screen, show
from loyalty.console.changes import Told, histories
from loyalty.console.story import story
from loyalty.programs.models import Program

PAGE = 50


@require_GET
@screen()
def history(request: ScreenRequest, label: str, pk: int) -> HttpResponse:
    """Everything that was changed in one setting of the chosen program, newest first."""
    told = histories.get(label)
    if told is None:
        raise Http404
    if not may(request, told.needs):
        return refuse(request, [told.needs])
    row = told.model._default_manager.filter(pk=pk, **_within(told, request.program)).first()
    if row is None:
        raise Http404
    skip = _number(request.GET.get("skip", ""))
    savings = story(told, row, request.program)
    context = {
        "title": _("History of %(name)s") % {"name": row},
        "program": request.program,
        "row": row,
        "back": told.url(row),
        "savings": savings[skip : skip + PAGE],
        "more": skip + PAGE if len(savings) > skip + PAGE else None,
        "fragment": bool(request.htmx),
    }
    if request.htmx:
        return render(request, "console/_history.html", context)
    return show(request, "console/history.html", context)


def _within(told: Told, program: Program) -> dict[str, Any]:
    """The rows of the program; of programs, itself."""
    return {"pk__in": [program.pk]} if told.model is Program else {"program": program}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
