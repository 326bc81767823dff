"""Which jobs a person may see, and which of them to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from loyalty.base.job_kinds import job_kinds, title_of
from loyalty.base.models import Job
from loyalty.console.access import ScreenRequest, actor_name, may
from loyalty.console.job_words import OPEN, Watched, in_hand

PAGE = 50
MOST_IN_TRAY = 99
RECURRING = "base.view_job"  # for jobs that nobody started
GROUPS: dict[str, tuple[Job.State, ...]] = {
    "open": OPEN,
    "failed": (Job.State.FAILED,),
    "done": (Job.State.DONE,),
    "stopped": (Job.State.CANCELLED,),
}


class Chip(NamedTuple):
    """A filter with how many jobs it shows."""

    name: str
    label: str
    jobs: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for; nonsense in it asks for nothing."""

    everybody: bool
    state: str
    kind: str
    skip: int

    @classmethod
    def read(cls, query: QueryDict) -> Wanted:
        state, skip = query.get("state", ""), query.get("skip", "")
        return cls(
            everybody=query.get("whose") == "all",
            state=state if state in GROUPS else "",
            kind=query.get("kind", "")[:60].replace("\x00", ""),
            skip=int(skip) if skip.isascii() and skip.isdigit() and len(skip) < 6 else 0,
        )


def permission_of(job: Job) -> str:
    """What it takes to look at a job that somebody else started, and to stop or resume it."""
    kind = job_kinds.get(job.kind)
    return kind.permission if kind else RECURRING


def visible(request: ScreenRequest) -> QuerySet[Job]:
    """Jobs of the chosen program and of the whole installation: one's own, and those one has the permission for."""
    allowed = Q(created_by=actor_name(request))
    allowed |= Q(kind__in=[name for name, kind in job_kinds.items() if may(request, kind.permission)])
    if may(request, RECURRING):
        allowed |= ~Q(kind__in=job_kinds.names())
    return Job.objects.filter(allowed, scope__in=["", request.program.code])


def mine(request: ScreenRequest) -> QuerySet[Job]:
    """What this person started here."""
    return Job.objects.filter(created_by=actor_name(request), scope__in=["", request.program.code])


def filtered(jobs: QuerySet[Job], wanted: Wanted) -> QuerySet[Job]:
    if wanted.kind:
        jobs = jobs.filter(kind=wanted.kind)
    return jobs.filter(state__in=GROUPS[wanted.state]) if wanted.state else jobs


def chips(jobs: QuerySet[Job]) -> list[Chip]:
    """The filters by state, with counts."""
    counts = dict(jobs.order_by().values_list("state").annotate(n=Count("pk")))
    labels = {"open": _("Running"), "failed": _("Failed"), "done": _("Done"), "stopped": _("Stopped")}
    all_of_them = Chip("", _("All"), sum(counts.values()))
    return [
        all_of_them,
        *(
            Chip(name, labels[name], sum(counts.get(one, 0) for one in states))
            for name, states in GROUPS.items()
        ),
    ]


def kinds_in(jobs: QuerySet[Job]) -> list[tuple[str, str]]:
    """The kinds that occur, with their titles."""
    found = jobs.order_by().values_list("kind", flat=True).distinct()
    return sorted(((kind, title_of(kind)) for kind in found), key=lambda pair: pair[1])


def tray(request: HttpRequest) -> dict[str, Any]:
    """How many jobs of this person run, and that one when it is one; shown in the frame of every page."""
    mine_open = Job.objects.filter(created_by=actor_name(request), state__in=OPEN)
    running = [Watched(job) for job in mine_open.order_by("created_at")[:MOST_IN_TRAY]]
    return {
        "count": len(running),
        "said": in_hand(len(running)),
        "only": running[0] if len(running) == 1 else None,
    }
