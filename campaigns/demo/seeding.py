"""Fills an empty installation: a year of a coffee shop, or an empty program to begin with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from campaigns.demo import setting, story
from campaigns.demo.cast import deeds
from campaigns.demo.play import Play
from campaigns.demo.treats import treats
from campaigns.demo.year import Span
from loyalty.base import clock
from loyalty.programs import credentials, nightly
from loyalty.programs.files import templates
from loyalty.programs.files.applying import apply
from loyalty.programs.models import Channel, Scope

LOGIN = "demo"
MEMBERS, ORDERS = 220, 1600
ADDRESS = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in: the staff user, the key of a channel, and a call that works as pasted."""

    login: str
    password: str
    api_key: str
    curl: str


@transaction.atomic
def seed(*, at: datetime, members: int = MEMBERS, orders: int = ORDERS) -> Access:
    """A year of a program with so many members and about so many orders, up to the instant `at`.

    The same for the same local day, apart from ids and secrets.
    """
    span = Span(at, clock.zone(setting.ZONE))
    made = setting.make(span)
    plot = story.write(
        end=at, span=span, members=members, orders=orders, seed=f"{span.last} {members} {orders}"
    )
    plan = [*deeds(plot), *treats(plot)]
    Play(made, plot, plan).run()
    with clock.pinned(at):
        nightly.run_due(at)
    who = next(person for person in plot.people if person.joined)
    return _access(made.channels["web"], at=at, call=_order_of(who.ref, made.program.currency))


@transaction.atomic
def begin(*, at: datetime) -> Access:
    """A program without members, made from the template for retail."""
    made = apply(templates.text("retail_points"), at=at, by=LOGIN)
    channel = Channel.objects.select_related("program").get(program__code=made.program, code="web")
    return _access(channel, at=at, call=_first_member())


def _access(channel: Channel, *, at: datetime, call: str) -> Access:
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(LOGIN, password=password)
    _, key = credentials.issue(channel, name="Demonstration", scopes=Scope.values, at=at, by=LOGIN)
    curl = (
        f"curl -s {ADDRESS}/api/v1/events -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
        f" -H 'Prefer: wait' -d '{call}'"
    )
    return Access(LOGIN, password, key, curl)


# What a shell fills in, inside a text in single quotes: a fresh number, and the present.
_FRESH, _NOW = "'$(date +%s)'", "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"


def _order_of(ref: str, currency: str) -> str:
    """An order that is answered with its points and the reasons for them."""
    lines = '[{"sku":"CF-COL-250","category":"coffee","quantity":2,"unit_price":"9.90"}]'
    order = f'{{"order_id":"demo-{_FRESH}","currency":"{currency}","lines":{lines}}}'
    return _event("order.completed", f'"member":"{ref}","data":{order}')


def _first_member() -> str:
    """Somebody joins, and is welcomed with points."""
    return _event("member.registered", f'"data":{{"external_id":"first-{_FRESH}","name":"First Member"}}')


def _event(kind: str, rest: str) -> str:
    return f'{{"id":"demo-{_FRESH}","type":"{kind}","occurred_at":"{_NOW}",{rest}}}'
