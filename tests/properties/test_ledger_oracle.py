"""Random lives of two members, act by act against the oracle, with every sum of the books checked after each act."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty.base.errors import LaurelError
from loyalty.ledger import holds, ledger, proof
from loyalty.ledger.activation import activate_wallets
from loyalty.ledger.balances import Balance, balances_as_of, balances_now
from loyalty.ledger.books import Books
from loyalty.ledger.expiry import expire_wallets
from loyalty.ledger.models import Entry, Hold, Lot, Transaction, Wallet
from loyalty.outbox.models import Fact
from tests.examples import examples
from tests.ledger.characters import NOON, OLGA, TILL, a_member, a_point_type, a_program
from tests.ledger.oracle import Account, Oracle, Refused

pytestmark = pytest.mark.django_db
codes = (f"life-{number}" for number in itertools.count())

KINDS = (
    ["earn"] * 4
    + ["redeem", "reverse", "wait"] * 2
    + ["late", "refund", "adjust", "transfer", "expire", "edge"]
    + ["hold"] * 3
    + ["capture", "release", "sweep"]
)

acts = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 1),  # whose
    st.integers(1, 60),  # how many points, or hours
    st.integers(0, 5),  # which earlier act
)
settings_of_program = st.fixed_dictionaries(
    {
        "wait_days": st.sampled_from([0, 0, 2]),
        "lasting_days": st.sampled_from([None, 3, 6]),
        "by_inactivity": st.booleans(),
        "grace_days": st.sampled_from([0, 2]),
        "policy": st.sampled_from(["only_pending", "within_balance", "unlimited"]),
    }
)


class Life:
    """The same story told to the ledger and to the oracle."""

    def __init__(self, terms: dict[str, Any]) -> None:
        self.oracle = Oracle(**terms)
        self.now = NOON
        self.program = a_program(
            next(codes), refund_grace_days=terms["grace_days"], debt_policy=terms["policy"]
        )
        self.points = a_point_type(self.program, **_expiry(terms), **_pending(terms))
        self.members = [a_member(self.program, "Ada"), a_member(self.program, "Ben")]
        self.accounts = [Account(), Account()]
        self.gifts: list[list[UUID]] = [[], []]
        self.purchases: list[list[UUID]] = [[], []]
        self.holds: list[list[int]] = [[], []]  # which of the purchases began as reservations
        self.answers: list[tuple[datetime, list[list[Balance]]]] = []

    def step(self, act: str, who: int, number: int, which: int) -> None:
        getattr(self, act)(who, number, which)
        if act not in ("wait", "edge"):
            self.pass_time(timedelta(seconds=1))
            self.answers.append((self.now, [balances_now(member.pk, at=self.now) for member in self.members]))
            self.pass_time(timedelta(seconds=1))
        self.check()

    def pass_time(self, for_: timedelta) -> None:
        self.now += for_
        self.oracle.tick(self.accounts, self.now)

    def both(self, model: Callable[[], Any], real: Callable[[], Any]) -> tuple[Any, Any]:
        """Run both; what the oracle refuses must be refused with the same code, and leave every row as it was."""
        try:
            expected = model()
        except Refused as refused:
            code = str(refused)
        else:
            return expected, real()
        before = self.rows()
        with pytest.raises(LaurelError) as error:
            real()
        assert error.value.code == code
        assert self.rows() == before
        return None, None

    # --- acts ---

    def earn(self, who: int, points: int, _which: int, *, late: int = 0) -> None:
        when = self.now - timedelta(hours=late)
        self.oracle.earn(self.accounts[who], points, when, self.now)
        books = Books.open([(self.members[who].pk, self.points)])
        posted = books.earn(
            self.members[who].pk, self.points, points, occurred_at=when, recorded_at=self.now, actor=TILL
        )
        books.write()
        self.gifts[who].append(posted.id)

    def late(self, who: int, points: int, which: int) -> None:
        self.earn(who, points, which, late=which * 20)

    def redeem(self, who: int, points: int, _which: int) -> None:
        _, done = self.both(
            lambda: self.oracle.redeem(self.accounts[who], points, self.now),
            lambda: ledger.redeem(self.members[who], self.points, points, at=self.now, actor=TILL),
        )
        if done:
            self.purchases[who].append(done.pk)

    def hold(self, who: int, points: int, which: int) -> None:
        lapses_at = self.now + timedelta(hours=which * which, minutes=1)
        _, done = self.both(
            lambda: self.oracle.redeem(self.accounts[who], points, self.now, lapses_at),
            lambda: ledger.hold(
                self.members[who], self.points, points, lapses_at=lapses_at, at=self.now, actor=TILL
            ),
        )
        if done:
            self.holds[who].append(len(self.purchases[who]))
            self.purchases[who].append(done.pk)

    def capture(self, who: int, _points: int, which: int) -> None:
        if not self.holds[who]:
            return
        number = self.holds[who][which % len(self.holds[who])]
        reservation = Transaction.objects.get(pk=self.purchases[who][number])
        self.both(
            lambda: self.oracle.capture(self.accounts[who].purchases[number]),
            lambda: ledger.capture(reservation, at=self.now),
        )

    def release(self, who: int, _points: int, which: int) -> None:
        if not self.holds[who]:
            return
        number = self.holds[who][which % len(self.holds[who])]
        reservation = Transaction.objects.get(pk=self.purchases[who][number])
        expected, done = self.both(
            lambda: self.oracle.release(self.accounts[who], self.accounts[who].purchases[number], self.now),
            lambda: ledger.release(reservation, at=self.now, actor=TILL),
        )
        assert bool(done) == bool(expected)

    def sweep(self, _who: int, _points: int, _which: int) -> None:
        holds.sweep(self.now)

    def refund(self, who: int, points: int, which: int) -> None:
        if not self.purchases[who]:
            return
        which %= len(self.purchases[who])
        redemption = Transaction.objects.get(pk=self.purchases[who][which])
        self.both(
            lambda: self.oracle.refund(
                self.accounts[who], self.accounts[who].purchases[which], points, self.now
            ),
            lambda: ledger.refund(redemption, points=points, at=self.now, actor=TILL),
        )

    def reverse(self, who: int, points: int, which: int) -> None:
        if not self.gifts[who]:
            return
        which %= len(self.gifts[who])
        original = Transaction.objects.get(pk=self.gifts[who][which])
        expected, done = self.both(
            lambda: self.oracle.reverse(
                self.accounts[who], self.accounts[who].gifts[which], points, self.now
            ),
            lambda: ledger.reverse_transaction(original, points=points, at=self.now, actor=TILL),
        )
        if done:
            got = {
                "taken": -done.amount,
                "already_expired": done.already_expired,
                "forgiven": done.forgiven,
            }
            assert got == expected

    def adjust(self, who: int, points: int, which: int) -> None:
        signed, allow_debt = points if which < 2 else -points, which == 2
        _, done = self.both(
            lambda: self.oracle.adjust(self.accounts[who], signed, self.now, allow_debt=allow_debt),
            lambda: ledger.adjust(
                self.members[who], self.points, signed,
                at=self.now, actor=OLGA, reason_code="goodwill", allow_debt=allow_debt,
            ),
        )  # fmt: skip
        if done and signed > 0:
            self.gifts[who].append(done.pk)

    def transfer(self, who: int, points: int, _which: int) -> None:
        self.both(
            lambda: self.oracle.transfer(self.accounts[who], self.accounts[1 - who], points, self.now),
            lambda: ledger.transfer(
                self.members[who], self.members[1 - who], self.points, points, at=self.now, actor=TILL
            ),
        )

    def expire(self, who: int, _points: int, _which: int) -> None:
        self.oracle.expire(self.accounts[who], self.now)
        wallets = [wallet.pk for wallet in Wallet.objects.filter(member=self.members[who])]
        activate_wallets(wallets, at=self.now)
        expire_wallets(wallets, at=self.now)

    def wait(self, _who: int, hours: int, _which: int) -> None:
        self.pass_time(timedelta(hours=hours))

    def edge(self, who: int, _hours: int, which: int) -> None:
        """To the last millisecond before, or to the very instant at which something lapses or begins."""
        ends = [pot.end for pot in self.accounts[who].pots if pot.end and pot.end > self.now]
        starts = [pot.start for pot in self.accounts[who].pots if pot.start > self.now]
        lapses = [one.lapse for one in self.accounts[who].purchases if one.lapse]
        if coming := sorted(ends + starts + lapses):
            early = timedelta(milliseconds=which % 2)
            there = coming[which % len(coming)].astimezone(self.now.tzinfo) - early
            self.pass_time(max(there - self.now, timedelta(0)))

    # --- what must hold ---

    def rows(self) -> Any:
        return [
            list(model.objects.filter(program=self.program).order_by("pk").values_list())
            for model in (Wallet, Lot, Hold, Transaction, Entry, Fact)
        ]

    def check(self) -> None:
        for member, account in zip(self.members, self.accounts, strict=True):
            [balance] = balances_now(member.pk, at=self.now)
            usable = account.active(self.now)
            assert (balance.active, balance.held) == (usable + account.held(), account.held())
            assert (balance.pending, balance.available) == (
                account.pending(self.now),
                usable - account.debt,
            )
            assert (balance.debt, balance.lifetime) == (account.debt, account.lifetime)
            assert balance.expiring == account.expiring(self.now)
        self.check_lots_and_wallets()
        self.check_transactions()

    def check_lots_and_wallets(self) -> None:
        wallets = {wallet.pk: wallet for wallet in Wallet.objects.filter(program=self.program)}
        lots = {lot.pk: lot for lot in Lot.objects.filter(program=self.program)}
        sums = dict.fromkeys([*wallets, *lots], 0)
        owed = dict.fromkeys(wallets, 0)
        for entry in Entry.objects.filter(program=self.program).order_by("id"):
            sums[entry.wallet_id] += entry.amount
            assert entry.balance_after == sums[entry.wallet_id]
            if entry.lot_id is None:
                owed[entry.wallet_id] -= entry.amount
                continue
            sums[entry.lot_id] += entry.amount
            assert entry.lot_after == sums[entry.lot_id]
        for lot in lots.values():
            assert 0 <= lot.remaining == sums[lot.pk] <= lot.amount
        for wallet in wallets.values():
            in_lots = sum(lot.remaining for lot in lots.values() if lot.wallet_id == wallet.pk)
            assert wallet.debt == owed[wallet.pk]
            assert wallet.balance == sums[wallet.pk] == in_lots - wallet.debt

    def check_transactions(self) -> None:
        done = Transaction.objects.filter(program=self.program).annotate(booked=Sum("entries__amount"))
        by_id = {one.pk: one for one in done}
        undone = dict.fromkeys(by_id, 0)
        for one in by_id.values():
            assert one.amount == one.booked
            if one.reverses_id:
                undone[one.reverses_id] += abs(one.amount) + one.forgiven + one.already_expired
        for key, points in undone.items():
            assert points <= abs(by_id[key].amount)
        told = Fact.objects.filter(program=self.program)
        assert told.exclude(type="points.captured").count() == len(by_id)

    def check_answers(self) -> None:
        """What was answered in the course of the story is what is answered about that moment at its end."""
        for at, then in self.answers:
            for member, answer in zip(self.members, then, strict=True):
                assert balances_as_of(member.pk, at=at) == answer


def _expiry(terms: dict[str, Any]) -> dict[str, Any]:
    if terms["lasting_days"] is None:
        return {}
    kind = "inactivity" if terms["by_inactivity"] else "rolling"
    return {"expiry_kind": kind, "expiry_count": terms["lasting_days"], "expiry_unit": "days"}


def _pending(terms: dict[str, Any]) -> dict[str, Any]:
    return {"pending_kind": "days", "pending_days": terms["wait_days"]} if terms["wait_days"] else {}


# Points lapse, and before that is booked an event of the day before arrives: it keeps them alive.
REVIVED = [
    ("adjust", 0, 28, 0), ("adjust", 1, 19, 0), ("edge", 0, 1, 0), ("earn", 1, 8, 0), ("earn", 0, 28, 0),
    ("hold", 0, 21, 0), ("late", 0, 48, 3), ("earn", 0, 34, 0), ("edge", 0, 1, 0), ("late", 0, 5, 2),
]  # fmt: skip


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(settings_of_program, st.lists(acts, min_size=5, max_size=40))
@example(
    {"wait_days": 0, "lasting_days": 6, "by_inactivity": True, "grace_days": 0, "policy": "only_pending"},
    REVIVED,
)
def test_any_life_of_two_members_ends_as_the_documentation_says(
    terms: dict[str, Any], story: list[tuple[str, int, int, int]]
) -> None:
    life = Life(terms)
    for act in story:
        life.step(*act)
    life.check_answers()
    assert proof.verify(program=life.program, at=life.now).breaches == []
