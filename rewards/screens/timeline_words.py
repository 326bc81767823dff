"""What became of a member's redemptions, as lines of the timeline: `Reserved the last Mug, Terracotta for 300 points
until 14:15`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base.clock import local_date, parse_instant
from loyalty.base.words import Words
from loyalty.console import words
from loyalty.console.panels import FactWords
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from rewards.screens.redemption_words import HAPPENED

Sentence: TypeAlias = Callable[[Fact], str]


def _as(pattern: Words) -> Sentence:
    """A sentence that needs no more than what it is about."""
    return lambda fact: str(pattern) % {"what": _what(fact)}


def _reserved(fact: Fact) -> str:
    told = _taken(fact) | {"until": _until(fact)}
    match _is_last(fact), _is_free(fact):
        case True, True:
            return _("Reserved the last %(what)s until %(until)s") % told
        case True, False:
            return _("Reserved the last %(what)s for %(points)s until %(until)s") % told
        case False, True:
            return _("Reserved %(what)s until %(until)s") % told
    return _("Reserved %(what)s for %(points)s until %(until)s") % told


def _confirmed(fact: Fact) -> str:
    told = _taken(fact)
    if fact.data.get("was_reserved"):
        return _("Confirmed the reservation of %(what)s") % told
    match _is_last(fact), _is_free(fact):
        case True, True:
            return _("Took the last %(what)s") % told
        case True, False:
            return _("Redeemed %(points)s for the last %(what)s") % told
        case False, True:
            return _("Took %(what)s") % told
    return _("Redeemed %(points)s for %(what)s") % told


def _used(fact: Fact) -> str:
    amount, left = fact.data.get("amount"), fact.data.get("remaining")
    if amount is None or left is None:
        return _("Used %(what)s") % {"what": _what(fact)}
    currency = fact.program.currency
    told = {"what": _what(fact), "amount": words.money(amount, currency), "left": words.money(left, currency)}
    return _("Used %(amount)s of %(what)s, %(left)s left") % told


def _sent(fact: Fact) -> str:
    return _with_tracking(_("%(what)s sent"), fact)


def _tracking(fact: Fact) -> str:
    return _with_tracking(_("%(what)s can be followed"), fact)


def _with_tracking(pattern: str, fact: Fact) -> str:
    by = " ".join(str(fact.data[name]) for name in ("carrier", "tracking") if fact.data.get(name))
    sentence = pattern % {"what": _what(fact)}
    return _("%(sentence)s: %(by)s") % {"sentence": sentence, "by": by} if by else sentence


def _back(with_points: Words, without: Words) -> Sentence:
    """A sentence on what came back, in two forms."""

    def said(fact: Fact) -> str:
        back = fact.data.get("points_back", 0)
        told = {"what": _what(fact), "points": _points(fact, back)}
        return str(with_points if back else without) % told

    return said


def _what(fact: Fact) -> str:
    name = fact.data.get("name") or fact.data["reward"]
    option = fact.data.get("stock_name") or fact.data.get("stock")
    return f"{name}, {option}" if option else str(name)


def _taken(fact: Fact) -> dict[str, Any]:
    return {"what": _what(fact), "points": _points(fact, fact.data["points"])}


def _points(fact: Fact, units: int) -> str:
    """In the words of their type."""
    kind = _type_of(fact)
    return words.points(units, kind) if kind is not None else words.number(units)


def _type_of(fact: Fact) -> PointType | None:
    return next((one for one in fact.program.point_types.all() if one.code == fact.data["point_type"]), None)


def _until(fact: Fact) -> str:
    """The time alone, when it is on the same day."""
    until, zone = parse_instant(fact.data["reserved_until"]), fact.program.zone
    if local_date(until, zone) == local_date(fact.occurred_at, zone):
        return _clock_time(until, zone)
    return words.moment(until, zone)


def _clock_time(at: datetime, zone: ZoneInfo) -> str:
    return formats.date_format(at.astimezone(zone), "H:i")


def _is_last(fact: Fact) -> bool:
    return "left" in fact.data  # told of the last one only


def _is_free(fact: Fact) -> bool:
    return not fact.data["points"]


def _redemption_of(fact: Fact) -> str:
    return str(fact.data["redemption"])


_SENTENCES: Final[dict[str, Sentence]] = {
    "reserved": _reserved,
    "confirmed": _confirmed,
    "used": _used,
    "sent": _sent,
    "ready": _as(gettext_lazy("%(what)s is ready to be picked up")),
    "delivered": _as(gettext_lazy("%(what)s delivered")),
    "picked_up": _as(gettext_lazy("Picked up %(what)s")),
    "cancelled": _back(
        gettext_lazy("Cancelled %(what)s: %(points)s are back"), gettext_lazy("Cancelled %(what)s")
    ),
    "refunded": _back(
        gettext_lazy("Given back %(points)s for %(what)s"), gettext_lazy("Taken back %(what)s")
    ),
    "lapsed": _back(
        gettext_lazy("The reservation of %(what)s ran out: %(points)s are back"),
        gettext_lazy("The reservation of %(what)s ran out"),
    ),
    "expired": _as(gettext_lazy("%(what)s ran out unused")),
    "problem": _as(gettext_lazy("A problem with %(what)s")),
    "solved": _as(gettext_lazy("The problem with %(what)s is solved")),
    "tracking": _tracking,
    "new_code": _as(gettext_lazy("A new code for %(what)s")),
}

# Not `fulfilled`: it comes with what made it so, in the same instant.
TOLD: Final[dict[str, FactWords]] = {
    kind: FactWords(sentence, HAPPENED[kind][0], booked_as=_redemption_of)
    for kind, sentence in _SENTENCES.items()
}
