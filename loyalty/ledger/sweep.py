"""Booking what the calendar has decided, for one wallet or for millions, by the same statements.

A sweep goes through the wallets that have something due, in the order of their ids, in chunks of about ten thousand
lots. Each chunk is one transaction: the wallets are locked, one statement writes everything, and the job's cursor is
moved. So it holds locks for moments, loses nothing when it is killed, and goes on where it stopped.

In its first pass it leaves out wallets that somebody else holds, so that a sale never waits behind ten thousand
others nor the sweep behind one sale; in the second it takes those few, in small chunks, and waits for them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, connection, transaction

from loyalty.programs.nightly import Night

LOTS_A_CHUNK = 10_000
LOTS_A_CHUNK_WAITING = 200
WALLETS_A_PAGE = 100_000
DEADLOCK_OR_CONFLICT = ("40P01", "40001")
TRIES = 5

Note = Callable[[int, int], None]
"""Told inside each chunk's transaction: how many lots are done, and the last wallet's id."""

# A version 7 UUID whose first part is the present millisecond and whose next twelve bits are `number`: ids of one
# wallet rise with it, so that its history keeps its order. Written out, because uuidv7() exists from PostgreSQL 18.
UUID_V7 = """encode(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send((extract(epoch FROM statement_timestamp()) * 1000)::bigint) FROM 3)
    || substring(int4send(28672 + least({number}, 4095)::int) FROM 3) FROM 1), 'hex')::uuid"""


def fact_data(kind: str, *, amount: str, balance: str) -> str:
    """The data of a fact about points, as `posting` writes it for single acts; `acts` and `point_type` are in reach."""
    return f"""jsonb_build_object('transaction', acts.id, 'kind', '{kind}', 'point_type', point_type.code,
        'amount', {amount}, 'balance', {balance})"""


_WALLETS = "SELECT id FROM ledger_wallet WHERE id = ANY(%s) ORDER BY id"
LOCK_NOW = " FOR UPDATE SKIP LOCKED"
LOCK_LATER = " FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is due (a condition on `lot` and `%(at)s`) and the statement that books it for `%(wallets)s`, which are
    locked. The statement returns one row: the number of lots."""

    due: str
    book: str


def of_wallets(sweep: Sweep, wallet_ids: Sequence[int], *, at: datetime) -> int:
    """Book what is due in these wallets at `at`. Returns the number of lots."""
    return _again(lambda: _chunk(sweep, sorted(wallet_ids), at, wait=True))


def of_program(
    sweep: Sweep,
    program_id: int,
    *,
    at: datetime,
    after: int = 0,
    done: int = 0,
    note: Note = lambda done, wallet: None,
) -> int:
    """Book what is due in a program at `at`, from the wallet that follows `after`; `done` lots were booked before.

    Returns the number of lots, with those before. What `note` raises undoes the chunk and ends the sweep.
    """
    for wait, size in ((False, LOTS_A_CHUNK), (True, LOTS_A_CHUNK_WAITING)):
        for wallet_ids in _chunks(sweep, program_id, at, after, size):

            def chunk(ids: Sequence[int] = wallet_ids, so_far: int = done, wait: bool = wait) -> int:
                total = so_far + _chunk(sweep, ids, at, wait=wait)
                note(total, ids[-1])
                return total

            done = _again(chunk)
        after = 0
    return done


def of_night(sweep: Sweep, night: Night) -> int:
    """The same for a program's night, from where it was interrupted."""

    def note(done: int, wallet_id: int) -> None:
        night.progress(done, {"after": wallet_id})

    after = int(night.cursor.get("after", 0))
    return of_program(sweep, night.program.pk, at=night.at, after=after, done=night.done, note=note)


def _again(work: Callable[[], int]) -> int:
    """In a transaction of its own, repeated when the database chose it as the victim of a deadlock."""
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state not in DEADLOCK_OR_CONFLICT or connection.in_atomic_block or attempt == TRIES - 1:
                raise
        time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  jitter, not a secret
    raise AssertionError("the last try returns or raises")


def _chunk(sweep: Sweep, wallet_ids: Sequence[int], at: datetime, *, wait: bool) -> int:
    """Locks first, in a statement of their own: the next one then sees all that was committed before it."""
    with connection.cursor() as cursor:
        cursor.execute(_WALLETS + (LOCK_LATER if wait else LOCK_NOW), [list(wallet_ids)])
        locked = [row[0] for row in cursor.fetchall()]
        if not locked:
            return 0
        cursor.execute(sweep.book, {"wallets": locked, "at": at})
        return int(cursor.fetchone()[0])


def _chunks(sweep: Sweep, program_id: int, at: datetime, after: int, size: int) -> Iterator[list[int]]:
    """Ids of wallets with something due, rising, together about `size` lots. A member is never split."""
    while page := _page(sweep, program_id, at, after):
        chunk: list[int] = []
        lots = 0
        for wallet_id, count in page:
            chunk.append(wallet_id)
            lots += count
            if lots >= size:
                yield chunk
                chunk, lots = [], 0
        if chunk:
            yield chunk
        if len(page) < WALLETS_A_PAGE:
            return
        after = page[-1][0]


def _page(sweep: Sweep, program_id: int, at: datetime, after: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT lot.wallet_id, count(*) FROM ledger_lot lot
                WHERE lot.program_id = %(program)s AND {sweep.due} AND lot.wallet_id > %(after)s
                GROUP BY lot.wallet_id ORDER BY lot.wallet_id LIMIT %(limit)s""",
            {"program": program_id, "at": at, "after": after, "limit": WALLETS_A_PAGE},
        )
        page: list[tuple[int, int]] = cursor.fetchall()
    return page
