"""What a ladder says: as JSON, frozen with each published version, and read into plain objects for the computation.

A definition stands by itself: it holds the point type's decimals and everything a tier gives, so that a version means
for ever what it meant on the day it was published.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, cast

from tiers.models import Measure, Tier, TierSet, Upgrade, Validity, Window

Unit = Literal["days", "months", "years"]
PERIODIC = frozenset({Window.CALENDAR_YEAR, Window.ANNIVERSARY})


@dataclass(frozen=True, slots=True)
class Span:
    """So many days, months or years."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, raw: Mapping[str, Any] | None) -> Span | None:
        return cls(raw["count"], raw["unit"]) if raw else None


@dataclass(frozen=True, slots=True)
class Perk:
    """Something a tier gives that the program only announces: a code for channels, an icon and words for people."""

    code: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class Benefits:
    """What a tier gives. `expiry` replaces that of the points earned in it: a span, "never", or None (as the points
    say)."""

    earning_multiplier: Decimal = Decimal(1)
    price_factor: Decimal = Decimal(1)
    early_access_days: int = 0
    expiry: Span | Literal["never"] | None = None
    perks: tuple[Perk, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """One tier. `threshold` is as people write it; `bar` the same in the units that are counted: money, numbers, or
    smallest units of points."""

    rank: int
    code: str
    name: str
    threshold: Decimal
    bar: Decimal
    benefits: Benefits


@dataclass(frozen=True, eq=False)
class Ladder:
    """A definition, read. Never changed; `rungs` rise by threshold."""

    code: str
    name: str
    measure: str
    point_type_id: int | None
    point_type: str
    decimals: int
    currency: str
    window: str
    span: Span | None
    upgrade: str
    validity: str
    lasts: Span | None
    downgrade: str
    grace_days: int
    rollover: bool
    warn_days: int
    rungs: tuple[Rung, ...]

    @classmethod
    def parse(cls, definition: Mapping[str, Any]) -> Ladder:
        """The ladder of a stored definition."""
        point_type = definition["point_type"] or {"id": None, "code": "", "decimals": 0}
        unit = 10 ** point_type["decimals"]
        return cls(
            code=definition["code"],
            name=definition["name"],
            measure=definition["measure"],
            point_type_id=point_type["id"],
            point_type=point_type["code"],
            decimals=point_type["decimals"],
            currency=definition["currency"],
            window=definition["window"]["kind"],
            span=Span.parse(definition["window"].get("span")),
            upgrade=definition["upgrade"],
            validity=definition["validity"]["kind"],
            lasts=Span.parse(definition["validity"].get("span")),
            downgrade=definition["downgrade"],
            grace_days=definition["grace_days"],
            rollover=definition["rollover"],
            warn_days=definition["warn_days"],
            rungs=tuple(_rung(rank, raw, unit) for rank, raw in enumerate(definition["tiers"], 1)),
        )

    @property
    def source(self) -> tuple[str, int | None]:
        """What is counted: the measure, and whose points when it is points."""
        return self.measure, self.point_type_id

    @property
    def is_periodic(self) -> bool:
        """Whether its window is cut into periods that begin anew."""
        return self.window in PERIODIC

    @cached_property
    def bars(self) -> tuple[Decimal, ...]:
        return tuple(rung.bar for rung in self.rungs)

    @cached_property
    def by_code(self) -> Mapping[str, Rung]:
        return {rung.code: rung for rung in self.rungs}

    def fit(self, value: Decimal | int) -> int:
        """The rank of the highest tier that a value reaches; 0 for none. Nobody is below a tier that needs nothing."""
        return bisect_right(self.bars, max(value, 0))

    def rank(self, code: str) -> int:
        """The rank of a tier by its code; 0 for none and for one that this ladder does not have."""
        rung = self.by_code.get(code)
        return rung.rank if rung else 0

    def at_rank(self, rank: int) -> str:
        """The code of the tier of that rank; empty for 0."""
        return self.rungs[rank - 1].code if rank else ""

    def bar(self, code: str) -> Decimal:
        """What a tier needs, in the units that are counted; 0 for none."""
        rung = self.by_code.get(code)
        return rung.bar if rung else Decimal(0)

    def name_of(self, code: str) -> str:
        rung = self.by_code.get(code)
        return rung.name if rung else code

    def shown(self, value: Decimal | int) -> str:
        """A counted value as people write it: money and points without trailing zeros."""
        return plain(Decimal(value) / 10**self.decimals)


def definition_of(tier_set: TierSet, tiers: Iterable[Tier] | None = None) -> dict[str, Any]:
    """The draft as JSON, in one normal form. `tiers` when they are not to be read from the database."""
    rows = sorted(tier_set.tiers.all() if tiers is None else tiers, key=lambda tier: tier.rank)
    return {
        "code": tier_set.code,
        "name": tier_set.name,
        "measure": tier_set.measure,
        "point_type": _point_type(tier_set),
        "currency": tier_set.program.currency,
        "window": {
            "kind": tier_set.window,
            "span": _span(tier_set.window_count, tier_set.window_unit)
            if tier_set.window == Window.ROLLING
            else None,
        },
        "upgrade": tier_set.upgrade,
        "validity": {
            "kind": tier_set.validity,
            "span": _span(tier_set.validity_count, tier_set.validity_unit)
            if tier_set.validity == Validity.DURATION
            else None,
        },
        "downgrade": tier_set.downgrade,
        "grace_days": tier_set.grace_days,
        "rollover": tier_set.rollover,
        "warn_days": tier_set.warn_days,
        "tiers": [_tier(tier) for tier in rows],
    }


def plain(number: Decimal) -> str:
    """A number as plain text without trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def counts_points(measure: str) -> bool:
    return measure in (Measure.POINTS, Measure.BALANCE)


def takes_effect_later(ladder: Ladder) -> bool:
    """Whether an upgrade waits for the next period."""
    return ladder.upgrade == Upgrade.NEXT_PERIOD


def _rung(rank: int, raw: Mapping[str, Any], unit: int) -> Rung:
    threshold = Decimal(raw["threshold"])
    expiry = raw["expiry"]
    benefits = Benefits(
        earning_multiplier=Decimal(raw["earning_multiplier"]),
        price_factor=Decimal(raw["reward_price_factor"]),
        early_access_days=raw["early_access_days"],
        expiry="never" if expiry == "never" else Span.parse(expiry),
        perks=tuple(Perk(one["code"], one.get("icon", ""), one["text"]) for one in raw["perks"]),
    )
    return Rung(rank, raw["code"], raw["name"], threshold, threshold * unit, benefits)


def _point_type(tier_set: TierSet) -> dict[str, Any] | None:
    if not counts_points(tier_set.measure):
        return None
    own = tier_set.point_type or tier_set.program.point_types.filter(is_default=True).first()
    return {"id": own.pk, "code": own.code, "decimals": own.decimals} if own else None


def _span(count: int | None, unit: str) -> dict[str, Any] | None:
    return {"count": count, "unit": unit} if count else None


def _tier(tier: Tier) -> dict[str, Any]:
    expiry: Any = _span(tier.expiry_count, tier.expiry_unit) if tier.expiry == Tier.Expiry.AFTER else None
    return {
        "code": tier.code,
        "name": tier.name,
        "threshold": plain(Decimal(tier.threshold)),
        "earning_multiplier": plain(Decimal(tier.earning_multiplier)),
        "reward_price_factor": plain(Decimal(tier.reward_price_factor)),
        "early_access_days": tier.early_access_days,
        "expiry": "never" if tier.expiry == Tier.Expiry.NEVER else expiry,
        "perks": [dict(cast("Mapping[str, Any]", perk)) for perk in tier.perks],
    }
