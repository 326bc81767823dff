"""Campaigns on screen: list, page of one, publishing with its changes, versions, pause, resume, end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import versions
from campaigns.builder.describe import Describer, draft_definition
from campaigns.builder.forms import form_for
from campaigns.models import Award, Campaign, CampaignVersion, EarningCampaign
from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.fields import LocalMomentField

STATES: dict[str, Words] = {
    "draft": gettext_lazy("Draft"),
    "scheduled": gettext_lazy("Scheduled"),
    "running": gettext_lazy("Running"),
    "paused": gettext_lazy("Paused"),
    "ended": gettext_lazy("Ended"),
}
TONES = {"draft": "quiet", "scheduled": "info", "running": "good", "paused": "warn", "ended": "quiet"}


def campaign_of(request: ScreenRequest, campaign_id: int) -> Campaign:
    """The campaign, if of the chosen program; another program's answers as if it did not exist."""
    found = (
        Campaign.objects.filter(program=request.program, pk=campaign_id)
        .select_related("program", "point_type")
        .first()
    )
    if found is None:
        raise Http404
    return found


@require_GET
@screen("campaigns.view_campaign")
def campaign_list(request: ScreenRequest) -> HttpResponse:
    """All campaigns with their state, what they gave and how much budget is left."""
    wanted = request.GET.get("state", "")
    campaigns = list(
        Campaign.objects.filter(program=request.program).select_related("point_type", "budget_use")
    )
    states = versions.states(campaigns, clock.now())
    given = dict(
        Award.objects.filter(campaign__in=campaigns)
        .values_list("campaign")
        .annotate(Sum("points"))
        .order_by()
    )
    rows = [row_of(campaign, states[campaign.pk], given.get(campaign.pk, 0)) for campaign in campaigns]
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    context = {
        "title": _("Campaigns"),
        "rows": [row for row in rows if not wanted or row["state"] == wanted],
        "wanted": wanted,
        "chips": [(state, label, counts[state]) for state, label in STATES.items() if counts[state]],
        "total": len(rows),
        "may_add": may(request, "campaigns.add_campaign"),
    }
    return show(request, "campaigns/list.html", context)


def row_of(campaign: Campaign, state: str, given: int) -> dict[str, Any]:
    """A campaign as a line of the list."""
    use = getattr(campaign, "budget_use", None)
    return {
        "campaign": campaign,
        "is_earning": isinstance(campaign, EarningCampaign),
        "state": state,
        "state_label": STATES[state],
        "tone": TONES[state],
        "given": given,
        "budget_used": use.points if use else 0,
    }


@require_GET
@screen("campaigns.view_campaign")
def campaign_page(request: ScreenRequest, campaign_id: int) -> HttpResponse:
    """One campaign: what it says, what it gave, its versions, and what can be done now."""
    campaign = campaign_of(request, campaign_id)
    at = clock.now()
    state = versions.state(campaign, at)
    newest = versions.latest(campaign)
    describer = Describer(request.program)
    definition = newest.definition if newest else draft_definition(campaign)
    given = Award.objects.filter(campaign=campaign).aggregate(sum=Sum("points"))["sum"] or 0
    changed = describer.changes(newest.definition, draft_definition(campaign)) if newest else []
    context = {
        "title": campaign.name,
        **row_of(campaign, state, given),
        "newest": newest,
        "lines": describer.lines(definition),
        "summary": describer.in_short(definition),
        "changed": changed,
        "versions": campaign.versions.all()[:50],
        "pauses": campaign.pauses.order_by("-started_at")[:20],
        "may_change": may(request, "campaigns.change_campaign"),
        "locked": _acts(state, changed=bool(changed)),
        "faults": form_for(campaign).publishing_faults() if state == "draft" else [],
    }
    return show(request, "campaigns/campaign.html", context)


def _acts(state: str, *, changed: bool) -> list[str]:
    """What the buttons of the page say to those who may not press them."""
    acts = {"scheduled": [_("Pause")], "running": [_("Pause")], "paused": [_("Resume")]}.get(state, [])
    if state == "ended":
        return acts
    return [*acts, _("Edit"), *([_("Publish")] if state == "draft" or changed else [])]


