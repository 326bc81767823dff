"""What a member gets with a confirmation: a code, a place in the queue, or the thing itself at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from django.db import connection

from rewards import codes, units
from rewards.models import Code, Redemption
from rewards.snapshot import done_at_once, expiry_of, from_pool, gives_code

State = Redemption.State
TRIES: Final = 3
Wanted: TypeAlias = dict[str, int | str | datetime]

# Whoever comes at the same moment gets another one; one that somebody is about to leave again is left to him.
_TAKE: Final = """
    UPDATE rewards_code SET state = %(state)s, changed_at = %(at)s
    WHERE id = (
        SELECT id FROM rewards_code
        WHERE reward_id = %(reward)s AND state = 'free' AND (expires_at IS NULL OR expires_at > %(until)s)
        ORDER BY expires_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING id
"""
_MAKE: Final = """
    INSERT INTO rewards_code
        (program_id, reward_id, ciphertext, digest, last_four, state, created_at, changed_at)
    VALUES (%(program)s, %(reward)s, %(ciphertext)s, %(digest)s, %(last_four)s, 'issued', %(at)s, %(at)s)
    ON CONFLICT (program_id, digest) DO NOTHING
    RETURNING id
"""


def take_code(row: Redemption, state: str, *, at: datetime) -> bool:
    """A code out of the pool, the first to expire of those that outlast a reservation. False when there is none."""
    until = max(at, row.reserved_until or at)
    wanted: Wanted = {"reward": row.reward_id, "state": state, "at": at, "until": until}
    found = _taken(wanted)
    if found is None and units.release_lapsed(row.stock_id, at=at):
        found = _taken(wanted)
    if found is not None:
        row.code = Code.objects.get(pk=found)
    return found is not None


def _taken(wanted: Wanted) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, wanted)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def complete(row: Redemption, *, at: datetime) -> None:
    """Confirm it in memory: its code is issued, its clock runs, and what needs nothing more is fulfilled."""
    row.state, row.confirmed_at = State.CONFIRMED, at
    if from_pool(row.terms):
        assert row.code is not None  # taken when it was reserved, or just before
        Code.objects.filter(pk=row.code.pk).update(state=Code.State.ISSUED, changed_at=at)
    elif gives_code(row.terms):
        row.code = make_code(row, at)
    row.expires_at = expiry_of(row, at)
    if row.terms["kind"] == "gift":
        row.remaining = Decimal(row.terms["value"])
    if row.terms["kind"] == "product":
        row.step, row.due_at = Redemption.Step.ORDERED, at + timedelta(hours=row.terms["hours"])
    if done_at_once(row.terms):
        row.state, row.fulfilled_at = State.FULFILLED, at


def make_code(row: Redemption, at: datetime) -> Code:
    """A code of our own. That one exists already is a chance of one in 2**60, so it is tried again, not looked up."""
    for _ in range(TRIES):
        sealed = codes.seal(row.program_id, codes.generate())
        made = Code(
            program_id=row.program_id, reward_id=row.reward_id, state=Code.State.ISSUED, created_at=at,
            changed_at=at, **sealed._asdict(),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(
                _MAKE, {**sealed._asdict(), "program": row.program_id, "reward": row.reward_id, "at": at}
            )
            found = cursor.fetchone()
        if found is not None:
            made.pk = found[0]
            return made
    raise AssertionError("three codes in a row existed already")
