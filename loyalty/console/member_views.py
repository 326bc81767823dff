"""Finding a member, and the member page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.db.models import Sum
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console import search, timeline
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.orders import look_for_order
from loyalty.console.panels import Hit, event_panels, member_panels
from loyalty.console.timeline import Cursor
from loyalty.ledger.balances import balances_now
from loyalty.ledger.models import Lot, Wallet
from loyalty.members import members
from loyalty.members.models import Identifier, Member

OPENED_KEY = "opened_members"
OPENED = 10
KNOWN_BY = ("email", "phone", "card", "external")


class Coming(NamedTuple):
    """Points of one kind that can be spent from an instant on."""

    point_type: int
    at: datetime
    points: int


@require_GET
@screen("members.view_member")
def member_list(request: ScreenRequest) -> HttpResponse:
    """The search page; its results alone for htmx. What is sent with Enter and names one member, or one thing that an
    upper app knows, opens it."""
    term = search.tidy(request.GET.get("q", ""))
    typing = bool(request.htmx)
    elsewhere = search.elsewhere(request.program, term)
    if term and not typing and (address := _only(search.exact(request.program, term), elsewhere)):
        return redirect(address)
    found = search.found(request.program, term) if term else []
    if len(found) == 1 and not typing:
        return redirect("console:member", found[0].pk)
    context = {
        "title": _("Members"),
        "term": term,
        "members": with_identifiers(found or _opened(request)) if found or not term else [],
        "elsewhere": elsewhere,
        "guests": list(search.guests(request.program, term)) if term and not found else [],
        "said": ngettext("%(n)d member found", "%(n)d members found", len(found)) % {"n": len(found)}
        if term
        else "",
        "any_member": bool(found) or Member.objects.filter(program=request.program).exists(),
    }
    if typing:
        return render(request, "console/_members.html", context | {"program": request.program})
    return show(request, "console/members.html", context)


def _only(members: list[Member], elsewhere: list[Hit]) -> str:
    """The page of the one thing that was named exactly; what is not a member is named more closely."""
    named = [hit.url for hit in elsewhere] or [reverse("console:member", args=[one.pk]) for one in members]
    return named[0] if len(named) == 1 else ""


def _opened(request: ScreenRequest) -> list[Member]:
    """The members that this person looked at last, or the newest ones."""
    ids = request.session.get(OPENED_KEY, [])
    known = Member.objects.filter(program=request.program).in_bulk(ids)
    opened = [known[UUID(one)] for one in ids if UUID(one) in known]
    return opened or list(Member.objects.filter(program=request.program).order_by("-enrolled_at")[:OPENED])


def with_identifiers(found: list[Member]) -> list[dict[str, Any]]:
    """Members with their points and what they are known by, e-mail and phone masked: lists are read over shoulders."""
    rows: dict[UUID, dict[str, Any]] = {member.pk: {"member": member, "known_by": []} for member in found}
    for one in sorted(Identifier.objects.filter(member__in=rows), key=lambda one: KNOWN_BY.index(one.kind)):
        rows[one.member_id]["known_by"].append(one.masked)  # type: ignore[index]
    wallets = Wallet.objects.filter(member__in=rows, point_type__is_default=True).select_related("point_type")
    for wallet in wallets:
        rows[wallet.member_id] |= {"kind": wallet.point_type, "balance": wallet.balance}
    return list(rows.values())


def member_of(request: ScreenRequest, member_id: UUID) -> Member:
    """The member, if of the chosen program; another program's answers as if it did not exist."""
    found = (
        Member.objects.filter(program=request.program, pk=member_id)
        .select_related("program", "enrolled_via")
        .first()
    )
    if found is None:
        raise Http404
    return found


