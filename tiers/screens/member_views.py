"""A member's tier: the panel of the member page, the page with its history, and what staff may do about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loyalty.base import clock
from loyalty.base.clock import local_date
from loyalty.base.email import impersonal
from loyalty.base.errors import LaurelError
from loyalty.base.ids import is_uuid
from loyalty.base.text import clean
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.member_views import member_of
from loyalty.console.once import once, result_of
from loyalty.console.reasons import REASONS
from loyalty.members.models import Member
from tiers import placements, progress, published, review
from tiers.models import TierChange
from tiers.progress import Progress
from tiers.screens.member_words import ChangeTeller, MemberTeller

CHANGES_SHOWN = 50


@require_GET
@screen("members.view_member")
def panel(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Tier and distance to the next one, for the card at the top of the member page."""
    member = member_of(request, member_id)
    context = {"member": member, "standings": _standings(member, clock.now()), "title": member.name}
    if request.htmx:
        return render(request, "tiers/_panel.html", context | {"program": request.program})
    return redirect("tiers:member", member.pk)


@require_GET
@screen("members.view_member")
def member_tier(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Where the member stands on each ladder, and why: every change with its numbers."""
    member = member_of(request, member_id)
    at = clock.now()
    teller = ChangeTeller(member)
    rows = TierChange.objects.filter(member=member).select_related("placement", "tier_set")
    rows = rows.order_by("-at", "-pk")
    before = request.GET.get("skip", "")
    skip = int(before) if before.isascii() and before.isdigit() and len(before) < 6 else 0
    page = list(rows[skip : skip + CHANGES_SHOWN + 1])
    context = {
        "title": _("Tier of %(name)s") % {"name": member},
        "member": member,
        "standings": _standings(member, at),
        "placement": (placement := placements.current(member, at)),
        "placed_name": dict(_tiers(member, at)).get(placement.tier_code, "") if placement else "",
        "changes": [teller.told(change) for change in page[:CHANGES_SHOWN]],
        "more": skip + CHANGES_SHOWN if len(page) > CHANGES_SHOWN else None,
        "may_set": may(request, "tiers.add_placement"),
        "token": uuid4(),
    }
    return show(request, "tiers/member.html", context)


def _standings(member: Member, at: datetime) -> list[Any]:
    teller = MemberTeller(member)
    return [teller.standing(one) for one in progress.of_member(member, at=at)]


class TierForm(forms.Form):
    """A tier by hand: which, until when, and why."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    tier = forms.ChoiceField(label=gettext_lazy("Tier"))
    until = forms.DateField(
        required=False, label=gettext_lazy("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    reason_code = forms.ChoiceField(
        choices=[("", gettext_lazy("Choose a reason")), *REASONS.items()], label=gettext_lazy("Reason")
    )
    note = forms.CharField(
        max_length=500, required=False, label=gettext_lazy("Note for colleagues"), widget=forms.Textarea
    )

    def __init__(self, *args: Any, tiers: list[tuple[str, str]], today: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tier"].choices = [("", _("Choose a tier")), *tiers]  # type: ignore[attr-defined]
        self.fields["until"].widget.attrs["min"] = today.isoformat()
        self.today = today

    def clean_note(self) -> str:
        try:
            return impersonal(clean(self.cleaned_data["note"], max_length=500, multiline=True))
        except LaurelError as wrong:
            raise forms.ValidationError(wrong.detail) from wrong

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("until") and data["until"] < self.today:
            self.add_error("until", _("Give today or a day to come, or leave it empty."))
        if data.get("reason_code") == "other" and not data.get("note"):
            self.add_error("note", _("Say in the note what the reason is."))
        return data


@require_http_methods(["GET", "POST"])
@screen("members.view_member", "tiers.add_placement")
def set_by_hand(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """The form for a tier by hand, and carrying it out once, however often it is sent."""
    member = member_of(request, member_id)
    token = request.POST.get("token") or request.GET.get("form", "")
    if done := result_of(token):
        return redirect(done)
    at = clock.now()
    tiers = _tiers(member, at)
    if not tiers:
        messages.info(request, _("No ladder is in force yet: publish one first."))
        return redirect("tiers:list")
    if request.method == "GET" and not is_uuid(token):
        return redirect(f"{request.path}?{urlencode({'form': str(uuid4())})}")
    today = local_date(at, request.program.zone)
    if request.method == "GET":
        return _set_page(request, member, TierForm(initial={"token": token}, tiers=tiers, today=today))
    form = TierForm(request.POST, tiers=tiers, today=today)
    if form.is_valid():
        try:
            address, _first = once(
                form.cleaned_data["token"],
                lambda: _set(request, member, form, at),
                by=actor_name(request),
                at=at,
            )
        except LaurelError as refused:
            form.add_error(None, refused.detail)
        else:
            return redirect(address)
    return _set_page(request, member, form, status=422)


def _set(request: ScreenRequest, member: Member, form: TierForm, at: datetime) -> str:
    data = form.cleaned_data
    placements.set_tier(
        member,
        data["tier"],
        until=data["until"],
        reason_code=data["reason_code"],
        note=data["note"],
        by=actor_name(request),
        at=at,
    )
    messages.success(request, _("The tier is set by hand. The computed one goes on beneath it."))
    return reverse("tiers:member", args=[member.pk])


def _set_page(request: ScreenRequest, member: Member, form: TierForm, *, status: int = 200) -> HttpResponse:
    """`after` is what is chosen so far, for the words before -> after."""
    names: dict[str, str] = dict(form.fields["tier"].choices)  # type: ignore[attr-defined]
    chosen = form["tier"].value() or ""
    main = next((one for one in progress.of_member(member, at=clock.now()) if one.is_main), None)
    context = {
        "title": _("Tier of %(name)s") % {"name": member},
        "member": member,
        "form": form,
        "now": _now(main),
        "after": names.get(chosen, "") if chosen else "",
        "until": form["until"].value(),
    }
    if request.htmx:
        return render(request, "tiers/_set_preview.html", context)
    return show(request, "tiers/set.html", context, status=status)


@require_POST
@screen("members.view_member", "tiers.add_placement")
def set_preview(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Before and after, for what is chosen so far. Changes nothing."""
    member = member_of(request, member_id)
    at = clock.now()
    today = local_date(at, request.program.zone)
    form = TierForm(request.POST, tiers=_tiers(member, at), today=today)
    form.is_valid()
    return _set_page(request, member, form)


def _now(main: Progress | None) -> str:
    if main is None or not main.tier:
        return _("No tier")
    return _("%(tier)s, set by hand") % {"tier": main.tier_name} if main.manual else main.tier_name


def _tiers(member: Member, at: datetime) -> list[tuple[str, str]]:
    """The tiers of the program's main ladder in force, lowest first."""
    main = published.main_of(member.program_id)
    version = main.at(at) if main else None
    return [(rung.code, rung.name) for rung in version.ladder.rungs] if version else []


@require_POST
@screen("members.view_member", "tiers.add_placement")
def remove_manual(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Take a manual tier away: the member is where the computation stands."""
    member = member_of(request, member_id)
    try:
        placements.remove(member, by=actor_name(request), at=clock.now())
    except LaurelError as refused:
        messages.info(request, refused.title)
    else:
        messages.success(request, _("The tier set by hand is gone. The computed one counts again."))
    return redirect("tiers:member", member.pk)


@require_POST
@screen("members.view_member", "members.change_member")
def evaluate(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """Compute the member's tier anew, from all they have done."""
    member = member_of(request, member_id)
    before = member.tier_name
    review.one(member, at=clock.now(), by=actor_name(request))
    member.refresh_from_db()
    if member.tier_name == before:
        messages.success(request, _("Counted anew: the tier is as it was."))
    else:
        told = {"before": before or _("no tier"), "after": member.tier_name or _("no tier")}
        messages.success(request, _("Counted anew: from %(before)s to %(after)s.") % told)
    return redirect("tiers:member", member.pk)
