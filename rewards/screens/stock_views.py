"""How many there are: of a variant, of a date, of the reward itself. Who changed it stands below."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.console.access import ScreenRequest, actor_name, may, refuse, screen, show
from loyalty.console.once import once
from loyalty.console.words import number
from rewards import stock as stocks
from rewards.models import ExperienceReward, ProductReward, Reward, Stock, VoucherReward
from rewards.screens import levels
from rewards.screens.common import STOCK, VIEW, reward_of
from rewards.screens.stock_form import AmountForm, StockForm


@require_http_methods(["GET", "POST"])
@screen(VIEW)
def stock_page(request: ScreenRequest, reward_id: int, stock_id: int) -> HttpResponse:
    """One stock: add, set, describe, close; and its changes."""
    reward = reward_of(request, reward_id)
    stock = _stock_of(reward, stock_id)
    if request.method == "GET":
        return _page(request, reward, stock)
    if not may(request, STOCK):
        return refuse(request, [STOCK])
    act = request.POST.get("act", "")
    if act == "amount":
        return _amount(request, reward, stock)
    if act == "describe":
        return _describe(request, reward, stock)
    if act in ("open", "close"):
        return _open(request, reward, stock, is_open=act == "open")
    raise Http404


def _stock_of(reward: Reward, stock_id: int) -> Stock:
    found = Stock.objects.filter(reward=reward, pk=stock_id).first()
    if found is None:
        raise Http404
    return found


def _amount(request: ScreenRequest, reward: Reward, stock: Stock) -> HttpResponse:
    form = AmountForm(request.POST)
    if form.is_valid():
        by, at = actor_name(request), clock.now()
        token: UUID = form.cleaned_data["token"]
        try:
            address, first = once(token, lambda: _book(request, reward, stock, form), by=by, at=at)
        except LaurelError as refused:
            form.add_error("count", refused.detail or refused.title)
        else:
            if first:
                stock.refresh_from_db()
                messages.success(request, _now(stock))
            return redirect(address)
    return _page(request, reward, stock, status=422, amount=form)


def _book(request: ScreenRequest, reward: Reward, stock: Stock, form: AmountForm) -> str:
    data, by, at = form.cleaned_data, actor_name(request), clock.now()
    if data["how"] == "add":
        stocks.add(stock, data["count"], by=by, at=at, note=data["note"])
    else:
        loaded = None if data["how"] == "lift" else data["count"]
        stocks.set_loaded(stock, loaded, by=by, at=at, note=data["note"])
    return reverse("rewards:stock", args=[reward.pk, stock.pk])


def _now(stock: Stock) -> str:
    if stock.loaded is None:
        return _("There is no limit now.")
    told = {"loaded": number(stock.loaded), "left": number(stock.left or 0)}
    return _("There are %(loaded)s in all now, of which %(left)s can still be taken.") % told


def _describe(request: ScreenRequest, reward: Reward, stock: Stock) -> HttpResponse:
    form = StockForm(request.POST, reward=reward, stock=stock)
    if form.is_valid():
        data = form.cleaned_data
        try:
            saved = stocks.describe(
                stock, name=data["name"], starts_at=data.get("starts_at"), ends_at=data.get("ends_at"),
                is_open=stock.is_open, position=stock.position,
            )  # fmt: skip
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            messages.success(request, _("Saved."))
            if (saved.starts_at, saved.ends_at) != (stock.starts_at, stock.ends_at):
                _warn_of_taken(request, saved)
            return redirect("rewards:stock", reward.pk, stock.pk)
    return _page(request, reward, stock, status=422, details=form)


def _warn_of_taken(request: ScreenRequest, stock: Stock) -> None:
    """The date was moved: who has a place already has it for the date before."""
    if taken := stocks.places_taken(stock, at=clock.now()):
        words = ngettext(
            "%(n)s place was taken before: it keeps the date and the terms it was sold with.",
            "%(n)s places were taken before: they keep the date and the terms they were sold with.",
            taken,
        )
        messages.warning(request, words % {"n": number(taken)})


def _open(request: ScreenRequest, reward: Reward, stock: Stock, *, is_open: bool) -> HttpResponse:
    stocks.describe(
        stock, name=stock.name, starts_at=stock.starts_at, ends_at=stock.ends_at, is_open=is_open,
        position=stock.position,
    )  # fmt: skip
    told = (
        _("It can be taken again.")
        if is_open
        else _("Closed: nobody takes more of it. What was taken stays good.")
    )
    messages.success(request, told)
    return redirect("rewards:stock", reward.pk, stock.pk)


def _page(
    request: ScreenRequest,
    reward: Reward,
    stock: Stock,
    *,
    status: int = 200,
    amount: AmountForm | None = None,
    details: StockForm | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "title": _("Stock of %(name)s") % {"name": f"{reward.name}, {stock}" if stock.code else reward.name},
        "reward": reward,
        "stock": stock,
        "gauge": levels.together([stock], reward.low_stock_at),
        "is_pool": isinstance(reward, VoucherReward),
        "is_slot": isinstance(reward, ExperienceReward),
        "amount": amount
        or AmountForm(initial={"token": uuid4(), "how": "set" if stock.loaded is None else "add"}),
        "details": details or (StockForm(reward=reward, stock=stock) if stock.code else None),
        "changes": stock.changes.all()[:100],
        "made": stock.changes.order_by("pk").values_list("pk", flat=True).first(),
        "may_stock": may(request, STOCK),
    }
    return show(request, "rewards/stock.html", context, status=status)


@require_http_methods(["GET", "POST"])
@screen(VIEW, STOCK)
def add_stock(request: ScreenRequest, reward_id: int) -> HttpResponse:
    """A further variant of a product, or a date of an experience."""
    reward = reward_of(request, reward_id)
    if not isinstance(reward, ProductReward | ExperienceReward):
        raise Http404
    form = StockForm(request.POST or None, reward=reward)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = stocks.make(
                reward, data["code"], loaded=data["loaded"], by=actor_name(request), at=clock.now(), name=data["name"],
                starts_at=data.get("starts_at"), ends_at=data.get("ends_at"), position=reward.stocks.count(),
            )  # fmt: skip
        except LaurelError as refused:
            _add_refusal(form, refused)
        else:
            messages.success(request, _("%(name)s is added.") % {"name": made})
            return redirect("rewards:reward", reward.pk)
    context = {
        "title": _("Add a date") if form.is_slot else _("Add a variant"),
        "reward": reward,
        "form": form,
        "closes_own": not reward.stocks.exclude(code="").exists(),
        "zone": request.program.timezone,
    }
    return show(request, "rewards/add_stock.html", context, status=422 if form.errors else 200)


def _add_refusal(form: StockForm, refused: LaurelError) -> None:
    if refused.code == "stock_code_taken":
        form.add_error("code", refused.detail)
        return
    for fault in refused.errors or [refused.at_path("")]:
        form.add_error(fault.path if fault.path in form.fields else None, fault.message)
