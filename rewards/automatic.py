"""Redeeming by itself, at night, for members who have reached a threshold of points. A step of the nightly run.

Each member is one transaction of its own, counted per local day, so that a night that is interrupted and goes on
redeems for nobody twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from loyalty.base.clock import midnight
from loyalty.base.errors import LaurelError
from loyalty.ledger.acts import SYSTEM
from loyalty.ledger.balances import balances_now
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from loyalty.programs.nightly import Night
from rewards import redemption
from rewards.claiming import Wish
from rewards.models import Price, Redemption, Reward

PAGE: Final = 500
# Those whose points cannot reach it are not even asked; what they can really spend is looked at one by one.
_RICH: Final = """
    SELECT member_id FROM ledger_wallet
    WHERE program_id = %s AND point_type_id = %s AND balance >= %s AND member_id > %s
    ORDER BY member_id LIMIT %s
"""
_FIRST: Final = UUID(int=0)


def step(night: Night) -> int:
    """Redeem what is to be redeemed by itself; how many were."""
    done = night.done
    rewards = Reward.objects.filter(
        program=night.program, status=Reward.Status.LIVE, auto_redeem_at__isnull=False
    )
    for reward in rewards.filter(pk__gte=night.cursor.get("reward", 0)).order_by("pk"):
        done = _for_all(reward, night, done)
    return done


def _for_all(reward: Reward, night: Night, done: int) -> int:
    first = Price.objects.filter(reward=reward).select_related("point_type").first()
    if first is None:
        return done
    counted = first.point_type
    where: dict[str, Any] = night.cursor
    after = UUID(where["member"]) if where.get("reward") == reward.pk else _FIRST
    while members := _rich(reward, counted, after):
        for member_id in members:
            done += _for_one(reward, member_id, counted, night)
        after = members[-1]
        with transaction.atomic():
            night.progress(done, {"reward": reward.pk, "member": str(after)})
    return done


def _rich(reward: Reward, counted: PointType, after: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_RICH, [reward.program_id, counted.pk, reward.auto_redeem_at, after, PAGE])
        return [row[0] for row in cursor.fetchall()]


def _for_one(reward: Reward, member_id: UUID, counted: PointType, night: Night) -> int:
    """As often as the member's points reach the threshold, up to the limit of the day. Those are what is spent: who
    has no price in them gets nothing by itself, whatever else there is to pay with."""
    member = Member.objects.get(pk=member_id)
    wish = Wish(point_type=counted, is_automatic=True)
    done = 0
    while _today(reward, member_id, night) < reward.auto_redeem_per_day:
        if _available(member_id, counted, night.at) < (reward.auto_redeem_at or 0):
            break
        try:
            redemption.redeem(member, reward, wish, at=night.at, actor=SYSTEM)
        except LaurelError:  # a rule of the reward: it is asked again the next night
            break
        done += 1
    return done


def _today(reward: Reward, member_id: UUID, night: Night) -> int:
    since = midnight(night.day, night.program.zone)
    own = Redemption.objects.filter(member=member_id, reward=reward, is_automatic=True)
    return own.filter(created_at__gte=since).count()


def _available(member_id: UUID, counted: PointType, at: datetime) -> int:
    found = [one.available for one in balances_now(member_id, at=at) if one.point_type.id == counted.pk]
    return found[0] if found else 0
