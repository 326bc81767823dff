"""Turning one event into points: pure, exact and explained. No query, no clock.

The order of effects, always the same:

1. A campaign takes part when it is running at the event's time, inside its dates, its audience and its conditions,
   and has something left to give this member (caps) and at all (budget).
2. Base rules are worked out exactly. Of the base rules in one stacking group only the best counts.
3. Bonuses are worked out from that base, before any cut: a multiplier m gives base × (m − 1) of its lines, an extra
   its points. Bonuses add up and never multiply each other; of those in one stacking group only the best counts
   (ties: the lower priority number, then the code).
4. Caps and budgets cut what a campaign gives, in order of priority.
5. One rounding at the end, of the sum per point type, by the program's mode; the whole points are shared out over
   the campaigns by largest remainder, so that they add up and none exceeds what it may give.

Stacking groups are separate for base rules and bonuses, and for point types: unlike things are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import lcm
from operator import attrgetter
from typing import Any, NamedTuple

from campaigns import trace
from campaigns.basket import Basket
from campaigns.caps import Usage, room
from campaigns.definitions import Bonus, Earning, Terms
from campaigns.effects import Base, Weigh, bonus_value, earning_value
from campaigns.runs import Rules, Run, Subject
from loyalty.base.numbers import MAX_UNITS, Rounding, largest_remainder, out_of_range, to_units

_by_rank = attrgetter("rank")


class Award(NamedTuple):
    """Points, in smallest units, that one campaign gives for the event; `weigh` tells how the lines share them."""

    terms: Terms
    points: int
    weigh: Weigh


@dataclass(frozen=True, slots=True)
class Rating:
    """The result: awards (never of zero points), their totals per point type id, and the trace to store."""

    outcome: str
    awards: tuple[Award, ...]
    totals: dict[int, int]
    detail: dict[str, Any]


def rate(subject: Subject, terms: Sequence[Terms], usage: Usage, rules: Rules) -> Rating:
    """The awards and the trace of one event under these terms.

    Considers every campaign on this kind of event. Raises Invalid `amount_out_of_range` when a campaign would give
    more than can be booked.
    """
    considered = (one for one in terms if one.trigger == subject.event_type)
    runs = [Run(one) for one in sorted(considered, key=_by_rank)]
    today, lines = subject.local.date(), _Lines(subject)
    bonuses: list[Run] = []
    bases: list[Run] = []
    for run in runs:
        if _takes_part(run, subject, usage, rules, today):
            (bonuses if run.terms.kind == "bonus" else bases).append(run)
    base = _base(bases, lines)
    _bonuses(bonuses, base, subject, lines)
    stopped = (
        "program_paused" if rules.program_paused else "" if subject.member_may_earn else "member_may_not_earn"
    )
    given = [run for run in runs if not run.outcome]
    for run in given:
        run.outcome = stopped or _cut(run)
    sums = _round([run for run in given if run.outcome == "given"], rules.rounding)
    return _rating(subject, runs, sums, rules, stopped)


def points_by_line(rating: Rating, basket: Basket) -> dict[int, list[int]]:
    """How the points of each type fall on the lines of the basket, for display: they add up to the total.

    What a campaign gave for the event as a whole is shared by the lines' qualifying amounts.
    """
    shares: dict[int, list[Fraction]] = {}
    fallback = [line.part for line in basket.lines]
    for award in rating.awards:
        if basket.lines:
            row = shares.setdefault(award.terms.point_type_id, [Fraction(0)] * len(basket.lines))
            own = award.weigh()
            weights = own if own and sum(own) else fallback
            whole = sum(weights)
            for index, weight in enumerate(weights):
                row[index] += Fraction(award.points) * (weight if whole else 1) / (whole or len(weights))
    return {
        point_type: largest_remainder(row, rating.totals[point_type]) for point_type, row in shares.items()
    }


class _Lines:
    """The order's lines as the filters of campaigns see them; each filter is run once."""

    def __init__(self, subject: Subject) -> None:
        self.basket = subject.basket
        self.attributes = subject.attributes
        self._items: Sequence[Mapping[str, Any]] = subject.view.get("items") or ()

    def matching(self, terms: Terms) -> list[bool] | None:
        """Which lines count for the campaign; None for all of them. A gift card counts for none."""
        if terms.items is None or self.basket is None:
            return None
        matches = terms.items.matches
        return [
            not line.gift_card and matches(item)
            for line, item in zip(self.basket.lines, self._items, strict=True)
        ]


