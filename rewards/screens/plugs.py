"""What the screens of rewards give to the core: how the history of a reward is told, what needs attention."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.console.changes import Child, Told, as_points, tell
from loyalty.console.condition_drawing import said
from loyalty.console.panels import Notice, watchers
from loyalty.programs.models import PointType, Program
from rewards import audience
from rewards.models import KINDS, Price, Reward
from rewards.screens import levels, words
from rewards.screens.common import VIEW
from rewards.screens.form import TEXTS


def plug_in() -> None:
    """Called once, when the app is ready."""
    watchers.register("stock", running_low, order=50)
    for model in KINDS.values():
        tell(
            Told(
                model,
                _page_of,
                permission=VIEW,
                say={
                    "audience": _condition,
                    "caps": _caps,
                    "gives": _gives,
                    "price.points": as_points,
                    "price.tiers": _tiers,
                    "price.audience": _condition,
                },
                labels={name: label for name, (label, _help) in TEXTS.items()}
                | {"audience": gettext_lazy("Who"), "caps": gettext_lazy("Each member at most")},
                hidden=frozenset({"reward_ptr"}),
                children=[Child(Price, "reward", gettext_lazy("Price"))],
            )
        )


def _page_of(reward: Reward) -> str:
    return reverse("rewards:reward", args=[reward.pk])


def _program_of(row: Any) -> Program:
    found: Program = (row.reward if isinstance(row, Price) else row).program
    return found


def _condition(value: Any, row: Any) -> str:
    return said(value, audience.schema_of(_program_of(row)))


def _caps(value: Any, row: Any) -> str:
    return _(", ").join(words.cap(one) for one in value)


def _gives(value: Any, row: Any) -> str:
    return as_points(value, PointType.objects.get(pk=row.into_id))


def _tiers(value: Any, row: Any) -> str:
    names = words.tier_names(_program_of(row).pk)
    return _(", ").join(names.get(code, code) for code in value)


def running_low(program: Program, at: datetime) -> list[Notice]:
    """Live rewards that are sold out or nearly so."""
    live = list(Reward.objects.filter(program=program, status=Reward.Status.LIVE))
    found: list[Notice] = []
    stock = levels.of_rewards(program, live, at)
    for reward in live:
        level = stock[reward.pk]
        if level.is_out:
            found.append(_notice("bad", _("%(reward)s is sold out.") % {"reward": reward.name}, reward))
        elif level.gauge.is_low:
            told = {"reward": reward.name, "n": level.gauge.available}
            found.append(_notice("warn", _("%(reward)s: %(n)d left.") % told, reward))
    return found[:5]


def _notice(level: Any, text: str, reward: Reward) -> Notice:
    return Notice(level, text, _page_of(reward), _("Look at it"))
