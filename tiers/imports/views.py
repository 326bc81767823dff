"""Imports of balances for program managers: send a file, look at what it would bring, bring it, take it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4, uuid5

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loyalty.base import clock, job_files, jobs
from loyalty.base.models import Job
from loyalty.console.access import ScreenRequest, actor_name, screen, show
from loyalty.console.job_words import Watched
from loyalty.console.once import once, result_of
from tiers.imports import batches, telling, undo, work
from tiers.imports.forms import UndoForm, UploadForm

NEEDED = (work.PERMISSION, "ledger.add_transaction", "tiers.add_placement")
KINDS = (work.CHECK, *batches.KINDS, undo.BY_STAFF, undo.BY_COMMAND)
PAGE = 50


@require_http_methods(["GET", "POST"])
@screen(*NEEDED)
def imports_page(request: ScreenRequest) -> HttpResponse:
    """All imports and checks of the program, and the form for another file."""
    if request.method == "POST":
        return _sent(request)
    return _list(request, UploadForm(initial={"token": uuid4()}, program=request.program))


def _list(request: ScreenRequest, form: UploadForm, *, status: int = 200) -> HttpResponse:
    found = Job.objects.filter(kind__in=KINDS, scope=request.program.code).order_by("-created_at", "pk")
    context = {
        "title": _("Imports of balances"),
        "form": form,
        "rows": [telling.Row(job) for job in found[:PAGE]],
    }
    return show(request, "imports/list.html", context, status=status)


def _sent(request: ScreenRequest) -> HttpResponse:
    if done := result_of(request.POST.get("token")):
        return redirect(done)
    form = UploadForm(request.POST, request.FILES, program=request.program)
    if not form.is_valid():
        return _list(request, form, status=422)

    def act() -> str:
        assert form.upload is not None
        params = {"said": form.said, "digest": form.digest}
        return _started(request, work.CHECK, form.upload.name, params, form.upload)

    address, _first = once(form.cleaned_data["token"], act, by=actor_name(request), at=clock.now())
    return redirect(address)


def _started(
    request: ScreenRequest, kind: str, name: str, params: dict[str, Any], upload: job_files.Upload | None
) -> str:
    job = jobs.start(
        kind, scope=request.program.code, by=actor_name(request), at=clock.now(),
        name=name, params=params, upload=upload,
    )  # fmt: skip
    return reverse("imports:import", args=[job.pk])


def _job(request: ScreenRequest, job_id: UUID, *kinds: str) -> Job:
    found = Job.objects.filter(pk=job_id, scope=request.program.code, kind__in=kinds).first()
    if found is None:
        raise Http404
    return found


@require_GET
@screen(*NEEDED)
def import_page(request: ScreenRequest, job_id: UUID) -> HttpResponse:
    """One check, import or undoing: how far it is, then what it says. The page asks each second until it has ended and
    then loads itself again."""
    job = _job(request, job_id, *KINDS)
    watched = Watched(job)
    if request.htmx:
        answer = render(request, "imports/_progress.html", {"watched": watched, "job": job})
        if not watched.is_open:
            answer.headers["HX-Refresh"] = "true"
        return answer
    context = {
        "title": watched.title,
        "job": job,
        "watched": watched,
        "errors": job_files.errors_in(job),
        "told": telling.Told(job) if job.result.get("counts") else None,
        "row": telling.Row(job),
        "undo": UndoForm(initial={"token": uuid4(), "spent": "left"}),
        "undo_job": job.result.get("undo", ""),
    }
    return show(request, "imports/import.html", context)


@require_POST
@screen(*NEEDED)
def confirm(request: ScreenRequest, job_id: UUID) -> HttpResponse:
    """Import the file of a check. However often this is sent, one check begins one import."""
    checked = _job(request, job_id, work.CHECK)
    upload = job_files.upload_of(checked)
    if checked.state != Job.State.DONE or upload is None:
        messages.error(request, _("Check the file first. It is kept for 30 days."))
        return redirect("imports:import", checked.pk)
    token = uuid5(checked.pk, "import")
    params = {**checked.params, "check": str(checked.pk)}

    def act() -> str:
        return _started(request, batches.BY_STAFF, checked.name, params, upload)

    address, _first = once(token, act, by=actor_name(request), at=clock.now())
    return redirect(address)


@require_POST
@screen(*NEEDED)
def undo_import(request: ScreenRequest, job_id: UUID) -> HttpResponse:
    """Take an import back, as one job."""
    batch = _job(request, job_id, *batches.KINDS)
    form = UndoForm(request.POST)
    if batches.is_undone(batch) or not form.is_valid():
        messages.error(request, _("This import was undone already, or the form was not complete."))
        return redirect("imports:import", batch.pk)
    data = form.cleaned_data
    params = {"batch": batch.pk.hex, "spent": data["spent"], "close": data["close"]}

    def act() -> str:
        return _started(request, undo.BY_STAFF, batch.name, params, None)

    address, _first = once(data["token"], act, by=actor_name(request), at=clock.now())
    return redirect(address)
