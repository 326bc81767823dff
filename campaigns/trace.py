"""The stored explanation of a rating: plain JSON, the same in the API, the admin and exports.

Values only: `campaigns.words.wording` turns them into sentences, in the language of whoever reads. Nothing personal
enters it (private fields are `hidden`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from campaigns.basket import Basket, Exact, to_text
from campaigns.caps import Room
from campaigns.definitions import Bonus, Earning, Terms
from campaigns.runs import Rules, Run, Subject
from loyalty.base.clock import write_instant
from loyalty.conditions.compiler import Condition
from loyalty.conditions.explain import Outcome
from loyalty.conditions.tree import literal_json

SHOWN_PLACES = 6  # of fractions that have no end; the calculation itself is exact


def detail(
    outcome: str,
    subject: Subject,
    runs: Sequence[Run],
    sums: Mapping[int, tuple[Fraction, int]],
    rules: Rules,
) -> dict[str, Any]:
    """The whole explanation of one event."""
    basket = subject.basket
    codes = {run.terms.point_type_id: run.terms for run in runs}
    return {
        "outcome": outcome,
        "points": {codes[point_type].point_type: whole for point_type, (_, whole) in sums.items()},
        "qualifying": _qualifying(basket) if basket is not None else None,
        "excluded": _excluded(basket) if basket is not None else [],
        "campaigns": [_campaign(run, basket) for run in runs],
        "rounding": _rounding(codes, sums, rules),
    }


def since(at: datetime | None) -> dict[str, Any]:
    return {"since": write_instant(at)} if at else {}


def dates(terms: Terms, miss: str, subject: Subject) -> dict[str, Any]:
    """What the schedule needed and when the event was, on the program's wall clock."""
    definition = terms.definition
    needed = {
        "before": {"starts_at": definition.get("starts_at")},
        "after": {"ends_at": definition.get("ends_at")},
        "weekday": {"weekdays": definition.get("weekdays")},
        "hours": {"hours": definition.get("hours")},
    }[miss]
    return {"dates": miss, **needed, "was": subject.local.isoformat(timespec="minutes")}


def misses(condition: Condition, view: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The questions that were not met: needed and was."""
    return [miss.to_json() for miss in condition.explain(view).misses()]


def no_row(effect: Bonus, view: Mapping[str, Any]) -> dict[str, Any]:
    """The miss of a multiplier whose table has no row for the event, or whose member has no tier."""
    field = effect.table_field
    if effect.bonus == "tier":
        return Outcome("/tier", "member.tier", "exists", None, None, False).to_json()
    if field is None:  # a multiplier without a table and without a number never gets published
        return Outcome("/table", "", "exists", None, None, False).to_json()
    value = view.get(field.name)
    was = None if field.private else literal_json(value)
    needed = sorted(effect.table)
    return Outcome(
        "/table", field.name, "in", needed, was, False, hidden=field.private and value is not None
    ).to_json()


def limit(room: Room, terms: Terms) -> tuple[str, dict[str, Any]]:
    """The outcome and the numbers of a limit that leaves nothing, or that cut what was given."""
    if room.budget:
        return "budget_used_up", {"budget": terms.budget, "left": room.points}
    assert room.cap is not None
    counted = {"times": room.cap.times, "used": room.used.times}
    if room.cap.points is not None:
        counted = {"points": room.cap.points, "used": room.used.points}
    return "cap_reached", {"cap": {"per": room.cap.per, **counted}}


def plain(value: Exact, decimals: int = 0) -> str:
    """Smallest units as points without trailing zeros; an endless fraction is cut at six places."""
    if not decimals and value.denominator == 1:
        return str(value.numerator)
    text = to_text(value, SHOWN_PLACES, 10**decimals)
    return text.rstrip("0").rstrip(".")


def _campaign(run: Run, basket: Basket | None) -> dict[str, Any]:
    terms = run.terms
    return {
        "campaign": terms.code,
        "name": terms.name,
        "version": terms.number,
        "kind": terms.kind,
        "outcome": run.outcome,
        "points": run.points,
        "point_type": terms.point_type,
        "raw": plain(run.raw, terms.decimals) if run.raw else "0",
        "arithmetic": _arithmetic(run, basket) if run.raw else "",
        "misses": run.misses,
        "detail": _shown(run),
    }


def _shown(run: Run) -> dict[str, Any]:
    """The run's detail in JSON, with the rate of a base rule."""
    shown = run.detail
    effect = run.terms.effect
    if isinstance(effect, Earning):
        return {**shown, "rate": effect.rate} if run.raw else shown
    if "multiplier" in shown:
        shown = {
            **shown,
            "multiplier": plain(shown["multiplier"]),
            "base": plain(shown["base"], run.terms.decimals),
        }
    return shown


def _arithmetic(run: Run, basket: Basket | None) -> str:
    effect = run.terms.effect
    if isinstance(effect, Bonus):
        if effect.bonus == "extra":
            return f"{plain(effect.extra, run.terms.decimals)} extra"
        return (
            f"{plain(run.detail['base'], run.terms.decimals)} base × ({plain(run.detail['multiplier'])} − 1)"
        )
    if effect.basis == "fixed" or run.base is None:
        return effect.rate
    if effect.basis == "amount" and basket is not None:
        money = to_text(run.base.counted, basket.decimals, run.base.unit)
        return f"{money} {basket.currency} at {effect.rate}"
    return f"{plain(run.base.counted)} {effect.counted} at {effect.rate}"


def _qualifying(basket: Basket) -> str:
    return to_text(sum(line.part for line in basket.lines), basket.decimals, basket.parts)


def _excluded(basket: Basket) -> list[dict[str, str]]:
    """What of the order does not qualify. A gift card is left out whole; the rest is told of the other lines."""
    gifts: Exact = 0
    tax: Exact = 0
    rest: Exact = 0
    for line in basket.lines:
        if line.gift_card:
            gifts += line.amount
        else:
            tax += line.tax
            rest += line.amount
    amounts: list[tuple[str, Exact]] = [("tax", tax), ("shipping", basket.shipping), ("gift_card", gifts)]
    if basket.discount or basket.points_paid:
        share = Fraction(rest) / (rest + gifts) if gifts else 1
        amounts += [("discount", basket.discount * share), ("points_paid", basket.points_paid * share)]
    unit = 10**basket.decimals
    return [
        {"what": what, "amount": to_text(amount, basket.decimals, unit)} for what, amount in amounts if amount
    ]


def _rounding(
    codes: Mapping[int, Terms], sums: Mapping[int, tuple[Fraction, int]], rules: Rules
) -> dict[str, Any]:
    """Before and after, of the first point type; with several, of each under `types`."""
    told = [
        (
            codes[point_type].point_type,
            plain(exact, codes[point_type].decimals),
            plain(whole, codes[point_type].decimals),
        )
        for point_type, (exact, whole) in sums.items()
    ]
    made: dict[str, Any] = {"mode": rules.rounding.value}
    if told:
        made |= {"before": told[0][1], "after": told[0][2]}
    if len(told) > 1:
        made["types"] = {code: {"before": before, "after": after} for code, before, after in told}
    return made
