"""The campaign builder: one page, drawn again by the server while it is typed.

Saved with a guard against stale edits.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import drafts, versions
from campaigns.builder.audience import audience
from campaigns.builder.describe import Describer, draft_definition
from campaigns.builder.forms import EDITORS, DraftForm, form_for
from campaigns.builder.recipes import RECIPES, start
from campaigns.errors import StaleDraft
from campaigns.fields import schema_for
from campaigns.models import Campaign, EarningCampaign
from campaigns.views import STATES, TONES, campaign_of
from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.conditions.standard import WEEKDAYS
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.condition_drawing import drawn_editor
from loyalty.console.known_values import known_values

SECTIONS: list[tuple[str, Words]] = [
    ("goal", gettext_lazy("Goal")),
    ("event", gettext_lazy("When it happens")),
    ("effect", gettext_lazy("What members get")),
    ("who", gettext_lazy("Who")),
    ("time", gettext_lazy("When")),
    ("limits", gettext_lazy("Limits")),
]
SCOPES = {
    "conditions": ("order", "item", "event", "channel", "time", "member", "activity"),
    "items": ("item",),
    "audience": ("member", "activity"),
}


@require_GET
@screen("campaigns.view_campaign", "campaigns.add_campaign")
def choose(request: ScreenRequest) -> HttpResponse:
    """What kind of campaign: a start for each usual one."""
    return show(request, "campaigns/choose.html", {"title": _("New campaign"), "recipes": RECIPES.values()})


@require_http_methods(["GET", "POST"])
@screen("campaigns.view_campaign", "campaigns.add_campaign")
def new(request: ScreenRequest, recipe: str) -> HttpResponse:
    """A draft that is not stored yet, from a recipe."""
    if recipe not in RECIPES:
        raise Http404
    campaign = start(recipe, request.program)
    if campaign is None:
        messages.error(request, _("Name the points first: a campaign gives points of a kind."))
        return redirect("admin:programs_pointtype_changelist")
    if request.method == "GET":
        return _page(request, campaign, form_for(campaign))
    form = form_for(campaign, request.POST)
    if _is_redraw(request):
        return _redrawn(request, campaign, form)
    if form.is_valid():
        kind = "earning" if isinstance(campaign, EarningCampaign) else "bonus"
        try:
            made = drafts.create(request.program, kind, form.values(), by=actor_name(request), at=clock.now())
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            return _saved(request, made)
    return _page(request, campaign, form, status=422)


@require_http_methods(["GET", "POST"])
@screen("campaigns.view_campaign", "campaigns.change_campaign")
def edit(request: ScreenRequest, campaign_id: int) -> HttpResponse:
    """Change the draft. Published versions stay as they are."""
    campaign = campaign_of(request, campaign_id)
    if request.method == "GET":
        return _page(request, campaign, form_for(campaign))
    form = form_for(campaign, request.POST)
    if _is_redraw(request):
        return _redrawn(request, campaign, form)
    if form.is_valid():
        revision = request.POST.get("revision", "")
        values = form.values()
        try:
            read_at = int(revision) if revision.isdigit() and len(revision) < 10 else -1
            saved = drafts.save(campaign, values, revision=read_at, by=actor_name(request), at=clock.now())
        except StaleDraft:
            return _conflict(request, form)
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            return _saved(request, saved)
    return _page(request, campaign, form, status=422)


def _add_refusal(form: DraftForm, refused: LaurelError) -> None:
    """Show what the domain refuses beside the field it is about."""
    if refused.code == "code_taken":
        form.add_error("code", refused.detail)
        return
    for fault in refused.errors or [refused.at_path("")]:
        form.add_error(fault.path if fault.path in form.fields else None, fault.message)


def _saved(request: ScreenRequest, campaign: Campaign) -> HttpResponse:
    messages.success(request, _("The draft is saved. Nothing changes for members until it is published."))
    if request.POST.get("_do") == "publish":
        return redirect("campaigns:publish", campaign.pk)
    return redirect("campaigns:campaign", campaign.pk)


@require_POST
@screen("campaigns.view_campaign", "campaigns.change_campaign")
def restore(request: ScreenRequest, campaign_id: int, number: int) -> HttpResponse:
    """Make an old version's words the draft again; publishing it is another step."""
    campaign = campaign_of(request, campaign_id)
    version = campaign.versions.filter(number=number).first()
    if version is None:
        raise Http404
    try:
        drafts.restore(campaign, version, revision=campaign.revision, by=actor_name(request), at=clock.now())
    except LaurelError as refused:
        messages.error(request, refused.detail)
        return redirect("campaigns:version", campaign.pk, number)
    messages.success(
        request,
        _("The draft says again what version %(number)d says. Review and publish it.") % {"number": number},
    )
    return redirect("campaigns:publish", campaign.pk)


