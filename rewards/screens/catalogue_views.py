"""The catalogue on screen: all rewards with their stock, one reward, and its stages with what each means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.words import Words
from loyalty.conditions.fields import Schema
from loyalty.console.access import ScreenRequest, actor_name, may, screen, show
from loyalty.console.condition_drawing import said
from loyalty.programs.models import PointType
from rewards import audience, catalogue
from rewards.models import KINDS, PointsReward, Price, Redemption, Reward, Stock, StockChange
from rewards.screens import levels, seen, words
from rewards.screens.common import ADD, CHANGE, PICTURE, SEE_TAKEN, STOCK, VIEW, reward_of
from rewards.screens.form import missing
from rewards.screens.levels import Level
from rewards.screens.words import State

PRICES: Final = Prefetch("prices", Price.objects.select_related("point_type").order_by("position"))


@dataclass(frozen=True, slots=True)
class Row:
    """A reward in the list."""

    reward: Reward
    state: State
    level: Level
    prices: list[Price]
    cost: str
    who: str
    gives: str
    icon: str

    @property
    def needs_stock(self) -> bool:
        return self.reward.status == Reward.Status.LIVE and (self.level.is_out or self.level.gauge.is_low)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; nonsense in it asks for nothing."""

    state: str
    kind: str
    text: str

    @classmethod
    def read(cls, request: ScreenRequest) -> Wanted:
        state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
        text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:80]
        known = state in words.STATES or state == "stock"
        return cls(state if known else "", kind if kind in KINDS else "", text)

    def fits(self, row: Row) -> bool:
        if self.kind and row.reward.kind != self.kind:
            return False
        told = f"{row.reward.name} {row.reward.code}".casefold()
        return self.text.casefold() in told and self.fits_state(row, self.state)

    @staticmethod
    def fits_state(row: Row, state: str) -> bool:
        return not state or (row.needs_stock if state == "stock" else row.state.code == state)


@require_GET
@screen(VIEW)
def reward_list(request: ScreenRequest) -> HttpResponse:
    """All rewards with their stock, prices and state."""
    wanted = Wanted.read(request)
    found = rows(request, clock.now())
    chips = [(code, str(label)) for code, (_tone, label) in words.STATES.items()]
    chips.append(("stock", _("Running low or sold out")))
    counted = [(code, label, sum(wanted.fits_state(row, code) for row in found)) for code, label in chips]
    context = {
        "title": _("Rewards"),
        "rows": [row for row in found if wanted.fits(row)],
        "wanted": wanted,
        "filtered": bool(wanted.state or wanted.kind or wanted.text),
        "chips": [chip for chip in counted if chip[2]],
        "total": len(found),
        "kinds": kinds(),
        "may_add": may(request, ADD),
        "has_partner": may(request, SEE_TAKEN) and any(row.reward.kind == "partner" for row in found),
    }
    return show(request, "rewards/list.html", context)


def rows(request: ScreenRequest, at: datetime) -> list[Row]:
    """The rewards of the program in the order of the catalogue. A handful of queries for any number of them."""
    program = request.program
    found = list(Reward.objects.filter(program=program).prefetch_related(PRICES, PICTURE))
    stock = levels.of_rewards(program, found, at)
    schema, tiers = audience.schema_of(program), words.tier_names(program.pk)
    types = {one.pk: one for one in PointType.objects.filter(program=program)}
    for reward in found:
        reward.program = program
        if isinstance(reward, PointsReward):
            reward.into = types[reward.into_id]
    return [row_of(reward, stock[reward.pk], schema, tiers, at) for reward in found]


def row_of(reward: Reward, level: Level, schema: Schema, tiers: dict[str, str], at: datetime) -> Row:
    prices = list(reward.prices.all())
    return Row(
        reward=reward,
        state=words.state_of(reward, at),
        level=level,
        prices=prices,
        cost=words.cost(prices),
        who=words.who(reward, prices, schema, tiers),
        gives=words.gives(reward, reward.program),
        icon=words.icon_of(reward),
    )


def kinds() -> list[dict[str, Any]]:
    """The kinds to choose from, each in one line."""
    return [
        {"code": code, "title": model.title, **words.KINDS[code]._asdict()} for code, model in KINDS.items()
    ]


@require_GET
@screen(VIEW, ADD)
def choose(request: ScreenRequest) -> HttpResponse:
    """What kind of reward."""
    return show(request, "rewards/choose.html", {"title": _("New reward"), "kinds": kinds()})


@require_GET
@screen(VIEW)
def reward_page(request: ScreenRequest, reward_id: int) -> HttpResponse:
    """One reward: what it is, its stock, what was taken of it, and what can be done now."""
    reward, at = reward_of(request, reward_id), clock.now()
    level = levels.of_rewards(request.program, [reward], at)[reward.pk]
    schema, tiers = audience.schema_of(request.program), words.tier_names(request.program.pk)
    row = row_of(reward, level, schema, tiers, at)
    context = {
        "title": reward.name,
        "row": row,
        "reward": reward,
        "seen": seen.of_reward(reward, row.prices, at),
        "prices": [(price, words.for_whom(price, schema, tiers)) for price in row.prices],
        "reach": reach_query(row.prices),
        "facts": facts_of(reward, schema),
        "stocks": stocks_of(reward),
        "changes": StockChange.objects.filter(stock__reward=reward)
        .select_related("stock")
        .order_by("-pk")[:10],
        "blockers": missing(reward) if reward.status == Reward.Status.DRAFT else [],
        "may_change": may(request, CHANGE) and reward.status != Reward.Status.ENDED,
        "may_stock": may(request, STOCK),
        "acts": [act for act in ACTS if reward.status in ACTS[act].of],
    }
    return show(request, "rewards/reward.html", context)


