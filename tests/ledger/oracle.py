"""A second, deliberately simple-minded ledger: it moves one point at a time over a list of lots, and shares no code
with the product. What both agree on after thousands of random acts is what the documentation says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Madrid")  # where midnight always exists, once


@dataclass(eq=False)
class Pot:
    number: int
    left: int
    earned: datetime
    start: datetime
    end: datetime | None
    expired: int = 0

    def alive(self, now: datetime) -> bool:
        return self.end is None or now < self.end

    def usable(self, now: datetime) -> bool:
        return self.left > 0 and self.alive(now) and self.start <= now


@dataclass(eq=False)
class Gift:
    amount: int
    pot: Pot
    asked: int = 0
    counted_as_expired: int = 0


@dataclass(eq=False)
class Purchase:
    amount: int
    points: list[Pot]  # one item for each point, in the order of taking
    back: int = 0
    lapse: datetime | None = None  # while it is only a reservation


@dataclass
class Account:
    pots: list[Pot] = field(default_factory=list)
    debt: int = 0
    debts: list[datetime] = field(default_factory=list)  # when each point ever owed was taken on
    lifetime: int = 0
    last: datetime | None = None
    gifts: list[Gift] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)

    def active(self, now: datetime) -> int:
        return sum(pot.left for pot in self.pots if pot.usable(now))

    def pending(self, now: datetime) -> int:
        return sum(pot.left for pot in self.pots if pot.alive(now) and pot.start > now)

    def held(self) -> int:
        return sum(purchase.amount for purchase in self.purchases if purchase.lapse)

    def expiring(self, now: datetime) -> list[tuple[datetime, int]]:
        found: dict[datetime, int] = {}
        for pot in self.pots:
            if pot.left and pot.end and pot.alive(now):
                found[pot.end] = found.get(pot.end, 0) + pot.left
        return sorted(found.items())


class Refused(Exception):
    """With the code that the ledger must give."""


@dataclass
class Oracle:
    wait_days: int
    lasting_days: int | None
    by_inactivity: bool
    grace_days: int
    policy: str
    pots_made: int = 0

    # --- dates ---
    def end(self, account: Account, start: datetime) -> datetime | None:
        if self.lasting_days is None:
            return None
        if self.by_inactivity and account.last:
            start = max(start, account.last)
        return _midnight(start, self.lasting_days + 1)

    def _active_at(self, account: Account, when: datetime, just_used: Iterable[Pot] = ()) -> None:
        account.last = when if account.last is None else max(account.last, when)
        for pot in account.pots if self.by_inactivity else ():
            if (pot.left or pot in just_used) and pot.end and when < pot.end:
                later = self.end(account, pot.start)
                assert later
                pot.end = max(pot.end, later)

    def _pot(self, account: Account, earned: datetime, start: datetime, end: datetime | None) -> Pot:
        self.pots_made += 1
        pot = Pot(self.pots_made, 0, earned, start, end)
        account.pots.append(pot)
        return pot

    def _owe(self, account: Account, now: datetime) -> None:
        account.debt += 1
        account.debts = sorted([*account.debts, now])

    def _pay_debt(self, account: Account, pot: Pot) -> None:
        """The oldest point first, and none that was taken on when the pot had lapsed already."""
        while account.debt and pot.left and pot.alive(account.debts[-account.debt]):
            account.debt -= 1
            pot.left -= 1

    # --- acts ---
    def earn(self, account: Account, points: int, when: datetime, now: datetime) -> None:
        self._active_at(account, when)
        start = _midnight(when, self.wait_days) if self.wait_days else when
        self._give(account, self._pot(account, when, start, self.end(account, start)), points, now)

    def _give(self, account: Account, pot: Pot, points: int, now: datetime) -> None:
        pot.left = points
        account.lifetime += points
        account.gifts.append(Gift(points, pot))
        self._pay_debt(account, pot)

    def redeem(self, account: Account, points: int, now: datetime, lapse: datetime | None = None) -> None:
        used = self._spend(account, points, now)
        account.purchases.append(Purchase(points, used, lapse=lapse))
        self._active_at(account, now, used)

    def tick(self, accounts: Iterable[Account], now: datetime) -> None:
        """The clock has reached `now`: what lapses by then has come back at its own instant."""
        for account in accounts:
            due = [one for one in account.purchases if one.lapse and one.lapse <= now]
            for purchase in sorted(due, key=lambda one: one.lapse or now):
                assert purchase.lapse
                self._come_back(account, purchase, purchase.amount, purchase.lapse)
                purchase.lapse = None

    def capture(self, purchase: Purchase) -> None:
        if purchase.lapse is None and purchase.back:
            raise Refused("hold_lapsed")
        purchase.lapse = None

    def release(self, account: Account, purchase: Purchase, now: datetime) -> bool:
        """Whether that was still to be done."""
        if purchase.lapse is None and not purchase.back:
            raise Refused("hold_captured")
        if purchase.lapse is None:
            return False
        purchase.lapse = None
        self._come_back(account, purchase, purchase.amount, now)
        return True

    def _spend(self, account: Account, points: int, now: datetime, *, into_debt: bool = False) -> list[Pot]:
        if not into_debt and account.active(now) - account.debt < points:
            raise Refused("insufficient_points")
        used = []
        for _ in range(points):
            usable = [pot for pot in account.pots if pot.usable(now)]
            if usable:
                used.append(_first(usable))
                used[-1].left -= 1
            else:
                self._owe(account, now)
        return used

    def refund(self, account: Account, purchase: Purchase, points: int, now: datetime) -> None:
        if purchase.back >= purchase.amount:
            raise Refused("nothing_to_refund")
        if points > purchase.amount - purchase.back:
            raise Refused("exceeds_original")
        if purchase.lapse and points < purchase.amount:
            raise Refused("hold_open")
        purchase.lapse = None
        self._come_back(account, purchase, points, now)

    def _come_back(self, account: Account, purchase: Purchase, points: int, now: datetime) -> None:
        replaced: dict[Pot, Pot] = {}
        for _ in range(points):
            purchase.back += 1
            pot = purchase.points[-purchase.back]
            if not pot.alive(now):
                if pot not in replaced:
                    replaced[pot] = self._pot(account, pot.earned, now, _midnight(now, self.grace_days + 1))
                pot = replaced[pot]
            pot.left += 1

    def adjust(self, account: Account, points: int, now: datetime, *, allow_debt: bool) -> None:
        if points > 0:
            self._give(account, self._pot(account, now, now, self.end(account, now)), points, now)
        else:
            self._spend(account, -points, now, into_debt=allow_debt)

    def transfer(self, giver: Account, receiver: Account, points: int, now: datetime) -> None:
        used = self._spend(giver, points, now)
        for pot in dict.fromkeys(used):
            moved = self._pot(receiver, pot.earned, pot.start, pot.end)
            moved.left = used.count(pot)
        for pot in receiver.pots[len(receiver.pots) - len(set(used)) :]:
            self._pay_debt(receiver, pot)

    def reverse(self, account: Account, gift: Gift, points: int, now: datetime) -> dict[str, int]:
        if gift.asked >= gift.amount:
            raise Refused("already_reversed")
        if points > gift.amount - gift.asked:
            raise Refused("exceeds_original")
        outcome = {"taken": 0, "already_expired": 0, "forgiven": 0}
        for _ in range(points):
            outcome[self._reverse_one(account, gift, now)] += 1
        gift.asked += points
        account.lifetime -= points
        return outcome

    def _reverse_one(self, account: Account, gift: Gift, now: datetime) -> str:
        pot, only_pending = gift.pot, self.policy == "only_pending"
        if pot.left and pot.alive(now) and (pot.start > now or not only_pending):
            pot.left -= 1
            return "taken"
        if pot.expired + (0 if pot.alive(now) else pot.left) > gift.counted_as_expired:
            gift.counted_as_expired += 1
            return "already_expired"
        if only_pending:
            return "forgiven"
        alive = [one for one in account.pots if one.left and one.alive(now)]
        others = [one for one in alive if one is not pot]
        if self.policy == "within_balance" and (not others or sum(p.left for p in alive) <= account.debt):
            return "forgiven"
        if others:
            _first([one for one in others if one.start <= now] or others).left -= 1
        else:
            self._owe(account, now)
        return "taken"

    def expire(self, account: Account, now: datetime) -> None:
        for pot in account.pots:
            if not pot.alive(now):
                pot.expired += pot.left
                pot.left = 0


def _first(pots: list[Pot]) -> Pot:
    never = datetime.max.replace(tzinfo=ZONE)

    def key(pot: Pot) -> Any:
        return (pot.end is None, pot.end or never, pot.earned, pot.number)

    return min(pots, key=key)


def _midnight(at: datetime, days: int) -> datetime:
    return datetime.combine(at.astimezone(ZONE).date() + timedelta(days=days), time(), tzinfo=ZONE)
