"""What goes through a rating: the event, the program's side of it, and one campaign on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple

from campaigns.basket import Basket
from campaigns.caps import NO_LIMIT, Room
from campaigns.definitions import Terms
from campaigns.effects import Base, Weigh
from loyalty.base.numbers import Rounding


class Standing(NamedTuple):
    """Why a campaign could not run at an instant: campaign_paused, campaign_ended or not_published, and since when."""

    outcome: str
    since: datetime | None = None


@dataclass(slots=True)
class Subject:
    """One event to rate. `local` is `occurred_at` on the program's wall clock, `view` what conditions read (built by
    `subject.build`), `basket` the order as it stands, `attributes` numbers that a rule may count."""

    event_type: str
    occurred_at: datetime
    local: datetime
    view: Mapping[str, Any]
    basket: Basket | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    member_may_earn: bool = True
    member_state: str = "active"


@dataclass(frozen=True, slots=True)
class Rules:
    """The program's side of rating. `standing` by campaign id, for those that were not running."""

    rounding: Rounding
    currency: str
    standing: Mapping[int, Standing] = field(default_factory=dict)
    program_paused: bool = False


def _no_lines() -> None:
    """Points that no line brought."""


@dataclass(slots=True)
class Run:
    """One campaign on its way through the rating; `raw` and `value` (after the cut) are in smallest units."""

    terms: Terms
    outcome: str = ""
    raw: Fraction = Fraction(0)
    value: Fraction = Fraction(0)
    points: int = 0
    base: Base | None = None
    weigh: Weigh = _no_lines
    misses: list[dict[str, Any]] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)
    room: Room = NO_LIMIT
