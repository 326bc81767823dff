"""How many members could have a reward today: by points and tiers in one statement, by a condition of a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from loyalty.base.errors import LaurelError
from loyalty.base.numbers import Rounding
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from rewards import audience
from rewards.eligibility import factored
from rewards.models import Price
from tiers import benefits

ASKED: Final = (
    1_000  # a condition is asked of each member in turn; of more than this only the newest are asked
)
SHOWN: Final = 5
_NOBODY: Final = None

# What a wallet holds and cannot spend yet, or not any more, is taken off: those lots are few.
_COUNT: Final = """
    WITH blocked AS (
        SELECT wallet_id, sum(remaining) AS points FROM ledger_lot
        WHERE program_id = %(program)s AND remaining > 0
            AND ((is_pending AND available_at > %(at)s) OR expires_at <= %(at)s)
        GROUP BY wallet_id
    ), bar AS (
        SELECT * FROM unnest(%(tiers)s::text[], %(types)s::bigint[], %(costs)s::bigint[]) AS b(tier, type, cost)
    )
    SELECT count(DISTINCT w.member_id)
    FROM ledger_wallet w
    JOIN members_member m ON m.id = w.member_id AND m.state = 'active'
    JOIN bar ON bar.type = w.point_type_id AND bar.tier = CASE
        WHEN m.tier_code = ANY(%(tiers)s::text[]) THEN m.tier_code ELSE '' END
    LEFT JOIN blocked ON blocked.wallet_id = w.id
    WHERE w.program_id = %(program)s AND w.balance >= bar.cost
        AND w.balance - coalesce(blocked.points, 0) >= bar.cost
"""


def can_pay(program: Program, prices: Iterable[Price], at: datetime) -> int:
    """How many active members have the points, each by the price and the factor of their tier. Conditions of prices
    and of the reward are not looked at."""
    bars = list(_bars(program, list(prices), at))
    if not bars:
        return 0
    tiers, types, costs = (list(column) for column in zip(*bars, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT, {"program": program.pk, "at": at, "tiers": tiers, "types": types, "costs": costs}
        )
        return int(cursor.fetchone()[0])


def _bars(program: Program, prices: list[Price], at: datetime) -> Iterable[tuple[str, int, int]]:
    """(tier, point type, cost): of each type the first price that a member of the tier may have. "" for no tier."""
    known = benefits.of_program(program.pk, at=at)
    named = {code for price in prices for code in price.tiers}
    for tier in ["", *sorted(named | set(known))]:
        found: dict[int, Price] = {}
        for price in prices:
            if not price.tiers or tier in price.tiers:
                found.setdefault(price.point_type_id, price)
        factor = known.get(tier, benefits.NOTHING).price_factor
        for type_id, price in found.items():
            yield tier, type_id, _cost(price, price.point_type, factor, program)


def _cost(price: Price, kind: PointType, factor: Any, program: Program) -> int:
    return factored(price.points, factor, kind.decimals, Rounding(program.rounding))


@dataclass(frozen=True, slots=True)
class Fit:
    """`matching` of `asked` members fit the condition; `is_part` when the program has more than were asked."""

    matching: int
    asked: int
    is_part: bool
    sample: list[Member]


def fits(program: Program, tree: Mapping[str, Any], at: datetime) -> Fit | None:
    """The members that a condition fits at this moment. None for one that is not complete, and for one that asks what
    a member did lately, which takes longer than a page may."""
    schema = audience.schema_of(program)
    try:
        condition = audience.compiled(tree, schema)
    except LaurelError:
        return _NOBODY
    if condition.needs.windows:
        return _NOBODY
    declared, local = {field.name: field for field in schema}, at.astimezone(program.zone)
    open_ones = Member.objects.filter(program=program).exclude(state=Member.State.CLOSED)
    asked = list(open_ones.order_by("-pk")[: ASKED + 1])
    matching = [
        member
        for member in asked[:ASKED]
        if condition.matches(audience.view_of(member, condition.needs, declared, local))
    ]
    return Fit(len(matching), min(len(asked), ASKED), len(asked) > ASKED, matching[:SHOWN])
