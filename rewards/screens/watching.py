"""What rewards want a person's attention for: on the home page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.console.panels import Notice
from loyalty.programs.models import Program
from rewards import fulfilment
from rewards.models import Reward, Stock
from rewards.screens.common import SEE_TAKEN, VIEW

SHOWN: Final = 5


def notices_of(program: Program, at: datetime) -> list[Notice]:
    """Orders that should have been sent, and what is sold out or nearly so."""
    return [*_late(program, at), *_nearly_gone(program)]


def _late(program: Program, at: datetime) -> Iterator[Notice]:
    if late := fulfilment.overdue(program, at=at):
        words = ngettext(
            "%(n)d order should have been sent by now.", "%(n)d orders should have been sent by now.", late
        )
        yield Notice(
            "warn", words % {"n": late}, reverse("rewards:queue"), _("Open the queue"), needs=SEE_TAKEN
        )


def _nearly_gone(program: Program) -> Iterator[Notice]:
    """Open stocks of live rewards with no more left than their mark, the emptiest first; those that are sold out
    whether or not there is a mark."""
    live = Stock.objects.filter(program=program, is_open=True, reward__status=Reward.Status.LIVE)
    left = live.exclude(loaded=None).annotate(rest=F("loaded") - F("reserved") - F("used"))
    low = left.filter(Q(rest__lte=0) | Q(rest__lte=F("reward__low_stock_at")))
    for stock in low.select_related("reward").order_by("rest", "pk")[:SHOWN]:
        url = reverse("rewards:reward", args=[stock.reward_id])
        yield Notice(
            "bad" if stock.rest <= 0 else "warn", _told(stock, stock.rest), url, _("Look at it"), needs=VIEW
        )


def _told(stock: Stock, rest: int) -> str:
    told = {"reward": f"{stock.reward.name} ({stock})" if stock.code else stock.reward.name, "n": rest}
    if rest <= 0:
        return _("%(reward)s is sold out.") % told
    return ngettext("%(n)d of %(reward)s is left.", "%(n)d of %(reward)s are left.", rest) % told
