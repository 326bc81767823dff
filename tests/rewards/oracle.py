"""Rewards as one would do them by hand, without a database: what is left, who has what, and how many points.

It knows nothing of when anything is booked: whatever has run out by now has run out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

RESERVED_FOR = timedelta(minutes=15)


class Refused(Exception):
    """With the code of the error."""


@dataclass
class Shelf:
    """One reward: what it costs, and how many there are in all, those taken included."""

    cost: int
    loaded: int
    is_pool: bool = False
    value: int | None = None  # of a gift value
    lasts: timedelta | None = None  # from the confirmation, when it is not used


@dataclass
class Taken:
    who: int
    shelf: Shelf
    until: datetime | None = None
    state: str = "reserved"
    ends: datetime | None = None
    rest: int | None = None
    back: int = 0
    restocked: bool = False


@dataclass
class Oracle:
    points: list[int]
    shelves: list[Shelf]
    now: datetime
    taken: list[Taken] = field(default_factory=list)

    def settle(self) -> None:
        """What time has decided."""
        for one in self.taken:
            if one.state == "reserved" and one.until is not None and one.until <= self.now:
                self._over(one, "lapsed")
            elif one.state == "confirmed" and one.ends is not None and one.ends <= self.now:
                one.state = "expired"

    def left(self, shelf: Shelf) -> int:
        gone = [one for one in self.taken if one.shelf is shelf and one.state not in ("cancelled", "lapsed")]
        return shelf.loaded - len([one for one in gone if not one.restocked])

    def reserve(self, who: int, shelf: Shelf) -> Taken:
        if self.left(shelf) < 1:
            raise Refused("sold_out")
        if self.points[who] < shelf.cost:
            raise Refused("insufficient_points")
        self.points[who] -= shelf.cost
        self.taken.append(Taken(who, shelf, self.now + RESERVED_FOR))
        return self.taken[-1]

    def redeem(self, who: int, shelf: Shelf, ends: datetime | None) -> Taken:
        made = self.reserve(who, shelf)
        self.confirm(made, ends)
        return made

    def confirm(self, one: Taken, ends: datetime | None) -> None:
        if one.state in ("confirmed", "expired", "fulfilled"):
            return
        if one.state == "lapsed":
            raise Refused("reservation_lapsed")
        if one.state != "reserved":
            raise Refused("redemption_state")
        one.state, one.ends, one.rest = "confirmed", ends, one.shelf.value

    def cancel(self, one: Taken) -> None:
        if one.state in ("cancelled", "lapsed"):
            return
        if one.state == "expired":
            raise Refused("redemption_expired")
        if one.state == "fulfilled" or (one.state == "confirmed" and one.rest != one.shelf.value):
            raise Refused("already_used")
        if one.state == "refunded":
            raise Refused("redemption_state")
        if one.shelf.is_pool and one.state == "confirmed":
            one.shelf.loaded -= 1
        self._over(one, "cancelled")

    def replace(self, one: Taken) -> None:
        """Another code, out of a pool one that is left: the pool has one less."""
        if one.state != "confirmed":
            raise Refused("redemption_state")
        if one.shelf.is_pool:
            if self.left(one.shelf) < 1:
                raise Refused("sold_out")
            one.shelf.loaded -= 1

    def use(self, one: Taken, amount: int) -> None:
        if one.state == "fulfilled":
            raise Refused("already_used")
        if one.state == "expired":
            raise Refused("redemption_expired")
        if one.state != "confirmed":
            raise Refused("redemption_state")
        if one.rest is not None:
            if amount > one.rest:
                raise Refused("not_enough_value")
            one.rest -= amount
        if not one.rest:
            one.state = "fulfilled"

    def refund(self, one: Taken, restock: bool) -> None:
        if one.state == "refunded":
            return
        partly = one.state == "confirmed" and one.rest != one.shelf.value
        if one.state != "fulfilled" and not partly:
            raise Refused("redemption_state")
        back = one.shelf.cost
        if one.rest and one.shelf.value:
            back = one.shelf.cost * one.rest // one.shelf.value
        one.restocked = restock and not one.shelf.is_pool
        one.state = "refunded"
        self._give(one, back)

    def restock(self, shelf: Shelf, loaded: int) -> None:
        if loaded < shelf.loaded - self.left(shelf):
            raise Refused("stock_below_issued")
        shelf.loaded = loaded

    def _over(self, one: Taken, state: str) -> None:
        one.state = state
        self._give(one, one.shelf.cost)

    def _give(self, one: Taken, points: int) -> None:
        one.back = points
        self.points[one.who] += points
