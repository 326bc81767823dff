"""One redemption on screen: its way, its points, its code, and each thing that can be done to it, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.once import once, result_of
from rewards import codes, deliveries, fulfilment, replacing
from rewards.models import Redemption
from rewards.screens import acts, redemption_words
from rewards.screens.act_form import ActForm
from rewards.screens.common import FULFIL, REVEAL, SEE_TAKEN, me, redemption_of


@require_GET
@screen(SEE_TAKEN)
def redemption_page(request: ScreenRequest, redemption_id: UUID) -> HttpResponse:
    """Everything about one redemption."""
    row, at = redemption_of(request, redemption_id), clock.now()
    steps = list(row.steps.all())
    can = acts.possible(row, at)
    context = {
        "title": redemption_words.what(row),
        "row": row,
        "state": redemption_words.shown_state(row, at),
        "stages": redemption_words.stages(row, steps, at),
        "happened": redemption_words.happenings(steps),
        "lots": redemption_words.lots_of(row),
        "value_left": redemption_words.value_left(row),
        "code": codes.masked(row.code) if row.code is not None else "",
        "told": _told(row),
        "acts": [(name, acts.ACTS[name]) for name in can],
        "may_fulfil": may(request, FULFIL),
        "may_reveal": may(request, REVEAL),
        "lock": lock_of(request, row, at),
        "can_lock": bool(row.step) and "confirm" not in can and row.state == Redemption.State.CONFIRMED,
    }
    return show(request, "rewards/redemption.html", context)


def lock_of(request: ScreenRequest, row: Redemption, at: datetime) -> dict[str, Any] | None:
    """Who works on it, and until when."""
    if row.claimed_until is None or row.claimed_until <= at:
        return None
    mine = row.claimed_by == actor_name(request)
    return {"by": row.claimed_by, "until": row.claimed_until, "mine": mine}


def _told(row: Redemption) -> list[tuple[str, str, bool]]:
    """What the member told, by the questions of the day; and what was not told, and whether it has to be."""
    known = deliveries.of(row)
    return [
        (one["label"], known.get(one["code"], ""), bool(one.get("required")))
        for one in row.terms.get("asks", [])
    ]


@require_http_methods(["GET", "POST"])
@screen(SEE_TAKEN, FULFIL)
def act(request: ScreenRequest, redemption_id: UUID, name: str) -> HttpResponse:
    """Show before and after, then do it, once."""
    row = redemption_of(request, redemption_id)
    if name not in acts.ACTS:
        raise Http404
    if request.method == "GET":
        return _ask(request, row, name)
    if done := result_of(request.POST.get("token")):
        return redirect(done)
    form = ActForm(request.POST, asks=acts.ACTS[name].asks, row=row)
    if form.is_valid():
        at = clock.now()
        try:
            address, first = once(
                form.cleaned_data["token"],
                lambda: _carry_out(request, row, name, form, at),
                by=actor_name(request),
                at=at,
            )
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            if first:
                messages.success(request, str(acts.ACTS[name].done))
            return redirect(address)
    return _ask(request, row, name, form=form)


def _carry_out(request: ScreenRequest, row: Redemption, name: str, form: ActForm, at: datetime) -> str:
    acts.ACTS[name].do(row, form.cleaned_data, at, me(request))
    return _address(request, row)


def _address(request: ScreenRequest, row: Redemption) -> str:
    """Back to where it was begun: the queue, the pick-up, or the redemption."""
    back = request.POST.get("back")
    if back in ("queue", "pickup"):
        return reverse(f"rewards:{back}")
    return reverse("rewards:redemption", args=[row.pk])


_FIELD_OF: Final = {"not_enough_value": "amount", "nothing_to_refund": "points"}


def _add_refusal(form: ActForm, refused: LaurelError) -> None:
    for fault in refused.errors:
        name = fault.path.replace("/", "-")
        form.add_error(name if name in form.fields else None, fault.message)
    if not refused.errors:
        about = _FIELD_OF.get(refused.code)
        form.add_error(about if about in form.fields else None, refusal(refused))


def refusal(refused: LaurelError) -> str:
    """Why not, in words for staff."""
    if refused.code == "claimed_by_other":
        return _("%(who)s is working on it just now.") % {"who": refused.extra.get("by", "")}
    return str(refused.detail or refused.title)


def _ask(request: ScreenRequest, row: Redemption, name: str, *, form: ActForm | None = None) -> HttpResponse:
    at, step = clock.now(), acts.ACTS[name]
    context = {
        "title": step.title,
        "row": row,
        "what": redemption_words.what(row),
        "name": name,
        "act": step,
        "fits": name in acts.possible(row, at),
        "state": redemption_words.shown_state(row, at),
        "lines": acts.effects(row, name, at),
        "form": form or ActForm(initial={"token": uuid4()}, asks=step.asks, row=row),
        "back": request.POST.get("back") or request.GET.get("back", ""),
        "lock": lock_of(request, row, at),
    }
    return show(request, "rewards/act.html", context, status=422 if form is not None else 200)


@require_POST
@screen(SEE_TAKEN, FULFIL)
def lock(request: ScreenRequest, redemption_id: UUID) -> HttpResponse:
    """Take it up for a quarter of an hour, or leave it to others."""
    row, at, who = redemption_of(request, redemption_id), clock.now(), actor_name(request)
    try:
        if request.POST.get("act") == "let-go":
            fulfilment.let_go(row, by=who, at=at)
            messages.success(request, _("It is free for others again."))
        else:
            fulfilment.take_up(row, by=who, at=at)
            messages.success(request, _("It is yours for 15 minutes."))
    except LaurelError as refused:
        messages.error(request, refusal(refused))
    return redirect(_address(request, row))


@require_POST
@screen(SEE_TAKEN, REVEAL)
def reveal(request: ScreenRequest, redemption_id: UUID) -> HttpResponse:
    """The whole code, and the note of who saw it."""
    row = redemption_of(request, redemption_id)
    try:
        code = replacing.reveal(row, at=clock.now(), actor=me(request))
    except LaurelError as refused:
        messages.error(request, refusal(refused))
        return redirect("rewards:redemption", row.pk)
    context = {"title": _("Code"), "row": row, "code": code, "what": redemption_words.what(row)}
    if request.htmx:
        return render(request, "rewards/_code.html", context)
    return show(request, "rewards/code.html", context)
