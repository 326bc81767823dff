"""What staff and a few members do beside the daily business: one of each thing that a loyalty team comes across."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns import drafts, versions
from campaigns.demo import goods
from campaigns.demo.people import Person
from campaigns.demo.play import Deed, Play
from campaigns.demo.setting import MANAGER
from campaigns.demo.story import TILL, Story
from campaigns.models import BudgetUse, Campaign
from loyalty.ledger import ledger
from loyalty.ledger.acts import Actor
from loyalty.members import members
from tiers import placements

AGENTS = ("marta", "ivan")
REASONS = (
    ("goodwill", "Parcel came late", 300),
    ("goodwill", "Wrong grind", 200),
    ("missing_purchase", "Forgot the card at the till", 450),
    ("correction", "Order was counted twice in the shop", -150),
    ("complaint", "Broken mug", 250),
)
Plan = list[tuple[datetime, Deed]]


def deeds(story: Story) -> Plan:
    """Who does what and when; also sends the events that belong to it."""
    span, dice = story.span, story.dice
    here = [person for person in story.people if person.joined and person.joined < span.day(150)]
    cast = dice.sample(here, k=min(len(here), 20))
    plan = _adjustments(story, cast)
    plan += _transfers(story, cast)
    plan += _debtor(story, _newcomer(story, "Inés Araújo"))
    plan += _suspended(story, _newcomer(story, "Bruno D'Angelo"))
    _odd_events(story, cast)
    return [
        *plan,
        (span.day(120), _gift_that_lapses(cast[4])),
        (span.day(70), _refund_of_last_payment),
        (span.day(35), _pause("tea")),
        (span.day(15), _made_gold(cast[11])),
        (span.day(1), _cut_budget("autumn")),
    ]


_ADJUSTED = (310, 250, 201, 160, 121, 90, 61, 44, 30, 17, 9, 3)


def _newcomer(story: Story, name: str) -> Person:
    """Somebody with a part of their own, who buys nothing besides."""
    number = sum(1 for person in story.people if person.keen == 0)
    ref, at = f"C-{90_001 + number}", story.span.day(140)
    profile = {"external_id": ref, "name": name, "email": f"cast{number}@example.com"}
    person = Person(f"ext:{ref}", f"email:{profile['email']}", profile, 0, at, at)
    story.people.append(person)
    return person


def _adjustments(story: Story, cast: list[Person]) -> Plan:
    plan: Plan = []
    for number, ago in enumerate(_ADJUSTED):
        at = story.span.day(ago)
        if known := [person for person in cast if person.joined and person.joined < at]:
            plan.append((at, _adjust(known[number % len(known)], number)))
    return plan


def _adjust(person: Person, number: int) -> Deed:
    reason, note, points = REASONS[number % len(REASONS)]
    agent = Actor("staff", AGENTS[number % len(AGENTS)])

    def deed(play: Play, at: datetime) -> None:
        ledger.adjust(
            play.members[person.ref], play.setting.points, points,
            at=at, actor=agent, reason_code=reason, note=note, allow_debt=True,
        )  # fmt: skip

    return deed


def _transfers(story: Story, cast: list[Person]) -> Plan:
    """Three members give points to others, as far as they have some."""

    def give(one: Person, other: Person) -> Deed:
        def deed(play: Play, at: datetime) -> None:
            points = min(500, _available(play, one, at))
            if points > 0:
                ledger.transfer(
                    play.members[one.ref], play.members[other.ref], play.setting.points, points,
                    at=at, actor=Actor("channel", "web"), note="Gift",
                )  # fmt: skip

        return deed

    days = (100, 52, 12)
    return [(story.span.day(ago), give(cast[index], cast[index - 1])) for index, ago in enumerate(days, 1)]


def _debtor(story: Story, person: Person) -> Plan:
    """Buys a grinder, spends the points, sends the grinder back."""
    span, order = story.span, "A-90001"
    data = {"order_id": order, "currency": "EUR", "lines": [goods.line(goods.BY_SKU["KI-GRIND"], 1)]}
    story.send("order.completed", span.day(60), data, ref=person.ref)
    story.send("order.returned", span.day(33), {"order_id": order}, ref=person.ref)

    def spend(play: Play, at: datetime) -> None:
        points = _available(play, person, at) // 100 * 100
        ledger.redeem(
            play.members[person.ref], play.setting.points, points,
            at=at, actor=Actor("channel", TILL), reference="A-90002",
        )  # fmt: skip

    return [(span.day(40), spend)]


def _suspended(story: Story, person: Person) -> Plan:
    """Sent the same receipt to three tills; what they bought afterwards earns nothing."""
    data = {"order_id": "A-90011", "currency": "EUR", "lines": [goods.line(goods.BY_SKU["CF-HOUSE-1KG"], 3)]}
    story.send("order.completed", story.span.day(6), data, ref=person.ref, channel=TILL)

    def suspend(play: Play, at: datetime) -> None:
        members.suspend(play.members[person.ref], at=at, by=AGENTS[0])

    return [(story.span.day(20), suspend)]


def _odd_events(story: Story, cast: list[Person]) -> None:
    """A return that waits for its order, one of somebody else's order, and a registration that is told twice."""
    span = story.span
    unknown = {"order_id": "W-77120", "lines": [{"sku": "KI-MOKA-3", "quantity": 1}]}
    story.send("order.returned", span.day(2), unknown, ref=cast[2].ref, channel=TILL)
    sold = {"order_id": "A-90021", "currency": "EUR", "lines": [goods.line(goods.BY_SKU["TE-SENCHA"], 2)]}
    story.send("order.completed", span.day(9), sold, ref=cast[5].ref)
    story.send("order.returned", span.day(4), {"order_id": "A-90021"}, ref=cast[6].ref)
    story.send("member.registered", span.day(5), {"external_id": cast[7].profile["external_id"]}, ref=None)
    for number, ago in enumerate((38, 24, 10)):
        data = {"store": goods.STORES[number], "coffees": 4 + number}
        story.send("tasting.attended", span.day(ago), data, ref=cast[8 + number].ref, channel=TILL)


