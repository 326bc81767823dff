"""Pools of voucher codes: uploading them, how full a pool is, and what becomes of codes that expire in it.

An upload is a job. The file is kept encrypted until it is loaded, and each chunk is one transaction with the cursor of
the job: killed at any moment it goes on where it was, and the same file twice changes nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _

from loyalty.base import clock, jobs
from loyalty.base.errors import Invalid
from loyalty.base.job_files import MAX_UPLOAD, add_errors
from loyalty.base.job_kinds import summary
from loyalty.base.locking import retrying
from loyalty.base.models import Job
from rewards import codes, stock
from rewards.code_files import WHY, CodeLine, decode, read
from rewards.models import Code, CodeBatch, Reward, Stock, StockChange, VoucherReward

JOB: Final = "voucher_codes"
CHUNK: Final = 1_000
REPORTED: Final = 1_000
ERRORS: Final = ("line", "code", "why")
Reason = StockChange.Reason
_COUNTED: Final = {"repeated": "repeated", "known": "known", "taken": "taken", "used": "taken"}

_ADD: Final = """
    INSERT INTO rewards_code
        (program_id, reward_id, batch_id, ciphertext, digest, last_four, state, expires_at, created_at, changed_at)
    SELECT %(program)s, %(reward)s, %(batch)s, ciphertext, digest, last_four, 'free', expires_at, %(at)s, %(at)s
    FROM unnest(%(ciphertexts)s::bytea[], %(digests)s::bytea[], %(shown)s::text[], %(ends)s::timestamptz[])
        AS one (ciphertext, digest, last_four, expires_at)
    ORDER BY digest
    ON CONFLICT (program_id, digest) DO NOTHING
    RETURNING digest
"""
_EXPIRE: Final = """
    UPDATE rewards_code SET state = 'expired', changed_at = %(at)s
    WHERE id IN (
        SELECT id FROM rewards_code WHERE reward_id = %(reward)s AND state = 'free' AND expires_at <= %(at)s
        ORDER BY id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED)
