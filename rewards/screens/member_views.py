"""A member's rewards: the panel of the member page, all of them, and giving one by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock
from loyalty.base.email import impersonal
from loyalty.base.errors import LaurelError
from loyalty.base.text import clean
from loyalty.console import words as console_words
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.member_views import member_of
from loyalty.console.once import once, result_of
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import offers, redemption
from rewards.claiming import Wish
from rewards.errors import NotEligible
from rewards.models import ProductReward, Redemption
from rewards.offers import Offer
from rewards.screens import redemption_words, words
from rewards.screens.common import GIVE, SEE_TAKEN, me, reward_of

IN_PANEL = 5
PAGE = 50


@require_GET
@screen("members.view_member", SEE_TAKEN)
def of_member(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """The last redemptions for the member page; opened as a page, all of them."""
    member, at = member_of(request, member_id), clock.now()
    skip = (
        int(text)
        if (text := request.GET.get("skip", "")).isascii() and text.isdigit() and len(text) < 6
        else 0
    )
    most = IN_PANEL if request.htmx else PAGE
    rows = Redemption.objects.filter(member=member).select_related("reward", "point_type", "code", "stock")
    found = list(rows.order_by("-pk")[skip : skip + most + 1])
    context = {
        "title": _("Rewards of %(member)s") % {"member": member},
        "member": member,
        "rows": [
            {"row": row, "what": redemption_words.what(row), "state": redemption_words.shown_state(row, at)}
            for row in found[:most]
        ],
        "more": skip + most if len(found) > most else None,
        "may_give": may(request, GIVE),
        "program": request.program,
    }
    if request.htmx:
        return render(request, "rewards/_member.html", context)
    return show(request, "rewards/member.html", context)


@require_GET
@screen("members.view_member", GIVE)
def choose(request: ScreenRequest, member_id: UUID) -> HttpResponse:
    """What the member can have now, and what not, each with its reasons."""
    member, at = member_of(request, member_id), clock.now()
    found = [_shown(offer) for offer in offers.every(member, at)]
    context = {
        "title": _("Give a reward"),
        "member": member,
        "now": [one for one in found if one["offer"].state == "available"],
        "later": [one for one in found if one["offer"].state != "available"],
    }
    return show(request, "rewards/give.html", context)


def _shown(offer: Offer) -> dict[str, Any]:
    return {
        "offer": offer,
        "costs": [
            console_words.points(cost.points, cost.point_type) if cost.points else _("Free")
            for cost in offer.verdict.costs
        ],
        "reasons": [reason.sentence for reason in offer.verdict.reasons],
        "icon": words.icon_of(offer.reward),
    }


class GiveForm(forms.Form):
    """Which variant or date, which points pay, what has to be known to send it."""

    token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, offer: Offer, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.asked: list[str] = []
        to_take = [one for one in offer.options if one.left is None or one.left > 0]
        if len(offer.options) > 1 or any(one.code for one in offer.options):
            self.fields["stock"] = forms.ChoiceField(
                label=_("Which one"), choices=[(one.code, _option(one, offer)) for one in to_take]
            )
        if len(offer.verdict.costs) > 1:
            self.fields["point_type"] = forms.ChoiceField(
                label=_("Paid with"),
                choices=[
                    (str(cost.point_type.pk), console_words.points(cost.points, cost.point_type))
                    for cost in offer.verdict.costs
                    if not cost.missing
                ],
            )
        if isinstance(offer.reward, ProductReward):
            self._ask(offer.reward)
        self.fields["reference"] = forms.CharField(
            required=False, max_length=120, label=_("Reference"), help_text=_("Such as a ticket or an order.")
        )

    def _ask(self, reward: ProductReward) -> None:
        for one in reward.delivery_attributes:
            self.asked.append(one["code"])
            self.fields[f"details-{one['code']}"] = forms.CharField(
                label=one["label"], required=bool(one.get("required")), max_length=500, widget=forms.Textarea
            )

    def wish(self, types: dict[str, PointType]) -> Wish:
        data = self.cleaned_data
        return Wish(
            stock=data.get("stock", ""),
            point_type=types.get(data.get("point_type", "")),
            details={code: data.get(f"details-{code}", "") for code in self.asked},
            reference=impersonal(clean(data.get("reference", ""), max_length=120)),
        )


def _option(option: Any, offer: Offer) -> str:
    zone = offer.reward.program.zone
    name = option.name or option.code
    if option.starts_at is not None:
        when = console_words.moment(option.starts_at, zone)
        name = f"{when}, {name}" if option.name else when
    return name if option.left is None else _("%(name)s (%(n)d left)") % {"name": name, "n": option.left}


@require_http_methods(["GET", "POST"])
@screen("members.view_member", GIVE)
def give(request: ScreenRequest, member_id: UUID, reward_id: int) -> HttpResponse:
    """One reward for one member: what it costs and what stays, then give it, once."""
    member, reward = member_of(request, member_id), reward_of(request, reward_id)
    if done := result_of(request.POST.get("token")):
        return redirect(done)
    offer = offers.of_one(member, reward, clock.now())
    if offer is None:
        raise Http404
    if request.method == "GET":
        return _page(request, member, offer, GiveForm(initial={"token": uuid4()}, offer=offer))
    form = GiveForm(request.POST, offer=offer)
    if form.is_valid():
        at = clock.now()
        try:
            address, _first = once(
                form.cleaned_data["token"],
                lambda: _book(request, member, offer, form),
                by=actor_name(request),
                at=at,
            )
        except NotEligible as refused:
            for _code, sentence, _numbers in refused.reasons:
                form.add_error(None, str(sentence))
        except LaurelError as refused:
            for fault in refused.errors or [refused.at_path("")]:
                name = fault.path.replace("/", "-")
                form.add_error(name if name in form.fields else None, fault.message)
        else:
            return redirect(address)
    return _page(request, member, offer, form, status=422)


def _book(request: ScreenRequest, member: Member, offer: Offer, form: GiveForm) -> str:
    types = {str(cost.point_type.pk): cost.point_type for cost in offer.verdict.costs}
    made = redemption.redeem(member, offer.reward, form.wish(types), at=clock.now(), actor=me(request))
    return reverse("rewards:redemption", args=[made.pk])


def _page(
    request: ScreenRequest, member: Member, offer: Offer, form: GiveForm, *, status: int = 200
) -> HttpResponse:
    cost = offer.verdict.cost_in(None)
    context = {
        "title": _("Give %(reward)s") % {"reward": offer.reward.name},
        "member": member,
        "offer": offer,
        "one": _shown(offer),
        "form": form,
        "cost": cost,
        "after": cost.has - cost.points if cost else None,
    }
    return show(request, "rewards/give_one.html", context, status=status)
