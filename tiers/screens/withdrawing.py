"""Withdrawing a version that has not taken effect: one question that says what happens, and the button."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from loyalty.console.words import first_day
from tiers import versions
from tiers.models import LadderVersion, TierSet
from tiers.screens.views import ladder_of, version_of


@require_http_methods(["GET", "POST"])
@screen("tiers.view_tierset", "tiers.add_ladderversion")
def withdraw(request: ScreenRequest, set_id: int, number: int) -> HttpResponse:
    """Ask, and withdraw it on POST. `back=publish`: from there, and back to there."""
    tier_set = ladder_of(request, set_id)
    version, at = version_of(tier_set, number), clock.now()
    back = "publish" if (request.POST or request.GET).get("back") == "publish" else ""
    address = reverse("tiers:publish" if back else "tiers:ladder", args=[tier_set.pk])
    why_not = _why_not(version, at, request.program.zone)
    if request.method == "POST":
        try:
            versions.withdraw(version, by=actor_name(request), at=at)
        except LaurelError as refused:
            why_not = why_not or f"{refused.detail}."
        else:
            messages.success(request, _("Version %(number)d is withdrawn.") % {"number": number})
            return redirect(address)
    context = {
        "title": _("%(ladder)s, version %(number)d") % {"ladder": tier_set.name, "number": number},
        "ladder": tier_set,
        "version": version,
        "begins": first_day(version.effective_from, request.program.zone),
        "why_not": why_not,
        "back": back,
        "address": address,
        **_left(tier_set, version, at),
    }
    return show(request, "tiers/withdraw.html", context, status=409 if request.method == "POST" else 200)


def _why_not(version: LadderVersion, at: datetime, zone: ZoneInfo) -> str:
    """Why it cannot be withdrawn; empty when it can."""
    told = {"number": version.number, "day": first_day(version.effective_from, zone)}
    if version.withdrawn_at is not None:
        return _("Version %(number)d was withdrawn already.") % told
    if not versions.can_be_withdrawn(version, at):
        return (
            _("Version %(number)d takes effect on %(day)s: only what has not begun can be withdrawn.") % told
        )
    return ""


def _left(tier_set: TierSet, version: LadderVersion, at: datetime) -> dict[str, Any]:
    """What is in force without it, and what is still planned."""
    others = [one for one in versions.planned(tier_set, at) if one.pk != version.pk]
    return {"current": versions.in_force(tier_set, at), "others": others}


def planned_words(version: LadderVersion, zone: ZoneInfo) -> str:
    """Why a ladder that begins before a planned version is refused."""
    return _(
        "Version %(number)d is planned for %(day)s: a ladder takes effect after it, or it is withdrawn first."
    ) % {
        "number": version.number,
        "day": first_day(version.effective_from, zone),
    }
