"""How rewards, offers and redemptions are told in the API, in one way everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from loyalty.base.clock import write_instant
from rewards import codes
from rewards.eligibility import Cost, Option, Reason
from rewards.models import Redemption, RedemptionStep
from rewards.offers import Offer
from rewards.records import state_at
from rewards.shelf import Item
from rewards.snapshot import kind_of, money

State = Redemption.State

_NOT_TOLD: Final = frozenset(
    [
        "reward",
        "name",
        "kind",
        "terms",
        "currency",
        "listed_points",
        "stock",
        "starts_at",
        "asks",
        "unit_cost",
    ]
)
"""What of a redemption's terms has a field of its own, and what they cost the program, which is its own business."""


def write_reward(item: Item, left: Sequence[Option], picture: str | None) -> dict[str, object]:
    """A reward of the catalogue, with how many there are of it now."""
    reward = item.reward
    counted = [one.left for one in left]
    total = None if None in counted else sum(max(one or 0, 0) for one in counted)
    return {
        "id": reward.pk,
        "code": reward.code,
        "kind": reward.kind,
        "name": reward.name,
        "description": reward.description,
        "terms": reward.terms,
        "picture": picture,
        "status": reward.status,
        "starts_at": reward.starts_at,
        "ends_at": reward.ends_at,
        "weekdays": reward.weekdays,
        "hours": reward.hours,
        "benefit": write_benefit(kind_of(reward, reward.program)),
        "currency": reward.program.currency,
        "prices": [
            {
                "point_type": price.point_type.code,
                "points": price.points,
                "tiers": sorted(price.tiers),
                "for_some": price.audience.node is not None,
            }
            for price in item.prices
        ],
        "for_some": item.audience.node is not None,
        "caps": [{"times": cap.times, "per": cap.per} for cap in item.caps],
        "cooldown_hours": reward.cooldown_hours,
        "reserve_minutes": reward.reserve_minutes,
        "asks": write_asks(getattr(reward, "delivery_attributes", [])),
        "options": [write_option(one) for one in left if one.code],
        "left": total,
        "sold_out": total == 0,
        "low": total is not None and reward.low_stock_at is not None and total <= reward.low_stock_at,
    }


def write_benefit(terms: Mapping[str, Any]) -> dict[str, object]:
    """What the member gets, by kind: such as the value of a discount."""
    return {name: value for name, value in terms.items() if name not in _NOT_TOLD}


def write_asks(asks: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [
        {"code": one["code"], "label": one["label"], "required": bool(one.get("required"))} for one in asks
    ]


def write_option(one: Option) -> dict[str, object]:
    return {
        "code": one.code,
        "name": one.name,
        "starts_at": one.starts_at and _instant(one.starts_at),
        "ends_at": one.ends_at and _instant(one.ends_at),
        "left": None if one.left is None else max(one.left, 0),
    }


_instant = lru_cache(maxsize=4096)(write_instant)
"""The same few dates of slots are told to everybody."""


def write_offer(offer: Offer, picture: str | None) -> dict[str, object]:
    """What one member can have, for what, and what is missing."""
    return {
        **offer.item.told,
        "picture": picture,
        "state": offer.state,
        "costs": [_write_cost(one) for one in offer.verdict.costs],
        "options": [write_option(one) for one in offer.options if one.code],
        "reasons": [write_reason(one) for one in offer.verdict.reasons],
    }


def write_reason(one: Reason) -> dict[str, object]:
    """Why not, for machines and for people."""
    return {"code": one.code, "message": str(one.sentence), **one.numbers}


def _write_cost(one: Cost) -> dict[str, object]:
    return {
        "point_type": one.point_type.code,
        "points": one.points,
        "listed": one.listed,
        "has": max(one.has, 0),
        "missing": one.missing,
    }


def write_redemption(row: Redemption, at: datetime) -> dict[str, object]:
    """A redemption as it counts at `at`. Its code is masked: nothing here must not lie in the database."""
    state, terms = state_at(row, at), row.terms
    was_open = row.state == State.RESERVED and state == State.LAPSED
    chosen = terms.get("stock") or {}
    return {
        "id": row.pk,
        "reward": terms["reward"],
        "name": terms["name"],
        "kind": terms["kind"],
        "state": state,
        "step": row.step or None,
        "member": row.member_id,
        "option": chosen.get("code"),
        "option_name": chosen.get("name"),
        "starts_at": terms.get("starts_at"),
        "point_type": row.point_type.code,
        "points": row.points,
        "points_back": row.points if was_open else row.points_back,
        "transaction": row.transaction_id,
        "code": None,
        "code_masked": codes.masked(row.code) if shows_code(row) and row.code else None,
        "benefit": write_benefit(terms),
        "currency": terms["currency"],
        "remaining": None if row.remaining is None else money(row.remaining, row),
        "asks": write_asks(terms.get("asks", [])),
        "reserved_until": row.reserved_until if state == State.RESERVED else None,
        "expires_at": row.expires_at,
        "due_at": row.due_at,
        "carrier": row.carrier,
        "tracking": row.tracking,
        "reference": row.reference,
        "reason": row.reason,
        "actor": {"kind": row.actor_kind, "name": row.actor},
        "created_at": row.created_at,
        "confirmed_at": row.confirmed_at,
        "fulfilled_at": row.fulfilled_at,
        "closed_at": _closed_at(row, state),
    }


def shows_code(row: Redemption) -> bool:
    """Whether the member has a code: one of a pool is not theirs before they have confirmed."""
    return row.code_id is not None and row.confirmed_at is not None


def _closed_at(row: Redemption, state: str) -> datetime | None:
    """Also of what has lapsed or expired and is not booked yet."""
    if row.state != state:
        return row.reserved_until if state == State.LAPSED else row.expires_at
    return row.closed_at


def write_step(step: RedemptionStep) -> dict[str, object]:
    return {
        "kind": step.kind,
        "state": step.state,
        "occurred_at": step.occurred_at,
        "actor": {"kind": step.actor_kind, "name": step.actor},
        "note": step.note,
        "data": step.data,
    }
