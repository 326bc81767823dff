"""Answers of the tiers' endpoints. Numbers of money, points and factors are texts: exact, as people write them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from loyalty.base.schemas import Shown


class PerkShown(Shown):
    code: str
    icon: str
    text: str


class SpanShown(Shown):
    count: int
    unit: Literal["days", "months", "years"]


class BenefitsShown(Shown):
    earning_multiplier: str
    price_factor: str = Field(description="What rewards cost, as a factor of their price.")
    early_access_days: int
    points_expiry: Literal["never"] | SpanShown | None = Field(
        description="Of points earned in it; null: as the points say."
    )
    perks: list[PerkShown]


class HeldShown(Shown):
    code: str
    name: str
    since: datetime | None
    until: date | None = Field(description="The last day on which it is safe; null: without an end.")
    manual: bool = Field(description="Set by staff, over the computed one.")
    benefits: BenefitsShown


class NamedShown(Shown):
    code: str
    name: str


class NextShown(Shown):
    code: str
    name: str
    needed: str
    missing: str


class KeepShown(Shown):
    needed: str
    counted: str
    missing: str
    counted_from: date | None = Field(description="The first day that counts; null: since ever.")
    by: date = Field(description="The last day on which something can be done for it.")
    possible: bool = Field(description="False: nothing that is done before the end keeps it.")


class RiskShown(Shown):
    on: date = Field(description="The day on which the tier is lost if nothing more is done.")
    to: NamedShown | None = Field(description="The tier after that; null: none.")


class StandingShown(Shown):
    ladder: str
    name: str
    main: bool = Field(description="The ladder whose tier is the member's standing.")
    tier: HeldShown | None
    computed: NamedShown | None = Field(description="The tier without what was set by hand.")
    measure: str = Field(description="spend, orders, visits, points or balance")
    point_type: str | None = Field(description="Whose points count, where points do.")
    counted: str = Field(description="What the member has done in the present window.")
    counted_from: date | None = Field(description="The first day of the window; null: since ever.")
    next: NextShown | None
    begins_with_next_period: str | None = Field(description="The code of a tier that is reached and waits.")
    keep: KeepShown | None
    risk: RiskShown | None
    in_grace: bool = Field(description="Missed at the review, and not lost yet.")


class MemberTierShown(Shown):
    member: UUID
    at: datetime
    standings: list[StandingShown] = Field(description="One for each ladder in force, the main one first.")


class ChangeShown(Shown):
    id: int
    ladder: str
    kind: str = Field(
        description="joined, upgraded, retained, downgraded, corrected, imported, manual or manual_ended"
    )
    before: NamedShown | None
    after: NamedShown | None
    at: datetime = Field(description="When it took effect.")
    review_on: date | None = Field(description="The day on which it is looked at again.")
    numbers: dict[str, Any] = Field(
        description="Where it was computed: `measure`, `value`, `needed`, and the days `from` and `on`."
    )
    version: int = Field(description="Of the ladder that decided it.")
    beneath: bool = Field(description="A tier set by hand lay over it: the member did not see it.")
    event: UUID | None


class TierHistoryShown(Shown):
    items: list[ChangeShown]
    has_more: bool
    next: str | None