def _conflict(request: ScreenRequest, form: DraftForm) -> HttpResponse:
    """409: theirs and mine side by side. What was typed is still in the form, so nothing is lost."""
    theirs = campaign_of(request, form.instance.pk)
    describer = Describer(request.program)
    changes = describer.changes(draft_definition(theirs), draft_definition(form.preview()))
    conflict = {
        "by": theirs.updated_by,
        "at": theirs.updated_at,
        "changes": changes,
        "revision": theirs.revision,
    }
    return _page(request, theirs, form, status=409, conflict=conflict)


def _is_redraw(request: ScreenRequest) -> bool:
    """A button of an editor, or htmx asking for the page as it would be now. Nothing is stored."""
    return request.POST.get("_do", "") not in ("", "save", "publish") or (
        bool(request.htmx) and "_do" not in request.POST
    )


def _redrawn(request: ScreenRequest, campaign: Campaign, form: DraftForm) -> HttpResponse:
    name, _slash, action = request.POST.get("_do", "").partition("/")
    if name in EDITORS:
        form.editors[name].act(action)
    if request.htmx:
        return render(
            request,
            "campaigns/_builder.html",
            {**_context(request, campaign, form), "program": request.program},
        )
    return _page(request, campaign, form)


def _page(
    request: ScreenRequest,
    campaign: Campaign,
    form: DraftForm,
    *,
    status: int = 200,
    conflict: dict[str, Any] | None = None,
) -> HttpResponse:
    title = campaign.name if campaign.pk else _("New campaign")
    context = {"title": title, "conflict": conflict, **_context(request, campaign, form)}
    # What only keeps it from being published is said with what cannot be saved, not after it.
    context["also"] = [one for one in context["blockers"] if one["field"] not in form.errors]
    return show(request, "campaigns/builder.html", context, status=status)


def _context(request: ScreenRequest, campaign: Campaign, form: DraftForm) -> dict[str, Any]:
    draft = form.preview()
    blockers = form.publishing_faults()
    schema = schema_for(request.program, draft.trigger)
    definition = draft_definition(draft)
    describer = Describer(request.program)
    state = versions.state(campaign, clock.now()) if campaign.pk else "draft"
    open_sections = {fault["section"] for fault in blockers}
    return {
        "campaign": campaign,
        "form": form,
        "is_earning": isinstance(campaign, EarningCampaign),
        "is_order": draft.trigger == "order.completed",
        "draft": draft,
        "editors": {name: drawn_editor(form.editors[name], schema, SCOPES[name]) for name in EDITORS},
        "sections": [(code, label, code in open_sections) for code, label in SECTIONS],
        "blockers": blockers,
        "summary": describer.in_short(definition),
        "lines": describer.lines(definition),
        "known": known_values(request.program, schema),
        "reach": audience(request.program, draft.audience or None, schema, at=clock.now())
        if may(request, "members.view_member")
        else None,
        "state_label": STATES[state],
        "tone": TONES[state],
        "has_version": bool(campaign.pk) and versions.latest(campaign) is not None,
        "zone": request.program.timezone,
        "weekdays": list(WEEKDAYS.items()),
    }