def _gift_that_lapses(person: Person) -> Deed:
    """Points from a game, good for a month only."""

    def deed(play: Play, at: datetime) -> None:
        ledger.adjust(
            play.members[person.ref], play.setting.points, 120,
            at=at, actor=Actor("staff", MANAGER), reason_code="promotion", note="Won at the anniversary",
            expires_at=at + timedelta(days=30),
        )  # fmt: skip

    return deed


def _refund_of_last_payment(play: Play, at: datetime) -> None:
    """An order that was paid with points is cancelled at the desk: the points go back."""
    last = play.payments[-1] if play.payments else None
    if last is not None:
        ledger.refund(
            last, at=at, actor=Actor("staff", AGENTS[1]), reason_code="goodwill", note="Order cancelled"
        )


def _made_gold(person: Person) -> Deed:
    """Writes about coffee; the manager wants her to see what gold is like, until the summer."""

    def deed(play: Play, at: datetime) -> None:
        placements.set_tier(
            play.members[person.ref], "gold",
            until=(at + timedelta(days=180)).date(), reason_code="partner", note="Writes Café con Letras",
            by=MANAGER, at=at,
        )  # fmt: skip

    return deed


def _pause(code: str) -> Deed:
    def deed(play: Play, at: datetime) -> None:
        versions.pause(Campaign.objects.get(program=play.setting.program, code=code), by=MANAGER, at=at)

    return deed


def _cut_budget(code: str) -> Deed:
    """The manager leaves the campaign a twelfth of what it has given so far."""

    def deed(play: Play, at: datetime) -> None:
        campaign = Campaign.objects.get(program=play.setting.program, code=code)
        given = BudgetUse.objects.filter(campaign=campaign).values_list("points", flat=True).first() or 0
        budget = given + max(given // 12, 600)
        drafts.save(campaign, {"budget": budget}, revision=campaign.revision, by=MANAGER, at=at)
        versions.publish(campaign, by=MANAGER, at=at, note="Nearly enough of it")

    return deed


def _available(play: Play, person: Person, at: datetime) -> int:
    return play.available(play.members[person.ref], at)