def _takes_part(run: Run, subject: Subject, usage: Usage, rules: Rules, today: date) -> bool:
    """Whether the campaign gets as far as its arithmetic; if not, the run says why."""
    terms, view = run.terms, subject.view
    if (standing := rules.standing.get(terms.campaign_id)) is not None:
        run.outcome, run.detail = standing.outcome, trace.since(standing.since)
    elif miss := terms.schedule.miss(subject.occurred_at, subject.local):
        run.outcome, run.detail = "outside_dates", trace.dates(terms, miss, subject)
    elif subject.basket is not None and subject.basket.is_empty:
        run.outcome, run.detail = "nothing_qualifies", {"reason": "nothing_kept"}
    elif not terms.audience.matches(view):
        run.outcome, run.misses = "not_in_audience", trace.misses(terms.audience, view)
    elif not terms.condition.matches(view):
        run.outcome, run.misses = "condition_not_met", trace.misses(terms.condition, view)
    elif terms.caps or terms.budget is not None:
        run.room = room(terms.campaign_id, terms.caps, terms.budget, usage, today)
        if run.room.points == 0:
            run.outcome, run.detail = trace.limit(run.room, terms)
    return not run.outcome


def _base(runs: list[Run], lines: _Lines) -> list[Base]:
    """Work out the base rules and return those that count."""
    for run in runs:
        assert isinstance(run.terms.effect, Earning)
        matching, terms = lines.matching(run.terms), run.terms
        run.base = earning_value(
            run.terms.effect, lines.basket, matching, lines.attributes, terms.point_type_id
        )
        run.weigh = run.base.weigh
        _settle(run, run.base.raw)
        if run.outcome and run.base.counted and run.terms.effect.step_rounding:
            run.detail |= {"reason": "less_than_a_step", "rate": run.terms.effect.rate}
    _keep_best(runs)
    return [run.base for run in runs if run.base is not None and not run.outcome]


def _bonuses(runs: list[Run], base: list[Base], subject: Subject, lines: _Lines) -> None:
    for run in runs:
        assert isinstance(run.terms.effect, Bonus)
        own = [one for one in base if one.point_type_id == run.terms.point_type_id]
        matching = lines.matching(run.terms)
        value = bonus_value(run.terms.effect, own, subject.view, matching)
        if value is None:
            run.outcome, run.misses = "condition_not_met", [trace.no_row(run.terms.effect, subject.view)]
            continue
        run.detail |= value.detail
        run.weigh = value.weigh
        _settle(run, value.raw)
    _keep_best(runs)


def _settle(run: Run, raw: Fraction) -> None:
    if raw.numerator > MAX_UNITS * raw.denominator:
        raise out_of_range()
    run.raw = raw
    if raw.numerator <= 0:
        run.outcome = "nothing_qualifies"


def _keep_best(runs: Iterable[Run]) -> None:
    """In each group the best raw value stays; the runs come in order of priority and code, which settles ties."""
    best: dict[tuple[str, int], Run] = {}
    grouped = [run for run in runs if run.terms.group and not run.outcome]
    for run in grouped:
        key = run.terms.group, run.terms.point_type_id
        if key not in best or run.raw > best[key].raw:
            best[key] = run
    for run in grouped:
        winner = best[run.terms.group, run.terms.point_type_id]
        if winner is not run:
            run.outcome = "blocked_by_campaign"
            blocked_by = {"blocked_by": winner.terms.code, "blocked_by_name": winner.terms.name}
            run.detail |= blocked_by | {"group": run.terms.group}


def _cut(run: Run) -> str:
    """Bring the value down to what caps and budget leave."""
    run.value = run.raw
    left = run.room.points
    if left is not None and run.raw > left:
        run.value = Fraction(left)
        run.detail |= {"cut_by": trace.limit(run.room, run.terms)[1]}
    return "given"


def _round(runs: list[Run], mode: Rounding) -> dict[int, tuple[Fraction, int]]:
    """Round the sum of each point type once and give each run its share of it; the sums before and after."""
    sums = {}
    for point_type_id in dict.fromkeys(run.terms.point_type_id for run in runs):
        own = [run for run in runs if run.terms.point_type_id == point_type_id]
        exact = _sum([run.value for run in own])
        whole = to_units(exact, 0, mode)
        for run, points in zip(own, largest_remainder([run.value for run in own], whole), strict=True):
            run.points = points
            run.outcome = "given" if points else "rounded_to_zero"
        sums[point_type_id] = exact, whole
    return sums


def _sum(values: Sequence[Fraction]) -> Fraction:
    """The exact sum, over one common denominator: adding fractions one by one costs a multiple."""
    unit = lcm(*(value.denominator for value in values))
    return Fraction(sum(value.numerator * (unit // value.denominator) for value in values), unit)


def _rating(
    subject: Subject, runs: list[Run], sums: dict[int, tuple[Fraction, int]], rules: Rules, stopped: str
) -> Rating:
    awards = tuple(Award(run.terms, run.points, run.weigh) for run in runs if run.points)
    totals = {point_type_id: whole for point_type_id, (_, whole) in sums.items() if whole}
    outcome = "given" if totals else stopped or "nothing"
    return Rating(outcome, awards, totals, trace.detail(outcome, subject, runs, sums, rules))
