"""Keys of a channel: made, rolled with an overlap, revoked. The secret is shown once, in the answer that made it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.key_examples import example_for
from loyalty.console.once import once, result_of
from loyalty.programs import credentials
from loyalty.programs.models import ApiKey, Channel, Scope

OVERLAPS = {
    "0": gettext_lazy("Ends now"),
    "1": gettext_lazy("1 hour"),
    "24": gettext_lazy("24 hours"),
    "168": gettext_lazy("7 days"),
}


class KeyForm(forms.Form):
    token = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(max_length=120, label=gettext_lazy("Name"))
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, label=gettext_lazy("May do"), widget=forms.CheckboxSelectMultiple
    )
    expires_on = forms.DateField(
        required=False,
        label=gettext_lazy("Works until the end of"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )


def channel_of(request: ScreenRequest, channel_id: int) -> Channel:
    found = Channel.objects.filter(program=request.program, pk=channel_id).select_related("program").first()
    if found is None:
        raise Http404
    return found


def key_of(request: ScreenRequest, key_id: int) -> ApiKey:
    found = (
        ApiKey.objects.filter(channel__program=request.program, pk=key_id)
        .select_related("channel__program")
        .first()
    )
    if found is None:
        raise Http404
    return found


@require_GET
@screen("programs.view_apikey")
def keys(request: ScreenRequest, channel_id: int) -> HttpResponse:
    """The keys of a channel, working ones first."""
    return _page(request, channel_of(request, channel_id), KeyForm(initial={"token": uuid4()}))


def _page(
    request: ScreenRequest, channel: Channel, form: KeyForm, *, status: int = 200, opened: bool = False
) -> HttpResponse:
    at = clock.now()
    listed = sorted(
        channel.keys.select_related("successor"),
        key=lambda key: (not key.works_at(at), -key.created_at.timestamp()),
    )
    context: dict[str, Any] = {
        "title": _("Keys of %(channel)s") % {"channel": channel.name},
        "channel": channel,
        "keys": [
            {"key": key, "works": key.works_at(at), "ends_soon": key.successor_id is not None}
            for key in listed
        ],
        "form": form,
        "opened": opened or not listed,
        "overlaps": OVERLAPS,
        "may_add": may(request, "programs.add_apikey"),
        "may_change": may(request, "programs.change_apikey"),
    }
    return show(request, "console/keys.html", context, status=status)


@require_http_methods(["POST"])
@screen("programs.view_apikey", "programs.add_apikey")
def make_key(request: ScreenRequest, channel_id: int) -> HttpResponse:
    """One key for one form: sent again, as by a reload of the answer, it makes no other."""
    channel = channel_of(request, channel_id)
    form = KeyForm(request.POST)
    if result_of(request.POST.get("token")):
        return _made_before(request, channel)
    if form.is_valid():
        made: list[tuple[ApiKey, str]] = []
        try:
            once(
                form.cleaned_data["token"], lambda: _make(request, channel, form, made),
                by=actor_name(request), at=clock.now(),
            )  # fmt: skip
        except LaurelError as refused:
            form.add_error(None, refused.detail)
        else:
            return _shown_once(request, *made[0]) if made else _made_before(request, channel)
    return _page(request, channel, form, status=422, opened=True)


def _make(request: ScreenRequest, channel: Channel, form: KeyForm, made: list[tuple[ApiKey, str]]) -> str:
    """The secret goes into `made` and nowhere else."""
    until = form.cleaned_data["expires_on"]
    expires_at = clock.midnight(clock.add_days(until, 1), request.program.zone) if until else None
    issued = credentials.issue(
        channel, name=form.cleaned_data["name"], scopes=form.cleaned_data["scopes"],
        at=clock.now(), by=actor_name(request), expires_at=expires_at,
    )  # fmt: skip
    made.append(issued)
    return reverse("console:keys", args=[channel.pk])


def _made_before(request: ScreenRequest, channel: Channel) -> HttpResponse:
    told = _(
        "The key was made before and is in the list. It is shown only once: if nobody copied it, revoke it."
    )
    messages.warning(request, told)
    return redirect("console:keys", channel.pk)


@require_POST
@screen("programs.view_apikey", "programs.change_apikey")
def roll_key(request: ScreenRequest, key_id: int) -> HttpResponse:
    """A successor with the same rights; the old key goes on for the chosen time."""
    key = key_of(request, key_id)
    hours = request.POST.get("overlap", "24")
    if hours not in OVERLAPS:
        raise Http404
    try:
        successor, secret = credentials.roll(
            key, overlap=timedelta(hours=int(hours)), at=clock.now(), by=actor_name(request)
        )
    except LaurelError as refused:
        messages.error(request, refused.detail)
        return redirect("console:keys", key.channel_id)
    return _shown_once(request, successor, secret)


@require_POST
@screen("programs.view_apikey", "programs.change_apikey")
def revoke_key(request: ScreenRequest, key_id: int) -> HttpResponse:
    key = key_of(request, key_id)
    credentials.revoke(key, at=clock.now())
    messages.success(request, _("The key %(key)s no longer works.") % {"key": key})
    return redirect("console:keys", key.channel_id)


def _shown_once(request: ScreenRequest, key: ApiKey, secret: str) -> HttpResponse:
    """The only place where the secret is ever shown: this answer is not kept anywhere."""
    context = {
        "title": _("Your new key"),
        "key": key,
        "secret": secret,
        "base": request.build_absolute_uri("/").rstrip("/"),
        "example": example_for(key, clock.now()),
    }
    answer = show(request, "console/key_once.html", context)
    answer.headers["Cache-Control"] = "no-store"
    return answer
