"""The home page: what needs attention, whether the program is set up, a few numbers, and what happened last."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.base import clock
from loyalty.base.ids import is_uuid
from loyalty.base.models import Job
from loyalty.console.job_list import permission_of
from loyalty.console.panels import Level, Notice, Step, setup_steps, watchers
from loyalty.console.sentences import kind_words
from loyalty.console.words import number
from loyalty.events.models import Event
from loyalty.ledger import proof
from loyalty.ledger.models import Transaction, Wallet
from loyalty.members.models import Member
from loyalty.programs.models import ApiKey, Channel, PointType, Program
from loyalty.programs.scope import current_program

ASIDE = ["failed", "rejected", "waiting", "guest"]
RECENT = 10
FAILED_JOBS = timedelta(days=7)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the home page's content to the context of Unfold's index."""
    program = current_program(request)
    context["title"] = _("Home")
    if program is None:
        return context
    at = clock.now()
    steps = [_open_to(request, check(program)) for check in setup_steps]
    notices = [notice for watch in watchers for notice in watch(program, at)]
    return context | {
        "notices": [notice for notice in notices if _may_go(request, notice.needs)][:7],
        "steps": steps if not all(step.done for step in steps) else [],
        "steps_done": sum(step.done for step in steps),
        "recent": recent(program, at) if request.user.has_perm("ledger.view_transaction") else [],
        "checked": proof.last_verdict(),
        "may_nothing": not request.user.get_all_permissions(),
    }


def _may_go(request: HttpRequest, needs: str) -> bool:
    return not needs or request.user.has_perm(needs)


def _open_to(request: HttpRequest, step: Step) -> Step:
    return step if _may_go(request, step.needs) else replace(step, url="")


def numbers(program: Program, at: datetime) -> list[dict[str, str]]:
    """Quick numbers, each with what it means."""
    today = clock.midnight(clock.local_date(at, program.zone), program.zone)
    events = Event.objects.filter(pk__gte=_first_id(today), program=program, received_at__gte=today).count()
    default = PointType.objects.filter(program=program, is_default=True).first()
    held = (
        Wallet.objects.filter(program=program, point_type=default).aggregate(sum=Sum("balance"))["sum"] or 0
    )
    members = Member.objects.filter(program=program)
    return [
        {
            "label": _("Members"),
            "value": number(members.exclude(state=Member.State.CLOSED).count()),
            "note": _("%(n)s joined in the last 7 days")
            % {"n": number(members.filter(enrolled_at__gte=at - timedelta(days=7)).count())},
        },
        {
            "label": _("Outstanding %(points)s") % {"points": default.name_many if default else _("points")},
            "value": number(held, default.decimals if default else 0),
            "note": _("Sum of all balances, debt taken off"),
        },
        {
            "label": _("Events today"),
            "value": number(events),
            "note": _("Received since midnight, %(zone)s") % {"zone": program.timezone},
        },
    ]


def _first_id(at: datetime) -> UUID:
    """The lowest id made at or after an instant: ids begin with their time, and the key is the one index by time."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


class Recent(NamedTuple):
    """A transaction, what it is in words, and what it was for: the number people know, or else its note."""

    booking: Transaction
    words: str
    reference: str


def recent(program: Program, at: datetime) -> list[Recent]:
    """The last transactions; ids rise with time, so the newest are found from the end of the key."""
    found = Transaction.objects.filter(program=program).exclude(kind=Transaction.Kind.ACTIVATE)
    found = found.select_related("member", "point_type", "hold", "reverses__hold")
    return [
        Recent(one, kind_words(one, at), one.note if is_uuid(one.reference) else one.reference)
        for one in found.order_by("-id")[:RECENT]
    ]


def events_aside(program: Program, at: datetime) -> list[Notice]:
    """Events that were not processed, by the reason they lie aside."""
    counts = dict(
        Event.objects.filter(program=program, status__in=ASIDE)
        .values_list("status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    needs = "events.view_event"
    told: dict[str, tuple[Level, str]] = {
        "failed": ("bad", ngettext("%(n)s event failed.", "%(n)s events failed.", counts.get("failed", 0))),
        "waiting": (
            "warn",
            ngettext(
                "%(n)s event waits for its order.",
                "%(n)s events wait for their orders.",
                counts.get("waiting", 0),
            ),
        ),
        "guest": (
            "info",
            ngettext(
                "%(n)s event of a guest waits for its member.",
                "%(n)s events of guests wait for their members.",
                counts.get("guest", 0),
            ),
        ),
    }
    return [
        Notice(level, text % {"n": number(counts[status])}, _events_url(status), _("Show them"), needs)
        for status, (level, text) in told.items()
        if counts.get(status)
    ]


def _events_url(status: str) -> str:
    return f"{reverse('admin:events_event_changelist')}?{urlencode({'status__exact': status})}"


def failed_jobs(program: Program, at: datetime) -> list[Notice]:
    """Jobs that failed in the last week and have not succeeded since."""
    own = Job.objects.filter(
        scope__in=["", program.code], state=Job.State.FAILED, created_at__gte=at - FAILED_JOBS
    )
    return [
        Notice(
            "bad",
            _("The job %(job)s failed: %(error)s")
            % {"job": job, "error": job.error[:160] or _("no reason recorded")},
            reverse("console:job", args=[job.pk]),
            _("Look at it"),
            permission_of(job),
        )
        for job in own.order_by("-created_at")[:3]
    ]


def books_proved(program: Program, at: datetime) -> list[Notice]:
    """A breach found by the last check of the books is the first thing to look at."""
    last = proof.last_verdict()
    if last is None or last.state != Job.State.DONE or last.result.get("ok", True):
        return []
    return [
        Notice(
            "bad",
            _("The last check of the books found a breach."),
            reverse("admin:base_job_change", args=[last.pk]),
            _("Show the rows"),
            "base.view_job",
        )
    ]


def has_points(program: Program) -> Step:
    return Step(
        _("Name the points"),
        _("What members collect, when it can be spent and when it lapses."),
        PointType.objects.filter(program=program).exists(),
        reverse("admin:programs_pointtype_changelist"),
        _("Point types"),
        "programs.view_pointtype",
    )


def has_channel(program: Program) -> Step:
    return Step(
        _("Connect a channel"),
        _("A shop, till or app that sends orders."),
        Channel.objects.filter(program=program).exists(),
        reverse("admin:programs_channel_add"),
        _("Add a channel"),
        "programs.add_channel",
    )


def has_key(program: Program) -> Step:
    channel = Channel.objects.filter(program=program).first()
    working = ApiKey.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=clock.now()), channel__program=program, revoked_at=None
    )
    url = (
        reverse("console:keys", args=[channel.pk])
        if channel
        else reverse("admin:programs_channel_changelist")
    )
    return Step(
        _("Make a key for it"),
        _("The channel proves with it who it is."),
        working.exists(),
        url,
        _("Keys"),
        "programs.view_apikey" if channel else "programs.view_channel",
    )


def has_event(program: Program) -> Step:
    return Step(
        _("Receive the first event"),
        _("As soon as the channel sends an order, it appears here."),
        Event.objects.filter(program=program).exists(),
        reverse("admin:events_event_changelist"),
        _("Events"),
        "events.view_event",
    )
