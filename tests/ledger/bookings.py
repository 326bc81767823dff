"""Short ways to book something in a test, each in a transaction of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from loyalty.ledger.acts import Posted
from loyalty.ledger.books import Books
from loyalty.ledger.models import Wallet
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.ledger.characters import OLGA, TILL


def earned(member: Member, points: PointType, units: int, at: datetime, **terms: Any) -> Posted:
    with transaction.atomic():
        books = Books.open([(member.id, points)])
        recorded_at = terms.pop("recorded_at", at)
        posted = books.earn(
            member.id, points, units, occurred_at=at, recorded_at=recorded_at, actor=TILL, **terms
        )
        books.write()
    return posted


def redeemed(
    member: Member, points: PointType, units: int, at: datetime, *, lapses_at: datetime | None = None
) -> Posted:
    with transaction.atomic():
        books = Books.open([(member.id, points)], with_lots="all")
        posted = books.redeem(member.id, points, units, at=at, actor=TILL, lapses_at=lapses_at)
        books.write()
    return posted


def refunded(member: Member, points: PointType, redemption: Posted, units: int, at: datetime) -> Posted:
    with transaction.atomic():
        books = Books.open([(member.id, points)], with_lots="all")
        books.load_originals([redemption.id])
        posted = books.refund(books.original(redemption.id), units, at=at, actor=TILL)
        books.write()
    return posted


def reversed_(member: Member, points: PointType, original: Posted, units: int, at: datetime) -> list[Posted]:
    with transaction.atomic():
        books = Books.open([(member.id, points)], with_lots="all")
        books.load_originals([original.id])
        found = [books.original(original.id)]
        reversal = books.reverse(member.id, points, units, originals=found, at=at, actor=TILL)
        books.write()
    return reversal.posted


def adjusted(
    member: Member, points: PointType, units: int, at: datetime, *, undoes: Posted | None = None
) -> Posted:
    with transaction.atomic():
        books = Books.open([(member.id, points)], with_lots="all")
        posted = books.adjust(
            member.id,
            points,
            units,
            at=at,
            actor=OLGA,
            reason_code="goodwill",
            undoes=undoes.id if undoes else None,
        )
        books.write()
    return posted


def transferred(
    giver: Member, receiver: Member, points: PointType, units: int, at: datetime
) -> tuple[Posted, Posted]:
    with transaction.atomic():
        books = Books.open([(giver.id, points), (receiver.id, points)], with_lots="all")
        both = books.transfer(giver.id, receiver.id, points, units, at=at, actor=TILL)
        books.write()
    return both


def wallet_of(member: Member, points: PointType) -> Wallet:
    return Wallet.objects.get(member=member, point_type=points)
