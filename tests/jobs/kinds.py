"""Kinds of jobs for tests: Counting goes up to `params["to"]` in chunks of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from loyalty.base import jobs
from loyalty.base.job_files import add_errors
from loyalty.base.job_kinds import JobKind, job_kinds, summary
from loyalty.base.models import Job

SEEN: list[int] = []
"""Each number that was counted and committed, in the order of counting."""

BeforeChunk = Callable[[Job, int], None]


def counting(before: BeforeChunk | None = None) -> JobKind:
    """`before` is called before each number is counted."""

    def work(job: Job) -> dict[str, Any]:
        to = job.params["to"]
        for number in range(job.cursor.get("next", 1), to + 1):
            if before:
                before(job, number)
            _count(job, number, to)
        return summary(("Counted", to), ("How", "one by one"), links=(("Look", "/console/members/"),))

    return JobKind(title="Counting", work=work, permission="members.change_member")


@transaction.atomic
def _count(job: Job, number: int, to: int) -> None:
    if number % 2:
        add_errors(job, ["number", "reason"], [[number, "=odd"]], name="odd.csv")
    jobs.progress(job, done=number, total=to, cursor={"next": number + 1}, step="Counting")
    transaction.on_commit(lambda: SEEN.append(number))


def put(monkeypatch: Any, kind: JobKind, name: str = "counting") -> None:
    """Register a kind for the time of a test."""
    SEEN.clear()
    monkeypatch.setitem(job_kinds._items, name, (0, kind))
