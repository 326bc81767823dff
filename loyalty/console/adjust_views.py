"""Giving and taking points by hand: form with a live preview, carried out once, receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.ids import is_uuid
from loyalty.base.numbers import format_points
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from loyalty.console.adjust_form import AdjustForm
from loyalty.console.member_views import member_of
from loyalty.console.once import once, result_of
from loyalty.console.panels import counted_effects
from loyalty.console.sentences import hold_state, kind_words
from loyalty.events import counting
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.balances import Balance, balances_now
from loyalty.ledger.models import Entry, Transaction
from loyalty.ledger.terms import terms_of
from loyalty.members.models import Member

UNDOING = "correction"


@dataclass(frozen=True, slots=True)
class Preview:
    """What the form would do. `effects`: what counting it does, in sentences; `lapses_at`: of points that are given;
    `fault`: why what is typed is no amount."""

    balance: Balance
    points: int
    after: int
    counts: bool
    effects: list[str]
    lapses_at: datetime | None
    by_inactivity: bool
    fault: str

    @property
    def too_much(self) -> bool:
        return self.points < 0 and self.after < 0


@require_http_methods(["GET", "POST"])
@screen("members.view_member", "ledger.add_transaction")
def adjust(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """The form, and carrying it out."""
    member = member_of(request, member_id)
    token = request.POST.get("token") or request.GET.get("form", "")
    if done := result_of(token):
        return redirect(done)  # the back button leads here: what was carried out is shown, not offered again
    if request.method == "POST":
        return _sent(request, member)
    if not is_uuid(token):
        return redirect(_with_token(request))
    start = {"direction": "give", **_suggested(request), "token": token}
    typed = AdjustForm(start, program=request.program) if "points" in start else None
    return _page(request, member, AdjustForm(initial=start, program=request.program), typed=typed)


def _suggested(request: ScreenRequest) -> dict[str, str]:
    """What the address fills in, such as the opposite of a booking; everything can be changed before it is sent."""
    names = ("direction", "points", "point_type", "reason_code", "reference", "counts")
    return {name: request.GET[name][:120] for name in names if request.GET.get(name)}


def _with_token(request: ScreenRequest) -> str:
    """The address carries the form's token, so that going back finds the same form and not a fresh one."""
    query = request.GET.copy()
    query["form"] = str(uuid4())
    return f"{request.path}?{query.urlencode()}"


def _sent(request: ScreenRequest, member: Member) -> HttpResponse:
    form = AdjustForm(request.POST, program=request.program)
    if form.is_valid():
        at, who = clock.now(), actor_name(request)
        try:
            result, _first = once(form.form_token, lambda: _book(request, member, form), by=who, at=at)
        except LaurelError as refused:
            form.add_error("points" if refused.code == "insufficient_points" else None, refused.detail)
        else:
            return redirect(result)
    return _page(request, member, form, status=422)


def _book(request: ScreenRequest, member: Member, form: AdjustForm) -> str:
    data = form.cleaned_data
    adjust_points = counting.adjust if form.counts_for_tiers else ledger.adjust
    made = adjust_points(
        member,
        data["point_type"],
        form.units,
        at=clock.now(),
        actor=Actor("staff", actor_name(request)),
        reason_code=data["reason_code"],
        note=data["note"],
        reference=data["reference"],
    )
    return reverse("console:receipt", args=[member.pk, made.pk])


def _page(
    request: ScreenRequest,
    member: Member,
    form: AdjustForm,
    *,
    status: int = 200,
    typed: AdjustForm | None = None,
) -> HttpResponse:
    """`typed`: what the preview is of when the form itself was not sent yet."""
    if typed is not None:
        typed.is_valid()
    context = {
        "title": member.name or _("Member"),
        "member": member,
        "form": form,
        "preview": preview(member, typed or form),
    }
    return show(request, "console/adjust.html", context, status=status)