def reach_query(prices: Iterable[Price]) -> str:
    """Prices for the fragment that counts who can pay them."""
    return urlencode([("price", f"{row.point_type_id}:{row.points}:{','.join(row.tiers)}") for row in prices])


def stocks_of(reward: Reward) -> list[tuple[Stock, Any]]:
    """What of it can be taken, each with its gauge; the stock of the reward as such only while there are no others."""
    listed = list(Stock.objects.filter(reward=reward))
    own = [one for one in listed if one.code or one.is_open or one.used or one.reserved] or listed
    return [(one, levels.together([one], reward.low_stock_at)) for one in own]


def facts_of(reward: Reward, schema: Schema) -> list[tuple[Words, str]]:
    """The rules of a reward line by line; what does not limit anything is left out."""
    caps = _(", ").join(words.cap(one) for one in reward.caps)
    cooldown = ngettext("%(n)d hour", "%(n)d hours", reward.cooldown_hours or 0) % {
        "n": reward.cooldown_hours or 0
    }
    found: list[tuple[Words, str]] = [
        (_("Who"), said(reward.audience, schema) if reward.audience else _("All members")),
        (_("Days and hours"), words.days_and_hours(reward)),
        (_("Each member at most"), caps),
        (_("Not again within"), cooldown if reward.cooldown_hours else ""),
    ]
    return [(label, text) for label, text in found if text]


# --- Stages -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """A step from one status to another: from which, what it is called, what it means, what is said afterwards."""

    of: tuple[str, ...]
    title: Words
    button: Words
    effect: Words
    done: Words
    tone: str
    icon: str


ACTS: Final[dict[str, Act]] = {
    "publish": Act(
        ("draft",),
        gettext_lazy("Publish %(name)s"),
        gettext_lazy("Publish the reward"),
        gettext_lazy("From now on members can have it, within its dates. Its code stays for good."),
        gettext_lazy("The reward is live."),
        "main",
        "publish",
    ),
    "pause": Act(
        ("live",),
        gettext_lazy("Pause %(name)s"),
        gettext_lazy("Pause the reward"),
        gettext_lazy("Nobody can take it until it is resumed. What is reserved can still be confirmed, and codes "
                     "that members hold stay good."),
        gettext_lazy("Paused. Nobody can take it until it is resumed."),
        "",
        "pause",
    ),
    "resume": Act(
        ("paused",),
        gettext_lazy("Resume %(name)s"),
        gettext_lazy("Resume the reward"),
        gettext_lazy("Members can take it again at once, within its dates."),
        gettext_lazy("Resumed. Members can take it again."),
        "main",
        "play_arrow",
    ),
    "end": Act(
        ("live", "paused"),
        gettext_lazy("End %(name)s"),
        gettext_lazy("End the reward for good"),
        gettext_lazy("Nobody takes it any more, and it cannot be started again. What members hold stays good. "
                     "To stop it for a while, pause it."),
        gettext_lazy("Ended. What members hold stays good."),
        "bad",
        "block",
    ),
}  # fmt: skip
_CARRY_OUT = {
    "publish": catalogue.publish,
    "pause": catalogue.pause,
    "resume": catalogue.resume,
    "end": catalogue.end,
}


@require_http_methods(["GET", "POST"])
@screen(VIEW, CHANGE)
def stage(request: ScreenRequest, reward_id: int, act: str) -> HttpResponse:
    """Say what a step means for members, then take it."""
    reward = reward_of(request, reward_id)
    if act not in ACTS:
        raise Http404
    if request.method == "GET":
        return _ask(request, reward, act)
    try:
        _CARRY_OUT[act](reward, by=actor_name(request), at=clock.now())
    except LaurelError as refused:
        if refused.errors:
            return _ask(request, reward, act, status=422)
        messages.error(request, refused.detail or refused.title)
    else:
        messages.success(request, str(ACTS[act].done))
    return redirect("rewards:reward", reward.pk)


def _ask(request: ScreenRequest, reward: Reward, act: str, *, status: int = 200) -> HttpResponse:
    at, step = clock.now(), ACTS[act]
    reserved = Redemption.objects.filter(reward=reward, state="reserved", reserved_until__gt=at).count()
    held = Redemption.objects.filter(reward=reward, state="confirmed").count()
    prices = list(reward.prices.select_related("point_type"))
    context = {
        "title": step.title % {"name": reward.name},
        "reward": reward,
        "act": act,
        "step": step,
        "fits": reward.status in step.of,
        "state": words.state_of(reward, at),
        "seen": seen.of_reward(reward, prices, at),
        "reserved": reserved,
        "held": held,
        "blockers": missing(reward) if act == "publish" else [],
    }
    return show(request, "rewards/stage.html", context, status=status)
