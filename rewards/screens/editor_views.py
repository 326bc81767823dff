"""Making and changing a reward: one page, drawn again by the server while it is typed.

Saved with a guard against stale edits. Prices are moved by buttons.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.numbers import ungrouped
from loyalty.conditions.standard import WEEKDAYS
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.condition_drawing import drawn_editor
from loyalty.console.known_values import known_values
from loyalty.programs.models import PointType
from rewards import catalogue, pictures
from rewards.errors import StaleReward
from rewards.models import KINDS, ExperienceReward, Price, Reward, VoucherReward
from rewards.pictures import Small
from rewards.screens import changes, seen, words
from rewards.screens import reach as reached
from rewards.screens.catalogue_views import reach_query
from rewards.screens.common import ADD, CHANGE, VIEW, reward_of
from rewards.screens.form import RewardForm, draft, form_for, missing

SCOPES = ("member", "activity")
MOST_STOCK = 10**9


@require_http_methods(["GET", "POST"])
@screen(VIEW, ADD)
def new(request: ScreenRequest, kind: str) -> HttpResponse:
    """A reward that is not stored yet."""
    if kind not in KINDS:
        raise Http404
    if not PointType.objects.filter(program=request.program).exists():
        messages.error(request, _("Name the points first: a reward costs points of a kind."))
        return redirect("admin:programs_pointtype_changelist")
    reward = draft(request.program, kind)
    if request.method == "GET":
        return _page(request, reward, form_for(reward))
    form = form_for(reward, request.POST)
    if _is_redraw(request):
        return _redrawn(request, form)
    loaded, stock_fault = _typed_stock(request, reward)
    picture = _picture(request, form)
    if form.is_valid() and not stock_fault:
        try:
            with transaction.atomic():
                made = catalogue.create(
                    request.program,
                    kind,
                    form.values(),
                    by=actor_name(request),
                    at=clock.now(),
                    loaded=loaded,
                )
                _keep_picture(request, made, picture, clock.now())
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            return _saved(request, made)
    return _page(request, reward, form, status=422, stock_fault=stock_fault)


@require_http_methods(["GET", "POST"])
@screen(VIEW, CHANGE)
def edit(request: ScreenRequest, reward_id: int) -> HttpResponse:
    """Change a reward. What members took keeps the terms of its day."""
    reward = reward_of(request, reward_id)
    if reward.status == Reward.Status.ENDED:
        messages.info(request, _("The reward has ended: it cannot be changed any more."))
        return redirect("rewards:reward", reward.pk)
    if request.method == "GET":
        return _page(request, reward, form_for(reward))
    form = form_for(copy.copy(reward), request.POST)
    if _is_redraw(request):
        return _redrawn(request, form)
    picture = _picture(request, form)
    if form.is_valid():
        try:
            with transaction.atomic():
                saved = catalogue.save(
                    reward, form.values(), revision=_revision(request), by=actor_name(request), at=clock.now()
                )
                _keep_picture(request, saved, picture, clock.now())
        except StaleReward:
            return _conflict(request, reward_id, form)
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            return _saved(request, saved)
    elif reward.status != Reward.Status.DRAFT:
        form.add_further(catalogue.refusals(reward, form.values(), by=actor_name(request), at=clock.now()))
    return _page(request, reward, form, status=422)


def _revision(request: ScreenRequest) -> int:
    text = request.POST.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _typed_stock(request: ScreenRequest, reward: Reward) -> tuple[int | None, str]:
    """How many there are, typed with a new reward, and what is wrong with that; empty: no limit."""
    text = ungrouped(request.POST.get("loaded", "").strip())
    if not text or isinstance(reward, VoucherReward | ExperienceReward):
        return None, ""
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MOST_STOCK):
        return None, _("A stock is a whole number from 0. Leave it empty for no limit.")
    return int(text), ""


def _picture(request: ScreenRequest, form: RewardForm) -> Small | None:
    sent = request.FILES.get("picture")
    if sent is None:
        return None
    try:
        return pictures.read(sent.read(pictures.MOST_BYTES + 1))
    except LaurelError as refused:
        form.add_error(None, refused.detail)
        return None


def _keep_picture(request: ScreenRequest, reward: Reward, picture: Small | None, at: datetime) -> None:
    if picture is not None:
        pictures.put(reward, picture, by=actor_name(request), at=at)
    elif request.POST.get("no-picture"):
        pictures.remove(reward, by=actor_name(request), at=at)


def _add_refusal(form: RewardForm, refused: LaurelError) -> None:
    """Show what the catalogue refuses beside the field it is about."""
    if refused.code == "code_taken":
        form.add_error("code", refused.detail)
    elif refused.errors:
        form.add_faults(refused.errors)
    else:
        form.add_error(None, refused.detail or refused.title)


def _saved(request: ScreenRequest, reward: Reward) -> HttpResponse:
    if request.POST.get("_do") == "publish" and reward.status == Reward.Status.DRAFT:
        return redirect("rewards:stage", reward.pk, "publish")
    if reward.status == Reward.Status.DRAFT:
        messages.success(request, _("The draft is saved. Members see nothing of it until it is published."))
    else:
        messages.success(request, _("Saved. It counts from now on; what was taken keeps its own terms."))
    return redirect("rewards:reward", reward.pk)


def _conflict(request: ScreenRequest, reward_id: int, form: RewardForm) -> HttpResponse:
    """409: theirs and mine side by side. What was typed is still in the form, so nothing is lost."""
    theirs = reward_of(request, reward_id)
    conflict = {
        "by": theirs.updated_by,
        "at": theirs.updated_at,
        "revision": theirs.revision,
        "changes": changes.between(theirs, form),
    }
    return _page(request, theirs, form, status=409, conflict=conflict)


def _is_redraw(request: ScreenRequest) -> bool:
    """A button of a list or editor, or htmx asking for the page as it would be now. Nothing is stored."""
    return request.POST.get("_do", "") not in ("", "save", "publish") or (
        bool(request.htmx) and "_do" not in request.POST
    )


def _redrawn(request: ScreenRequest, form: RewardForm) -> HttpResponse:
    name, _slash, action = request.POST.get("_do", "").partition("/")
    if name == "prices":
        form.prices.act(action)
    elif name == "audience":
        form.audience.act(action)
    else:
        for line in form.prices.lines:
            if line.editor.prefix == name:
                line.editor.act(action)
    form.is_being_typed = True
    if request.htmx:
        context = _context(request, form.instance, form) | {"program": request.program}
        return render(request, "rewards/_form.html", context)
    return _page(request, form.instance, form)


def _page(
    request: ScreenRequest, reward: Reward, form: RewardForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    title = reward.name if reward.pk else _("New reward: %(kind)s") % {"kind": reward.title}
    context = {"title": title, **_context(request, reward, form), **more}
    return show(request, "rewards/edit.html", context, status=status)


def _context(request: ScreenRequest, reward: Reward, form: RewardForm) -> dict[str, Any]:
    typed, at = form.preview(), clock.now()
    schema = form.schema
    prices = [
        {"line": line, "editor": drawn_editor(line.editor, schema, SCOPES), "faults": form.faults_of(line)}
        for line in form.prices.lines
    ]
    tree = form.audience.tree(schema)
    return {
        "reward": reward,
        "form": form,
        "typed": typed,
        "kind": words.KINDS[reward.kind],
        "own": [form[name] for name in _own_fields(form)],
        "prices": prices,
        "types": form.types.values(),
        "tiers": list(words.tier_names(request.program.pk).items()),
        "audience": drawn_editor(form.audience, schema, SCOPES),
        "fit": reached.fits(request.program, tree, at)
        if tree and may(request, "members.view_member")
        else None,
        "reach": reach_query(form.price_rows()),
        "seen": seen.shown(typed, form.costs(), at),
        "known": known_values(request.program, schema),
        "weekdays": list(WEEKDAYS.items()),
        "periods": list(words.PERIODS.items()),
        "zone": request.program.timezone,
        "stored_blockers": missing(reward) if reward.pk and reward.status == Reward.Status.DRAFT else [],
        "state": words.state_of(reward, at),
        "asks_stock": not reward.pk and not isinstance(reward, VoucherReward | ExperienceReward),
        "loaded": request.POST.get("loaded", ""),
        "placed": getattr(form, "placed", []),
    }


def _own_fields(form: RewardForm) -> list[str]:
    """The fields that this kind has and others do not."""
    own = [field.name for field in type(form.instance)._meta.local_fields]
    return [name for name in own if name in form.fields]


@require_GET
@screen(VIEW, "members.view_member")
def reach(request: ScreenRequest) -> HttpResponse:
    """How many members have the points today, for prices in the address; fetched apart, so that it holds nothing up."""
    types = {str(one.pk): one for one in PointType.objects.filter(program=request.program)}
    prices = []
    for name, text in parse_qsl(request.META.get("QUERY_STRING", ""), max_num_fields=100):
        kind, _colon, rest = text.partition(":")
        points, _colon, tiers = rest.partition(":")
        if name == "price" and kind in types and points.isascii() and points.isdigit() and len(points) < 16:
            codes = [code[:50] for code in tiers.replace("\x00", "").split(",") if code]
            prices.append(Price(point_type=types[kind], points=int(points), tiers=codes))
    count = reached.can_pay(request.program, prices, clock.now())
    return render(request, "rewards/_reach.html", {"count": count, "any": bool(prices)})
