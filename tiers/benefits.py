"""What a member's tier gives: multipliers, prices, early access, the expiry of points, perks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from loyalty.base.clock import add_days, add_months, local_date, midnight
from loyalty.base.errors import Invalid
from tiers import published
from tiers.ladder import Benefits, Perk, Span
from tiers.published import Published

__all__ = ["NOTHING", "Benefits", "Perk", "Span", "expires_at", "of_program", "of_set"]

NOTHING = Benefits()


def of_program(program_id: int, *, at: datetime) -> Mapping[str, Benefits]:
    """Benefits by tier code of the program's main set in force at `at`; one cheap query. Empty without a ladder.

    A tier that only an older version has is answered too: a member may still hold it.
    """
    return of_set(published.main_of(program_id), at)


def of_set(tier_set: Published | None, at: datetime) -> Mapping[str, Benefits]:
    """The same for a set that is in hand, without a query."""
    if tier_set is None:
        return MappingProxyType({})
    in_force = sum(1 for version in tier_set.versions if version.effective_from <= at)
    return _benefits(tier_set, in_force)


@lru_cache(maxsize=256)
def _benefits(tier_set: Published, in_force: int) -> Mapping[str, Benefits]:
    found: dict[str, Benefits] = {}
    for version in tier_set.versions[:in_force]:
        found |= {rung.code: rung.benefits for rung in version.ladder.rungs}
    return MappingProxyType(found)


def expires_at(override: Span | Literal["never"], available_at: datetime, zone: ZoneInfo) -> datetime | None:
    """When points of a tier with an expiry of its own lapse, counted from when they can be spent; None: never."""
    if override == "never":
        return None
    return _end_of(override, local_date(available_at, zone), zone)


@lru_cache(maxsize=4096)
def _end_of(span: Span, day: date, zone: ZoneInfo) -> datetime | None:
    try:
        return midnight(add_days(after(day, span), 1), zone)
    except Invalid:  # beyond the calendar: as good as never
        return None


def after(day: date, span: Span) -> date:
    """The day so much later; months clamp to the end of the month."""
    if span.unit == "days":
        return add_days(day, span.count)
    return add_months(day, span.count * 12 if span.unit == "years" else span.count)
