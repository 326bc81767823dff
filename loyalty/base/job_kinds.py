"""The kinds of jobs that people start. Upper apps register theirs in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.base.models import Job
from loyalty.base.registry import Registry
from loyalty.base.words import Words

Work = Callable[[Job], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """`work` does a claimed job and returns its result.

    It works in chunks, each in one transaction with its `jobs.progress(job, done=…, cursor=…)`, at least one every
    minute, and goes on from `job.cursor` when it is called again: it may be killed at any moment. `permission` is
    what it takes to see, stop and resume such a job.
    """

    title: Words
    work: Work
    permission: str


job_kinds: Registry[JobKind] = Registry("kind of job")

RECURRING: dict[str, Words] = {
    "nightly": _("Nightly run"),
    "verify": _("Check of the books"),
    "import": _("Import of orders"),
    "import_balances": _("Import of balances"),
    "undo_balances": _("Undoing an import of balances"),
}


def title_of(kind: str) -> str:
    """A kind of job in words."""
    known = job_kinds.get(kind)
    words = known.title if known else RECURRING.get(kind)
    return str(words) if words else kind.replace("_", " ").capitalize()


def summary(*rows: tuple[Words, int | str], links: tuple[tuple[Words, str], ...] = ()) -> dict[str, Any]:
    """A result that the page of the job shows line by line: a label with a number or words; `links` lead on from it.

    More keys may be added for programs to read.
    """
    return {
        "summary": [[str(label), value if isinstance(value, int) else str(value)] for label, value in rows],
        "links": [[str(label), address] for label, address in links],
    }
