"""Somebody with all rights on the database changes one row behind the ledger's back: the proof names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from loyalty.ledger import expiry, ledger, proof
from loyalty.ledger.checks import LEDGER_CHECKS
from loyalty.ledger.fact_checks import FACT_CHECKS
from loyalty.ledger.hold_checks import HOLD_CHECKS
from loyalty.ledger.models import Entry, Transaction
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.ledger.bookings import adjusted, earned, redeemed, refunded, reversed_, transferred, wallet_of
from tests.ledger.characters import NOON, TILL, a_member, a_point_type, a_program

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
CHECKS = {**LEDGER_CHECKS, **HOLD_CHECKS, **FACT_CHECKS}
LATER = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def books(lasting: Callable[[], None]) -> None:
    """One of everything: Ada earns, redeems, gets back, owes, gives to Ben, and some of it lapses. Cleo reserves three
    times."""
    program = a_program()
    a_program("tea")
    points = a_point_type(program, expiry_kind="rolling", expiry_count=30, expiry_unit="days")
    ada, ben = a_member(program), a_member(program, "Ben")
    order = earned(ada, points, 100, NOON, event_id=uuid4(), reference="order-1", expires_at=None)
    spent = redeemed(ada, points, 60, NOON + DAY)
    refunded(ada, points, spent, 20, NOON + DAY)
    reversed_(ada, points, order, 90, NOON + 2 * DAY)  # 60 are there: 30 become debt
    earned(ada, points, 100, NOON + 3 * DAY)  # repays it
    transferred(ada, ben, points, 50, NOON + 4 * DAY)
    adjusted(ben, points, 7, NOON + 5 * DAY)
    taken = adjusted(ben, points, -3, NOON + 5 * DAY)
    adjusted(ben, points, 2, NOON + 5 * DAY, undoes=taken)
    earned(ben, points, 11, NOON + 5 * DAY, expires_at=None)
    reservations(a_member(program, "Cleo"), points)
    activity(a_member(program, "Dan"))
    expiry.expire_program(program, at=LATER)
    in_debt = reversed_(ben, points, earned(ben, points, 200, LATER), 1, LATER)
    assert len(in_debt) == 1
    assert wallet_of(ada, points).debt == 0
    lasting()


def reservations(cleo: Member, points: PointType) -> None:
    """One is redeemed, one is released, one is open."""
    earned(cleo, points, 90, NOON, expires_at=None)
    made = [redeemed(cleo, points, 20, NOON + DAY, lapses_at=NOON + 2 * DAY) for _ in range(3)]
    first, second, _third = [Transaction.objects.get(pk=one.id) for one in made]
    ledger.capture(first, at=NOON + DAY)
    ledger.release(second, at=NOON + DAY, actor=TILL)


def activity(dan: Member) -> None:
    """His stars lapse when he is away for 90 days; twice he is not."""
    stars = a_point_type(
        dan.program, "star", is_default=False, use_program_expiry=False,
        expiry_kind="inactivity", expiry_count=90, expiry_unit="days",
    )  # fmt: skip
    for days in (0, 1, 2):
        earned(dan, stars, 5, NOON + days * DAY)


@dataclass(frozen=True)
class Crime:
    """`change` is done to the row that `row` finds; `named` finds the row that the proof has to name (else `row`)."""

    check: str
    row: str
    change: str
    named: str = "SELECT %s::text"


AN_ENTRY = "SELECT max(id) FROM ledger_entry WHERE amount > 0 AND lot_id IS NOT NULL"
A_FIRST_ENTRY = "SELECT min(id) FROM ledger_entry"
A_WALLET = "SELECT max(id) FROM ledger_wallet"
A_LOT = "SELECT id FROM ledger_lot WHERE remaining > 1 ORDER BY id LIMIT 1"
KIND = "SELECT id FROM ledger_transaction WHERE kind = '{}' ORDER BY id LIMIT 1"
UNDOING = "SELECT id FROM ledger_transaction WHERE kind = 'adjust' AND reverses_id IS NOT NULL"
ORIGINAL = "SELECT reverses_id FROM ledger_transaction WHERE id = %s"
HOLD = "SELECT transaction_id FROM ledger_hold WHERE state = '{}'"
LOT_OF = "SELECT lot_id FROM ledger_entry WHERE transaction_id = ({}) AND amount < 0 LIMIT 1"

CRIMES = [
    Crime("lot_remaining", A_LOT, "UPDATE ledger_lot SET remaining = remaining - 1 WHERE id = %s"),
    Crime(
        "lot_bounds",
        A_LOT,
        """ALTER TABLE ledger_lot DROP CONSTRAINT lot_within_amount;
           UPDATE ledger_lot SET remaining = amount + 1 WHERE id = %s""",
    ),
    Crime("lot_chain", AN_ENTRY, "UPDATE ledger_entry SET lot_after = lot_after - 1 WHERE id = %s"),
    Crime("lot_first_entry", A_LOT, "UPDATE ledger_lot SET amount = amount + 1 WHERE id = %s"),
    Crime(
        "lot_owner",
        A_LOT,
        "UPDATE ledger_lot SET program_id = (SELECT id FROM programs_program WHERE code = 'tea') WHERE id = %s",
    ),
    Crime(
        "lot_dates",
        LOT_OF.format(KIND.format("redeem")),
        "UPDATE ledger_lot SET expires_at = '2026-03-11T12:00:00Z' WHERE id = %s",
        """SELECT entry.id FROM ledger_entry entry JOIN ledger_transaction act ON act.id = entry.transaction_id
           WHERE act.kind = 'redeem' AND lot_id = %s""",
    ),
    Crime(
        "expired_on_its_date",
        LOT_OF.format(KIND.format("expire")),
        "UPDATE ledger_lot SET expires_at = expires_at + interval '1 year' WHERE id = %s",
        """SELECT entry.id FROM ledger_entry entry JOIN ledger_transaction act ON act.id = entry.transaction_id
           WHERE act.kind = 'expire' AND lot_id = %s""",
    ),
    Crime(
        "lot_extensions",
        "SELECT max(lot_id::text) FROM ledger_extension",
        "UPDATE ledger_lot SET expires_at = expires_at + interval '1 year' WHERE id = %s",
        "SELECT max(id) FROM ledger_extension WHERE lot_id = %s",
    ),
    Crime(
        "lot_extensions",
        "SELECT min(id) FROM ledger_extension",
        "UPDATE ledger_extension SET expires_at = expires_at + interval '1 day' WHERE id = %s",
    ),
    Crime(
        "lot_extensions",
        "SELECT max(id) FROM ledger_extension",
        "UPDATE ledger_extension SET wallet_id = (SELECT min(id) FROM ledger_wallet) WHERE id = %s",
    ),
    Crime("wallet_entries", A_WALLET, "UPDATE ledger_wallet SET balance = balance + 1 WHERE id = %s"),
    Crime("wallet_lots", A_WALLET, "UPDATE ledger_wallet SET balance = balance + 1 WHERE id = %s"),
    Crime("wallet_debt", A_WALLET, "UPDATE ledger_wallet SET debt = debt + 1 WHERE id = %s"),
    Crime("wallet_lifetime", A_WALLET, "UPDATE ledger_wallet SET lifetime = lifetime + 1 WHERE id = %s"),
    Crime(
        "wallet_program",
        A_WALLET,
        "UPDATE ledger_wallet SET program_id = (SELECT id FROM programs_program WHERE code = 'tea') WHERE id = %s",
    ),
    Crime("balance_chain", A_FIRST_ENTRY, "UPDATE ledger_entry SET amount = amount + 1 WHERE id = %s"),
    Crime("lot_chain", A_FIRST_ENTRY, "UPDATE ledger_entry SET amount = amount + 1 WHERE id = %s"),
    Crime("balance_chain", AN_ENTRY, "UPDATE ledger_entry SET balance_after = 1000000 WHERE id = %s"),
    Crime(
        "entry_owner",
        AN_ENTRY,
        """UPDATE ledger_entry SET member_id = (SELECT id FROM members_member WHERE id <> ledger_entry.member_id
           LIMIT 1) WHERE id = %s""",
    ),
    Crime(
        "entry_owner", AN_ENTRY, "UPDATE ledger_entry SET occurred_at = '2020-01-01T00:00:00Z' WHERE id = %s"
    ),
    Crime(
        "entry_lot",
        AN_ENTRY,
        """UPDATE ledger_entry SET lot_id = (SELECT lot.id FROM ledger_lot lot
           WHERE lot.wallet_id <> ledger_entry.wallet_id LIMIT 1) WHERE id = %s""",
    ),
    Crime(
        "transaction_amount",
        KIND.format("adjust"),
        "UPDATE ledger_transaction SET amount = amount + 1 WHERE id = %s",
    ),
    Crime(
        "transaction_amount",
        AN_ENTRY,
        "DELETE FROM ledger_entry WHERE id = %s",
        "SELECT id FROM ledger_transaction WHERE amount = 200 AND id::text <> %s::text",
    ),
    Crime(
        "transaction_sign", KIND.format("redeem"), "UPDATE ledger_transaction SET kind = 'earn' WHERE id = %s"
    ),
    Crime(
        "reversal_limit",
        KIND.format("reverse"),
        "UPDATE ledger_transaction SET forgiven = forgiven + 11 WHERE id = %s",
        ORIGINAL,
    ),
    Crime(
        "refund_limit",
        KIND.format("refund"),
        "UPDATE ledger_transaction SET amount = 61 WHERE id = %s",
        ORIGINAL,
    ),
    Crime("refund_limit", UNDOING, "UPDATE ledger_transaction SET amount = 4 WHERE id = %s", ORIGINAL),
    Crime(
        "refund_lots",
        "SELECT entry.id FROM ledger_entry entry WHERE transaction_id = (" + KIND.format("refund") + ")",
        "UPDATE ledger_entry SET amount = 61 WHERE id = %s",
        "SELECT lot_id FROM ledger_entry WHERE id = %s",
    ),
    Crime(
        "undoes_its_own",
        KIND.format("refund"),
        "UPDATE ledger_transaction SET reverses_id = (" + KIND.format("adjust") + ") WHERE id = %s",
    ),
    Crime(
        "undoes_its_own",
        UNDOING,
        "UPDATE ledger_transaction SET reverses_id = (" + KIND.format("adjust") + ") WHERE id = %s",
    ),
    Crime(
        "transfer_pairs",
        "SELECT min(id::text) FROM ledger_transaction WHERE kind = 'transfer'",
        "UPDATE ledger_transaction SET amount = amount + 1 WHERE id = %s",
    ),
    Crime(
        "one_effect_per_event",
        "SELECT max(id::text) FROM ledger_transaction WHERE kind = 'earn' AND event_id IS NULL",
        """DROP INDEX one_effect_per_event;
           UPDATE ledger_transaction SET event_id = (
               SELECT event_id FROM ledger_transaction WHERE event_id IS NOT NULL LIMIT 1) WHERE id = %s""",
    ),
    Crime(
        "adjusted_by_someone", KIND.format("adjust"), "UPDATE ledger_transaction SET actor = '' WHERE id = %s"
    ),
    Crime(
        "hold_of_redemption",
        HOLD.format("open"),
        "UPDATE ledger_hold SET points = points + 1 WHERE transaction_id = %s",
    ),
    Crime(
        "hold_in_time",
        HOLD.format("captured"),
        """ALTER TABLE ledger_hold DROP CONSTRAINT hold_closed_in_time;
           UPDATE ledger_hold SET closed_at = lapses_at WHERE transaction_id = %s""",
    ),
    Crime(
        "hold_released",
        HOLD.format("open"),
        "UPDATE ledger_hold SET state = 'released', closed_at = lapses_at WHERE transaction_id = %s",
    ),
    Crime(
        "hold_released",
        HOLD.format("released"),
        "UPDATE ledger_hold SET state = 'open', closed_at = NULL WHERE transaction_id = %s",
    ),
    Crime(
        "hold_announced",
        HOLD.format("open"),
        "UPDATE ledger_hold SET state = 'captured', closed_at = '2026-03-11T13:00:00Z' WHERE transaction_id = %s",
    ),
    Crime(
        "hold_announced",
        HOLD.format("open"),
        "UPDATE ledger_hold SET lapses_at = lapses_at + interval '1 day' WHERE transaction_id = %s",
    ),
]

CRIMES += [
    Crime("lot_earned", A_LOT, "UPDATE ledger_lot SET earned_at = '2020-01-01T00:00:00Z' WHERE id = %s"),
    Crime(
        "hold_kept",
        "SELECT max(id) FROM outbox_fact WHERE type = 'points.held'",
        """DELETE FROM ledger_hold
           WHERE transaction_id = (SELECT (data ->> 'transaction')::uuid FROM outbox_fact WHERE id = %s)""",
    ),
    Crime(
        "extensions_announced",
        "SELECT id FROM outbox_fact WHERE data ? 'kept_alive' ORDER BY id DESC LIMIT 1",
        """DELETE FROM ledger_extension WHERE id = (SELECT max(id) FROM ledger_extension
           WHERE transaction_id = (SELECT (data ->> 'transaction')::uuid FROM outbox_fact WHERE id = %s))""",
    ),
    *(
        Crime(
            "announced", KIND.format("adjust"), f"UPDATE ledger_transaction SET {column} = 'x' WHERE id = %s"
        )
        for column in ("actor", "actor_kind", "reason_code")
    ),
]

# What no sum would notice.
for column, value in {
    "reference": "'another-order'",
    "kind": "'correct'",
    "recorded_at": "'2020-01-01T00:00:00Z'",
    "event_id": "gen_random_uuid()",
}.items():
    CRIMES.append(
        Crime(
            "announced",
            KIND.format("earn"),
            f"UPDATE ledger_transaction SET {column} = {value} WHERE id = %s",
        )
    )
CRIMES += [
    Crime(
        "announced",
        KIND.format("redeem"),
        "DELETE FROM outbox_fact WHERE data ->> 'transaction' = %s::text",
    ),
    Crime(
        "announced_in_vain",
        "SELECT max(id) FROM outbox_fact",
        """DELETE FROM ledger_transaction
           WHERE id = (SELECT (data ->> 'transaction')::uuid FROM outbox_fact WHERE id = %s)""",
    ),
    Crime(
        "announced_in_vain",
        "SELECT min(id) FROM outbox_fact",
        """INSERT INTO outbox_fact (program_id, member_id, type, data, occurred_at, recorded_at)
           SELECT program_id, member_id, type, data, occurred_at, recorded_at FROM outbox_fact WHERE id = %s""",
    ),
]


def commit_crime(crime: Crime) -> str:
    """As a superuser with the triggers switched off. Returns the id of the row that has to be named."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(crime.row)
        row = cursor.fetchone()[0]
        for statement in crime.change.split(";"):
            cursor.execute(statement, [row] if "%s" in statement else None)
        assert cursor.rowcount == 1
        cursor.execute(crime.named, [row])
        return str(cursor.fetchone()[0])


