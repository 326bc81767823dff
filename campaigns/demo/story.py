"""What happens in the demonstration, planned from a seed before anything is written: the same for the same day."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate, count
from random import Random
from typing import Any

from campaigns.demo import goods
from campaigns.demo.people import Person, people
from campaigns.demo.year import Span, busyness, is_festive, moment

SHOP, TILL = "web", "till"


@dataclass(slots=True)
class Sending:
    """An event on its way in: when it is heard of, through which channel, and what is said. `pays_by` is who may pay
    a part of it with points."""

    heard_at: datetime
    channel: str
    item: dict[str, Any]
    pays_by: Person | None = None


@dataclass(slots=True)
class Story:
    """All that is sent, and who joins when."""

    span: Span
    dice: Random
    people: list[Person]
    seen: list[datetime]
    keenness: list[float]
    sendings: list[Sending] = field(default_factory=list)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def send(
        self,
        kind: str,
        at: datetime,
        data: dict[str, Any],
        *,
        ref: str | None,
        channel: str = SHOP,
        late: timedelta = timedelta(seconds=2),
        pays_by: Person | None = None,
    ) -> None:
        """Plan an event; what lies beyond the present is left out."""
        number = next(self.numbers)
        if at + late > self.span.end:
            return
        item = {"id": f"{channel}-{number:06d}", "type": kind, "occurred_at": at.isoformat(), "data": data}
        if ref is not None:
            item["member"] = ref
        self.sendings.append(Sending(at + late, channel, item, pays_by))


def write(*, end: datetime, span: Span, members: int, orders: int, seed: str) -> Story:
    """A story of about so many members and orders that ends at `end`."""
    dice = Random(seed)  # noqa: S311 - invented people, not secrets
    everybody = sorted(people(dice, members, span), key=lambda person: person.first_seen)
    keenness = list(accumulate(person.keen for person in everybody))
    story = Story(span, dice, everybody, [person.first_seen for person in everybody], keenness)
    days = [span.first + timedelta(days=ago) for ago in range(span.days + 1)]
    busy = [busyness(day, span) for day in days]
    for number, day in enumerate(sorted(dice.choices(days, busy, k=orders))):
        at = moment(dice, span, day)
        if person := _customer(story, at):
            _order(story, number, person, at)
    _visits(story, orders // 14)
    return story


def _customer(story: Story, at: datetime) -> Person | None:
    """Somebody who is known by then, the keen ones more often."""
    here = bisect(story.seen, at)
    if not here:
        return None
    return story.people[bisect(story.keenness, story.dice.random() * story.keenness[here - 1], hi=here - 1)]


def _order(story: Story, number: int, person: Person, at: datetime) -> None:
    dice = story.dice
    store = dice.choice(goods.STORES) if dice.random() < 0.55 else ""
    channel = TILL if store else SHOP
    lines = goods.basket(dice, festive=is_festive(at.date()))
    data: dict[str, Any] = {"order_id": f"A-{20_001 + number}", "currency": "EUR", "lines": lines}
    if store:
        data |= {"store": store, "payment_method": dice.choice(["card", "cash", "card"])}
    elif goods.price(lines) < 40:
        data["shipping"] = "3.90"
    if dice.random() < 0.08:
        data["discount"] = str((goods.price(lines) / 10).quantize(goods.CENT))
    ref = person.ref if person.joined and at >= person.joined else person.email_ref
    # A till that was off the line sends its day two or three days later.
    late = timedelta(hours=dice.randrange(30, 70)) if store and dice.random() < 0.02 else timedelta(seconds=2)
    pays = person if person.joined and at > person.joined and dice.random() < 0.1 else None
    story.send("order.completed", at, data, ref=ref, channel=channel, late=late, pays_by=pays)
    _afterwards(story, data, ref, channel, at)


def _afterwards(story: Story, data: dict[str, Any], ref: str, channel: str, at: datetime) -> None:
    """Some orders change, are cancelled, come back, or are reviewed."""
    dice, what = story.dice, story.dice.random()
    order_id, lines = data["order_id"], data["lines"]
    later = at + timedelta(days=dice.randrange(2, 26), minutes=dice.randrange(600))
    if what < 0.015:
        cancelled = {"order_id": order_id, "reason": "Changed their mind"}
        story.send("order.cancelled", at + timedelta(hours=3), cancelled, ref=ref, channel=channel)
    elif what < 0.03:
        story.send("order.returned", later, {"order_id": order_id}, ref=ref, channel=channel)
    elif what < 0.08:
        part = [{"sku": dice.choice(lines)["sku"], "quantity": 1}]
        story.send("order.returned", later, {"order_id": order_id, "lines": part}, ref=ref, channel=channel)
    elif what < 0.09:
        changed = {**data, "revision": 1, "lines": [*lines, goods.line(goods.ARTICLES[9], 1)]}
        changed["lines"] = list({one["sku"]: one for one in changed["lines"]}.values())
        story.send("order.amended", at + timedelta(hours=1), changed, ref=ref, channel=channel)
    elif what < 0.15:
        review = {
            "sku": lines[0]["sku"],
            "rating": dice.choices([5, 4, 3, 2, 1], [50, 28, 12, 6, 4])[0],
            "has_photo": dice.random() < 0.3,
            "length": dice.randrange(20, 600),
        }
        story.send("review.submitted", later, review, ref=ref)


def _visits(story: Story, number: int) -> None:
    members = [person for person in story.people if person.joined]
    for _ in range(number):
        person = story.dice.choices(members, [one.keen for one in members])[0]
        assert person.joined is not None
        days = (story.span.last - person.joined.date()).days
        day = story.span.last - timedelta(days=story.dice.randrange(days + 1))
        at = max(moment(story.dice, story.span, day), person.joined + timedelta(minutes=1))
        data = {"store": story.dice.choice(goods.STORES)}
        story.send("visit.checked_in", at, data, ref=person.ref, channel=TILL)
