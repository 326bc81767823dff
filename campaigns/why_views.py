"""Why an event earned what it earned: the stored trace in sentences, as a fragment or as a page; trying again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.earning import retry
from campaigns.models import Campaign, Trace
from campaigns.words import wording
from campaigns.words.phrases import voice_of
from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console.access import ScreenRequest, may, screen, show
from loyalty.events.models import Event
from loyalty.events.types import AFTER_AN_ORDER, ORDER_COMPLETED


@require_GET
@screen("events.view_event")
def why(request: ScreenRequest, event_id: UUID) -> HttpResponse:
    """The decision as it was made; nothing is worked out again."""
    event = Event.objects.filter(program=request.program, pk=event_id).first()
    if event is None:
        raise Http404
    context = {
        "title": _("Why?"),
        "event": event,
        "may_retry": may(request, "events.change_event"),
        **_explanation(event),
    }
    if request.htmx:
        return render(request, "campaigns/_why.html", context | {"program": request.program})
    return show(request, "campaigns/why.html", context)


def _explanation(event: Event) -> dict[str, object]:
    trace = Trace.objects.filter(event=event).first()
    if trace is None:
        return {"trace": None}
    trigger = ORDER_COMPLETED if event.type in AFTER_AN_ORDER else event.type
    voice = voice_of(event.program, trigger)
    told = wording.explained(trace.detail, voice)
    ids = dict(Campaign.objects.filter(program_id=event.program_id).values_list("code", "pk"))
    rows = [
        {**row, "id": ids.get(row["campaign"]), **wording.pieces(row, voice)}
        for row in told.get("campaigns", ())
    ]
    return {
        "trace": trace,
        "told": told,
        "given": [row for row in rows if row["points"]],
        "missed": [row for row in rows if not row["points"]],
        "left_out": wording.qualified(trace.detail, voice) if trace.detail.get("excluded") else [],
        "settled": wording.is_settled(trace.detail),
        "booked": wording.booked(trace.detail, voice),
        "rounded": wording.rounded(trace.detail),
        "for_member": wording.for_member(trace.detail, voice) if "campaigns" in trace.detail else "",
        "currency": event.program.currency,
    }


@require_POST
@screen("events.view_event", "events.change_event")
def retry_event(request: ScreenRequest, event_id: UUID) -> HttpResponse:
    """Give a failed event five more attempts."""
    event = Event.objects.filter(program=request.program, pk=event_id).first()
    if event is None:
        raise Http404
    try:
        retry(event, at=clock.now())
    except LaurelError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, _("The event is tried again. What was done already is not done twice."))
    return redirect("console:event", event.pk)
