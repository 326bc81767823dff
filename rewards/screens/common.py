"""What all screens of rewards share: whose reward it is, and who may do what."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Prefetch
from django.http import Http404

from loyalty.console.access import ScreenRequest, actor_name
from loyalty.ledger.acts import Actor
from rewards.models import Redemption, Reward, RewardPicture

VIEW: Final = "rewards.view_reward"
ADD: Final = "rewards.add_reward"
CHANGE: Final = "rewards.change_reward"
STOCK: Final = "rewards.change_stock"
UPLOAD: Final = "rewards.add_code"
SEE_TAKEN: Final = "rewards.view_redemption"
FULFIL: Final = "rewards.change_redemption"
GIVE: Final = "rewards.add_redemption"
REVEAL: Final = "rewards.view_code"
PICTURE: Final = Prefetch("picture", RewardPicture.objects.defer("content"))


def reward_of(request: ScreenRequest, reward_id: int) -> Reward:
    """The reward, if of the chosen program; another program's answers as if it did not exist."""
    found: Reward | None = (
        Reward.objects.filter(program=request.program, pk=reward_id)
        .select_related("program")
        .prefetch_related(PICTURE)
        .first()
    )
    if found is None:
        raise Http404
    return found


def redemption_of(request: ScreenRequest, redemption_id: UUID) -> Redemption:
    """The redemption, if of the chosen program."""
    rows = Redemption.objects.filter(program=request.program, pk=redemption_id)
    found = rows.select_related("member", "reward", "stock", "code", "point_type__program", "program").first()
    if found is None:
        raise Http404
    return found


def me(request: ScreenRequest) -> Actor:
    return Actor("staff", actor_name(request))
