"""The café of tests.rewards with staff: Olga may do everything, Rita minds the catalogue, Pau packs, Nell nothing."""

from __future__ import annotations

import io
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from PIL import Image

from loyalty.programs.models import PointType
from rewards.models import Reward
from rewards.screens.form import form_for
from tests.console.people import _signed_in, nell, olga, olga_again
from tests.rewards.shop import a_draft, a_point_type, a_program, a_reward

__all__ = ["a_draft", "a_point_type", "a_program", "a_reward", "nell", "olga", "olga_again", "pau", "rita"]

HTMX = {"HX-Request": "true"}


def staff(name: str, *permissions: str) -> Client:
    user = User.objects.create_user(name, password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return _signed_in(user)


def rita() -> Client:
    """Minds the catalogue, not the stock."""
    return staff("rita", "view_reward", "add_reward", "change_reward", "view_member")


def pau() -> Client:
    """Packs and hands over; sees the catalogue."""
    return staff("pau", "view_reward", "view_redemption", "change_redemption", "view_member")


def typed(reward: Reward, **changes: Any) -> dict[str, Any]:
    """What the browser sends when the form of a reward is saved with some fields changed."""
    form = form_for(reward)
    data: dict[str, Any] = {"revision": str(reward.revision)}
    for field in form:
        value = field.value()
        data[field.html_name] = "" if value is None else value
    data |= prices_typed(*[(line.points, line.point_type, line.tiers) for line in form.prices.lines])
    data |= {"audience-blocks": "0", "audience-match": "all"}
    for place, line in enumerate(form.lines["caps"]):
        data |= {f"caps-{place}-{name}": value for name, value in line.items()}
    return data | changes


def prices_typed(*prices: tuple[str, str, list[str]]) -> dict[str, Any]:
    """(points, point type, tiers) from the top, as the form sends them."""
    data: dict[str, Any] = {"prices-count": str(len(prices))}
    for place, (points, kind, tiers) in enumerate(prices):
        name = f"prices-{place}"
        data |= {f"{name}-points": points, f"{name}-point_type": kind, f"{name}-tiers": tiers}
        data |= {f"{name}-blocks": "0", f"{name}-match": "all"}
    return data


def a_picture(colour: str = "teal", side: int = 1200, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side // 2), colour).save(out, form)
    return out.getvalue()


def other_points() -> PointType:
    """Of another program."""
    return a_point_type(a_program("other"))