"""


# --- Uploading ----------------------------------------------------------------------------------------------


def receive(
    reward: Reward, content: bytes, *, name: str, by: str, at: datetime, expires_at: datetime | None = None
) -> CodeBatch:
    """Keep what was sent, encrypted. `expires_at` is for codes that name no expiry.

    Raises Invalid `not_a_pool`, `file_too_large`, `not_utf8`, `file_empty`.
    """
    if not isinstance(reward, VoucherReward):
        raise Invalid("Only a voucher reward has a pool of codes.", code="not_a_pool")
    if len(content) > MAX_UPLOAD:
        raise Invalid(f"Send a file of at most {MAX_UPLOAD // 1024 // 1024} MB.", code="file_too_large")
    if next(read(decode(content), zone=reward.program.zone, at=at), None) is None:
        raise Invalid("There are no codes in it.", code="file_empty")
    batch = CodeBatch(
        program_id=reward.program_id, reward=reward, name=name[-200:], expires_at=expires_at, created_at=at,
        created_by=by,
    )  # fmt: skip
    batch.content = codes.encrypt(zlib.compress(content), bound_to=batch.pk.bytes)
    batch.save(force_insert=True)
    return batch


@transaction.atomic
def start(
    reward: Reward, content: bytes, *, name: str, by: str, at: datetime, expires_at: datetime | None = None
) -> Job:
    """Receive a file or a paste, and ask the workers to load it. Raises what `receive` raises."""
    batch = receive(reward, content, name=name, by=by, at=at, expires_at=expires_at)
    title = f"{reward.name}: {batch.name}" if batch.name else reward.name
    return jobs.start(
        JOB, scope=reward.program.code, by=by, at=at, name=title, params={"batch": str(batch.pk)}
    )


def upload(job: Job) -> dict[str, Any]:
    """The work of the job: load the batch that its `params` name, chunk by chunk."""
    batch = CodeBatch.objects.select_related("program", "reward").get(pk=job.params["batch"])
    if batch.content is not None:
        lines = list(_lines(batch))
        done = int(job.cursor.get("lines", 0))
        seen = {line.code for line in lines[:done] if not line.why}
        while chunk := lines[done : done + CHUNK]:
            done += len(chunk)
            _load(job, batch, list(_once(chunk, seen)), done=done, total=len(lines))
        CodeBatch.objects.filter(pk=batch.pk).update(content=None, finished_at=clock.now())
    return _result(batch)


def _lines(batch: CodeBatch) -> Iterator[CodeLine]:
    """Judged by the time at which it was sent, so that a job that goes on reads the same."""
    assert batch.content is not None
    content = zlib.decompress(codes.decrypt(bytes(batch.content), bound_to=batch.pk.bytes))
    return read(decode(content), zone=batch.program.zone, at=batch.created_at, expires_at=batch.expires_at)


def _once(lines: Iterable[CodeLine], seen: set[str]) -> Iterator[CodeLine]:
    for line in lines:
        if line.why:
            yield line
        elif line.code in seen:
            yield replace(line, why="repeated")
        else:
            seen.add(line.code)
            yield line


@transaction.atomic
def _load(job: Job, batch: CodeBatch, lines: Sequence[CodeLine], *, done: int, total: int) -> None:
    """One chunk: the codes, the counts, the lines that were not loaded, the cursor; and the stock last."""
    at = clock.now()
    good = [line for line in lines if not line.why]
    known = _insert(batch, good, at)
    refused = [line for line in lines if line.why] + [replace(line, why=why) for line, why in known]
    refused.sort(key=lambda line: line.number)
    _count(batch, refused, added=len(good) - len(known), lines=len(lines))
    add_errors(job, ERRORS, [(line.number, _masked(line.code), str(WHY[line.why])) for line in refused])
    jobs.progress(job, done=done, total=total, cursor={"lines": done})
    if added := len(good) - len(known):
        pool = Stock.objects.get(reward=batch.reward_id, code="")
        stock.count_codes(pool, added, Reason.CODES, by=batch.created_by, at=at, note=batch.name)


def _insert(batch: CodeBatch, lines: Sequence[CodeLine], at: datetime) -> list[tuple[CodeLine, str]]:
    """Insert what is new. Returns what is not, each with why."""
    sealed = [codes.seal(batch.program_id, line.code) for line in lines]
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            {
                "program": batch.program_id, "reward": batch.reward_id, "batch": batch.pk, "at": at,
                "ciphertexts": [one.ciphertext for one in sealed], "digests": [one.digest for one in sealed],
                "shown": [one.last_four for one in sealed], "ends": [line.expires_at for line in lines],
            },
        )  # fmt: skip
        new = {bytes(row[0]) for row in cursor.fetchall()}
    old = {one.digest: line for one, line in zip(sealed, lines, strict=True) if one.digest not in new}
    states = Code.objects.filter(program=batch.program_id, digest__in=list(old)).values_list(
        "digest", "state"
    )
    state_of = {bytes(digest): state for digest, state in states}
    return [
        (line, "known" if state_of[digest] == Code.State.FREE else "taken") for digest, line in old.items()
    ]


def _count(batch: CodeBatch, refused: Sequence[CodeLine], *, added: int, lines: int) -> None:
    batch.lines += lines
    batch.added += added
    for line in refused:
        name = _COUNTED.get(line.why, "bad")
        setattr(batch, name, getattr(batch, name) + 1)
        if len(batch.report) < REPORTED:
            batch.report.append({"line": line.number, "code": _masked(line.code), "why": line.why})
    batch.save(update_fields=["lines", "added", "repeated", "known", "taken", "bad", "report"])


def _masked(code: str) -> str:
    return codes.mask(code) if code else ""


def _result(batch: CodeBatch) -> dict[str, Any]:
    told = summary(
        (_("Codes loaded"), batch.added),
        (_("Repeated in the file"), batch.repeated),
        (_("Known from before"), batch.known),
        (_("Used already"), batch.taken),
        (_("Bad lines"), batch.bad),
        links=((_("Look at the pool"), reverse("rewards:codes", args=[batch.reward_id])),),
    )
    return told | {"batch": str(batch.pk), "added": batch.added, "lines": batch.lines}


# --- The pool -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pool:
    """How many codes of a reward are in which state, and when the next free ones run out."""

    free: int = 0
    reserved: int = 0
    issued: int = 0
    used: int = 0
    revoked: int = 0
    expired: int = 0
    next_expiry: datetime | None = None


def pool_of(reward: Reward) -> Pool:
    """The pool as the codes themselves say."""
    own = Code.objects.filter(reward=reward)
    counts = dict(own.values_list("state").annotate(Count("pk")))
    next_expiry = own.filter(state=Code.State.FREE).aggregate(first=Min("expires_at"))["first"]
    return Pool(**{state: counts.get(state, 0) for state in Code.State.values}, next_expiry=next_expiry)


def expire_free(at: datetime) -> int:
    """Take codes that have run out in their pools out of the stock. Returns how many."""
    due = Code.objects.filter(state=Code.State.FREE, expires_at__lte=at)
    rewards = sorted(due.values_list("reward_id", flat=True).distinct())
    return sum(_expire_pool(reward_id, at) for reward_id in rewards)


def _expire_pool(reward_id: int, at: datetime) -> int:
    total = 0
    while expired := _expire_some(reward_id, at):
        total += expired
    return total


@retrying
@transaction.atomic
def _expire_some(reward_id: int, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"reward": reward_id, "at": at})
        expired = int(cursor.rowcount)
    if expired:
        pool = Stock.objects.select_related("reward").get(reward=reward_id, code="")
        stock.count_codes(pool, -expired, Reason.EXPIRED, by="", at=at)
    return expired