@require_GET
@screen("members.view_member")
def member_page(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """All about one member: balances above, one timeline below."""
    member = member_of(request, member_id)
    _remember(request, member)
    at = clock.now()
    shown = [panel for panel in member_panels if not panel.permission or may(request, panel.permission)]
    context = {
        "title": member.name or _("Member"),
        "member": member,
        "identifiers": sorted(member.identifiers.all(), key=lambda one: KNOWN_BY.index(one.kind)),
        "attributes": list(_attributes(member)),
        "balances": balances_now(member.pk, at=at),
        "coming": coming(member, at),
        "top_panels": [panel for panel in shown if panel.top],
        "panels": [panel for panel in shown if not panel.top],
        "may_adjust": may(request, "ledger.add_transaction"),
        "may_change": may(request, "members.change_member"),
        **_timeline(request, member),
    }
    return show(request, "console/member.html", context)


def coming(member: Member, at: datetime) -> list[Coming]:
    """Of each kind of points, those that become available next."""
    pending = Lot.objects.filter(wallet__member=member, remaining__gt=0, available_at__gt=at)
    sums = pending.values_list("wallet__point_type", "available_at").annotate(sum=Sum("remaining"))
    found: dict[int, Coming] = {}
    for point_type, available_at, points in sums.order_by("available_at"):
        found.setdefault(point_type, Coming(point_type, available_at, points))
    return list(found.values())


def _attributes(member: Member) -> Iterator[tuple[str, str]]:
    """What the program wants to know of members, by the labels it declared."""
    labels = {one["code"]: one.get("label") or one["code"] for one in member.program.member_schema}
    for code, value in member.attributes.items():
        shown = (_("yes") if value else _("no")) if isinstance(value, bool) else str(value)
        yield labels.get(code, code), shown


@require_GET
@screen("members.view_member")
def member_timeline(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """A further piece of the timeline; as a plain link, a page of its own."""
    member = member_of(request, member_id)
    context = {"title": member.name or _("Member"), "member": member, **_timeline(request, member)}
    if request.htmx:
        return render(request, "console/_timeline.html", context | {"program": request.program})
    return show(request, "console/timeline.html", context)


def _timeline(request: ScreenRequest, member: Member) -> dict[str, Any]:
    before = Cursor.read(request.GET.get("before", ""))
    only_points = request.GET.get("show") == "points"
    rows, after = timeline.rows(member, at=clock.now(), before=before, only_points=only_points)
    return {
        "rows": rows,
        "after": after,
        "only_points": only_points,
        "first_page": before is None,
        "joined": after is None and not only_points and not timeline.has_joined_event(member),
        "event_panels": [panel for _name, panel in event_panels.items()],
    }


def _remember(request: ScreenRequest, member: Member) -> None:
    ids = [one for one in request.session.get(OPENED_KEY, []) if one != str(member.pk)]
    request.session[OPENED_KEY] = [str(member.pk), *ids][:OPENED]


@require_GET
@screen("members.view_member")
def missing_order(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """What became of an order that the member asks about."""
    member = member_of(request, member_id)
    number = search.tidy(request.GET.get("number", ""))
    context = {
        "title": _("Missing order"),
        "member": member,
        "number": number,
        "answer": look_for_order(member, number) if number else None,
        "panels": [panel for _name, panel in event_panels.items()],
    }
    if request.htmx:
        return render(request, "console/_order.html", context | {"program": request.program})
    return show(request, "console/order.html", context)


STATES = {"suspend": members.suspend, "reinstate": members.reinstate, "close": members.close}


@require_POST
@screen("members.change_member")
def member_state(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Suspend, reinstate or close a membership."""
    member = member_of(request, member_id)
    act = STATES.get(request.POST.get("act", ""))
    if act is None:
        raise Http404
    try:
        changed = act(member, at=clock.now(), by=actor_name(request))
    except LaurelError as refused:
        messages.error(request, refused.detail)
    else:
        messages.success(request, _("The member is now: %(state)s.") % {"state": changed.get_state_display()})
    return redirect("console:member", member.pk)


@require_GET
@screen("members.change_member")
def member_state_ask(request: ScreenRequest, member_id: UUID, act: str) -> HttpResponse:
    """Say what a change of state means before it is made."""
    if act not in STATES:
        raise Http404
    member = member_of(request, member_id)
    return show(
        request,
        "console/member_state.html",
        {"title": member.name or _("Member"), "member": member, "act": act},
    )
