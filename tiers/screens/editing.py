"""The ladder editor: one page, drawn again by the server while it is typed.

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

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from tiers import drafts, versions
from tiers.errors import StaleDraft
from tiers.ladder import definition_of
from tiers.models import TierSet
from tiers.screens.forms import LadderForm
from tiers.screens.recipes import RECIPES, start
from tiers.screens.rows import acted
from tiers.screens.views import ladder_of, state_of
from tiers.screens.wording import Teller

SECTIONS: list[tuple[str, Words]] = [
    ("name", gettext_lazy("Name")),
    ("counts", gettext_lazy("What counts")),
    ("tiers", gettext_lazy("Tiers and benefits")),
    ("review", gettext_lazy("How long a tier lasts")),
]


@require_GET
@screen("tiers.view_tierset", "tiers.add_tierset")
def choose(request: ScreenRequest) -> HttpResponse:
    """What kind of ladder: a start for each usual one."""
    context = {"title": _("New ladder"), "recipes": RECIPES.values()}
    return show(request, "tiers/choose.html", context)


@require_http_methods(["GET", "POST"])
@screen("tiers.view_tierset", "tiers.add_tierset")
def new(request: ScreenRequest, recipe: str) -> HttpResponse:
    """A draft that is not stored yet, from a recipe."""
    if recipe not in RECIPES:
        raise Http404
    tier_set, tiers = start(recipe, request.program)
    if request.method == "GET":
        return _page(request, LadderForm(instance=tier_set, tiers=tiers))
    form = LadderForm(request.POST, instance=tier_set)
    if _is_redraw(request):
        return _redrawn(request, form)
    if form.is_valid():
        try:
            made = drafts.create(
                request.program, form.values(), form.rows(), by=actor_name(request), at=clock.now()
            )
        except LaurelError as refused:
            form.add_refusal(refused)
        else:
            return _saved(request, made)
    return _page(request, form, status=422)


@require_http_methods(["GET", "POST"])
@screen("tiers.view_tierset", "tiers.change_tierset")
def edit(request: ScreenRequest, set_id: int) -> HttpResponse:
    """Change the draft. Published versions stay as they are."""
    tier_set = ladder_of(request, set_id)
    published = versions.latest(tier_set) is not None
    if request.method == "GET":
        tiers = list(tier_set.tiers.order_by("rank"))
        return _page(request, LadderForm(instance=tier_set, tiers=tiers, published=published))
    form = LadderForm(request.POST, instance=tier_set, published=published)
    if _is_redraw(request):
        return _redrawn(request, form)
    if form.is_valid():
        try:
            saved = drafts.save(
                ladder_of(request, set_id),
                form.values(),
                tiers=form.rows(),
                revision=_revision(request),
                by=actor_name(request),
                at=clock.now(),
            )
        except StaleDraft:
            return _conflict(request, form)
        except LaurelError as refused:
            form.add_refusal(refused)
        else:
            return _saved(request, saved)
    return _page(request, form, status=422)


def _revision(request: ScreenRequest) -> int:
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _saved(request: ScreenRequest, tier_set: TierSet) -> HttpResponse:
    messages.success(request, _("The draft is saved. Nobody's tier changes until it is published."))
    return redirect("tiers:publish" if request.POST.get("_do") == "publish" else "tiers:ladder", tier_set.pk)


@require_POST
@screen("tiers.view_tierset", "tiers.change_tierset")
def restore(request: ScreenRequest, set_id: int, number: int) -> HttpResponse:
    """Make an old version's words the draft again; publishing it is another step."""
    tier_set = ladder_of(request, set_id)
    version = tier_set.versions.filter(number=number).first()
    if version is None:
        raise Http404
    try:
        drafts.restore(tier_set, version, revision=tier_set.revision, by=actor_name(request), at=clock.now())
    except LaurelError as refused:
        messages.error(request, refused.detail)
        return redirect("tiers:version", tier_set.pk, number)
    told = _("The draft says again what version %(number)d says. Look at who would move, then publish it.")
    messages.success(request, told % {"number": number})
    return redirect("tiers:publish", tier_set.pk)


def _conflict(request: ScreenRequest, form: LadderForm) -> HttpResponse:
    """409: theirs and mine side by side. What was typed is still in the form, so nothing is lost."""
    theirs = ladder_of(request, form.instance.pk)
    conflict = {
        "by": theirs.updated_by,
        "at": theirs.updated_at,
        "changes": Teller(request.program).changes(definition_of(theirs), form.definition()),
        "revision": theirs.revision,
    }
    return _page(request, form, status=409, conflict=conflict)


def _is_redraw(request: ScreenRequest) -> bool:
    """A button of the editor, or htmx asking for the page as it would be now. Nothing is stored."""
    return request.POST.get("_do", "") not in ("", "save", "publish") or (
        bool(request.htmx) and "_do" not in request.POST
    )


def _redrawn(request: ScreenRequest, form: LadderForm) -> HttpResponse:
    name, _slash, action = request.POST.get("_do", "").partition("/")
    form.is_valid()
    if name == "tier":
        form.tiers = acted(form.tiers, action)
    if request.htmx:
        context = {**_context(request, form, acted_on=action), "program": request.program}
        return render(request, "tiers/_editor.html", context)
    return _page(request, form)


def _page(
    request: ScreenRequest, form: LadderForm, *, status: int = 200, conflict: dict[str, Any] | None = None
) -> HttpResponse:
    tier_set = form.instance
    title = tier_set.name if tier_set.pk else _("New ladder")
    context = {"title": title, "conflict": conflict, **_context(request, form)}
    if status == 422:
        context["errors"] = form.all_errors()
    return show(request, "tiers/editor.html", context, status=status)


def _context(request: ScreenRequest, form: LadderForm, *, acted_on: str = "") -> dict[str, Any]:
    tier_set = form.instance
    draft, _tiers = form.preview()
    definition = form.definition()
    blockers = form.publishing_faults()
    teller = Teller(request.program)
    open_sections = {fault["section"] for fault in blockers}
    label, tone = state_of(tier_set if tier_set.pk else None, clock.now())
    return {
        "ladder": tier_set,
        "form": form,
        "draft": draft,
        "definition": definition,
        "unit": teller.unit(definition),
        "sections": [(code, label, code in open_sections) for code, label in SECTIONS],
        "blockers": blockers,
        "summary": teller.summary(definition),
        "lines": teller.lines(definition),
        "told_tiers": teller.tiers(definition),
        "state_label": label,
        "tone": tone,
        "said": _moved(form, acted_on),
    }


def _moved(form: LadderForm, action: str) -> str:
    """What a button did, for those who do not see it."""
    name, _colon, key = action.partition(":")
    if name == "add":
        return _("A tier was added at the top of the ladder.")
    if name == "remove":
        return _("The tier was removed.")
    places = [(n, tier) for n, tier in enumerate(form.tiers, 1) if tier.key == key]
    if not places:
        return ""
    [(place, tier)] = places
    told = {"tier": tier.name_or_dots, "place": place, "all": len(form.tiers)}
    return _("%(tier)s is now tier %(place)d of %(all)d.") % told
