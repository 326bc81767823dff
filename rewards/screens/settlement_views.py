"""What is owed to partners, month by month, with the list for each of them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loyalty.base import clock
from loyalty.base.clock import add_months, local_date
from loyalty.base.errors import Invalid
from loyalty.console.access import ScreenRequest, screen, show
from rewards import settlement
from rewards.screens.common import SEE_TAKEN, VIEW

SHOWN = 500


@require_GET
@screen(VIEW, SEE_TAKEN)
def settle(request: ScreenRequest) -> HttpResponse:
    """The sums of a local month, and its lines; as a file with `format=csv`."""
    today = local_date(clock.now(), request.program.zone)
    month = _month(request.GET.get("month", "")) or today.replace(day=1)
    partner = request.GET.get("partner", "")[:50].replace("\x00", "") or None
    lines = settlement.lines(request.program, month, partner=partner)
    if request.GET.get("format") == "csv":
        return _file(request, month, partner, settlement.as_csv(lines))
    context: dict[str, Any] = {
        "title": _("Settlement with partners"),
        "month": month,
        "before": _moved(month, -1),
        "after": _moved(month, 1) if month < today.replace(day=1) else None,
        "is_running": month == today.replace(day=1),
        "totals": settlement.totals(lines),
        "partner": partner or "",
        "lines": lines[:SHOWN],
        "more": max(0, len(lines) - SHOWN),
    }
    return show(request, "rewards/settlement.html", context)


def _month(text: str) -> date | None:
    if not re.fullmatch(r"\d{4}-\d\d", text, re.ASCII):
        return None
    year, month = int(text[:4]), int(text[5:])
    return date(year, month, 1) if 1950 <= year <= 2500 and 1 <= month <= 12 else None


def _moved(month: date, by: int) -> date | None:
    try:
        return add_months(month, by)
    except Invalid:
        return None


def _file(request: ScreenRequest, month: date, partner: str | None, content: bytes) -> HttpResponse:
    answer = HttpResponse(content, content_type="text/csv; charset=utf-8")
    safe = re.sub(r"[^a-z0-9_-]", "", partner or "all")
    name = f"settlement-{request.program.code}-{safe}-{month:%Y-%m}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
