"""The catalogue of a program in memory: read once per process, and read again only when something in it has changed.

How many there are of each is not part of it: that changes with every redemption, and is read each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

from django.db import connection

from loyalty.base.numbers import Rounding
from loyalty.base.prepared import Question, ask
from loyalty.conditions.compiler import NOTHING, Condition, Needs
from loyalty.conditions.fields import Field, Schema
from loyalty.programs.models import PointType, Program
from loyalty.programs.schedule import WEEKDAYS, Schedule, window
from rewards import audience
from rewards.limits import Cap
from rewards.models import PointsReward, Price, Reward, RewardPicture
from tiers import published
from tiers.published import Published


@dataclass(frozen=True, slots=True, eq=False)
class PriceTerms:
    """A price, read: `points` in smallest units; no tiers means any or none."""

    point_type: PointType
    points: int
    tiers: frozenset[str]
    audience: Condition


class Listed(NamedTuple):
    """The prices that members of a tier pay with its factor, from the top, and of each point type the lowest, by its
    id."""

    factor: Decimal
    prices: tuple[tuple[PriceTerms, int], ...]
    least: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, factor: Decimal, prices: Iterable[tuple[PriceTerms, int]]) -> Self:
        listed = tuple(prices)
        least: dict[int, int] = {}
        for price, points in listed:
            known = least.get(price.point_type.id)
            least[price.point_type.id] = points if known is None else min(points, known)
        return cls(factor, listed, tuple(least.items()))


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A reward, read. `reward` is its row, of its kind."""

    reward: Reward
    schedule: Schedule
    audience: Condition
    caps: tuple[Cap, ...]
    prices: tuple[PriceTerms, ...]
    needs: Needs
    picture: str
    told: Mapping[str, object]
    """What every offer of it begins with."""
    by_tier: dict[str, Listed] = field(default_factory=dict)
    """The prices for a tier, once they were asked for."""

    @property
    def counts_takings(self) -> bool:
        """Whether it matters when the member had it before."""
        return bool(self.caps) or bool(self.reward.cooldown_hours)


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """All rewards of a program that were ever published, in the order of the catalogue, by id."""

    program: Program
    zone: ZoneInfo
    rounding: Rounding
    items: Mapping[int, Item]
    declared: Mapping[str, Field]
    on_offer: tuple[Item, ...]
    """Those that have not ended."""
    needs: Needs
    """What their conditions ask about."""
    ladder: Published | None
    """The program's main tier set."""


# What a shelf was read from. Each transaction that writes a row gives it another xmin, so that any change shows.
# A reward's row is written again with its prices and its picture. New ladders have a stamp of their own.
_ROWS: Final = (
    "SELECT concat(count(*), ':', sum(t.xmin::text::bigint * (t.id %% 1009 + 1))) FROM {} t WHERE {}"
)
_STAMP: Final = "SELECT concat_ws('|', ({}))".format(
    "), (".join(
        [
            _ROWS.format("programs_program", "t.id = %(program)s"),
            _ROWS.format("programs_pointtype", "t.program_id = %(program)s"),
            _ROWS.format("rewards_reward", "t.program_id = %(program)s"),
            f"SELECT {published.STAMP}",
        ]
    )
)

_read: dict[tuple[str, int], tuple[str, Shelf]] = {}


def of_program(program_id: int) -> Shelf:
    """The program's shelf as it is now. One query when nothing has changed."""
    return ask(question(program_id))


def question(program_id: int) -> Question[Shelf]:
    """The same, to be asked together with other things."""
    return Question(_STAMP, {"program": program_id}, lambda rows: _current(program_id, str(rows[0][0])))


def last_read(program_id: int) -> Shelf:
    """The shelf as this process has read it last, which may have changed since; without a query unless it never did."""
    known = _read.get(_key(program_id))
    return known[1] if known else of_program(program_id)


def _current(program_id: int, stamp: str) -> Shelf:
    known = _read.get(_key(program_id))
    if known is None or known[0] != stamp:
        known = _read[_key(program_id)] = stamp, _load(program_id)
    return known[1]


def _key(program_id: int) -> tuple[str, int]:
    return str(connection.settings_dict["NAME"]), program_id


def _load(program_id: int) -> Shelf:
    program = Program.objects.get(pk=program_id)
    schema = audience.schema_of(program)
    types = {one.pk: one for one in PointType.objects.filter(program=program)}
    for one in types.values():
        one.program = program
    rewards = list(
        Reward.objects.filter(program=program)
        .exclude(status=Reward.Status.DRAFT)
        .order_by("position", "code")
    )
    for reward in rewards:
        reward.program = program
        if isinstance(reward, PointsReward):
            reward.into = types[reward.into_id]
    prices = _prices(rewards, types, schema)
    pictures = dict(RewardPicture.objects.filter(reward__in=rewards).values_list("reward_id", "digest"))
    items = {one.pk: _item(one, prices.get(one.pk, ()), schema, pictures.get(one.pk, "")) for one in rewards}
    on_offer = tuple(one for one in items.values() if one.reward.status != Reward.Status.ENDED)
    return Shelf(
        program=program,
        zone=program.zone,
        rounding=Rounding(program.rounding),
        items=items,
        declared={field.name: field for field in schema},
        on_offer=on_offer,
        needs=reduce(or_, (one.needs for one in on_offer), NOTHING),
        ladder=published.main(published.load(program_id)),
    )


def _prices(
    rewards: Iterable[Reward], types: Mapping[int, PointType], schema: Schema
) -> dict[int, tuple[PriceTerms, ...]]:
    found: dict[int, tuple[PriceTerms, ...]] = {}
    for row in Price.objects.filter(reward__in=list(rewards)).order_by("reward_id", "position"):
        terms = PriceTerms(
            types[row.point_type_id],
            row.points,
            frozenset(row.tiers),
            audience.compiled(row.audience, schema),
        )
        found[row.reward_id] = (*found.get(row.reward_id, ()), terms)
    return found


def _item(reward: Reward, prices: tuple[PriceTerms, ...], schema: Schema, picture: str) -> Item:
    who = audience.compiled(reward.audience, schema)
    return Item(
        reward=reward,
        schedule=_schedule(reward),
        audience=who,
        caps=tuple(Cap.parse(cap) for cap in reward.caps),
        prices=prices,
        needs=reduce(or_, (price.audience.needs for price in prices), NOTHING | who.needs),
        picture=picture,
        told={"id": reward.pk, "code": reward.code, "kind": reward.kind, "name": reward.name},
    )


def _schedule(reward: Any) -> Schedule:
    return Schedule(
        reward.starts_at,
        reward.ends_at,
        frozenset(WEEKDAYS.index(day) for day in reward.weekdays),
        tuple(sorted(window(pair) for pair in reward.hours)),
    )