@require_http_methods(["GET", "POST"])
@screen("campaigns.view_campaign", "campaigns.change_campaign")
def publish(request: ScreenRequest, campaign_id: int) -> HttpResponse:
    """Look at what changes, then publish it."""
    campaign = campaign_of(request, campaign_id)
    moment = LocalMomentField(label=_("From"))
    moment.program = request.program
    problems: list[str] = []
    if request.method == "POST":
        try:
            since = moment.to_python(request.POST.get("effective_from", ""))
            made = versions.publish(
                campaign,
                by=actor_name(request),
                at=clock.now(),
                effective_from=since,
                note=request.POST.get("note", "")[:500],
            )
        except LaurelError as refused:
            problems = [refused.detail]  # what is missing is listed below it, each with its place
        except ValidationError as unreadable:
            problems = unreadable.messages
        else:
            messages.success(request, _("Version %(number)d is published.") % {"number": made.number})
            return redirect("campaigns:campaign", campaign.pk)
    return _publish_page(request, campaign, problems)


def _publish_page(request: ScreenRequest, campaign: Campaign, problems: list[str]) -> HttpResponse:
    newest = versions.latest(campaign)
    describer = Describer(request.program)
    draft = draft_definition(campaign)
    changes = describer.changes(newest.definition if newest else None, draft)
    edit = reverse("campaigns:edit", args=[campaign.pk])
    blockers = [
        {"message": one["message"], "url": f"{edit}#{one['anchor']}"}
        for one in form_for(campaign).publishing_faults()
    ]
    context = {
        "title": _("Publish %(campaign)s") % {"campaign": campaign.name},
        "campaign": campaign,
        "newest": newest,
        "next": newest.number + 1 if newest else 1,
        "nothing": not changes,
        "changes": changes,
        "summary": describer.in_short(draft),
        "blockers": blockers,
        "edit_url": edit,
        "problems": problems,
        "posted": request.POST,
    }
    return show(request, "campaigns/publish.html", context, status=422 if problems else 200)


@require_GET
@screen("campaigns.view_campaign")
def version_page(request: ScreenRequest, campaign_id: int, number: int) -> HttpResponse:
    """One published version, for good, and how it differs from another."""
    campaign = campaign_of(request, campaign_id)
    version = _version(campaign, number)
    other_number = request.GET.get("with", "")
    other = (
        _version(campaign, int(other_number)) if other_number.isdigit() and len(other_number) < 6 else None
    )
    if other is None and number > 1 and "with" not in request.GET:
        other = CampaignVersion.objects.filter(campaign=campaign, number=number - 1).first()
    describer = Describer(request.program)
    context = {
        "title": _("%(campaign)s, version %(number)d") % {"campaign": campaign.name, "number": number},
        "campaign": campaign,
        "version": version,
        "other": other,
        "lines": describer.lines(version.definition),
        "summary": describer.in_short(version.definition),
        "changes": describer.changes(other.definition, version.definition) if other else [],
        "others": campaign.versions.exclude(pk=version.pk),
    }
    return show(request, "campaigns/version.html", context)


def _version(campaign: Campaign, number: int) -> CampaignVersion:
    found = CampaignVersion.objects.filter(campaign=campaign, number=number).first()
    if found is None:
        raise Http404
    return found


def _carry_out(request: ScreenRequest, campaign: Campaign, act: str, at: datetime) -> str:
    """Do it; the sentence that says so."""
    who = actor_name(request)
    if act == "pause":
        versions.pause(campaign, by=who, at=at)
        return _("Paused. New events earn nothing from this campaign until it is resumed.")
    if act == "resume":
        versions.resume(campaign, by=who, at=at)
        return _("Resumed. What happened during the pause stays without these points.")
    if act == "end":
        versions.end(campaign, by=who, at=at)
        return _("Ended. It cannot be started again; a copy can.")
    raise Http404


@require_POST
@screen("campaigns.view_campaign", "campaigns.change_campaign")
def campaign_state(request: ScreenRequest, campaign_id: int, act: str) -> HttpResponse:
    """Pause, resume or end."""
    campaign = campaign_of(request, campaign_id)
    try:
        messages.success(request, _carry_out(request, campaign, act, clock.now()))
    except LaurelError as refused:
        messages.error(request, refused.detail)
    return redirect("campaigns:campaign", campaign.pk)
