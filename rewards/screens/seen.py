"""A reward as the member sees it: also one that is still being typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _

from loyalty.console import words as console_words
from loyalty.programs.models import PointType
from rewards.models import Price, Reward, RewardPicture
from rewards.screens import words

NOT_NAMED: Final = "…"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an app would show."""

    name: str
    description: str
    terms: str
    gives: str
    validity: str
    costs: list[str]
    when: str
    picture: str
    icon: str


def of_reward(reward: Reward, prices: Iterable[Price], at: datetime) -> Seen:
    """The reward with its prices for everybody; those for some tiers only when there are no others."""
    listed = list(prices)
    plain = [one for one in listed if not one.tiers and not one.audience] or listed[:1]
    return shown(reward, [(one.points, one.point_type) for one in plain], at)


def shown(reward: Reward, costs: Iterable[tuple[int, PointType]], at: datetime) -> Seen:
    """The same with costs that are given."""
    return Seen(
        name=reward.name or NOT_NAMED,
        description=reward.description,
        terms=reward.terms,
        gives=words.gives(reward, reward.program),
        validity=words.validity(reward),
        costs=[console_words.points(points, kind) if points else _("Free") for points, kind in costs],
        when=_when(reward, at),
        picture=picture_url(reward),
        icon=words.icon_of(reward),
    )


def picture_url(reward: Reward) -> str:
    """Where its picture is; empty when it has none."""
    picture: RewardPicture | None = getattr(reward, "picture", None) if reward.pk else None
    return reverse("reward-picture", args=[picture.digest]) if picture else ""


def _when(reward: Reward, at: datetime) -> str:
    zone = reward.program.zone
    parts = []
    if reward.starts_at is not None and reward.starts_at > at:
        parts.append(_("From %(day)s") % {"day": console_words.first_day(reward.starts_at, zone)})
    if reward.ends_at is not None:
        parts.append(_("Until %(day)s") % {"day": console_words.last_day(reward.ends_at, zone)})
    parts.append(words.days_and_hours(reward))
    return _("; ").join(part for part in parts if part)
