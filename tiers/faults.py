"""What keeps a ladder from being published: all of it at once, each with the field that it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.base.currencies import currency_decimals
from loyalty.base.errors import FieldError
from tiers.ladder import PERIODIC, counts_points
from tiers.models import Downgrade, Measure, Tier, TierSet, Unit, Upgrade, Validity, Window

MOST_TIERS, MOST_DECIMALS = 20, 4
MOST_MONTHS, MOST_DAYS = 120, 3660
MOST_PERKS = 50


def faults(tier_set: TierSet, tiers: Sequence[Tier] | None = None) -> list[FieldError]:
    """The faults of a draft, none when it can be published. `tiers` when they are not to be read from the database."""
    rows = sorted(tier_set.tiers.all() if tiers is None else tiers, key=lambda tier: tier.rank)
    return [*_general(tier_set), *_times(tier_set), *_together(tier_set), *_tiers(tier_set, rows)]


def _general(tier_set: TierSet) -> Iterator[FieldError]:
    if not tier_set.name.strip():
        yield FieldError("name", "required", _("Give the ladder a name."))
    for name, kinds in _CHOICES.items():
        if getattr(tier_set, name) not in kinds.values:
            yield FieldError(name, "choice_unknown", _("Choose one of the list."))
    if not counts_points(tier_set.measure):
        return
    point_type = tier_set.point_type
    if point_type is not None and point_type.program_id != tier_set.program_id:
        yield FieldError("point_type", "point_type_unknown", _("Choose a point type of this program."))
    if point_type is None and not tier_set.program.point_types.filter(is_default=True).exists():
        yield FieldError("point_type", "point_type_missing", _("Choose which points count."))


_CHOICES: dict[str, Any] = {
    "measure": Measure,
    "window": Window,
    "upgrade": Upgrade,
    "validity": Validity,
    "downgrade": Downgrade,
}


def _times(tier_set: TierSet) -> Iterator[FieldError]:
    if tier_set.window == Window.ROLLING and not _is_span(tier_set.window_count, tier_set.window_unit):
        yield FieldError("window_count", "span_invalid", _("Say how many months or days are counted."))
    if tier_set.validity == Validity.DURATION and not _is_span(
        tier_set.validity_count, tier_set.validity_unit
    ):
        yield FieldError("validity_count", "span_invalid", _("Say how long a tier lasts."))
    if not 0 <= tier_set.grace_days <= MOST_DAYS:
        yield FieldError("grace_days", "days_invalid", _("Give a number of days from 0."))
    if not 0 <= tier_set.warn_days <= MOST_DAYS:
        yield FieldError("warn_days", "days_invalid", _("Give a number of days from 0."))


def _is_span(count: int | None, unit: str) -> bool:
    return count is not None and 1 <= count <= (MOST_DAYS if unit == Unit.DAYS else MOST_MONTHS)


def _together(tier_set: TierSet) -> Iterator[FieldError]:
    """Choices that do not go together."""
    periodic = tier_set.window in PERIODIC
    needs_periods = _("This needs a window with periods: the calendar year or the year of membership.")
    if tier_set.upgrade == Upgrade.NEXT_PERIOD and not periodic:
        yield FieldError("upgrade", "no_periods", needs_periods)
    if tier_set.validity in (Validity.PERIOD, Validity.NEXT_PERIOD) and not periodic:
        yield FieldError("validity", "no_periods", needs_periods)
    if tier_set.rollover and not periodic:
        yield FieldError("rollover", "no_periods", needs_periods)
    if tier_set.upgrade == Upgrade.NEXT_PERIOD and tier_set.validity == Validity.WHILE_QUALIFIED:
        message = _("A tier that comes with the next period cannot hang on what is counted in that period.")
        yield FieldError("validity", "not_with_next_period", message)
    if tier_set.measure == Measure.BALANCE and tier_set.window != Window.LIFETIME:
        yield FieldError(
            "window", "balance_has_no_window", _("A balance is what is there: choose “Since ever”.")
        )


def _tiers(tier_set: TierSet, rows: Sequence[Tier]) -> Iterator[FieldError]:
    if not rows:
        yield FieldError("tiers", "required", _("Add a tier."))
    if len(rows) > MOST_TIERS:
        yield FieldError("tiers", "too_many", _("At most %(most)d tiers.") % {"most": MOST_TIERS})
    codes: set[str] = set()
    before: Decimal | None = None
    for index, tier in enumerate(rows):
        path = f"tiers/{index}"
        if not tier.name.strip():
            yield FieldError(f"{path}/name", "required", _("Give the tier a name."))
        if tier.code in codes:
            yield FieldError(f"{path}/code", "code_taken", _("Another tier has this code."))
        codes.add(tier.code)
        yield from _threshold(tier_set, tier, before, path)
        before = tier.threshold
        yield from _benefits(tier, path)


def _threshold(tier_set: TierSet, tier: Tier, before: Decimal | None, path: str) -> Iterator[FieldError]:
    threshold = tier.threshold
    if threshold is None or threshold < 0:
        yield FieldError(f"{path}/threshold", "threshold_invalid", _("Give a number from 0."))
        return
    if before is not None and threshold <= before:
        message = _("A tier needs more than the one below it.")
        yield FieldError(f"{path}/threshold", "threshold_not_above", message)
    if tier_set.measure in (Measure.ORDERS, Measure.VISITS) and threshold != int(threshold):
        yield FieldError(f"{path}/threshold", "threshold_not_whole", _("Give a whole number."))
        return
    most = _decimals(tier_set)
    if round(threshold, most) != threshold:
        message = ngettext("Give at most %(n)d decimal.", "Give at most %(n)d decimals.", most) % {"n": most}
        yield FieldError(
            f"{path}/threshold", "threshold_decimals", message if most else _("Give a whole number.")
        )


def _decimals(tier_set: TierSet) -> int:
    """Of what is counted: money, or points of some type. Of a type that a file only brings they are not known yet."""
    if tier_set.measure == Measure.SPEND:
        return currency_decimals(tier_set.program.currency)
    if not counts_points(tier_set.measure):
        return 0
    own = tier_set.point_type or tier_set.program.point_types.filter(is_default=True).first()
    return own.decimals if own and own.pk else MOST_DECIMALS


def _benefits(tier: Tier, path: str) -> Iterator[FieldError]:
    if not 1 <= tier.earning_multiplier <= 1000:
        message = _("A multiplier is from 1 to %(max)d.") % {"max": 1000}
        yield FieldError(f"{path}/earning_multiplier", "multiplier_invalid", message)
    if not 0 <= tier.reward_price_factor <= 10:
        yield FieldError(f"{path}/reward_price_factor", "factor_invalid", _("Give a factor from 0 to 10."))
    if tier.expiry == Tier.Expiry.AFTER and not tier.expiry_count:
        yield FieldError(f"{path}/expiry_count", "span_invalid", _("Say after how long points lapse."))
    yield from _perks(tier, path)


def _perks(tier: Tier, path: str) -> Iterator[FieldError]:
    if not isinstance(tier.perks, list) or len(tier.perks) > MOST_PERKS:
        yield FieldError(f"{path}/perks", "perks_invalid", _("Give a list of perks."))
        return
    seen: set[object] = set()
    for index, perk in enumerate(tier.perks):
        where = f"{path}/perks/{index}"
        if not _is_perk(perk):
            yield FieldError(where, "perk_invalid", _("A perk has a code and words."))
        elif perk["code"] in seen:
            yield FieldError(f"{where}/code", "code_taken", _("Another perk of this tier has this code."))
        else:
            seen.add(perk["code"])


def _is_perk(perk: object) -> bool:
    if not isinstance(perk, dict) or perk.keys() - {"code", "icon", "text"}:
        return False
    if not all(isinstance(value, str) and len(value) <= 500 for value in perk.values()):
        return False
    return bool(perk.get("code", "").strip() and perk.get("text", "").strip())
