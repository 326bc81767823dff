"""The queue of what is to be sent or handed over, as rows of a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext

from loyalty.base.ids import is_uuid
from loyalty.base.words import Words
from loyalty.console.parts import Tab
from loyalty.programs.models import Program
from rewards import fulfilment
from rewards.models import Delivery, Redemption
from rewards.screens import redemption_words
from rewards.screens.redemption_words import Shown

PAGE: Final = 50
MOST: Final = 100
TABS: Final[dict[str, Words]] = {
    "new": gettext_lazy("New"),
    "in_progress": gettext_lazy("In progress"),
    "sent": gettext_lazy("Sent"),
    "problem": gettext_lazy("Problem"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A redemption in the queue."""

    redemption: Redemption
    what: str
    state: Shown
    missing: list[str]
    """What the member was asked for and has not told."""
    asks: bool
    hours: int
    """Until it is due; below zero it is late."""
    waits: bool
    """Whether it is still to be sent or made ready."""
    locked_by: str
    mine: bool

    @property
    def due(self) -> str:
        """`2 days late`, `due in 5 hours`."""
        size = abs(self.hours)
        days = size >= 48
        n = size // 24 if days else size
        if self.hours < 0:
            told = (
                ngettext("%(n)d day late", "%(n)d days late", n)
                if days
                else ngettext("%(n)d hour late", "%(n)d hours late", n)
            )
        else:
            told = (
                ngettext("due in %(n)d day", "due in %(n)d days", n)
                if days
                else ngettext("due in %(n)d hour", "due in %(n)d hours", n)
            )
        return told % {"n": n}


def rows(found: list[Redemption], me: str, at: datetime) -> list[Row]:
    """One more query for where all of them go."""
    told = dict(Delivery.objects.filter(redemption__in=found).values_list("redemption", "details"))
    return [_row(one, told.get(one.pk, {}), me, at) for one in found]


def _row(one: Redemption, details: dict[str, str], me: str, at: datetime) -> Row:
    asks = one.terms.get("asks", [])
    locked = one.claimed_until is not None and one.claimed_until > at
    seconds = (one.due_at - at).total_seconds() if one.due_at else 0
    return Row(
        redemption=one,
        what=redemption_words.what(one),
        state=redemption_words.shown_state(one, at),
        missing=[ask["label"] for ask in asks if ask.get("required") and not details.get(ask["code"])],
        asks=bool(asks),
        hours=int(seconds // 3600),
        waits=one.step == Redemption.Step.ORDERED and one.due_at is not None,
        locked_by=one.claimed_by if locked else "",
        mine=locked and one.claimed_by == me,
    )


def tabs(program: Program, current: str, at: datetime) -> list[Tab]:
    """The tabs with how many wait in each."""
    address = reverse("rewards:queue")
    return [
        Tab(label, f"{address}?tab={name}", fulfilment.queue(program, name, at=at).count(), name == current)
        for name, label in TABS.items()
    ]


def picked(program: Program, ids: list[str]) -> QuerySet[Redemption]:
    """The chosen ones of this program, in the order of the queue; nonsense chooses nothing."""
    known = [UUID(one) for one in ids[:MOST] if is_uuid(one)]
    rows = Redemption.objects.filter(program=program, pk__in=known)
    return rows.select_related("reward", "member", "stock", "code", "point_type__program").order_by(
        "due_at", "pk"
    )


def waiting(program: Program, at: datetime) -> int:
    """How many orders are to be sent or handed over, problems among them."""
    to_do = Redemption.objects.filter(program=program, state=Redemption.State.CONFIRMED).exclude(step="")
    return to_do.exclude(step=Redemption.Step.SENT, problem="").count()
