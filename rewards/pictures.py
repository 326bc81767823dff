"""Pictures of rewards: taken in from people, made small and plain, and handed out to anybody by their digest."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from typing import Final, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from loyalty.base.errors import Invalid
from rewards.models import Reward, RewardPicture

MOST_BYTES: Final = 8 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
SIDE: Final = 800
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 82


class Small(NamedTuple):
    """A picture as it is kept."""

    digest: str
    content: bytes
    width: int
    height: int


def read(content: bytes) -> Small:
    """The picture as WebP of at most 800 pixels a side, turned upright, without what cameras write beside it.

    Raises Invalid `picture_too_large` or `picture_unreadable`.
    """
    if len(content) > MOST_BYTES:
        raise Invalid(_("Choose a picture of at most 8 MB."), code="picture_too_large")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:  # said before anything is unpacked
                raise Invalid(_("Choose a picture of at most 40 megapixels."), code="picture_too_large")
            upright = ImageOps.exif_transpose(opened)
            plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as wrong:
        raise Invalid(_("Choose a picture in JPEG, PNG, WebP or GIF."), code="picture_unreadable") from wrong
    plain.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    plain.save(out, "WEBP", quality=_QUALITY)
    return Small(hashlib.sha256(out.getvalue()).hexdigest(), out.getvalue(), plain.width, plain.height)


@transaction.atomic
def put(reward: Reward, picture: Small, *, by: str, at: datetime) -> RewardPicture:
    """The picture of the reward from now on, instead of the one it had."""
    kept, _made = RewardPicture.objects.update_or_create(
        reward=reward, defaults={**picture._asdict(), "updated_at": at, "updated_by": by}
    )
    _touch(reward, by, at)
    return kept


@transaction.atomic
def remove(reward: Reward, *, by: str, at: datetime) -> None:
    """Leave the reward without a picture."""
    RewardPicture.objects.filter(reward=reward).delete()
    _touch(reward, by, at)


def _touch(reward: Reward, by: str, at: datetime) -> None:
    """The reward changed with its picture: whoever keeps the catalogue in memory looks at the rows of rewards."""
    Reward.objects.filter(pk=reward.pk).update(updated_by=by, updated_at=at)
