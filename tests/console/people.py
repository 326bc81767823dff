"""Staff at the corner shop: Olga may do everything, Sam answers members, Nell may do nothing yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from loyalty.base import clock
from loyalty.events.intake import receive
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs import channels, programs
from loyalty.programs.models import Channel, PointType, Program

STAFF = Actor("staff", "olga")
AGENT = [
    "view_member", "change_member", "view_event", "view_transaction", "view_entry", "view_lot", "add_transaction",
]  # fmt: skip


def a_program(code: str = "corner", **more: Any) -> Program:
    given = {
        "name": "Corner shop",
        "currency": "GBP",
        "timezone": "Europe/London",
        "phone_region": "GB",
    } | more
    return programs.create(code=code, at=clock.now() - timedelta(days=400), **given)


def points_of(program: Program) -> PointType:
    return PointType.objects.select_related("program").get(program=program, is_default=True)


def a_channel(program: Program, code: str = "web") -> Channel:
    return channels.create(program, code=code, name="Web shop", at=clock.now())


def ana(program: Program, **more: Any) -> Member:
    profile = {
        "external_id": "ana",
        "email": "ana.ruiz@example.org",
        "phone": "+447911123456",
        "card": "9400 1234",
        "name": "Ana Ruíz Ødegård",
    }
    return members.register(program, profile | more, channel=None, at=clock.now() - timedelta(days=30))[0]


def given(member: Member, points: int, **more: Any) -> Any:
    point_type = points_of(member.program)
    return ledger.adjust(
        member, point_type, points, at=clock.now(), actor=STAFF, reason_code="goodwill", **more
    )


def an_order(channel: Channel, member: str = "ext:ana", number: str = "A-1042", **more: Any) -> Any:
    """Stored, not processed."""
    lines = [{"sku": "bag", "category": "Coffee", "quantity": 2, "unit_price": "24.10"}]
    data = {"order_id": number, "currency": "GBP", "lines": lines} | more
    at = clock.now()
    event = {
        "id": f"e-{number}", "type": "order.completed", "member": member, "data": data,
        "occurred_at": clock.write_instant(at - timedelta(minutes=5)),
    }  # fmt: skip
    return receive(channel, [event], at=at)[0]


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def olga() -> Client:
    """The superuser."""
    return _signed_in(User.objects.create_superuser("olga", password="a long passphrase"))


def olga_again() -> Client:
    """Olga, on another machine."""
    return _signed_in(User.objects.get(username="olga"))


def sam() -> Client:
    """An agent: reads members and gives points."""
    user = User.objects.create_user("sam", password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=AGENT))
    return _signed_in(user)


def with_rights(*codenames: str) -> Client:
    """Staff with these permissions and no others."""
    user = User.objects.create_user("vera", password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return _signed_in(user)


def nell() -> Client:
    """Staff without any permission."""
    return _signed_in(User.objects.create_user("nell", password="a long passphrase", is_staff=True))
