"""What all screens of rewards share: whose reward it is, and who may do what."""

from __future__ import annotations

from typing import Final

from django.http import Http404

from loyalty.console.access import ScreenRequest
from rewards.models import Reward

VIEW: Final = "rewards.view_reward"
ADD: Final = "rewards.add_reward"
CHANGE: Final = "rewards.change_reward"
STOCK: Final = "rewards.change_stock"
UPLOAD: Final = "rewards.add_code"


def reward_of(request: ScreenRequest, reward_id: int) -> Reward:
    """The reward, if of the chosen program; another program's answers as if it did not exist."""
    found: Reward | None = (
        Reward.objects.filter(program=request.program, pk=reward_id)
        .select_related("program", "picture")
        .first()
    )
    if found is None:
        raise Http404
    return found