def breaches() -> list[proof.Breach]:
    """What the ledger's own checks find: these points come from no campaign."""
    return [breach for breach in proof.verify(at=LATER).breaches if breach.check in CHECKS]


@pytest.mark.parametrize("crime", CRIMES, ids=lambda crime: crime.check)
@pytest.mark.usefixtures("books")
def test_the_proof_names_the_row_that_was_changed(crime: Crime) -> None:
    assert breaches() == []
    named = commit_crime(crime)
    found = [breach for breach in breaches() if breach.check == crime.check]
    assert [breach.id for breach in found] == [named]
    assert found[0].table == CHECKS[crime.check].table
    assert found[0].message


def test_every_check_of_the_ledger_has_its_crime() -> None:
    assert {crime.check for crime in CRIMES} == set(CHECKS)


@pytest.mark.usefixtures("books")
def test_points_from_nowhere_show_in_the_roll_forward() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_wallet SET balance = balance + 1000")
    breaches = proof.verify(at=LATER).breaches
    assert {breach.check for breach in breaches} >= {"roll_forward", "wallet_entries", "wallet_lots"}


@pytest.mark.usefixtures("books")
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_transaction"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET amount = amount + 1", "DELETE FROM {}"])
def test_the_database_refuses_to_change_a_ledger_row(table: str, statement: str) -> None:
    before = (Entry.objects.count(), Transaction.objects.count())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert (Entry.objects.count(), Transaction.objects.count()) == before
