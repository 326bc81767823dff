"""Points given or taken by hand that count for tiers: they are part of what the member did that day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from loyalty.base import clock
from loyalty.base.errors import Invalid
from loyalty.base.locking import retrying
from loyalty.events import activity
from loyalty.events.activity import ActivityRow, activity_listeners
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.outbox import facts
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType

FACT = "points.counted"


@dataclass(frozen=True, slots=True)
class Counted:
    """What an adjustment that counts did to the day and to the tier; names, empty for none."""

    day: date
    points: int
    tier_before: str
    tier_after: str


@retrying
@transaction.atomic
def adjust(
    member: Member,
    point_type: PointType,
    points: int,
    *,
    at: datetime,
    actor: Actor,
    reason_code: str,
    note: str = "",
    reference: str = "",
) -> Transaction:
    """`ledger.adjust`, and the same points in the activity of the member's present day; whoever listens to activity is
    told in the same transaction.

    Activity counts the program's default points: others raise Invalid `not_counted`. Else raises what `ledger.adjust`
    raises.
    """
    if not point_type.is_default:
        raise Invalid("Only the program's default points count for tiers.", code="not_counted")
    before = _locked(member)
    made = ledger.adjust(
        member,
        point_type,
        points,
        at=at,
        actor=actor,
        reason_code=reason_code,
        note=note,
        reference=reference,
    )
    day = clock.local_date(at, member.program.zone)
    activity.add_many([ActivityRow(member.program_id, member.pk, day, points=points)])
    for listener in activity_listeners:
        listener([member.pk], at)
    _record(made, Counted(day, points, before.tier_name, Member.objects.get(pk=member.pk).tier_name), at)
    return made


def _locked(member: Member) -> Member:
    """Members are locked before wallets, here as everywhere."""
    return Member.objects.select_for_update(no_key=True, of=["self"]).get(pk=member.pk)


def _record(made: Transaction, counted: Counted, at: datetime) -> None:
    data = {
        "transaction": str(made.pk),
        "day": counted.day.isoformat(),
        "points": counted.points,
        "tier_before": counted.tier_before,
        "tier_after": counted.tier_after,
    }
    facts.record(made.program_id, made.member_id, FACT, data, occurred_at=at, recorded_at=at)


def counted(made: Transaction) -> Counted | None:
    """What a transaction did to day and tier; None when it does not count."""
    found = Fact.objects.filter(member_id=made.member_id, type=FACT, data__transaction=str(made.pk)).first()
    if found is None:
        return None
    told = found.data
    return Counted(date.fromisoformat(told["day"]), told["points"], told["tier_before"], told["tier_after"])
