"""The catalogue: making rewards, changing them, and saying when members can have them.

A save says which revision it started from, so that nobody overwrites what they never saw. A change of a live reward
counts from then on; what members took before keeps the terms of its day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.forms.models import model_to_dict

from loyalty.base.clock import write_instant
from loyalty.base.errors import Conflict, FieldError, Invalid, LaurelError
from loyalty.conditions.tree import literal_json
from loyalty.outbox import facts
from loyalty.programs.models import Program
from rewards import stock
from rewards.errors import RewardEnded, RewardUnknown, StaleReward, WrongStatus
from rewards.faults import MOST_PRICES, faults
from rewards.models import KINDS, ExperienceReward, Price, Reward, VoucherReward

__all__ = [
    "changes_since",
    "check_code",
    "check_revision",
    "create",
    "end",
    "faults",
    "fields_of",
    "find",
    "pause",
    "prices_of",
    "publish",
    "refusals",
    "resume",
    "save",
]

_COMMON: Final = (
    "name", "description", "terms", "starts_at", "ends_at", "weekdays", "hours", "audience", "caps", "cooldown_hours",
    "reserve_minutes", "low_stock_at", "unit_cost", "position", "auto_redeem_at", "auto_redeem_per_day",
)  # fmt: skip
_OF_KIND: Final[dict[str, tuple[str, ...]]] = {
    "discount": ("off", "value", "minimum_order", "valid_days"),
    "voucher": ("valid_days",),
    "gift": ("value", "valid_days"),
    "product": ("delivery", "sku", "target_hours", "delivery_attributes"),
    "experience": (),
    "donation": ("beneficiary", "value"),
    "partner": ("partner_code", "partner_name"),
    "points": ("into", "gives"),
}
_PRICE: Final = ("point_type", "points", "tiers", "audience")
Status = Reward.Status


@transaction.atomic
def create(
    program: Program,
    kind: str,
    values: Mapping[str, Any],
    *,
    by: str,
    at: datetime,
    loaded: int | None = None,
) -> Reward:
    """A new draft of a kind (see `models.KINDS`); nobody can have it until it is published.

    `values` are fields (`fields_of`), `code`, and `prices` from the top: [{"point_type", "points", "tiers",
    "audience"}]. `loaded` is its stock, None without limit; of a voucher reward it is its codes, which are uploaded.
    Raises Conflict `code_taken` and Invalid `draft_invalid` with the fields that no draft can hold.
    """
    reward = KINDS[kind](program=program, created_at=at, updated_at=at, updated_by=by)
    _set(reward, {name: value for name, value in values.items() if name != "prices"})
    check_code(reward, reward.code)
    try:
        with transaction.atomic():
            _store(reward, at)
    except IntegrityError as clash:  # somebody took the code in the same moment
        raise Conflict("Another reward of this program has this code.", code="code_taken") from clash
    _set_prices(reward, values.get("prices", ()), at)
    none_yet = isinstance(reward, VoucherReward | ExperienceReward)
    stock.make(reward, "", loaded=0 if none_yet else loaded, by=by, at=at)
    return reward


def refusals(reward: Reward, changes: Mapping[str, Any], *, by: str, at: datetime) -> list[FieldError]:
    """What `save` would refuse of these changes, without saving them."""
    with transaction.atomic():
        try:
            save(reward, changes, revision=reward.revision, by=by, at=at)
        except LaurelError as refused:
            return refused.errors
        finally:
            transaction.set_rollback(True)
    return []


def fields_of(reward: Reward) -> tuple[str, ...]:
    """The fields that a save may change, `prices` apart."""
    return (*_COMMON, *_OF_KIND[reward.kind])


def find(program: Program, code: str) -> Reward:
    """The reward with this code. Raises RewardUnknown."""
    found = Reward.objects.filter(program=program, code=code).first()
    if found is None:
        raise RewardUnknown
    return found


@transaction.atomic
def save(reward: Reward, changes: Mapping[str, Any], *, revision: int, by: str, at: datetime) -> Reward:
    """Save changed fields, and `prices` if they are among them, of the reward that was shown as `revision`.

    A draft may be incomplete; a live or paused reward may not, and keeps its code. Raises StaleReward when someone
    saved in the meantime, RewardEnded, Conflict `already_published` or `code_taken`, Invalid `draft_invalid` with the
    fields that nothing can hold, and Invalid `reward_not_ready` with all faults.
    """
    reward = check_revision(reward, revision=revision)
    if reward.status == Status.ENDED:
        raise RewardEnded
    if "code" in changes and changes["code"] != reward.code:
        _check_new_code(reward, changes["code"])
    _set(reward, {name: value for name, value in changes.items() if name != "prices"})
    reward.revision += 1
    reward.updated_by, reward.updated_at = by, at
    _store(reward, at)
    if "prices" in changes:
        _set_prices(reward, changes["prices"], at)
    if reward.status != Status.DRAFT:
        _check_ready(reward)
        _record(reward, "reward.changed", at, by=by, revision=reward.revision)
    return reward


def _check_new_code(reward: Reward, code: str) -> None:
    if reward.status != Status.DRAFT:
        raise Conflict("The code stays once it was published.", code="already_published")
    check_code(reward, code)


def check_code(reward: Reward, code: str) -> None:
    """Raises Conflict `code_taken` where another reward of the program has this code."""
    others = Reward.objects.filter(program=reward.program_id, code=code)
    if others.exclude(pk=reward.pk).exists():
        raise Conflict("Another reward of this program has this code.", code="code_taken")


def prices_of(reward: Reward) -> list[dict[str, Any]]:
    """The prices from the top, as `save` takes them."""
    rows = reward.prices.select_related("point_type")
    return [{name: getattr(price, name) for name in _PRICE} for price in rows]


# --- Stages -------------------------------------------------------------------------------------------------


@transaction.atomic
def publish(reward: Reward, *, by: str, at: datetime) -> Reward:
    """From now on members can have it, within its dates. Raises WrongStatus, Invalid `reward_not_ready`."""
    reward = _in(reward, Status.DRAFT)
    _check_ready(reward)
    return _become(reward, Status.LIVE, "reward.published", by=by, at=at)


@transaction.atomic
def pause(reward: Reward, *, by: str, at: datetime) -> Reward:
    """Nobody takes it until it is resumed; what was reserved can still be confirmed. Raises WrongStatus."""
    return _become(_in(reward, Status.LIVE), Status.PAUSED, "reward.paused", by=by, at=at)


@transaction.atomic
def resume(reward: Reward, *, by: str, at: datetime) -> Reward:
    """Members can have it again. Raises WrongStatus."""
    return _become(_in(reward, Status.PAUSED), Status.LIVE, "reward.resumed", by=by, at=at)


@transaction.atomic
def end(reward: Reward, *, by: str, at: datetime) -> Reward:
    """Nobody takes it any more, for good; what members hold stays as it is. Raises WrongStatus."""
    return _become(_in(reward, Status.LIVE, Status.PAUSED), Status.ENDED, "reward.ended", by=by, at=at)


def _in(reward: Reward, *wanted: str) -> Reward:
    reward = _locked(reward)
    if reward.status not in wanted:
        raise WrongStatus(extra={"status": reward.status})
    return reward


def _become(reward: Reward, status: str, kind: str, *, by: str, at: datetime) -> Reward:
    reward.status, reward.updated_by, reward.updated_at = status, by, at
    reward.revision += 1
    _save_row(reward, at)
    _record(reward, kind, at, by=by)
    return reward


def _check_ready(reward: Reward) -> None:
    if found := faults(reward):
        raise Invalid(found[0].message, code="reward_not_ready", errors=found)


# --- Revisions ----------------------------------------------------------------------------------------------


def check_revision(reward: Reward, *, revision: int) -> Reward:
    """The reward, locked, when it is still at this revision. Within a transaction. Raises StaleReward."""
    current = _locked(reward)
    if current.revision != revision:
        told = {
            "by": current.updated_by,
            "at": write_instant(current.updated_at),
            "revision": current.revision,
        }
        who = current.updated_by or "Someone"
        raise StaleReward(
            f"{who} saved this reward after you opened it. Look at the changes, then save again.",
            extra=told | {"changes": changes_since(current, revision)},
        )
    return current


def changes_since(reward: Reward, revision: int) -> list[dict[str, Any]]:
    """What became of the reward since that revision, field by field: [{"field", "before", "after"}]."""
    before = reward.history.filter(revision=revision).order_by("history_date", "history_id").last()
    if before is None:
        return []
    names = fields_of(reward)
    now = model_to_dict(reward, names)
    old = {name: getattr(before, f"{name}_id" if name == "into" else name) for name in names}
    pairs = [(name, old[name], now[name]) for name in names]
    was = Price.history.as_of(before.history_date).filter(reward_id=reward.pk).order_by("position")
    pairs.append(("prices", _plain_prices(was), _plain_prices(reward.prices.all())))
    return [
        {"field": name, "before": _plain(one), "after": _plain(other)}
        for name, one, other in pairs
        if one != other
    ]


def _plain_prices(prices: Any) -> list[dict[str, Any]]:
    return [
        {"point_type": one.point_type_id, "points": one.points, "tiers": one.tiers, "audience": one.audience}
        for one in prices
    ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, Mapping | list | int) else literal_json(value)


# --- Writing ------------------------------------------------------------------------------------------------


def _locked(reward: Reward) -> Reward:
    """The reward as it is in the database now, with its row locked to the end of the transaction."""
    Reward.objects.non_polymorphic().select_for_update(no_key=True).get(pk=reward.pk)
    found: Reward = Reward.objects.select_related("program").get(pk=reward.pk)
    return found


def _set(reward: Reward, values: Mapping[str, Any]) -> None:
    unknown = set(values) - {"code", *fields_of(reward)}
    if unknown:
        raise ValueError(f"a {reward.kind} reward has no {', '.join(sorted(unknown))}")
    for name, value in values.items():
        setattr(reward, name, value)


def _store(reward: Reward, at: datetime) -> None:
    try:
        reward.full_clean()
    except ValidationError as wrong:
        raise _invalid(wrong) from wrong
    _save_row(reward, at)


def _save_row(reward: Reward, at: datetime) -> None:
    reward._history_date = at
    reward.save()


def _set_prices(reward: Reward, prices: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Rows are kept by their place, so that their history says what each became."""
    if len(prices) > MOST_PRICES:
        raise Invalid.field("prices", "too_many_prices", f"At most {MOST_PRICES} prices.")
    rows = {price.position: price for price in reward.prices.all()}
    for position, values in enumerate(prices):
        price = rows.pop(position, None) or Price(reward=reward, position=position)
        _set_price(price, values, at)
    for left_over in rows.values():
        left_over._history_date = at
        left_over.delete()


def _set_price(price: Price, values: Mapping[str, Any], at: datetime) -> None:
    whole = {"tiers": [], "audience": {}, **values}
    if set(whole) != set(_PRICE):
        raise ValueError(f"a price has {', '.join(_PRICE)}")
    if price.pk and all(getattr(price, name) == value for name, value in whole.items()):
        return
    for name, value in whole.items():
        setattr(price, name, value)
    try:
        price.full_clean()
    except ValidationError as wrong:
        raise _invalid(wrong, f"prices/{price.position}/") from wrong
    price._history_date = at
    price.save()


def _invalid(wrong: ValidationError, below: str = "") -> Invalid:
    errors = [
        FieldError(
            below + ("" if name == NON_FIELD_ERRORS else name),
            str(error.code or "invalid"),
            " ".join(error.messages),
        )
        for name, found in wrong.error_dict.items()
        for error in found
    ]
    return Invalid(errors[0].message, code="draft_invalid", errors=errors)


def _record(reward: Reward, kind: str, at: datetime, **data: object) -> None:
    told = {"reward": reward.code, "name": reward.name, **data}
    facts.record(reward.program_id, None, kind, told, occurred_at=at, recorded_at=at)
