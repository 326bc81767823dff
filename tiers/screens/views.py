"""Ladders: the list, one ladder with its members, and its versions. They are changed in the editor only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, F
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loyalty.base import clock
from loyalty.console.access import ScreenRequest, may, screen, show
from loyalty.members.models import Member
from tiers import versions
from tiers.faults import faults
from tiers.ladder import definition_of
from tiers.models import LadderVersion, Standing, TierSet
from tiers.screens.recipes import RECIPES
from tiers.screens.wording import Teller

VERSIONS_SHOWN = 50


def ladder_of(request: ScreenRequest, set_id: int) -> TierSet:
    """The ladder, if of the chosen program; another program's answers as if it did not exist."""
    own = TierSet.objects.filter(program=request.program).select_related("program", "point_type")
    found = own.filter(pk=set_id).first()
    if found is None:
        raise Http404
    return found


def state_of(tier_set: TierSet | None, at: datetime) -> tuple[str, str]:
    """(words, tone) of what a ladder is now."""
    newest = versions.latest(tier_set) if tier_set else None
    if tier_set is None or newest is None:
        return _("Draft"), "quiet"
    if versions.in_force(tier_set, at) is None:
        return _("Begins later"), "info"
    return _("In force"), "good"


@require_GET
@screen("tiers.view_tierset")
def ladder_list(request: ScreenRequest) -> HttpResponse:
    """All ladders of the program; while there is none, what to begin with."""
    at = clock.now()
    teller = Teller(request.program)
    rows = [
        _row(tier_set, teller, at)
        for tier_set in TierSet.objects.filter(program=request.program)
        .select_related("program", "point_type")
        .prefetch_related("tiers")
    ]
    context = {
        "title": _("Tiers"),
        "rows": rows,
        "recipes": RECIPES.values(),
        "may_add": may(request, "tiers.add_tierset"),
    }
    return show(request, "tiers/list.html", context)


def _row(tier_set: TierSet, teller: Teller, at: datetime) -> dict[str, Any]:
    """A ladder as a line of the list."""
    newest = versions.latest(tier_set)
    definition = newest.definition if newest else definition_of(tier_set)
    label, tone = state_of(tier_set, at)
    return {
        "ladder": tier_set,
        "state_label": label,
        "tone": tone,
        "newest": newest,
        "tiers": teller.tiers(definition),
        "measure": teller.measure(definition),
        "changed": newest is not None and newest.definition != definition_of(tier_set),
    }


@require_GET
@screen("tiers.view_tierset")
def ladder_page(request: ScreenRequest, set_id: int) -> HttpResponse:
    """One ladder: what it says, who stands where, its versions, and what can be done now."""
    tier_set = ladder_of(request, set_id)
    at = clock.now()
    newest, current = versions.latest(tier_set), versions.in_force(tier_set, at)
    teller = Teller(request.program)
    draft = definition_of(tier_set)
    definition = (current or newest).definition if newest else draft
    label, tone = state_of(tier_set, at)
    context = {
        "title": tier_set.name,
        "ladder": tier_set,
        "state_label": label,
        "tone": tone,
        "newest": newest,
        "current": current,
        "planned": versions.planned(tier_set, at),
        "summary": teller.summary(definition),
        "lines": teller.lines(definition),
        "told_tiers": list(reversed(teller.tiers(definition))),
        "changed": teller.changes(newest.definition, draft) if newest else [],
        "versions": tier_set.versions.order_by("-number")[:VERSIONS_SHOWN],
        "faults": [] if newest else faults(tier_set),
        "may_change": may(request, "tiers.change_tierset"),
        "may_publish": may(request, "tiers.add_ladderversion"),
    }
    return show(request, "tiers/ladder.html", context)


@require_GET
@screen("tiers.view_tierset")
def members_by_tier(request: ScreenRequest, set_id: int) -> HttpResponse:
    """How many members stand on each tier, as bars: counted apart, so that the page need not wait for it."""
    tier_set = ladder_of(request, set_id)
    current = versions.in_force(tier_set, clock.now())
    counts = members_on(tier_set)
    total = Member.objects.filter(program=request.program).count()
    rungs = reversed(current.definition["tiers"]) if current else []
    rows = [(tier["code"], tier["name"], counts.pop(tier["code"], 0)) for tier in rungs]
    others = total - sum(n for _code, _name, n in rows)
    context = {
        "title": tier_set.name,
        "ladder": tier_set,
        "bars": [(name, n, round(100 * n / total, 1) if total else 0) for _code, name, n in rows],
        "others": (others, round(100 * others / total, 1) if total else 0),
        "total": total,
        "program": request.program,
    }
    if request.htmx:
        return render(request, "tiers/_members.html", context)
    return show(request, "tiers/members.html", context)


def members_on(tier_set: TierSet) -> dict[str, int]:
    """Members by the tier that they see: the manual one where there is one."""
    seen = Coalesce(F("placement__tier_code"), F("tier_code"))
    rows = Standing.objects.filter(tier_set=tier_set).values_list(seen).annotate(Count("pk")).order_by()
    return {code: n for code, n in rows if code}


@require_GET
@screen("tiers.view_tierset")
def version_page(request: ScreenRequest, set_id: int, number: int) -> HttpResponse:
    """One published version, for good, and how it differs from another."""
    tier_set = ladder_of(request, set_id)
    version = version_of(tier_set, number)
    other_number = request.GET.get("with", "")
    other = None
    if other_number.isascii() and other_number.isdigit() and len(other_number) < 6:
        other = version_of(tier_set, int(other_number))
    elif "with" not in request.GET:
        other = tier_set.versions.filter(number__lt=number, withdrawn_at=None).order_by("-number").first()
    teller = Teller(request.program)
    context = {
        "title": _("%(ladder)s, version %(number)d") % {"ladder": tier_set.name, "number": number},
        "ladder": tier_set,
        "version": version,
        "other": other,
        "summary": teller.summary(version.definition),
        "lines": teller.lines(version.definition),
        "told_tiers": list(reversed(teller.tiers(version.definition))),
        "changes": teller.changes(other.definition, version.definition) if other else [],
        "others": tier_set.versions.exclude(pk=version.pk).order_by("-number"),
        "is_planned": versions.can_be_withdrawn(version, clock.now()),
        "may_change": may(request, "tiers.change_tierset"),
        "may_publish": may(request, "tiers.add_ladderversion"),
    }
    return show(request, "tiers/version.html", context)


def version_of(tier_set: TierSet, number: int) -> LadderVersion:
    """A version of the ladder by its number, also a withdrawn one."""
    found = tier_set.versions.filter(number=number).first()
    if found is None:
        raise Http404
    return found
