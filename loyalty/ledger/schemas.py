"""Bodies and answers of the ledger's endpoints."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from loyalty.base.schemas import Body, MemberRef, Money, Note, Reference, Shown, Units

PointTypeCode = str


class ExpiringShown(Shown):
    points: int
    expires_at: datetime


class BalanceShown(Shown):
    point_type: str
    decimals: int
    available: int = Field(
        description="active - held - debt: what can be used now. Below zero while debt is larger."
    )
    active: int
    pending: int = Field(description="Given, but not usable yet.")
    held: int = Field(description="Reserved.")
    debt: int = Field(description="Taken back when it was spent already; the next points repay it.")
    lifetime: int = Field(description="All that was ever earned, less what was taken back.")
    expiring: list[ExpiringShown] = Field(
        description="What lapses when, pending points included, earliest first."
    )


class BalancesShown(Shown):
    member: UUID
    at: datetime
    balances: list[BalanceShown]


class TierShown(Shown):
    code: str
    name: str
    since: datetime | None
    until: datetime | None


class MemberShown(Shown):
    id: UUID
    state: str = Field(description="pending, active, suspended or closed")
    external_id: str | None
    email: str | None
    phone: str | None
    card: str | None
    name: str
    birthday: date | None
    attributes: dict[str, Any]
    tier: TierShown | None
    enrolled_at: datetime
    balances: list[BalanceShown]


class ActorShown(Shown):
    kind: str = Field(description="channel, staff or system")
    name: str


class AboutShown(Shown):
    kind: str = Field(description="redemption")
    id: UUID = Field(description="Of a redemption: ask GET /redemptions/{id}.")
    name: str


class LineShown(Shown):
    id: UUID = Field(description="Of the transaction; of a reward that was free, of its redemption.")
    kind: str = Field(
        description="earn, redeem, reverse, refund, expire, adjust, transfer, activate or correct"
    )
    point_type: str
    points: int = Field(description="Change of the balance, in smallest units.")
    balance_after: int = Field(description="All points held afterwards, pending ones included, less debt.")
    hold: str | None = Field(
        description="Of what was reserved: open (until `lapses_at`), captured (redeemed for good) or released. Of "
        "what a reservation gave back: released."
    )
    lapses_at: datetime | None = Field(description="Of a reservation that is open.")
    reason: str = Field(description="Words for what happened: Earned, Reserved, Released, …")
    reason_code: str
    note: str
    reference: str = Field(description="Order number or the caller's own id.")
    event: UUID | None = Field(description="Ask GET /events/{event} why it gave what it gave.")
    about: AboutShown | None = Field(description="What the points were for: the redemption of a reward.")
    reverses: UUID | None
    counterpart: UUID | None = Field(description="The other member of a transfer.")
    forgiven: int = Field(description="Part of a reversal that the policy did not take.")
    already_expired: int = Field(description="Part of a reversal whose points had lapsed before.")
    available_at: datetime | None
    expires_at: datetime | None
    actor: ActorShown
    occurred_at: datetime
    recorded_at: datetime


class HistoryShown(Shown):
    items: list[LineShown]
    has_more: bool
    next: str | None


class TransactionShown(Shown):
    id: UUID
    kind: str
    member: UUID
    point_type: str
    points: int = Field(description="Change of the balance, in smallest units.")
    reference: str
    reverses: UUID | None
    counterpart: UUID | None
    forgiven: int
    already_expired: int
    occurred_at: datetime


class RedeemBody(Body):
    member: MemberRef
    points: Units
    point_type: PointTypeCode | None = Field(None, description="Left out: the program's default.")
    order_total: Money = Field(None, description="What is left to pay. Never more is taken off.")
    reference: Reference = Field(
        "", description="The order's number, so that a return gives the points back."
    )
    hold: bool = Field(
        False,
        description="Reserve the points until the order comes. Needs `order_total`, and the order's number as "
        "`reference`.",
    )


class RedeemShown(Shown):
    transaction: TransactionShown
    points: int = Field(description="Points taken: fewer than asked when the order takes no more.")
    money_off: str = Field(description="What they pay, in the program's currency.")
    currency: str
    lapses_at: datetime | None = Field(
        description="Of a reservation: when the points are the member's again, if no order has come."
    )
    available: int = Field(description="What the member can still use.")


class TransferBody(Body):
    member: MemberRef = Field(description="Who gives.")
    to: MemberRef = Field(description="Who gets.")
    points: Units
    point_type: PointTypeCode | None = Field(None, description="Left out: the program's default.")
    reference: Reference = ""
    note: Note = ""


class TransferShown(Shown):
    transaction: TransactionShown
    available: int = Field(description="What the giver can still use.")


class ReverseBody(Body):
    points: Units | None = Field(None, description="Part of it. Left out: all that is left.")
    reason_code: Reference = Field("", max_length=50)
    note: Note = ""


class ReverseShown(Shown):
    transaction: TransactionShown
    available: int = Field(description="What the member can use now.")
