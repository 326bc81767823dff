"""A reward as a program file says it: what may be written, and where the file says what a fault is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from loyalty.programs.files.faults import Path
from loyalty.programs.files.sections import pointer
from loyalty.programs.files.shapes import MAX_COUNT, Code, Entry, Instant, Name, Number4, Tree, Weekday, text
from rewards.limits import MAX_TIMES
from rewards.models import KINDS
from rewards.models.catalogue import MOST_RESERVE_MINUTES, MOST_VALID_DAYS
from rewards.stock import MOST

Count = Annotated[int, Field(ge=0, le=MOST)]
ValidDays = Annotated[int, Field(ge=1, le=MOST_VALID_DAYS)]
Label = Annotated[str, text(120)]


class DiscountEntry(Entry):
    off: Literal["money", "percent"] = "money"
    value: Number4
    minimum_order: Number4 | None = None
    valid_days: ValidDays | None = None


class VoucherEntry(Entry):
    """Its stock is its codes, which are uploaded: they are no part of a file."""

    valid_days: ValidDays | None = None


class GiftEntry(Entry):
    value: Number4
    valid_days: ValidDays | None = None


class AskEntry(Entry):
    """What a member is asked for when it is to be sent."""

    code: Annotated[str, Field(max_length=50)]
    label: Annotated[str, text(120, required=True)]
    required: bool = False


class ProductEntry(Entry):
    delivery: Literal["ship", "pick_up"] = "ship"
    sku: Annotated[str, text(80)] = ""
    target_hours: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 48
    delivery_attributes: list[AskEntry] = []


class ExperienceEntry(Entry):
    """Its dates are its slots."""


class DonationEntry(Entry):
    beneficiary: Name
    value: Number4


class PartnerEntry(Entry):
    code: Code
    name: Name


class PointsEntry(Entry):
    into: Code
    gives: Number4


class PriceEntry(Entry):
    """`points` of one type, perhaps only for some tiers or members. The first that fits counts."""

    points: Number4
    point_type: Code | None = None
    tiers: list[Code] = []
    audience: Tree | None = None


class VariantEntry(Entry):
    """Without `stock` there is no limit. Not `open`: nobody takes more of it."""

    code: Code
    name: Label = ""
    stock: Count | None = None
    open: bool = True


class SlotEntry(Entry):
    code: Code
    name: Label = ""
    starts_at: Instant
    ends_at: Instant | None = None
    places: Count | None = None
    open: bool = True


class CapEntry(Entry):
    """At most so many times per member and period."""

    times: Annotated[int, Field(ge=1, le=MAX_TIMES)]
    per: Literal["day", "week", "month", "quarter", "year", "lifetime"]


class AutoEntry(Entry):
    """Redeem it by itself, at night, for members with so many points."""

    at: Number4
    per_day: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1


class RewardEntry(Entry):
    """A reward. Of the keys from `discount` to `points` it has one: its kind."""

    code: Code
    name: Name
    description: Annotated[str, text(2000, multiline=True)] = ""
    terms: Annotated[str, text(5000, multiline=True)] = ""
    status: Literal["draft", "live", "paused", "ended"] = "live"
    discount: DiscountEntry | None = None
    voucher: VoucherEntry | None = None
    gift: GiftEntry | None = None
    product: ProductEntry | None = None
    experience: ExperienceEntry | None = None
    donation: DonationEntry | None = None
    partner: PartnerEntry | None = None
    points: PointsEntry | None = None
    prices: list[PriceEntry] = []
    stock: Count | None = None
    variants: list[VariantEntry] = []
    slots: list[SlotEntry] = []
    audience: Tree | None = None
    caps: list[CapEntry] = []
    cooldown_hours: Annotated[int, Field(ge=1, le=87_600)] | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    weekdays: list[Weekday] = []
    hours: list[list[str]] = []
    reserve_minutes: Annotated[int, Field(ge=1, le=MOST_RESERVE_MINUTES)] = 15
    low_stock_at: Annotated[int, Field(ge=0, le=MOST)] | None = None
    unit_cost: Number4 | None = None
    position: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 100
    auto_redeem: AutoEntry | None = None

    @property
    def kind(self) -> str:
        return next(name for name in KINDS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> RewardEntry:
        if sum(getattr(self, name) is not None for name in KINDS) != 1:
            raise ValueError(f"A reward has one of: {', '.join(KINDS)}.")
        return self

    @model_validator(mode="after")
    def _one_way_to_count(self) -> RewardEntry:
        ways = [name for name in ("stock", "variants", "slots") if getattr(self, name) not in (None, [])]
        if len(ways) > 1:
            raise ValueError(f"Say one of these: {', '.join(ways)}.")
        if self.voucher is not None and ways:
            raise ValueError("The stock of a voucher reward is its codes, which are uploaded.")
        if bool(self.slots) > (self.experience is not None) or (
            self.experience is not None and ways != ["slots"]
        ):
            raise ValueError("An experience has slots; no other kind has them.")
        return self

    @model_validator(mode="after")
    def _each_code_once(self) -> RewardEntry:
        codes = [one.code for one in self.variants] + [one.code for one in self.slots]
        if len(codes) != len(set(codes)):
            raise ValueError("Each variant or slot has a code of its own.")
        return self


@dataclass(frozen=True, slots=True)
class Line:
    """A variant or a slot, and where the file says how many there are of it."""

    code: str
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    loaded: int | None
    is_open: bool
    path: Path
    counted_by: str


def lines_of(entry: RewardEntry, path: Path) -> Sequence[Line]:
    """The variants or slots of an entry."""
    variants = [
        Line(one.code, one.name, None, None, one.stock, one.open, (*path, "variants", index), "stock")
        for index, one in enumerate(entry.variants)
    ]
    return variants + [
        Line(
            one.code, one.name, one.starts_at, one.ends_at, one.places, one.open, (*path, "slots", index), "places"
        )
        for index, one in enumerate(entry.slots)
    ]  # fmt: skip


OF_KIND: Final[dict[str, dict[str, str]]] = {
    "discount": {name: name for name in ("off", "value", "minimum_order", "valid_days")},
    "voucher": {"valid_days": "valid_days"},
    "gift": {name: name for name in ("value", "valid_days")},
    "product": {name: name for name in ("delivery", "sku", "target_hours", "delivery_attributes")},
    "experience": {},
    "donation": {name: name for name in ("beneficiary", "value")},
    "partner": {"code": "partner_code", "name": "partner_name"},
    "points": {"into": "into", "gives": "gives"},
}
"""By kind, the keys of its part of an entry and the fields of a reward that they stand for."""

_PLACES: Final[dict[str, dict[str, Path]]] = {
    kind: {name: (kind, key) for key, name in names.items()} for kind, names in OF_KIND.items()
}
_AUTO: Final[dict[str, Path]] = {
    "auto_redeem_at": ("auto_redeem", "at"),
    "auto_redeem_per_day": ("auto_redeem", "per_day"),
}


def place(kind: str, path: str) -> Path:
    """Where the file says what a fault of a reward is about."""
    first, *rest = pointer(path) or ("",)
    known = {**_AUTO, **_PLACES[kind], "": ()}
    return (*known.get(str(first), (first,)), *rest)


def asks(stored: Any) -> list[dict[str, Any]]:
    """Delivery attributes in their one form, without what is not said."""
    return [
        {"code": one["code"], "label": one["label"], **({"required": True} if one.get("required") else {})}
        for one in stored
    ]
