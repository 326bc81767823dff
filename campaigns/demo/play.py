"""Plays a story: what is sent goes through the inbox and the earning engine, what members and staff do goes through
the ledger, all in the order of time and with the clock of its day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import itemgetter

from django.apps import apps
from django.db import connection

from campaigns import earning
from campaigns.demo import goods
from campaigns.demo.people import Person
from campaigns.demo.setting import Setting
from campaigns.demo.story import Sending, Story
from loyalty.base import clock
from loyalty.base.clock import local_date, midnight
from loyalty.events import enrolment, intake
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.ledger.balances import balances_now
from loyalty.ledger.checkout import CHECKOUT
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs import nightly

Deed = Callable[["Play", datetime], None]
"""Something that a member, or staff, does at an instant."""

MOST_AT_ONCE = 500
DAILY = 15
BUSY_APPS = {"campaigns", "events", "ledger", "members", "rewards", "tiers"}


class Play:
    """One performance. `members` knows everybody who has joined so far, by reference; `payments` are the orders paid
    with points."""

    def __init__(self, setting: Setting, story: Story, deeds: list[tuple[datetime, Deed]]) -> None:
        self.setting = setting
        self.span = story.span
        self.members: dict[str, Member] = {}
        self.payments: list[Transaction] = []
        self._days: dict[date, _Day] = defaultdict(_Day)
        for person in story.people:
            if person.joined:
                self._of(person.joined).joining.append(person)
        for sending in story.sendings:
            self._of(sending.heard_at).sendings.append(sending)
        for at, deed in deeds:
            self._of(at).deeds.append((at, deed))

    def run(self) -> None:
        """From the first day to the present."""
        for day in sorted(self._days):
            if day.day == 1:
                self._month_begins(day)
            self._live(self._days[day])
            if self._earns_on(day):
                evening = midnight(day + timedelta(days=1), self.span.zone) - timedelta(seconds=1)
                with clock.pinned(min(evening, self.span.end)):
                    earning.drain()

    def _of(self, at: datetime) -> _Day:
        return self._days[local_date(at, self.span.zone)]

    def _earns_on(self, day: date) -> bool:
        """Every evening of the last weeks; before that once a fortnight, which is far quicker."""
        ago = (self.span.last - day).days
        return ago < DAILY or ago % 14 == 0

    def _month_begins(self, day: date) -> None:
        with clock.pinned(midnight(day, self.span.zone)) as at:
            earning.drain()
            refresh_statistics()
            nightly.run_due(at)

    def _live(self, day: _Day) -> None:
        for person in day.joining:
            self._join(person)
        for sending in day.sendings:
            if sending.pays_by is not None:
                self._pay(sending, self.members[sending.pays_by.ref])
        self._send(day.sendings)
        for at, deed in sorted(day.deeds, key=itemgetter(0)):
            deed(self, at)

    def _join(self, person: Person) -> None:
        assert person.joined is not None
        channel = self.setting.channels["web"]
        made = enrolment.enrol(self.setting.program, person.profile, channel=channel, at=person.joined)
        self.members[person.ref] = made.member

    def _pay(self, sending: Sending, member: Member) -> None:
        """Up to half of the order with points, as far as there are enough."""
        points, data = self.setting.points, sending.item["data"]
        most = goods.price(data["lines"]) / 2
        if Decimal(data.get("discount", 0)) > 0 or any(line.get("gift_card") for line in data["lines"]):
            return
        assert points.redeem_rate is not None
        affordable = min(self.available(member, sending.heard_at), int(most / points.redeem_rate))
        spent = affordable - affordable % points.redeem_increment
        if spent < max(points.redeem_minimum, 1):
            return
        actor, reference = Actor("channel", sending.channel), data["order_id"]
        paid = ledger.redeem(
            member, points, spent,
            at=sending.heard_at, actor=actor, reference=reference, reason_code=CHECKOUT,
        )  # fmt: skip
        self.payments.append(paid)
        data["points_paid"] = str((spent * points.redeem_rate).quantize(goods.CENT))

    def available(self, member: Member, at: datetime) -> int:
        """The points that the member can use."""
        found = balances_now(member.pk, at=at)
        return max(0, next(one.available for one in found if one.point_type.id == self.setting.points.pk))

    def _send(self, sendings: list[Sending]) -> None:
        by_channel: dict[str, list[Sending]] = defaultdict(list)
        for sending in sorted(sendings, key=lambda one: one.heard_at):
            by_channel[sending.channel].append(sending)
        for code, some in by_channel.items():
            for part in _parts(some):
                receipts = intake.receive(
                    self.setting.channels[code], [one.item for one in part], at=part[-1].heard_at
                )
                for receipt in receipts:
                    if receipt.fault is not None:
                        raise receipt.fault


def refresh_statistics() -> None:
    """Tables that fill up inside one transaction look empty to the planner, which then walks through all of them."""
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.app_label in BUSY_APPS]
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")


class _Day:
    __slots__ = ("deeds", "joining", "sendings")

    def __init__(self) -> None:
        self.joining: list[Person] = []
        self.sendings: list[Sending] = []
        self.deeds: list[tuple[datetime, Deed]] = []


def _parts(sendings: list[Sending]) -> Iterator[list[Sending]]:
    for start in range(0, len(sendings), MOST_AT_ONCE):
        yield sendings[start : start + MOST_AT_ONCE]
