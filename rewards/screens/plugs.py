"""What the screens of rewards give to the core: the history of a reward in words, what needs attention, a panel of the
member page, and what the search box finds."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base import clock
from loyalty.base.ids import is_uuid
from loyalty.console.changes import Child, Told, as_points, tell
from loyalty.console.condition_drawing import said
from loyalty.console.panels import Hit, Panel, fact_words, finders, member_panels, watchers
from loyalty.programs.models import PointType, Program
from rewards import audience, fulfilment
from rewards.models import KINDS, Price, Redemption, Reward
from rewards.screens import redemption_words, timeline_words, watching, words
from rewards.screens.common import SEE_TAKEN, VIEW
from rewards.screens.form import TEXTS


def plug_in() -> None:
    """Called once, when the app is ready."""
    watchers.register("rewards", watching.notices_of, order=50)
    member_panels.register(
        "rewards", Panel(gettext_lazy("Rewards"), "rewards:member", permission=SEE_TAKEN), order=20
    )
    finders.register("redemptions", redemption_by)
    for kind, told in timeline_words.TOLD.items():
        fact_words.register(f"redemption.{kind}", told)
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


def redemption_by(program: Program, term: str) -> Hit | None:
    """The redemption with this id, or whose code this is."""
    if is_uuid(term):
        row = Redemption.objects.filter(program=program, pk=term).first()
    else:
        row = fulfilment.find_by_code(program, term)
    if row is None:
        return None
    told = {"what": redemption_words.what(row), "state": redemption_words.shown_state(row, clock.now()).label}
    text = _("Redemption: %(what)s, %(state)s") % told
    return Hit(text, reverse("rewards:redemption", args=[row.pk]))
