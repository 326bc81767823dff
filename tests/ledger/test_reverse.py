"""Taking earned points back: whose points go first, what policy forgives, and what becomes debt."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from loyalty.base.ids import uuid7
from loyalty.ledger import ledger
from loyalty.ledger.books import Books, Posted, Reversal
from loyalty.ledger.errors import AlreadyReversed, AmountOutOfRange, ExceedsOriginal, NotReversible
from loyalty.ledger.expiry import expire_wallets
from loyalty.ledger.models import Lot, Transaction, Wallet
from loyalty.ledger.reversing import OWN_LOTS
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.ledger.bookings import earned, redeemed
from tests.ledger.characters import NOON, OLGA, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def points() -> PointType:
    return a_point_type(a_program())


@pytest.fixture
def ada(points: PointType) -> Member:
    return a_member(points.program)


def reverse(
    member: Member,
    points: PointType,
    units: int,
    originals: list[Posted],
    *,
    policy: str | None = None,
    days: int = 0,
    event_id: UUID | None = None,
) -> Reversal:
    with transaction.atomic():
        books = Books.open([(member.pk, points)], with_lots="all")
        books.load_originals(one.id for one in originals)
        reversal = books.reverse(
            member.pk, points, units,
            originals=[books.original(one.id) for one in originals],
            policy=policy, at=NOON + days * DAY, actor=TILL, event_id=event_id,
        )  # fmt: skip
        books.write()
    return reversal


def parts(reversal: Reversal) -> tuple[int, int, int, int]:
    """taken, of which debt, already expired, forgiven"""
    return reversal.taken, reversal.debt, reversal.already_expired, reversal.forgiven


def remaining() -> list[int]:
    return list(Lot.objects.order_by("id").values_list("remaining", flat=True))


def test_a_return_of_everything_nets_to_zero(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    assert parts(reverse(ada, points, 30, [award])) == (30, 0, 0, 0)
    assert parts(reverse(ada, points, 70, [award])) == (70, 0, 0, 0)
    wallet = Wallet.objects.get()
    assert (wallet.balance, wallet.debt, wallet.lifetime) == (0, 0, 0)


def test_the_points_of_the_order_itself_go_first(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON, expires_at=NOON + 2 * DAY)
    award = earned(ada, points, 100, NOON)
    reverse(ada, points, 60, [award])
    assert remaining() == [100, 40]


@pytest.mark.parametrize(
    ("policy", "outcome", "left"),
    [
        ("unlimited", (100, 30, 0, 0), [0, 0, 0]),
        ("within_balance", (70, 0, 0, 30), [0, 0, 0]),
        ("only_pending", (0, 0, 0, 100), [20, 20, 30]),
        (OWN_LOTS, (20, 0, 0, 80), [0, 20, 30]),
    ],
)
def test_what_is_spent_comes_from_elsewhere_as_policy_says(
    ada: Member, points: PointType, policy: str, outcome: tuple[int, int, int, int], left: list[int]
) -> None:
    award = earned(ada, points, 100, NOON)
    redeemed(ada, points, 80, NOON)
    earned(ada, points, 20, NOON)
    earned(ada, points, 30, NOON, available_at=NOON + 9 * DAY)
    assert parts(reverse(ada, points, 100, [award], policy=policy)) == outcome
    assert remaining() == left
    assert Wallet.objects.get().lifetime == 50


def test_only_pending_takes_what_is_still_pending_at_that_moment(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON, available_at=NOON + 2 * DAY)
    assert parts(reverse(ada, points, 40, [award], policy="only_pending", days=1)) == (40, 0, 0, 0)
    assert parts(reverse(ada, points, 60, [award], policy="only_pending", days=2)) == (0, 0, 0, 60)


def test_a_pending_lot_that_a_return_empties_has_nothing_to_become_available(
    ada: Member, points: PointType
) -> None:
    award = earned(ada, points, 100, NOON, available_at=NOON + 2 * DAY)
    assert Lot.objects.get().is_pending
    reverse(ada, points, 100, [award])
    assert not Lot.objects.get().is_pending


@pytest.mark.parametrize("booked", [True, False])
def test_points_that_lapsed_are_not_taken_a_second_time(ada: Member, points: PointType, booked: bool) -> None:
    award = earned(ada, points, 100, NOON, expires_at=NOON + DAY)
    redeemed(ada, points, 40, NOON)
    earned(ada, points, 500, NOON)
    wallet = Wallet.objects.get()
    if booked:
        expire_wallets([wallet.pk], at=NOON + DAY)
    assert parts(reverse(ada, points, 70, [award], days=1)) == (10, 0, 60, 0)
    expire_wallets([wallet.pk], at=NOON + DAY)
    assert parts(reverse(ada, points, 30, [award], days=1)) == (30, 0, 0, 0)
    wallet.refresh_from_db()
    assert wallet.balance == 460


def test_a_reversal_that_moves_nothing_is_recorded(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON, expires_at=NOON + DAY)
    [posted] = reverse(ada, points, 100, [award], days=1).posted
    row = Transaction.objects.get(pk=posted.id)
    assert (row.amount, row.already_expired, row.reverses_id) == (0, 100, award.id)
    assert list(row.entries.values_list("amount", "balance_after")) == [(0, 100)]


def test_the_latest_of_several_originals_goes_first(ada: Member, points: PointType) -> None:
    first = earned(ada, points, 100, NOON)
    second = earned(ada, points, 50, NOON + DAY, kind="correct")
    reversal = reverse(ada, points, 70, [first, second], days=2)
    assert [posted.amount for posted in reversal.posted] == [-50, -20]
    assert remaining() == [80, 0]


def test_no_more_than_the_original_can_ever_be_taken(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    reverse(ada, points, 60, [award])
    with pytest.raises(ExceedsOriginal) as error:
        reverse(ada, points, 41, [award])
    assert error.value.extra == {"asked": 41, "left": 40}
    reverse(ada, points, 40, [award, award])
    with pytest.raises(AlreadyReversed):
        reverse(ada, points, 1, [award])


def test_forgiven_points_count_as_taken_back(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    redeemed(ada, points, 100, NOON)
    reverse(ada, points, 100, [award], policy="within_balance")
    earned(ada, points, 500, NOON)
    with pytest.raises(AlreadyReversed):
        reverse(ada, points, 1, [award])


def test_debt_is_repaid_by_the_next_award(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    redeemed(ada, points, 100, NOON)
    reverse(ada, points, 100, [award], policy="unlimited")
    posted = earned(ada, points, 30, NOON)
    assert posted.debt_change == -30
    wallet = Wallet.objects.get()
    assert (wallet.balance, wallet.debt) == (-70, 70)
    earned(ada, points, 100, NOON)
    wallet.refresh_from_db()
    assert (wallet.balance, wallet.debt) == (30, 0)
    assert remaining() == [0, 0, 30]


@pytest.mark.parametrize(("earned_on", "owed"), [(-500, 30), (-50, 0)])
def test_late_news_repays_only_what_was_owed_while_its_points_counted(
    ada: Member, points: PointType, earned_on: int, owed: int
) -> None:
    """Points that last 90 days; the debt is from today, and both orders are told of a year from now."""
    points.expiry_kind, points.expiry_count, points.expiry_unit = "rolling", 90, "days"
    points.save()
    reverse(ada, points, 30, [], policy="unlimited")
    earned(ada, points, 100, NOON + earned_on * DAY, recorded_at=NOON + 365 * DAY)
    assert Wallet.objects.get().debt == owed


def test_late_news_sees_debt_that_the_same_books_took_on(ada: Member, points: PointType) -> None:
    points.expiry_kind, points.expiry_count, points.expiry_unit = "rolling", 90, "days"
    points.save()
    year_on = NOON + 365 * DAY
    with transaction.atomic():
        books = Books.open([(ada.pk, points)], with_lots="all")
        books.reverse(ada.pk, points, 10, policy="unlimited", at=NOON, recorded_at=year_on, actor=TILL)
        books.reverse(
            ada.pk, points, 5, policy="unlimited", at=NOON + 91 * DAY, recorded_at=year_on, actor=TILL
        )
        books.earn(ada.pk, points, 100, occurred_at=NOON, recorded_at=year_on, actor=TILL)
        books.write()
    assert Wallet.objects.get().debt == 5


def test_within_the_balance_never_goes_below_zero_even_beside_debt(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON)
    purchase = Transaction.objects.get(pk=redeemed(ada, points, 100, NOON).id)
    ledger.adjust(ada, points, -60, at=NOON, actor=OLGA, reason_code="abuse", allow_debt=True)
    ledger.refund(purchase, points=80, at=NOON, actor=TILL)  # does not repay the debt
    assert parts(reverse(ada, points, 50, [], policy="within_balance")) == (20, 0, 0, 30)
    wallet = Wallet.objects.get()
    assert (wallet.balance, wallet.debt, remaining()) == (0, 60, [60])


def test_within_the_balance_counts_what_the_order_itself_gave_and_what_is_owed(
    ada: Member, points: PointType
) -> None:
    award = earned(ada, points, 100, NOON)
    earned(ada, points, 100, NOON + DAY)
    purchase = ledger.redeem(ada, points, 200, at=NOON + DAY, actor=TILL)
    ledger.adjust(ada, points, -60, at=NOON + DAY, actor=OLGA, reason_code="abuse", allow_debt=True)
    ledger.refund(purchase, points=130, at=NOON + DAY, actor=TILL)
    assert remaining() == [30, 100]  # beside a debt of 60: the balance is 70
    assert parts(reverse(ada, points, 100, [award], policy="within_balance", days=1)) == (70, 0, 0, 30)
    assert remaining() == [0, 60]


def test_active_points_go_before_pending_ones_that_lapse_earlier(ada: Member, points: PointType) -> None:
    earned(ada, points, 20, NOON, available_at=NOON + DAY, expires_at=NOON + 2 * DAY)
    earned(ada, points, 20, NOON)
    reverse(ada, points, 30, [])
    assert remaining() == [10, 0]


def test_a_return_that_names_no_order_follows_policy_alone(ada: Member, points: PointType) -> None:
    earned(ada, points, 50, NOON)
    earned(ada, points, 30, NOON, available_at=NOON + 9 * DAY)
    assert parts(reverse(ada, points, 40, [], policy="only_pending")) == (30, 0, 0, 10)
    assert parts(reverse(ada, points, 70, [], policy="within_balance")) == (50, 0, 0, 20)
    assert parts(reverse(ada, points, 5, [], policy="unlimited")) == (5, 5, 0, 0)


def test_without_a_policy_of_its_own_the_point_type_follows_its_program(
    ada: Member, points: PointType
) -> None:
    award = earned(ada, points, 100, NOON)
    redeemed(ada, points, 100, NOON)
    assert reverse(ada, points, 10, [award]).debt == 10
    points.debt_policy = "within_balance"
    points.save()
    assert reverse(ada, points, 10, [award]).forgiven == 10


def test_what_was_earned_in_the_same_batch_can_be_taken_back_in_it(ada: Member, points: PointType) -> None:
    with transaction.atomic():
        books = Books.open([(ada.pk, points)])
        award = books.earn(ada.pk, points, 100, occurred_at=NOON, recorded_at=NOON, actor=TILL)
        books.load_originals([award.id])
        original = books.original(award.id)
        books.reverse(ada.pk, points, 40, originals=[original], at=NOON, actor=TILL)
        assert books.points_reversible(original) == 60
        books.write()
        books.reverse(ada.pk, points, 60, originals=[original], at=NOON, actor=TILL)
        books.write()
    assert remaining() == [0]
    assert Transaction.objects.count() == 3


def test_one_event_has_its_effect_once(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    event_id = uuid7()
    reverse(ada, points, 10, [award], event_id=event_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        reverse(ada, points, 10, [award], event_id=event_id)
    assert remaining() == [90]


def test_originals_of_another_wallet_are_a_mistake_of_the_caller(ada: Member, points: PointType) -> None:
    ben = a_member(points.program, "Ben")
    award = earned(ada, points, 100, NOON)
    with transaction.atomic():
        books = Books.open([(ada.pk, points), (ben.pk, points)])
        books.load_originals([award.id])
        with pytest.raises(ValueError, match="another wallet"):
            books.reverse(ben.pk, points, 1, originals=[books.original(award.id)], at=NOON, actor=TILL)


def test_a_transaction_is_undone_whole_then_refused(ada: Member, points: PointType) -> None:
    award = Transaction.objects.get(pk=earned(ada, points, 100, NOON, reference="O-1").id)
    ledger.reverse_transaction(award, points=1, at=NOON, actor=OLGA, reason_code="mistake")
    done = ledger.reverse_transaction(award, at=NOON, actor=OLGA, reason_code="mistake")
    assert (done.amount, done.reference, done.reason_code, done.actor) == (-99, "O-1", "mistake", "olga")
    with pytest.raises(AlreadyReversed) as error:
        ledger.reverse_transaction(award, at=NOON, actor=OLGA)
    assert (error.value.code, error.value.status) == ("already_reversed", 409)
    with pytest.raises(AlreadyReversed):
        ledger.reverse_transaction(award, points=1, at=NOON, actor=OLGA)


def test_to_reverse_a_redemption_is_to_give_it_back(ada: Member, points: PointType) -> None:
    earned(ada, points, 100, NOON)
    purchase = Transaction.objects.get(pk=redeemed(ada, points, 60, NOON).id)
    assert ledger.reverse_transaction(purchase, at=NOON, actor=TILL).kind == "refund"
    assert remaining() == [100]


def test_other_kinds_cannot_be_reversed(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    taken_by_hand = ledger.adjust(ada, points, -10, at=NOON, actor=OLGA, reason_code="mistake")
    reversal = Transaction.objects.get(pk=reverse(ada, points, 10, [award]).posted[0].id)
    for one in (taken_by_hand, reversal):
        with pytest.raises(NotReversible):
            ledger.reverse_transaction(one, at=NOON, actor=OLGA)


@pytest.mark.parametrize("units", [0, -5])
def test_a_reversal_is_of_at_least_one_unit(ada: Member, points: PointType, units: int) -> None:
    award = Transaction.objects.get(pk=earned(ada, points, 100, NOON).id)
    with pytest.raises(AmountOutOfRange):
        ledger.reverse_transaction(award, points=units, at=NOON, actor=OLGA)


def test_two_returns_in_one_batch_count_lapsed_points_once(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON, expires_at=NOON + DAY)
    redeemed(ada, points, 40, NOON)
    with transaction.atomic():
        books = Books.open([(ada.pk, points)], with_lots="all")
        books.load_originals([award.id])
        original = books.original(award.id)
        both = [
            books.reverse(ada.pk, points, 50, originals=[original], at=NOON + DAY, actor=TILL)
            for _ in range(2)
        ]
        books.write()
    assert [parts(one) for one in both] == [(0, 0, 50, 0), (40, 40, 10, 0)]


def test_a_return_sees_what_the_same_batch_has_spent(ada: Member, points: PointType) -> None:
    award = earned(ada, points, 100, NOON)
    with transaction.atomic():
        books = Books.open([(ada.pk, points)], with_lots="all")
        books.redeem(ada.pk, points, 70, at=NOON, actor=TILL)
        books.load_originals([award.id])  # after, and from rows that still say 100
        reversal = books.reverse(
            ada.pk,
            points,
            100,
            originals=[books.original(award.id)],
            policy="within_balance",
            at=NOON,
            actor=TILL,
        )
        books.write()
    assert parts(reversal) == (30, 0, 0, 70)
    assert remaining() == [0]
