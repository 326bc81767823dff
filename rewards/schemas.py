"""Bodies and answers of the endpoints of rewards."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from loyalty.base.schemas import Body, MemberRef, Money, Note, Reference, Shown, Units
from loyalty.ledger.schemas import ActorShown

Details = dict[str, Any]
Reason = Annotated[Note, Field(max_length=200)]


class PriceShown(Shown):
    point_type: str
    points: int = Field(description="In smallest units.")
    tiers: list[str] = Field(description="Only for these tiers; none: for any.")
    for_some: bool = Field(description="Only for members of an audience: ask GET /offers/available.")


class CapShown(Shown):
    times: int
    per: str = Field(description="day, week, month, quarter, year or lifetime")


class AskShown(Shown):
    code: str
    label: str
    required: bool


class OptionShown(Shown):
    code: str = Field(description="Of a variant or a slot: `option` of a claim.")
    name: str
    starts_at: datetime | None = Field(description="When a slot begins.")
    ends_at: datetime | None
    left: int | None = Field(description="How many there are now; null: no limit.")


class RewardShown(Shown):
    id: int
    code: str
    kind: str = Field(description="discount, voucher, gift, product, experience, donation, partner or points")
    name: str
    description: str
    terms: str = Field(description="The small print.")
    picture: str | None = Field(description="Address of a picture that never changes; another has another.")
    status: str = Field(description="live or paused")
    starts_at: datetime | None
    ends_at: datetime | None
    weekdays: list[str] = Field(description="Local weekdays; none: every day.")
    hours: list[list[str]] = Field(description="Local time windows; none: all day.")
    benefit: dict[str, Any] = Field(description="What the member gets, by kind; money as text.")
    currency: str
    prices: list[PriceShown] = Field(description="From the top; of each point type the first that fits.")
    for_some: bool = Field(description="Only for members of an audience.")
    caps: list[CapShown] = Field(description="The most that one member may have.")
    cooldown_hours: int | None
    reserve_minutes: int = Field(description="How long a reservation is kept.")
    asks: list[AskShown] = Field(description="What to tell as `details` of a claim or a confirmation.")
    options: list[OptionShown] = Field(description="Variants or slots, one of which is chosen.")
    left: int | None = Field(description="How many there are now, of all options; null: no limit.")
    sold_out: bool
    low: bool = Field(description="Nearly sold out, by the program's own measure.")


class RewardsShown(Shown):
    items: list[RewardShown]
    has_more: bool
    next: str | None


class CostShown(Shown):
    point_type: str
    points: int = Field(description="What it costs this member.")
    listed: int = Field(description="The price before the factor of the member's tier.")
    has: int = Field(description="What the member can use.")
    missing: int


class WhyNotShown(Shown):
    code: str = Field(
        description="insufficient_points, sold_out, not_in_audience, cap_reached, cooldown, not_yet, ended, paused, "
        "outside_hours, member_may_not_redeem or no_price"
    )
    message: str = Field(description="A sentence that a cashier can say.")
    point_type: str | None = None
    needed: int | None = None
    has: int | None = None
    missing: int | None = None
    opens_at: datetime | None = Field(None, description="When it can be had (again).")
    times: int | None = None
    per: str | None = None
    taken: int | None = None


class OfferShown(Shown):
    id: int
    code: str
    kind: str
    name: str
    picture: str | None
    state: str = Field(description="available: can be had now; near: nearly in reach, see `reasons`")
    costs: list[CostShown] = Field(description="In points of each type; any one of them.")
    options: list[OptionShown]
    reasons: list[WhyNotShown] = Field(description="Why not now; none: it can be had.")


class OffersShown(Shown):
    member: UUID
    at: datetime
    offers: list[OfferShown]
    reasons: list[WhyNotShown] = Field(
        description="Why the member can have nothing at all now; else none, and each offer has its own."
    )


class RedemptionShown(Shown):
    id: UUID
    reward: str = Field(description="Its code.")
    name: str
    kind: str
    state: str = Field(
        description="reserved, confirmed, fulfilled; or cancelled, refunded, lapsed, expired. As it counts now."
    )
    step: str | None = Field(description="Of goods: ordered, sent, ready, delivered or picked_up.")
    member: UUID
    option: str | None
    option_name: str | None
    starts_at: datetime | None = Field(description="Of a slot.")
    point_type: str
    points: int = Field(description="What it cost, in smallest units.")
    points_back: int = Field(description="What of it was given back.")
    transaction: UUID | None = Field(description="That took the points; none for what was free.")
    code: str | None = Field(
        description="For the member to show. Told to a key with `rewards:redeem`, from the confirmation on."
    )
    code_masked: str | None
    benefit: dict[str, Any]
    currency: str
    remaining: str | None = Field(description="What is left of a gift value.")
    asks: list[AskShown]
    reserved_until: datetime | None = Field(description="Until then, and not at it, it can be confirmed.")
    expires_at: datetime | None = Field(description="Until then, and not at it, it can be used.")
    due_at: datetime | None = Field(description="By when it should be sent or ready.")
    carrier: str
    tracking: str
    reference: str
    reason: str
    actor: ActorShown
    created_at: datetime
    confirmed_at: datetime | None
    fulfilled_at: datetime | None
    closed_at: datetime | None = Field(description="When it was cancelled, refunded, lapsed or expired.")


class StepShown(Shown):
    kind: str = Field(description="reserved, confirmed, used, sent, cancelled, …")
    state: str = Field(description="Afterwards.")
    occurred_at: datetime
    actor: ActorShown
    note: str
    data: dict[str, Any]


class RedemptionLook(RedemptionShown):
    details: dict[str, str] | None = Field(
        description="Where to send it. Told to a key with `rewards:fulfil` only; empty once it was deleted."
    )
    steps: list[StepShown]


class ClaimBody(Body):
    member: MemberRef
    mode: Literal["reserve", "redeem"] = Field(
        "redeem", description="reserve: taken until its time limit, then to be confirmed. redeem: for good."
    )
    point_type: Annotated[str, Field(max_length=50)] | None = Field(
        None, description="To pay with. Left out: the first price that the member can pay."
    )
    option: Annotated[str, Field(max_length=50)] = Field("", description="Code of a variant or a slot.")
    details: Details = Field(
        {}, description="What the reward asks for, by code. To redeem, all that is required."
    )
    reference: Reference = ""


class ConfirmBody(Body):
    details: Details = Field({}, description="What was not told with the reservation.")


class CancelBody(Body):
    reason: Reason = ""


class RefundBody(Body):
    reason: Reason = ""
    points: Units | None = Field(
        None,
        description="Left out: all of them; of a gift value those for what is left on it, of one that is used up none.",
    )
    restock: bool = Field(False, description="The unit came back too, and can be had again.")


class UseBody(Body):
    amount: Money = Field(None, description="Of a gift value. Left out: all that is left.")
    reference: Reference = ""


class FulfilBody(Body):
    step: Literal["sent", "delivered", "ready", "picked_up"] = Field(
        description="Of what is sent: sent, delivered. Of what is picked up: ready, picked_up. The last one fulfils it."
    )
    carrier: Annotated[Reference, Field(max_length=80, description="Who brings it.")] = ""
    tracking: Annotated[Reference, Field(description="Number to follow it by.")] = ""
