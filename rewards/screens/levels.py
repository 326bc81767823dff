"""How much is left of rewards, and for how many days at the pace of late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.console.parts import Gauge
from loyalty.programs.models import Program
from rewards.models import Redemption, Reward, Stock

PACE: Final = timedelta(days=30)
_COUNTED = ("reserved", "confirmed", "fulfilled", "expired")


@dataclass(frozen=True, slots=True)
class Level:
    """The stock of one reward, all its variants together."""

    gauge: Gauge
    taken: int
    """In the days that the pace is measured over."""
    days: int
    """How many those are."""

    @property
    def is_out(self) -> bool:
        return self.gauge.available == 0

    @property
    def days_left(self) -> int | None:
        """None where there is no end to it or nobody takes any."""
        if not self.gauge.available or not self.taken:
            return None
        return self.gauge.available * self.days // self.taken

    @property
    def said(self) -> str:
        """`About 12 days left at this pace`; empty when that cannot be said."""
        left = self.days_left
        if left is None:
            return ""
        if left < 1:
            return _("Less than a day left at this pace")
        if left > 730:
            return _("Years left at this pace")
        return ngettext("About %(n)d day left at this pace", "About %(n)d days left at this pace", left) % {
            "n": left
        }


def of_rewards(program: Program, rewards: Iterable[Reward], at: datetime) -> Mapping[int, Level]:
    """By reward id. Two queries for any number of them."""
    listed = list(rewards)
    stocks: dict[int, list[Stock]] = defaultdict(list)
    for stock in Stock.objects.filter(program=program, reward__in=listed):
        stocks[stock.reward_id].append(stock)
    taken = lately(program, listed, at)
    return {one.pk: _level(one, stocks[one.pk], taken.get(one.pk, 0), at) for one in listed}


def lately(program: Program, rewards: Iterable[Reward], at: datetime) -> dict[int, int]:
    """How often each was taken of late, without what was given back. Ids begin with their time, and are the index."""
    first = UUID(int=int((at - PACE).timestamp() * 1000) << 80)
    rows = Redemption.objects.filter(
        program=program,
        pk__gte=first,
        created_at__gte=at - PACE,
        reward__in=list(rewards),
        state__in=_COUNTED,
    )
    return dict(rows.order_by().values_list("reward").annotate(n=Count("pk")))


def _level(reward: Reward, stocks: list[Stock], taken: int, at: datetime) -> Level:
    days = min(PACE, at - reward.created_at) // timedelta(days=1)
    return Level(together(stocks, reward.low_stock_at), taken, max(1, days))


def together(stocks: Iterable[Stock], low_at: int | None) -> Gauge:
    """The gauge of several stocks: closed ones count with what was taken of them; one without limit has no end."""
    listed = list(stocks)
    shown = [stock for stock in listed if stock.is_open] or listed
    loaded = [stock.loaded for stock in shown if stock.loaded is not None]
    return Gauge(
        sum(loaded) if len(loaded) == len(shown) else None,
        sum(stock.reserved for stock in shown),
        sum(stock.used for stock in shown),
        low_at=low_at,
    )
