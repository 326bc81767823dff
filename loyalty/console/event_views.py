"""One event: what came in, what became of it, and why. The explanation is a panel of the app that decided it."""

from __future__ import annotations

import json
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console import search
from loyalty.console.access import ScreenRequest, may, screen, show
from loyalty.console.member_views import with_identifiers
from loyalty.console.panels import event_panels
from loyalty.console.sentences import event_name
from loyalty.events import guests
from loyalty.events.models import Event, EventType
from loyalty.ledger.models import Transaction


def event_of(request: ScreenRequest, event_id: UUID) -> Event:
    """The event, if of the chosen program; else 404."""
    found = (
        Event.objects.filter(program=request.program, pk=event_id)
        .select_related("channel", "member", "identifier")
        .first()
    )
    if found is None:
        raise Http404
    return found


@require_GET
@screen("events.view_event")
def event_page(request: ScreenRequest, event_id: UUID) -> HttpResponse:
    event = event_of(request, event_id)
    booked = Transaction.objects.filter(event_id=event.pk, program=request.program).select_related(
        "point_type", "member"
    )
    names = dict(EventType.objects.filter(program=request.program).values_list("code", "name"))
    context = {
        "title": capfirst(event_name(event, names)),
        "event": event,
        "transactions": booked.order_by("id"),
        "data": json.dumps(event.payload, indent=2, ensure_ascii=False),
        "panels": [panel for _name, panel in event_panels.items()],
        "same_order": [(one, capfirst(event_name(one, names))) for one in _same_order(event)],
        "may_link": may(request, "members.change_member"),
    }
    return show(request, "console/event.html", context)


def _same_order(event: Event) -> list[Event]:
    if not event.order_reference:
        return []
    others = Event.objects.filter(program_id=event.program_id, order_reference=event.order_reference)
    return list(others.exclude(pk=event.pk).order_by("occurred_at")[:50])


@require_http_methods(["GET", "POST"])
@screen("events.view_event", "members.change_member")
def link_event(request: ScreenRequest, event_id: UUID) -> HttpResponse:
    """Give a guest's event, and the others of the same guest, to a member."""
    event = event_of(request, event_id)
    term = search.tidy(request.POST.get("member") or request.GET.get("q", ""))
    found = search.found(request.program, term) if term else []
    if request.method == "POST":
        chosen = search.exact(request.program, term)
        if len(chosen) != 1:
            raise Http404
        try:
            guests.attach(event, chosen[0], at=clock.now())
        except LaurelError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(
                request,
                _("The event now belongs to %(member)s and is processed next.") % {"member": chosen[0]},
            )
        return redirect("console:event", event.pk)
    waiting = Event.objects.filter(
        program=request.program, identifier=event.identifier, status=Event.Status.GUEST
    )
    context = {
        "title": _("Link to a member"),
        "event": event,
        "term": term,
        "members": with_identifiers(found),
        "waiting": waiting.count() if event.identifier else 1,
    }
    return show(request, "console/link_event.html", context)
