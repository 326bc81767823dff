"""Watching jobs: the list, one job with its progress, stopping it, taking it up again, its rows with errors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from loyalty.base import clock, job_files, jobs
from loyalty.base.job_kinds import job_kinds
from loyalty.base.models import Heartbeat, Job
from loyalty.base.waking import wake
from loyalty.console import job_list
from loyalty.console.access import ScreenRequest, may, refuse, screen, show
from loyalty.console.job_list import Wanted, permission_of
from loyalty.console.job_words import OPEN, Watched, waits_since

STOP_POLLING = 286


@require_GET
@screen()
def job_list_page(request: ScreenRequest) -> HttpResponse:
    """My jobs, or all that I may see; newest first."""
    wanted = Wanted.read(request.GET)
    within = job_list.visible(request) if wanted.everybody else job_list.mine(request)
    found = job_list.filtered(within, wanted).order_by("-created_at", "pk")
    page = list(found[wanted.skip : wanted.skip + job_list.PAGE + 1])
    context = {
        "title": _("Jobs"),
        "wanted": wanted,
        "rows": [Watched(job) for job in page[: job_list.PAGE]],
        "more": wanted.skip + job_list.PAGE if len(page) > job_list.PAGE else None,
        "chips": job_list.chips(job_list.filtered(within, Wanted(wanted.everybody, "", wanted.kind, 0))),
        "kinds": job_list.kinds_in(within),
        "any": within.exists(),
        "mine": job_list.mine(request).count(),
        "all": job_list.visible(request).count(),
    }
    return show(request, "console/jobs.html", context)


@require_GET
@screen()
def job_page(request: ScreenRequest, job_id: UUID) -> HttpResponse:
    """One job. Its page asks for the fragment each second until the job has ended."""
    job = job_of(request, job_id)
    if not job_list.visible(request).filter(pk=job.pk).exists():
        return refuse(request, [permission_of(job)])
    context = {"title": Watched(job).title, "program": request.program, **_state(request, job)}
    if request.htmx:
        ended = not context["watched"].is_open
        return render(request, "console/_job.html", context, status=STOP_POLLING if ended else 200)
    return show(request, "console/job.html", context)


def job_of(request: ScreenRequest, job_id: UUID) -> Job:
    """The job, if of the chosen program or of the whole installation."""
    found = Job.objects.filter(pk=job_id, scope__in=["", request.program.code]).first()
    if found is None:
        raise Http404
    return found


def _state(request: ScreenRequest, job: Job) -> dict[str, Any]:
    """What the fragment shows."""
    allowed = may(request, permission_of(job))
    ended = job.state in (Job.State.FAILED, Job.State.CANCELLED)
    upload = job.files.filter(role="upload").values_list("name", flat=True).first()
    return {
        "watched": Watched(job),
        "job": job,
        "may_stop": allowed and job.kind in job_kinds and job.state in (*OPEN, Job.State.FAILED),
        "may_resume": allowed and ended,
        "lacks": "" if allowed else permission_of(job),
        "errors": job_files.errors_in(job),
        "upload": upload,
        "silent": jobs.is_silent(job),
        **_waiting(job),
    }


def _waiting(job: Job) -> dict[str, Any]:
    """Why a waiting job waits: how many are before it, and whether anybody works at all."""
    if job.state != Job.State.QUEUED:
        return {}
    before = Q(state=Job.State.RUNNING) | Q(state=Job.State.QUEUED, created_at__lt=job.created_at)
    beat = Heartbeat.objects.filter(name="beat").first()
    return {
        "before": Job.objects.filter(before, kind__in=job_kinds.names()).exclude(pk=job.pk).count(),
        "beat": beat,
        "nobody_works": waits_since(beat.at if beat else None, clock.now()),
    }


@require_POST
@screen()
def stop_job(request: ScreenRequest, job_id: UUID) -> HttpResponse:
    """End it before its next chunk; what is done stays done."""
    job = job_of(request, job_id)
    if not may(request, permission_of(job)):
        return refuse(request, [permission_of(job)])
    if job.kind in job_kinds and jobs.cancel(job, at=clock.now()):
        messages.success(request, _("The job is stopped. What it has done stays done."))
    else:
        messages.info(request, _("The job had ended already."))
    return redirect("console:job", job.pk)


@require_POST
@screen()
def resume_job(request: ScreenRequest, job_id: UUID) -> HttpResponse:
    """Let it go on where it stopped."""
    job = job_of(request, job_id)
    if not may(request, permission_of(job)):
        return refuse(request, [permission_of(job)])
    if jobs.resume(job):
        transaction.on_commit(wake)
        messages.success(request, _("The job goes on. What is done is skipped."))
    else:
        messages.info(request, _("The job is running or done already."))
    return redirect("console:job", job.pk)


@require_GET
@screen()
def job_errors(request: ScreenRequest, job_id: UUID) -> HttpResponseBase:
    """The rows that were refused, to be put right and sent again."""
    job = job_of(request, job_id)
    if not may(request, permission_of(job)):
        return refuse(request, [permission_of(job)])
    if not job_files.errors_in(job):
        raise Http404
    answer = StreamingHttpResponse(job_files.read_errors(job), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="errors-{job.pk}.csv"'
    return answer


@require_GET
@screen()
def job_tray(request: ScreenRequest) -> HttpResponse:
    """My running jobs, asked for every few seconds by the pages that show some; the last answer says that all ended."""
    running = job_list.tray(request)
    status = 200 if running["count"] else STOP_POLLING
    return render(request, "console/_tray.html", running | {"polled": True}, status=status)
