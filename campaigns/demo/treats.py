"""What the people of the demonstration do with their points: rewards they take, use, send back and wait for, and what
the staff pack and send."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from campaigns.demo.people import Person
from campaigns.demo.play import Deed, Play
from campaigns.demo.setting import MANAGER
from campaigns.demo.story import TILL, Story
from loyalty.base import clock, jobs
from loyalty.ledger.acts import SYSTEM, Actor
from rewards import claiming, fulfilment, redemption, stock, vouchers
from rewards.claiming import Wish
from rewards.errors import NotEligible
from rewards.models import Redemption, Reward, Stock

Plan = list[tuple[datetime, Deed]]
Change = Callable[[Redemption, datetime], object]

PACKERS: Final = ("nuria", "samir")
WEB, AT_TILL = Actor("channel", "web"), Actor("channel", TILL)
CODES: Final = 140
OPENED: Final = 390  # days ago
TREATS_A_DAY: Final = 0.3
# What people choose, and how often; a variant or slot is drawn for what has several.
WEIGHTS: Final = {
    "five-off": 26, "flat-white": 22, "mug": 20, "cinema": 16, "museum": 7, "growers": 8, "five-cups": 4,
    "gift-card": 5, "cupping": 3, "grinder": 1,
}  # fmt: skip
LEFT_OVER: Final = 2  # of the terracotta mugs
SENT_TODAY: Final = 6
UNCLEAR: Final = (1, 4)  # of the parcels of today
STREETS: Final = ("Calle de la Palma 12", "Carrer de Blai 40, 2º", "Calle Betis 7", "Rúa do Vilar 3")


@dataclass(slots=True)
class Treat:
    """One reward that somebody takes, once it has been taken."""

    person: Person
    row: Redemption | None = None

    def take(self, code: str, *, variant: str = "", address: str = "", reserve: bool = False) -> Deed:
        """Take it, if it can be had by then."""

        def deed(play: Play, at: datetime) -> None:
            member = play.members.get(self.person.ref)
            if member is None:  # joins only later
                return
            reward = Reward.objects.get(program=play.setting.program, code=code)
            details = {"name": self.person.profile["name"], "address": address} if address else None
            wish = Wish(stock=variant, details=details, point_type=play.setting.points)
            act = claiming.reserve if reserve else claiming.redeem
            try:
                self.row = act(member, reward, wish, at=at, actor=WEB)
            except NotEligible:
                return

        return deed

    def then(self, change: Change) -> Deed:
        """What happens to it later, if it was taken."""

        def deed(play: Play, at: datetime) -> None:
            if self.row is not None:
                change(self.row, at)

        return deed


def treats(story: Story) -> Plan:
    """A year of rewards, with a queue to pack today, reservations that are still open and one that is nearly gone."""
    span, dice = story.span, story.dice
    plan: Plan = [(span.day(OPENED), _load_codes("cinema", CODES, story.dice))]
    here = [person for person in story.people if person.joined and person.keen]
    moments = [
        span.day(ago) + timedelta(hours=dice.randrange(-3, 9), minutes=dice.randrange(60))
        for ago in range(OPENED - 30, 0, -1)
        if dice.random() < TREATS_A_DAY
    ]
    for at in moments:
        known = [person for person in here if person.joined and person.joined < at - timedelta(days=30)]
        if known:
            plan += _treat(story, dice.choices(known, [person.keen for person in known])[0], at)
    plan += _nearly_gone(story, here)
    plan += _today(story, here)
    return [(at, deed) for at, deed in plan if at <= span.end]


def _treat(story: Story, person: Person, at: datetime) -> Plan:
    dice, treat = story.dice, Treat(person)
    code = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    if code == "mug":
        address = f"{dice.choice(STREETS)}, {person.profile['attributes'].get('city', 'Madrid')}"
        variant = dice.choice(["white", "blue"])
        return [(at, treat.take(code, variant=variant, address=address)), *_sent(treat, at, dice)]
    if code == "cupping":
        return [(at, treat.take(code, variant=dice.choice(["first", "second", "third"])))]
    plan: Plan = [(at, treat.take(code))]
    if code in ("flat-white", "grinder"):
        plan += _picked_up(treat, at, dice)
    elif code == "gift-card":
        plan += _spent_in_parts(treat, at)
    elif code in ("five-off", "cinema"):
        plan += _used(treat, at, dice)
    return plan


def _sent(treat: Treat, at: datetime, dice: Random) -> Plan:
    """Packed within two days, at the door two days later; some are cancelled, one in thirty arrives broken."""
    fate, packer = dice.random(), Actor("staff", dice.choice(PACKERS))
    tracking = f"SEUR{dice.randrange(10**9):09d}"
    if fate < 0.06:
        reason = "Ordered the wrong colour"
        return [(at + timedelta(hours=5), treat.then(_cancel(reason)))]
    sent = at + timedelta(hours=dice.randrange(18, 46))
    plan: Plan = [
        (sent, treat.then(_step("sent", packer, carrier="SEUR", tracking=tracking))),
        (sent + timedelta(hours=dice.randrange(30, 70)), treat.then(_step("delivered", SYSTEM))),
    ]
    if fate > 0.96:
        plan.append((sent + timedelta(days=5), treat.then(_refund("Arrived in pieces"))))
    return plan


def _picked_up(treat: Treat, at: datetime, dice: Random) -> Plan:
    packer = Actor("staff", dice.choice(PACKERS))
    return [
        (at + timedelta(minutes=40), treat.then(_step("ready", packer))),
        (at + timedelta(hours=dice.randrange(2, 26)), treat.then(_step("picked_up", AT_TILL))),
    ]


def _used(treat: Treat, at: datetime, dice: Random) -> Plan:
    """Most codes are used within weeks; a few are given back before, the others run out."""
    fate = dice.random()
    if fate < 0.05:
        return [(at + timedelta(days=2), treat.then(_cancel("Changed their mind")))]
    if fate < 0.75:
        return [(at + timedelta(days=dice.randrange(1, 40)), treat.then(_use))]
    return []


def _spent_in_parts(treat: Treat, at: datetime) -> Plan:
    return [(at + timedelta(days=9), treat.then(_spend_half)), (at + timedelta(days=31), treat.then(_use))]


def _nearly_gone(story: Story, here: Iterable[Person]) -> Plan:
    """The terracotta mug was in the paper: those who hear of it take nearly all."""
    dice, keen = story.dice, sorted(here, key=lambda person: -person.keen)
    plan: Plan = []
    for number, person in enumerate(keen[:16]):
        treat, at = Treat(person), story.span.day(24) + timedelta(hours=15 * number)
        address = f"{dice.choice(STREETS)}, {person.profile['attributes'].get('city', 'Madrid')}"
        plan += [(at, treat.take("mug", variant="terracotta", address=address)), *_sent(treat, at, dice)]
    last = story.span.end - timedelta(minutes=50)
    return [*plan, (last, _count_shelf("mug", "terracotta"))]


def _today(story: Story, here: list[Person]) -> Plan:
    """Still to be packed, one with a wrong address, one already late; and two who are just making up their minds."""
    end = story.span.end
    plan: Plan = []
    ready = [person for person in sorted(here, key=lambda one: -one.keen) if person.joined]
    for number, person in enumerate(ready[16:25]):
        treat, at = Treat(person), end - timedelta(hours=3 + 7 * number)
        is_wrong = number in UNCLEAR
        address = "Villarriba" if is_wrong else f"{STREETS[number % len(STREETS)]}, Madrid"
        plan.append((at, treat.take("mug", variant=("white", "blue")[number % 2], address=address)))
        if is_wrong:
            plan.append((at + timedelta(hours=1), treat.then(_problem("The address is not complete"))))
        if number > SENT_TODAY:
            sent = _step("sent", Actor("staff", PACKERS[0]), carrier="SEUR", tracking=f"SEUR{number:09d}")
            plan.append((end - timedelta(hours=2), treat.then(sent)))
    for number, person in enumerate(ready[25:29]):
        treat = Treat(person)
        plan.append((end - timedelta(minutes=90 + number), treat.take("flat-white")))
        if number % 2:
            plan.append((end - timedelta(minutes=60), treat.then(_step("ready", Actor("staff", PACKERS[0])))))
    for number, person in enumerate(ready[29:32]):
        code = ("five-off", "cinema", "five-off")[number]
        plan.append((end - timedelta(minutes=4 * number + 1), Treat(person).take(code, reserve=True)))
    return plan


def _load_codes(code: str, number: int, dice: Random) -> Deed:
    """The manager uploads the file of the cinema, in which two codes stand twice."""
    sold = sorted({f"AUR-{dice.randrange(16**8):08X}" for _ in range(number)})
    text = "\n".join(["code", *sold, *sold[:2]])

    def deed(play: Play, at: datetime) -> None:
        reward = Reward.objects.get(program=play.setting.program, code=code)
        with clock.pinned(at):
            job = vouchers.start(reward, text.encode(), name="cine-aurora.csv", by=MANAGER, at=at)
            claimed = jobs.claim_row(job, at=at)
            assert claimed is not None
            jobs.carry_out(claimed, vouchers.upload, at=at)

    return deed


def _count_shelf(code: str, variant: str) -> Deed:
    """The manager counts, and enters what is really there."""

    def deed(play: Play, at: datetime) -> None:
        row = Stock.objects.get(reward__program=play.setting.program, reward__code=code, code=variant)
        if row.left is not None and row.left > LEFT_OVER:
            counted = row.reserved + row.used + LEFT_OVER
            stock.set_loaded(row, counted, by=MANAGER, at=at, note="Counted: some were cracked")

    return deed


def _step(step: str, actor: Actor, *, carrier: str = "", tracking: str = "") -> Change:
    def change(row: Redemption, at: datetime) -> None:
        row.refresh_from_db(fields=["state"])
        if row.state == Redemption.State.CONFIRMED:
            fulfilment.advance(row, step, at=at, actor=actor, carrier=carrier, tracking=tracking)

    return change


def _problem(words: str) -> Change:
    return lambda row, at: fulfilment.set_problem(row, words, at=at, actor=Actor("staff", PACKERS[1]))


def _cancel(reason: str) -> Change:
    return lambda row, at: redemption.cancel(row, at=at, actor=Actor("staff", "marta"), reason=reason)


def _refund(reason: str) -> Change:
    return lambda row, at: redemption.refund(row, at=at, actor=Actor("staff", "ivan"), reason=reason)


def _use(row: Redemption, at: datetime) -> None:
    redemption.use(row, at=at, actor=AT_TILL)


def _spend_half(row: Redemption, at: datetime) -> None:
    if row.remaining is not None:
        redemption.use(row, at=at, actor=AT_TILL, amount=row.remaining / 2)
