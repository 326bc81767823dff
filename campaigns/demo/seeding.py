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
from campaigns.demo.year import Span
from loyalty.base import clock
from loyalty.programs import credentials, nightly
from loyalty.programs.files import templates
from loyalty.programs.files.applying import apply
from loyalty.programs.models import Channel, Scope

LOGIN = "demo"
MEMBERS, ORDERS = 400, 4300
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
    plan = deeds(plot)
    Play(made, plot, plan).run()
    with clock.pinned(at):
        nightly.run_due(at)
    who = next(person for person in plot.people if person.joined)
    return _access(made.channels["web"], at=at, ref=who.ref)


@transaction.atomic
def begin(*, at: datetime) -> Access:
    """A program without members, made from the template for retail."""
    made = apply(templates.text("retail_points"), at=at, by=LOGIN)
    channel = Channel.objects.select_related("program").get(program__code=made.program, code="web")
    return _access(channel, at=at, ref="email:first.customer@example.com")


def _access(channel: Channel, *, at: datetime, ref: str) -> Access:
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(LOGIN, password=password)
    _, key = credentials.issue(channel, name="Demonstration", scopes=Scope.values, at=at, by=LOGIN)
    return Access(LOGIN, password, key, _curl(key, channel.program.currency, ref))


def _curl(key: str, currency: str, ref: str) -> str:
    """One order that a shell sends with a fresh id each time, and that is answered with points and reasons."""
    order = (
        '{"order_id":"demo-\'$(date +%s)\'","currency":"' + currency + '",'
        '"lines":[{"sku":"CF-COL-250","category":"coffee","quantity":2,"unit_price":"9.90"}]}'
    )
    event = (
        '{"id":"demo-\'$(date +%s)\'","type":"order.completed","occurred_at":"\'$(date -u +%FT%TZ)\'",'
        f'"member":"{ref}","data":{order}}}'
    )
    return (
        f"curl -s {ADDRESS}/api/v1/events -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
        f" -H 'Prefer: wait' -d '{event}'"
    )
