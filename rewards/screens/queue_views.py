"""The fulfilment queue: a list that works by keyboard and thumb, many at once with a preview, and handing over."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock
from loyalty.base.email import impersonal
from loyalty.base.errors import LaurelError
from loyalty.base.ids import is_uuid
from loyalty.base.text import clean
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.once import once, result_of
from rewards import deliveries, fulfilment
from rewards.models import Redemption
from rewards.screens import acts, queue, redemption_words
from rewards.screens.common import FULFIL, SEE_TAKEN, me
from rewards.screens.redemption_views import lock_of, refusal

BULK = ("sent", "ready", "delivered", "cancel")
RECEIPTS = "fulfilment_receipts"
KEPT_RECEIPTS = 5
CHOSEN = "fulfilment_chosen"


@require_GET
@screen(SEE_TAKEN)
def queue_page(request: ScreenRequest) -> HttpResponse:
    """What is to be sent or handed over, the most urgent first."""
    tab, at = request.GET.get("tab", ""), clock.now()
    tab = tab if tab in queue.TABS else "new"
    text = request.GET.get("skip", "")
    skip = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    found = list(fulfilment.queue(request.program, tab, at=at)[skip : skip + queue.PAGE + 1])
    tabs = queue.tabs(request.program, tab, at)
    context = {
        "title": _("Fulfilment"),
        "tab": tab,
        "tabs": tabs,
        "rows": queue.rows(found[: queue.PAGE], actor_name(request), at),
        "more": skip + queue.PAGE if len(found) > queue.PAGE else None,
        "any": any(one.count for one in tabs),
        "may_fulfil": may(request, FULFIL),
    }
    return show(request, "rewards/queue.html", context)


@require_GET
@screen(SEE_TAKEN)
def scan(request: ScreenRequest) -> HttpResponse:
    """Pick-up: a field for the code; its answer in place, or the page with it."""
    text = request.GET.get("code", "").replace("\x00", "")[:200].strip()
    row = find(request, text) if text else None
    at = clock.now()
    context: dict[str, Any] = {"title": _("Pick-up"), "text": text, "row": row, "program": request.program}
    if row is not None:
        can = acts.possible(row, at)
        step = next((name for name in ("picked_up", "use") if name in can), "")
        context |= {
            "what": redemption_words.what(row),
            "state": redemption_words.shown_state(row, at),
            "name": step,
            "act": acts.ACTS.get(step),
            "token": uuid4(),
            "may_fulfil": may(request, FULFIL),
            "lock": lock_of(request, row, at),
            "value_left": redemption_words.value_left(row),
        }
    if request.htmx:
        return render(request, "rewards/_scanned.html", context)
    return show(request, "rewards/pickup.html", context)


def find(request: ScreenRequest, text: str) -> Redemption | None:
    """By its code, or by its id."""
    if is_uuid(text):
        rows = Redemption.objects.filter(program=request.program, pk=text)
        return rows.select_related(
            "member", "reward", "stock", "code", "point_type__program", "program"
        ).first()
    return fulfilment.find_by_code(request.program, text)


@require_http_methods(["GET", "POST"])
@screen(SEE_TAKEN, FULFIL)
def bulk(request: ScreenRequest) -> HttpResponse:
    """Many at once: what would happen to each, then do it, then what happened. What was chosen waits in the session, so
    that the page before can be gone back to. Without a choice, such as by its address alone, back to where one
    chooses."""
    if request.method == "GET":
        return _chosen(request)
    name = request.POST.get("act", "")
    rows = list(queue.picked(request.program, request.POST.getlist("pick")))
    if name == "take":
        return _take(request, rows)
    if name not in BULK or not rows:
        messages.info(request, _("Choose some rows first."))
        return redirect(_queue(request))
    if done := result_of(request.POST.get("token")):
        return redirect(done)
    if request.POST.get("sure") and is_uuid(request.POST.get("token")):
        if name != "cancel" or _typed(request, "reason", 200):
            return _do(request, name, rows)
        return _preview(
            request, name, rows, _tab(request), fault=_("Say why, for the members and for colleagues.")
        )
    request.session[CHOSEN] = {"act": name, "pick": [str(row.pk) for row in rows], "tab": _tab(request)}
    return redirect("rewards:bulk")


def _chosen(request: ScreenRequest) -> HttpResponse:
    chosen = request.session.get(CHOSEN, {"pick": []})
    rows = list(queue.picked(request.program, chosen["pick"]))
    if not rows:
        return redirect(_queue(request))
    return _preview(request, chosen["act"], rows, chosen["tab"])


def _queue(request: ScreenRequest) -> str:
    return f"{reverse('rewards:queue')}?tab={_tab(request)}"


def _tab(request: ScreenRequest) -> str:
    tab = request.POST.get("tab", "")
    return tab if tab in queue.TABS else "new"


def _take(request: ScreenRequest, rows: list[Redemption]) -> HttpResponse:
    who, at, taken = actor_name(request), clock.now(), 0
    for row in rows:
        try:
            fulfilment.take_up(row, by=who, at=at)
            taken += 1
        except LaurelError:
            continue
    told = ngettext("%(n)d is yours for 15 minutes.", "%(n)d are yours for 15 minutes.", taken) % {"n": taken}
    if left := len(rows) - taken:
        told += " " + ngettext("%(n)d was left out.", "%(n)d were left out.", left) % {"n": left}
    messages.success(request, told)
    return redirect(f"{reverse('rewards:queue')}?tab=in_progress" if taken else _queue(request))


def _preview(
    request: ScreenRequest, name: str, rows: list[Redemption], tab: str, *, fault: str = ""
) -> HttpResponse:
    at, who = clock.now(), actor_name(request)
    listed = [{"row": row, "why": _why_not(row, name, who, at)} for row in queue.rows(rows, who, at)]
    fit = [one for one in listed if not one["why"]]
    back: dict[Any, int] = {}
    for one in fit:
        taken: Redemption = one["row"].redemption  # type: ignore[attr-defined]
        back[taken.point_type] = back.get(taken.point_type, 0) + taken.points
    context = {
        "title": acts.ACTS[name].title,
        "name": name,
        "act": acts.ACTS[name],
        "rows": listed,
        "fit": len(fit),
        "back": list(back.items()) if name == "cancel" else [],
        "tab": tab,
        "token": uuid4(),
        "fault": fault,
        "carrier": request.POST.get("carrier", ""),
    }
    return show(request, "rewards/bulk.html", context, status=422 if fault else 200)


def _why_not(row: queue.Row, name: str, who: str, at: datetime) -> str:
    """Why a row is left out; empty when it is not."""
    if row.locked_by and not row.mine:
        return _("%(who)s is working on it just now.") % {"who": row.locked_by}
    if name not in acts.possible(row.redemption, at):
        return _("It is: %(state)s") % {"state": row.state.label}
    if name == "sent" and row.missing:
        return _("Not known: %(what)s") % {"what": ", ".join(row.missing)}
    return ""


def _do(request: ScreenRequest, name: str, rows: list[Redemption]) -> HttpResponse:
    """Each in its own transaction: one that is refused keeps no other back."""
    token, at, who = UUID(request.POST["token"]), clock.now(), actor_name(request)
    address = reverse("rewards:receipt", args=[token])
    _result, first = once(token, lambda: address, by=who, at=at)
    if not first:
        return redirect(address)
    outcome = []
    for row in queue.rows(rows, who, at):
        why = _why_not(row, name, who, at)
        outcome.append((row, why or _carry_out(request, name, row.redemption, at)))
    _keep(request, str(token), name, outcome)
    return redirect(address)


def _carry_out(request: ScreenRequest, name: str, row: Redemption, at: datetime) -> str:
    data = {
        "reason": _typed(request, "reason", 200),
        "carrier": _typed(request, "carrier", 80),
        "tracking": _typed(request, f"tracking-{row.pk}", 120),
    }
    try:
        acts.ACTS[name].do(row, data, at, me(request))
    except LaurelError as refused:
        return refusal(refused)
    return ""


def _typed(request: ScreenRequest, name: str, length: int) -> str:
    try:
        return impersonal(clean(request.POST.get(name, ""), max_length=length))
    except LaurelError:
        return ""


def _keep(request: ScreenRequest, token: str, name: str, outcome: list[tuple[queue.Row, str]]) -> None:
    """The receipt stays with the session of who did it; what it is about is read again."""
    receipts = request.session.get(RECEIPTS, {})
    receipts[token] = {
        "act": name,
        "done": [str(row.redemption.pk) for row, why in outcome if not why],
        "left": [[str(row.redemption.pk), why] for row, why in outcome if why],
    }
    request.session[RECEIPTS] = dict(list(receipts.items())[-KEPT_RECEIPTS:])


@require_GET
@screen(SEE_TAKEN)
def receipt(request: ScreenRequest, token: UUID) -> HttpResponse:
    """What became of many that were done at once."""
    kept = request.session.get(RECEIPTS, {}).get(str(token))
    if kept is None:
        messages.info(request, _("It was carried out. What became of each stands with the redemption."))
        return redirect("rewards:queue")
    at, who = clock.now(), actor_name(request)
    why = dict(kept["left"])
    rows = queue.rows(list(queue.picked(request.program, [*kept["done"], *why])), who, at)
    context = {
        "title": acts.ACTS[kept["act"]].title,
        "act": acts.ACTS[kept["act"]],
        "done": [row for row in rows if str(row.redemption.pk) in kept["done"]],
        "left": [(row, why[str(row.redemption.pk)]) for row in rows if str(row.redemption.pk) in why],
    }
    return show(request, "rewards/receipt.html", context)


@require_http_methods(["GET"])
@screen(SEE_TAKEN, FULFIL)
def print_list(request: ScreenRequest) -> HttpResponse:
    """What to take from the shelf and where it goes, for paper."""
    rows = list(queue.picked(request.program, request.GET.getlist("pick")))
    listed = [{"row": row, "what": redemption_words.what(row), "told": deliveries.of(row)} for row in rows]
    context = {"title": _("Packing list"), "rows": listed, "at": clock.now()}
    return show(request, "rewards/print.html", context)
