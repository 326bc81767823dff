"""What rewards want a person's attention for: on the home page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.programs.models import Program
from rewards import fulfilment
from rewards.models import Reward, Stock

SHOWN: Final = 5


def nearly_gone(program: Program) -> Iterator[tuple[Stock, int]]:
    """Stocks of live rewards with no more left than their mark, and how many, the emptiest first; those that are sold
    out are among them whether or not there is a mark."""
    left = F("loaded") - F("reserved") - F("used")
    live = Stock.objects.filter(program=program, is_open=True, reward__status=Reward.Status.LIVE)
    rows = live.exclude(loaded=None).annotate(rest=left).select_related("reward").order_by("rest", "pk")
    for stock in rows:
        mark = stock.reward.low_stock_at
        if stock.rest == 0 or (mark is not None and stock.rest <= mark):
            yield stock, stock.rest


def stock_texts(program: Program) -> list[tuple[Stock, str]]:
    """The same in words, a few of them."""
    found: list[tuple[Stock, str]] = []
    for stock, rest in nearly_gone(program):
        name = f"{stock.reward.name} ({stock})" if stock.code else stock.reward.name
        told = {"reward": name, "n": rest}
        words = ngettext("%(n)d of %(reward)s is left.", "%(n)d of %(reward)s are left.", rest)
        found.append((stock, (words if rest else _("%(reward)s is sold out.")) % told))
    return found[:SHOWN]


def overdue_text(program: Program, at: datetime) -> str:
    """How many orders wait longer than they should; empty when none does."""
    late = fulfilment.overdue(program, at=at)
    if not late:
        return ""
    words = ngettext(
        "%(n)d order should have been sent by now.", "%(n)d orders should have been sent by now.", late
    )
    return words % {"n": late}
