"""What conditions can see of one event: the view, built only as far as the campaigns ask.

What is known of the member at the time of an order is kept with the order (`remember`), so that a return months
later is rated with the tier, the segments and the activity of the day of the order. A member's own attributes are
personal, are not kept, and are read as they are at the time of rating.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from campaigns.basket import Basket, Exact, Line, to_decimal
from campaigns.definitions import Terms
from campaigns.runs import Subject
from loyalty.conditions.compiler import NOTHING, Needs
from loyalty.conditions.fields import Field
from loyalty.members import traits
from loyalty.members.traits import TRAITS
from loyalty.programs.schedule import WEEKDAYS
from tiers.benefits import Benefits, Span
from tiers.standings import Held

PLACES = 12  # of amounts that a partial return makes endless


class MemberView(traits.MemberView, Protocol):
    """What rating reads of a member: a Member, or a row with the same names."""

    @property
    def may_earn(self) -> bool: ...


@dataclass(slots=True)
class Facts:
    """Everything known about one event. `data` is its stored payload; `activity` holds the windows that are needed
    (see `needs_of`); `remembered` (made by `remember`) goes before what the member is today; `tier` is the tier at that
    time, None in a program without a ladder."""

    event_type: str
    occurred_at: datetime
    local: datetime
    data: Mapping[str, Any]
    member: MemberView | None = None
    basket: Basket | None = None
    segments: frozenset[str] = frozenset()
    channel_code: str = ""
    channel_kind: str = ""
    activity: Mapping[tuple[str, int], Decimal] = field(default_factory=dict)
    remembered: Mapping[str, Any] = field(default_factory=dict)
    tier: Held | None = None


def needs_of(terms: tuple[Terms, ...]) -> Needs:
    """What the conditions of all these campaigns read, so that loaders fetch that and nothing else."""
    return _plan(terms)[0]


def subject_of(facts: Facts, terms: tuple[Terms, ...]) -> Subject:
    """The subject to rate under `terms`. Pass the tuple of `versions.InForce.at` itself: its plan is cached."""
    member = facts.member
    return Subject(
        event_type=facts.event_type,
        occurred_at=facts.occurred_at,
        local=facts.local,
        view=view_of(facts, terms),
        basket=facts.basket,
        attributes=facts.data,
        member_may_earn=member is None or member.may_earn,
        member_state=member.state if member is not None else "",
    )


def view_of(facts: Facts, terms: tuple[Terms, ...]) -> dict[str, Any]:
    """Names of fields to values, as `loyalty.conditions.standard` describes them."""
    needs, readers, item_readers = _plan(terms)
    view: dict[str, Any] = {name: read(facts) for name, read in readers}
    if needs.items:
        view["items"] = _items(facts.basket, item_readers) if facts.basket is not None else []
    if needs.windows:
        view["activity"] = _windows(facts, needs)
    if facts.tier is not None:
        view["tier"] = facts.tier
    return view


def remember(view: Mapping[str, Any]) -> dict[str, Any]:
    """What the view says of the member on that day, as JSON to keep with the order; nothing personal."""
    kept: dict[str, Any] = {}
    for name in ("member.tier", "member.state"):
        if name in view:
            kept[name] = view[name]
    if "member.segments" in view:
        kept["member.segments"] = sorted(view["member.segments"])
    if "tier" in view:
        kept["tier"] = _kept_tier(view["tier"])
    if view.get("activity"):
        kept["activity"] = {f"{name}:{days}": str(value) for (name, days), value in view["activity"].items()}
    return kept


def _kept_tier(held: Held) -> dict[str, Any]:
    given = held.benefits
    expiry: Any = given.expiry
    if isinstance(expiry, Span):
        expiry = {"count": expiry.count, "unit": expiry.unit}
    return {
        "code": held.code,
        "name": held.name,
        "multiplier": str(given.earning_multiplier),
        "expiry": expiry,
    }


def tier_of(remembered: Mapping[str, Any]) -> Held | None:
    """The tier that an order was rated with; None when its program had no ladder then."""
    kept = remembered.get("tier")
    if kept is None:
        return None
    expiry = kept["expiry"] if kept["expiry"] == "never" else Span.parse(kept["expiry"])
    given = Benefits(earning_multiplier=Decimal(kept["multiplier"]), expiry=expiry)
    return Held(kept["code"], kept["name"], given)


Reader = Callable[[Facts], Any]
ItemReader = Callable[[Line, Basket], Any]
_Plan = tuple[Needs, tuple[tuple[str, Reader], ...], tuple[tuple[str, ItemReader], ...]]


@lru_cache(maxsize=512)
def _plan(terms: tuple[Terms, ...]) -> _Plan:
    """What to read for these campaigns, and how."""
    needs = NOTHING
    declared: dict[str, Field] = {}
    for one in terms:
        needs |= one.needs
        declared.update(one.declared)
    readers = [(name, READERS.get(name) or _declared(declared[name])) for name in sorted(needs.fields)]
    wanted = sorted(needs.item_fields | {"item.sku", "item.name"})  # explanations name the items
    return needs, tuple(readers), tuple((name, ITEM_READERS[name]) for name in wanted)


def _items(basket: Basket, readers: tuple[tuple[str, ItemReader], ...]) -> list[dict[str, Any]]:
    return [{name: read(line, basket) for name, read in readers} for line in basket.lines]


def reader_of(field: Field) -> Reader:
    """How a field of an event or a member is read: a built-in one by its name, a declared one by its code."""
    return READERS.get(field.name) or _declared(field)


def _declared(own: Field) -> Reader:
    """A declared attribute, of the member or of the event; a value that does not fit its type is unknown."""
    code = own.measure
    if own.scope == "member":
        return lambda facts: own.read(facts.member.attributes.get(code)) if facts.member is not None else None
    return lambda facts: own.read(facts.data.get(code))


def _windows(facts: Facts, needs: Needs) -> dict[tuple[str, int], Decimal]:
    remembered = facts.remembered.get("activity") or {}
    windows = {}
    for measure, days in needs.windows:
        kept = remembered.get(f"{measure}:{days}")
        value = facts.activity.get((measure, days), Decimal(0)) if kept is None else Decimal(kept)
        windows[measure, days] = value
    return windows


def _of_member(name: str, read: Callable[[MemberView], Any]) -> Reader:
    def value(facts: Facts) -> Any:
        if name in facts.remembered:
            return facts.remembered[name]
        return read(facts.member) if facts.member is not None else None

    return value


def _tier(facts: Facts) -> str | None:
    """By the ladder as it was then; without one, whatever the member row says."""
    if "member.tier" in facts.remembered:
        kept: str | None = facts.remembered["member.tier"]
        return kept
    if facts.tier is not None:
        return facts.tier.code or None
    return facts.member.tier_code or None if facts.member is not None else None


def _segments(facts: Facts) -> frozenset[str]:
    kept = facts.remembered.get("member.segments")
    return facts.segments if kept is None else frozenset(kept)


def _trait(name: str) -> Reader:
    read = TRAITS[name]
    return lambda facts: read(facts.member, facts.local) if facts.member is not None else None


def _of_basket(read: Callable[[Basket], Any]) -> Reader:
    return lambda facts: None if facts.basket is None else read(facts.basket)


def _money(smallest: Exact, basket: Basket) -> Decimal:
    if isinstance(smallest, int):
        return Decimal(smallest).scaleb(-basket.decimals)
    return to_decimal(smallest / 10**basket.decimals, PLACES).normalize()


def _exact(value: Exact) -> Decimal:
    return Decimal(value) if isinstance(value, int) else to_decimal(value, PLACES).normalize()


def _text(name: str) -> ItemReader:
    return lambda line, basket: line.data.get(name) or None


def _sent(name: str) -> Reader:
    return lambda facts: facts.data.get(name) or None


READERS: dict[str, Reader] = {
    "order.total": _of_basket(lambda basket: _money(basket.total, basket)),
    "order.qualifying": _of_basket(lambda basket: _exact(basket.qualifying)),
    "order.quantity": _of_basket(lambda basket: _exact(sum(line.quantity for line in basket.lines))),
    "order.lines": _of_basket(lambda basket: len(basket.lines)),
    "order.currency": _of_basket(lambda basket: basket.currency),
    "order.payment_method": _sent("payment_method"),
    "order.store": _sent("store"),
    "channel.code": lambda facts: facts.channel_code or None,
    "channel.kind": lambda facts: facts.channel_kind or None,
    "event.type": lambda facts: facts.event_type,
    "member.tier": _tier,
    "member.state": _of_member("member.state", lambda member: member.state),
    "member.age": _trait("member.age"),
    "member.enrolled": _trait("member.enrolled"),
    "member.days_since_enrolled": _trait("member.days_since_enrolled"),
    "member.birthday_month": _trait("member.birthday_month"),
    "member.is_birthday": _trait("member.is_birthday"),
    "member.segments": _segments,
    "time.weekday": lambda facts: WEEKDAYS[facts.local.weekday()],
    "time.hour": lambda facts: facts.local.hour,
    "time.time": lambda facts: facts.local.time(),
    "time.date": lambda facts: facts.local.date(),
}

ITEM_READERS: dict[str, ItemReader] = {
    "item.sku": lambda line, basket: line.sku or None,
    "item.name": _text("name"),
    "item.category": _text("category"),
    "item.brand": _text("brand"),
    "item.quantity": lambda line, basket: _exact(line.quantity),
    "item.amount": lambda line, basket: _money(line.amount, basket),
    "item.unit_price": lambda line, basket: Decimal(str(line.data.get("unit_price", 0))),
    "item.gift_card": lambda line, basket: line.gift_card,
}
