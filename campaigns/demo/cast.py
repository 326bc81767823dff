"""What staff and a few members of the demonstration do."""

from __future__ import annotations

from datetime import datetime

from campaigns.demo.play import Deed
from campaigns.demo.story import Story


def deeds(story: Story) -> list[tuple[datetime, Deed]]:
    return []