@require_http_methods(["GET", "POST"])
@screen("members.view_member", "ledger.add_transaction")
def adjust_preview(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Balance before and after, for what is typed so far. Changes nothing."""
    member = member_of(request, member_id)
    form = AdjustForm(request.POST or request.GET, program=request.program)
    form.is_valid()
    context = {"program": request.program, "member": member, "preview": preview(member, form)}
    return render(request, "console/_adjust_preview.html", context)


def preview(member: Member, form: AdjustForm) -> Preview | None:
    """Before and after; None while amount or point type are not there yet."""
    at, point_type = clock.now(), form.chosen_type
    balances = {one.point_type.id: one for one in balances_now(member.pk, at=at)}
    balance = balances.get(point_type.pk) if point_type else None
    if point_type is None or balance is None:
        return None
    units, terms = form.units, terms_of(point_type)
    after = balance.available + units
    counts = form.counts_for_tiers and point_type.is_default
    told = counts and units != 0 and (units > 0 or after >= 0)
    return Preview(
        balance, units, after, counts,
        effects=[effect(member, units, at) for effect in counted_effects] if told else [],
        lapses_at=terms.expires_at(at), by_inactivity=terms.lapses_by_inactivity,
        fault=form.fault,
    )  # fmt: skip


@require_GET
@screen("members.view_member", "ledger.view_transaction")
def receipt(request: ScreenRequest, member_id: UUID, transaction_id: UUID) -> HttpResponse:
    """What was booked, and the ways on."""
    member = member_of(request, member_id)
    rows = Transaction.objects.select_related("point_type", "hold", "reverses__hold")
    found = rows.filter(pk=transaction_id, member=member).first()
    if found is None:
        raise Http404
    now = clock.now()
    counted = counting.counted(found)
    last = Entry.objects.filter(transaction=found).order_by("-id").first()
    undoings = _undoings(found)
    is_undone = sum(one.amount for one in undoings) == -found.amount
    context: dict[str, Any] = {
        "title": _("Receipt"),
        "member": member,
        "transaction": found,
        "words": kind_words(found, now),
        "held_until": found.hold.lapses_at if hold_state(found, now) == "open" else None,
        "balance_after": last.balance_after if last else None,
        "lots": found.lots.all(),
        "counted": counted,
        "undoings": undoings,
        "undoes": _undone_by(found),
        "undo": "" if is_undone else _undo(found, counts=counted is not None),
    }
    return show(request, "console/receipt.html", context)


def _undoings(made: Transaction) -> list[Transaction]:
    """The opposite bookings that were made from its receipt, first to last."""
    found = _adjustments(made).filter(reference=str(made.pk), reason_code=UNDOING).order_by("id")
    return [one for one in found if (one.amount > 0) != (made.amount > 0)]


def _undone_by(made: Transaction) -> Transaction | None:
    """The booking that this one is the opposite of."""
    if made.reason_code != UNDOING or not is_uuid(made.reference):
        return None
    return _adjustments(made).filter(pk=made.reference).first()


def _adjustments(made: Transaction) -> QuerySet[Transaction]:
    """Those of the same member and kind of points; none for what was not booked by hand."""
    same = Transaction.objects.filter(program_id=made.program_id, member_id=made.member_id)
    own = same.filter(kind=Transaction.Kind.ADJUST, point_type_id=made.point_type_id)
    return own if made.kind == Transaction.Kind.ADJUST else own.none()


def _undo(made: Transaction, *, counts: bool) -> str:
    """The address of the form, filled in with the opposite of a booking by hand: what counted is taken off the count
    too. Nothing for other bookings."""
    if made.kind != Transaction.Kind.ADJUST:
        return ""
    opposite = {
        "direction": "take" if made.amount > 0 else "give",
        "points": format_points(abs(made.amount), made.point_type.decimals),
        "point_type": made.point_type_id,
        "reason_code": UNDOING,
        "reference": str(made.pk),
        **({"counts": "on"} if counts else {}),
    }
    return f"{reverse('console:adjust', args=[made.member_id])}?{urlencode(opposite)}"
