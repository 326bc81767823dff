"""Somebody with all rights on the database changes one row of the rewards behind our back: the proof names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.db import connection

from loyalty.base import job_runs
from loyalty.ledger import proof
from loyalty.members.models import Member
from rewards import fulfilment, redemption, replacing, stock, sweep, vouchers
from rewards.checks import REWARD_CHECKS
from rewards.fact_checks import REWARD_FACT_CHECKS
from rewards.models import Redemption, Reward
from tests.rewards.shop import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    OLGA,
    TILL,
    a_member,
    a_point_type,
    a_program,
    a_reward,
    stock_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _shop(lasting: Callable[[], None]) -> None:
    """One of everything, in every state."""
    points = a_point_type(a_program())
    ada = a_member(points, 1000)
    a_point_type(a_program("bar"))
    a_member(points, 0, "Ben")
    five = a_reward(points, loaded=20, valid_days=5, cost=10)
    stock.add(stock_of(five), 5, by="olga", at=NOON)
    pool = a_reward(points, "voucher", cost=10)
    vouchers.start(pool, "\n".join(f"POOL-{n:04d}" for n in range(9)).encode(), name="", by="olga", at=NOON)
    job_runs.run_waiting(lambda: NOON)
    for reward in (five, pool):
        every_state(ada, reward)
    gift = redemption.redeem(ada, a_reward(points, "gift", cost=10), at=NOON, actor=TILL)
    redemption.use(gift, at=NOON, actor=TILL, amount=Decimal(5))
    mug = redemption.redeem(ada, a_reward(points, "product", cost=10), at=NOON, actor=TILL)
    fulfilment.advance(mug, "sent", at=NOON, actor=OLGA)
    redemption.redeem(ada, a_reward(points, "donation", cost=0), at=NOON, actor=TILL)
    lasting()


def every_state(ada: Member, reward: Reward) -> None:
    def reserved() -> Redemption:
        return redemption.reserve(ada, reward, at=NOON, actor=TILL)

    def confirmed() -> Redemption:
        return redemption.confirm(reserved(), at=NOON, actor=TILL)

    late = reserved()
    redemption.lapse(late, at=NOON + HOUR)
    redemption.cancel(reserved(), at=NOON, actor=TILL)
    redemption.cancel(confirmed(), at=NOON, actor=TILL)
    used = redemption.use(confirmed(), at=NOON, actor=TILL)
    redemption.refund(used, at=NOON, actor=OLGA)
    redemption.use(confirmed(), at=NOON, actor=TILL)
    if reward.kind == "discount":
        redemption.expire(confirmed(), at=NOON + 9 * DAY)
    replacing.replace(confirmed(), at=NOON, actor=OLGA)
    confirmed()
    reserved()


def breaches() -> set[tuple[str, str]]:
    return {(found.check, found.id) for found in proof.verify(at=NOON).breaches}


def test_books_in_order_are_found_in_order() -> None:
    assert breaches() == set()
    sweep.run(NOON + 20 * MINUTE)
    assert breaches() == set()


@dataclass(frozen=True)
class Crime:
    check: str
    row: str
    change: str


def of(state: str, kind: str = "discount") -> str:
    return f"SELECT id FROM rewards_redemption WHERE state = '{state}' AND terms->>'kind' = '{kind}' LIMIT 1"


_POOL = "SELECT s.id FROM rewards_stock s JOIN rewards_voucherreward v ON v.reward_ptr_id = s.reward_id"
_FIVE = "SELECT s.id FROM rewards_stock s JOIN rewards_discountreward v ON v.reward_ptr_id = s.reward_id"
_REPLACED = (
    "SELECT id FROM rewards_code WHERE id::text IN (SELECT data->>'old_code_id' FROM rewards_redemptionstep)"
)
_BAR = "(SELECT id FROM programs_program WHERE code = 'bar')"
_BEN = "(SELECT id FROM members_member WHERE name = 'Ben')"

CRIMES = [
    Crime("stock_counters", _FIVE, "UPDATE rewards_stock SET used = used - 1 WHERE id = {}"),
    Crime("stock_counters", _FIVE, "UPDATE rewards_stock SET reserved = reserved + 1 WHERE id = {}"),
    Crime("stock_loaded", _FIVE, "UPDATE rewards_stock SET loaded = loaded + 1 WHERE id = {}"),
    Crime(
        "stock_changes",
        "SELECT max(id) FROM rewards_stockchange WHERE reason = 'added'",
        "UPDATE rewards_stockchange SET before = 19 WHERE id = {}",
    ),
    Crime("pool_codes", _POOL, "UPDATE rewards_stock SET loaded = loaded + 1 WHERE id = {}"),
    *[
        Crime(
            "code_state",
            f"SELECT id FROM rewards_code WHERE state = '{state}' LIMIT 1",
            f"UPDATE rewards_code SET state = '{other}' WHERE id = {{}}",
        )
        for state, other in [
            ("free", "issued"),
            ("free", "used"),
            ("free", "revoked"),
            ("reserved", "free"),
            ("reserved", "issued"),
            ("issued", "free"),
            ("issued", "used"),
            ("used", "issued"),
            ("used", "free"),
            ("revoked", "free"),
            ("expired", "issued"),
        ]
    ],
    *[
        Crime(
            "code_state", f"{_REPLACED} LIMIT 1", f"UPDATE rewards_code SET state = '{other}' WHERE id = {{}}"
        )
        for other in ("free", "issued", "used", "expired")
    ],
    Crime(
        "code_state",
        f"{_REPLACED} LIMIT 1",
        "UPDATE rewards_redemptionstep SET data = '{{}}' WHERE data->>'old_code_id' = {}::text",
    ),
    Crime(
        "code_state",
        "SELECT code_id FROM rewards_redemption WHERE state = 'cancelled' AND code_id IS NOT NULL LIMIT 1",
        "UPDATE rewards_redemption SET code_id = NULL WHERE code_id = {}",
    ),
    Crime(
        "code_owner",
        "SELECT id FROM rewards_code WHERE state = 'used' LIMIT 1",
        f"UPDATE rewards_code SET program_id = {_BAR} WHERE id = {{}}",
    ),
    Crime(
        "redemption_owner",
        of("confirmed"),
        f"UPDATE rewards_redemption SET program_id = {_BAR} WHERE id = {{}}",
    ),
    Crime("redemption_paid", of("confirmed"), "UPDATE rewards_redemption SET points = 9 WHERE id = {}"),
    Crime(
        "redemption_paid",
        of("confirmed"),
        f"UPDATE rewards_redemption SET member_id = {_BEN} WHERE id = {{}}",
    ),
    Crime(
        "redemption_paid",
        of("fulfilled"),
        "UPDATE rewards_redemption SET transaction_id = NULL WHERE id = {}",
    ),
    *[
        Crime(
            "redemption_given_back",
            of(state),
            f"UPDATE rewards_redemption SET {change} WHERE id = {{}}",
        )
        for state, change in [
            ("confirmed", "state = 'cancelled'"),
            ("confirmed", "points_back = 1"),
            ("cancelled", "state = 'fulfilled'"),
            ("reserved", "state = 'lapsed'"),
            ("fulfilled", "state = 'refunded', points_back = 10"),
        ]
    ],
    Crime(
        "redemption_hold",
        of("reserved"),
        "UPDATE rewards_redemption SET reserved_until = reserved_until + interval '1 h' WHERE id = {}",
    ),
    Crime(
        "redemption_hold", of("reserved"), "UPDATE rewards_redemption SET state = 'confirmed' WHERE id = {}"
    ),
    Crime("redemption_hold", of("lapsed"), "UPDATE rewards_redemption SET state = 'fulfilled' WHERE id = {}"),
    Crime(
        "redemption_steps", of("refunded"), "UPDATE rewards_redemption SET state = 'fulfilled' WHERE id = {}"
    ),
    *[
        Crime(
            "redemption_ends", of(state), f"UPDATE rewards_redemption SET expires_at = {end} WHERE id = {{}}"
        )
        for state, end in [
            ("confirmed", "NULL"),
            ("confirmed", "expires_at + interval '1 day'"),
            ("expired", "expires_at - interval '1 day'"),
        ]
    ],
    Crime(
        "gift_value", of("confirmed", "gift"), "UPDATE rewards_redemption SET remaining = 16 WHERE id = {}"
    ),
]


@pytest.mark.parametrize("crime", CRIMES, ids=lambda crime: f"{crime.check}: {crime.change[:60]}")
def test_a_changed_row_is_named(crime: Crime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(crime.row)
        row_id = cursor.fetchone()[0]
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(crime.change.format("%s"), [row_id])
        assert cursor.rowcount == 1
    assert (crime.check, str(row_id)) in breaches()


@dataclass(frozen=True)
class Plot:
    """Several rows are changed so that they agree with each other; only what was announced does not."""

    check: str
    row: str
    changes: tuple[str, ...]
    named: str = "SELECT %(id)s::text"


_UNUSED = """UPDATE rewards_stock SET used = used - 1
    WHERE id = (SELECT stock_id FROM rewards_redemption WHERE id = %(id)s)"""
_WITHOUT_STEPS = "DELETE FROM rewards_redemptionstep WHERE redemption_id = %(id)s"
_GONE = "DELETE FROM rewards_redemption WHERE id = %(id)s"
_WORTH = "UPDATE rewards_redemption SET terms = jsonb_set(terms, '{%s}', '%s') WHERE id = %%(id)s"
_FACT = "SELECT min(id)::text FROM outbox_fact WHERE data->>'redemption' = %(id)s::text"
_GIFT = of("confirmed", "gift")
_CHANGE = f"SELECT max(id) FROM rewards_stockchange WHERE stock_id = ({_FIVE})"
_STOCK_OF = "(SELECT stock_id FROM rewards_stockchange WHERE id = %(id)s)"

PLOTS = [
    Plot(
        "redemption_announced_in_vain", of("fulfilled", "donation"), (_UNUSED, _WITHOUT_STEPS, _GONE), _FACT
    ),
    Plot(
        "redemption_announced",
        _GIFT,
        (_WORTH % ("value", '"520.00"'), "UPDATE rewards_redemption SET remaining = 515 WHERE id = %(id)s"),
    ),
    Plot("redemption_announced", of("confirmed"), (_WORTH % ("listed_points", "5"),)),
    Plot("redemption_announced", of("confirmed"), (_WORTH % ("valid_days", "500"),)),
    Plot(
        "redemption_announced",
        of("fulfilled", "donation"),
        (f"UPDATE rewards_redemption SET member_id = {_BEN} WHERE id = %(id)s",),
    ),
    Plot(
        "redemption_steps_announced",
        _GIFT,
        (
            "UPDATE rewards_redemption SET remaining = 20 WHERE id = %(id)s",
            "DELETE FROM rewards_redemptionstep WHERE redemption_id = %(id)s AND kind = 'used'",
        ),
    ),
    Plot(
        "redemption_steps_announced",
        _GIFT,
        (
            "UPDATE rewards_redemption SET remaining = 19 WHERE id = %(id)s",
            """UPDATE rewards_redemptionstep SET data = data || '{"amount": "1.00"}'
            WHERE redemption_id = %(id)s AND kind = 'used'""",
        ),
    ),
    Plot(
        "stock_announced",
        _CHANGE,
        (
            f"UPDATE rewards_stock SET loaded = loaded + 10 WHERE id = {_STOCK_OF}",
            "UPDATE rewards_stockchange SET after = after + 10 WHERE id = %(id)s",
        ),
    ),
    Plot(
        "stock_announced",
        _CHANGE,
        (
            """INSERT INTO rewards_stockchange (stock_id, before, after, reason, note, at, by)
            SELECT stock_id, after, after + 10, 'added', '', at, by FROM rewards_stockchange WHERE id = %(id)s""",
            f"UPDATE rewards_stock SET loaded = loaded + 10 WHERE id = {_STOCK_OF}",
        ),
        "SELECT max(id)::text FROM rewards_stockchange",
    ),
    Plot(
        "stock_announced_in_vain",
        _CHANGE,
        (
            f"UPDATE rewards_stock SET loaded = loaded - 5 WHERE id = {_STOCK_OF}",
            "DELETE FROM rewards_stockchange WHERE id = %(id)s",
        ),
        "SELECT max(id)::text FROM outbox_fact WHERE type = 'reward.stock_changed' AND data->>'reason' = 'added'",
    ),
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: f"{plot.check}: {plot.changes[0][:60]}")
def test_rows_that_were_changed_together_are_named_by_what_was_announced(plot: Plot) -> None:
    with connection.cursor() as cursor:
        cursor.execute(plot.row)
        about = {"id": cursor.fetchone()[0]}
        cursor.execute("SET LOCAL session_replication_role = replica")
        for change in plot.changes:
            cursor.execute(change, about)
            assert cursor.rowcount
        cursor.execute(plot.named, about)
        named = cursor.fetchone()[0]
    found = breaches()
    assert (plot.check, named) in found
    assert {check for check, _ in found} <= set(REWARD_FACT_CHECKS)  # nothing else would have given it away


def test_what_facts_that_are_not_kept_any_more_told_is_not_held_against_anybody() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM outbox_fact WHERE type LIKE 'redemption.%%' OR type LIKE 'reward.%%'")
        cursor.execute("UPDATE outbox_fact SET recorded_at = recorded_at + interval '99 years'")
    assert not {check for check, _ in breaches()} & set(REWARD_FACT_CHECKS)


def test_a_stock_beyond_what_is_loaded_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE rewards_stock DROP CONSTRAINT stock_never_over_issued")
        cursor.execute(_FIVE)
        row_id = cursor.fetchone()[0]
        cursor.execute("UPDATE rewards_stock SET used = loaded + 1 WHERE id = %s", [row_id])
    assert ("stock_bounds", str(row_id)) in breaches()


def test_every_check_has_its_crime() -> None:
    assert {crime.check for crime in CRIMES} | {"stock_bounds"} == set(REWARD_CHECKS)
    assert {plot.check for plot in PLOTS} == set(REWARD_FACT_CHECKS)
