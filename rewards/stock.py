"""How many there are of a reward. A stock is made, raised and lowered here, each time with who and when.

Lowering looks at what is taken while it holds the row: of a redemption and a manager who come at once, one is first,
and the other sees what is left.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q

from loyalty.base.errors import Conflict, Invalid
from loyalty.base.locking import retrying
from loyalty.outbox import facts
from rewards import units
from rewards.errors import BelowIssued, PoolStock
from rewards.models import Redemption, Reward, Stock, StockChange, VoucherReward

MOST: Final = 10**9
Reason = StockChange.Reason


@retrying
@transaction.atomic
def make(
    reward: Reward,
    code: str,
    *,
    loaded: int | None,
    by: str,
    at: datetime,
    name: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    position: int = 0,
) -> Stock:
    """A variant or a slot of a reward; with the first one, the stock of the reward as such is closed.

    Raises Conflict `stock_code_taken`, PoolStock, Invalid `slot_ends_before_start`, `stock_invalid`.
    """
    if isinstance(reward, VoucherReward) and code:
        raise PoolStock
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid.field("ends_at", "slot_ends_before_start", "The end is not after the start.")
    made = Stock(
        program_id=reward.program_id, reward=reward, code=code, name=name, starts_at=starts_at, ends_at=ends_at,
        position=position, loaded=_checked(loaded),
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as clash:
        raise Conflict("The reward has a stock with this code.", code="stock_code_taken") from clash
    if code:
        Stock.objects.filter(reward=reward, code="").update(is_open=False)
    _note(made, None, Reason.SET, by=by, at=at)
    return made


@transaction.atomic
def describe(
    stock: Stock,
    *,
    name: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    is_open: bool = True,
    position: int = 0,
) -> Stock:
    """Its name, its dates, and whether more can be taken of it. What was taken keeps its own terms."""
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid.field("ends_at", "slot_ends_before_start", "The end is not after the start.")
    current = _locked(stock)
    current.name, current.starts_at, current.ends_at = name, starts_at, ends_at
    current.is_open, current.position = is_open, position
    current.save(update_fields=["name", "starts_at", "ends_at", "is_open", "position"])
    return current


def places_taken(stock: Stock, *, at: datetime) -> int:
    """How many places of a slot members hold and have not used yet: these keep its date as it was when they took it."""
    rows = Redemption.objects.filter(stock=stock)
    reserved = Q(state=Redemption.State.RESERVED, reserved_until__gt=at)
    confirmed = Q(state=Redemption.State.CONFIRMED) & (Q(expires_at=None) | Q(expires_at__gt=at))
    return rows.filter(reserved | confirmed).count()


@retrying
@transaction.atomic
def set_loaded(stock: Stock, loaded: int | None, *, by: str, at: datetime, note: str = "") -> Stock:
    """So many in all, those taken included; None lifts the limit.

    Raises BelowIssued, PoolStock, Invalid `stock_invalid`.
    """
    return _load(stock, lambda before: _checked(loaded), Reason.SET, by=by, at=at, note=note)


@retrying
@transaction.atomic
def add(stock: Stock, count: int, *, by: str, at: datetime, note: str = "") -> Stock:
    """So many more, or fewer when `count` is negative.

    Raises BelowIssued, PoolStock, Invalid `stock_invalid`; Conflict `stock_unlimited` where there is no limit.
    """

    def more(before: int | None) -> int | None:
        if before is None:
            raise Conflict("This stock has no limit to add to.", code="stock_unlimited")
        return _checked(before + count)

    return _load(stock, more, Reason.ADDED, by=by, at=at, note=note)


def count_codes(stock: Stock, change: int, reason: str, *, by: str, at: datetime, note: str = "") -> Stock:
    """The pool has gained or lost so many codes. Within the transaction that wrote the codes, as its last write."""
    current = _locked(stock)
    before = current.loaded or 0
    current.loaded = before + change
    current.save(update_fields=["loaded"])
    _note(current, before, reason, by=by, at=at, note=note)
    return current


def _load(stock: Stock, new: units.Change, reason: str, *, by: str, at: datetime, note: str) -> Stock:
    if isinstance(stock.reward.get_real_instance(), VoucherReward):
        raise PoolStock
    units.release_lapsed(stock.pk, at=at)
    current = _locked(stock)
    before = current.loaded
    current.loaded = new(before)
    if current.loaded is not None and current.loaded < current.reserved + current.used:
        raise BelowIssued(current.loaded, current.reserved, current.used)
    if current.loaded != before:
        current.save(update_fields=["loaded"])
        _note(current, before, reason, by=by, at=at, note=note)
    return current


def _locked(stock: Stock) -> Stock:
    return Stock.objects.select_for_update(no_key=True, of=["self"]).select_related("reward").get(pk=stock.pk)


def _checked(loaded: int | None) -> int | None:
    if loaded is not None and not 0 <= loaded <= MOST:
        raise Invalid.field("loaded", "stock_invalid", "A stock is a whole number from 0.")
    return loaded


def _note(stock: Stock, before: int | None, reason: str, *, by: str, at: datetime, note: str = "") -> None:
    StockChange.objects.create(
        stock=stock, before=before, after=stock.loaded, reason=reason, note=note[:500], at=at, by=by
    )
    data = {
        "reward": stock.reward.code, "stock": stock.code, "before": before, "after": stock.loaded,
        "reason": str(reason), "by": by,
    }  # fmt: skip
    facts.record(stock.program_id, None, "reward.stock_changed", data, occurred_at=at, recorded_at=at)
