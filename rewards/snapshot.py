"""The terms of a redemption: the reward as it was when it was taken, whatever becomes of it later."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from loyalty.base.clock import add_days, local_date, midnight, parse_instant, write_instant
from loyalty.base.currencies import currency_decimals
from loyalty.programs.models import Program
from rewards.eligibility import Cost, Option
from rewards.models import (
    DiscountReward,
    DonationReward,
    GiftValueReward,
    PartnerReward,
    PointsReward,
    ProductReward,
    Redemption,
    Reward,
    VoucherReward,
)


def terms_of(reward: Reward, option: Option, cost: Cost, program: Program) -> dict[str, Any]:
    """As JSON; money as text in the program's currency."""
    terms: dict[str, Any] = {
        "reward": reward.code,
        "name": reward.name,
        "kind": reward.kind,
        "terms": reward.terms,
        "currency": program.currency,
        "listed_points": cost.listed,
        **kind_of(reward, program),
    }
    if reward.unit_cost is not None:
        terms["unit_cost"] = _money(reward.unit_cost, program)
    if option.code:
        terms["stock"] = {"code": option.code, "name": option.name}
    if option.starts_at is not None:
        terms["starts_at"] = write_instant(option.starts_at)
        terms["ends_at"] = option.ends_at and write_instant(option.ends_at)
    return terms


def kind_of(reward: Reward, program: Program) -> dict[str, Any]:
    """What the member gets, by kind of reward."""
    match reward:
        case DiscountReward():
            least = reward.minimum_order
            return {
                "off": reward.off,
                "value": _percent(reward.value) if reward.off == "percent" else _money(reward.value, program),
                "minimum_order": None if least is None else _money(least, program),
                "valid_days": reward.valid_days,
            }
        case VoucherReward():
            return {"valid_days": reward.valid_days}
        case GiftValueReward():
            return {"value": _money(reward.value, program), "valid_days": reward.valid_days}
        case ProductReward():
            asks = [{"required": False, **one} for one in reward.delivery_attributes]
            return {
                "delivery": reward.delivery,
                "sku": reward.sku,
                "hours": reward.target_hours,
                "asks": asks,
            }
        case DonationReward():
            return {"beneficiary": reward.beneficiary, "value": _money(reward.value, program)}
        case PartnerReward():
            return {"partner": reward.partner_code, "partner_name": reward.partner_name}
        case PointsReward():
            return {"into": reward.into.code, "gives": reward.gives}
    return {}


def gives_code(terms: dict[str, Any]) -> bool:
    """Whether the member gets a code to show."""
    return (
        terms["kind"] in ("discount", "voucher", "gift", "experience") or terms.get("delivery") == "pick_up"
    )


def from_pool(terms: dict[str, Any]) -> bool:
    return bool(terms["kind"] == "voucher")


def done_at_once(terms: dict[str, Any]) -> bool:
    """Whether nothing is left to do after the confirmation."""
    return terms["kind"] in ("donation", "partner", "points")


def expiry_of(row: Redemption, at: datetime) -> datetime | None:
    """When what is confirmed at `at` runs out: the end of the last valid local day, of the slot, or of its code. The
    slot's is that of the terms, however it was moved since."""
    ends = [row.code.expires_at] if row.code is not None and row.code.expires_at is not None else []
    zone, days = row.program.zone, row.terms.get("valid_days")
    if days is not None:
        ends.append(midnight(add_days(local_date(at, zone), days + 1), zone))
    starts_at, ends_at = _slot_of(row)
    if starts_at is not None:
        day_after = add_days(local_date(starts_at, zone), 1)
        ends.append(ends_at or midnight(day_after, zone))
    return min(ends, default=None)


def _slot_of(row: Redemption) -> tuple[datetime | None, datetime | None]:
    """When its slot begins and ends. Older terms do not tell the end: for them it is the slot as it is now."""
    terms = row.terms
    if "ends_at" not in terms:
        return row.stock.starts_at, row.stock.ends_at
    return parse_instant(terms["starts_at"]), terms["ends_at"] and parse_instant(terms["ends_at"])


def money(amount: Decimal, row: Redemption) -> str:
    """An amount in the currency of a redemption, such as what is left of a gift value."""
    return f"{amount:.{currency_decimals(row.terms['currency'])}f}"


def _money(amount: Decimal, program: Program) -> str:
    return f"{amount:.{currency_decimals(program.currency)}f}"


def _percent(value: Decimal) -> str:
    return format(value.normalize(), "f")
