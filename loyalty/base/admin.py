"""Common manners of the admin's lists: read-only ones, and the two different words for "nothing here yet" and
"nothing matches"."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from loyalty.base.job_kinds import title_of
from loyalty.base.models import Job
from loyalty.base.words import Words


class _Rows(ChangeList):  # type: ignore[misc]
    """Rows that lead to their own screen."""

    def url_for_result(self, result: Model) -> str:
        screen = self.model_admin.row_screen
        return reverse(screen, args=[result.pk]) if screen else str(super().url_for_result(result))


class ListAdmin(ModelAdmin):  # type: ignore[misc]
    """A list with its own empty state, no full count of large tables, and 404 for what is not there."""

    row_screen = ""  # the name of the screen that a row leads to, where it is not the admin's own
    empty_title: Words = _("Nothing here yet")
    empty_text: Words = ""
    empty_value_display = "–"
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    list_filter_sheet = False
    compressed_fields = True

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A filter that PostgreSQL cannot even be asked for is answered like one that makes no sense."""
        if any("\x00" in value for _name, values in request.GET.lists() for value in values):
            return redirect(f"{request.path}?e=1")
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[_Rows]:
        return _Rows

    def get_preserved_filters(self, request: HttpRequest) -> str:
        """For the admin's own pages, which lead back to the list as it was."""
        return "" if self.row_screen else str(super().get_preserved_filters(request))

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """An unknown id, and one of another program, answer alike."""
        raise Http404


class ToldHistory:
    """Mixin, before SimpleHistoryAdmin: the history is a screen of its own, in words and field by field."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None, **kwargs: Any
    ) -> HttpResponse:
        label = self.model._meta.label_lower  # type: ignore[attr-defined]
        return redirect("console:history", label, object_id)


class Unwritable:
    """Mixin: nobody adds, changes or deletes here, a superuser included."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(Unwritable, ListAdmin):
    """Can be read by those who may."""

    actions: Any = None


def tidy_json(value: object) -> SafeString:
    """JSON as a readable block; its text is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="lr-code">{}</pre>', text)


class JobAdmin(ReadOnlyAdmin):
    """Long and recurring work: its progress, result and last sign of life."""

    list_display = ["shown_kind", "scope", "period", "shown_state", "progress", "created_at", "finished_at"]
    list_filter = ["state", "kind"]
    search_fields = ["kind", "scope", "period"]
    ordering = ["-created_at"]
    show_full_result_count = True
    fields = [
        ("shown_kind", "period"),
        ("state_in_words", "progress"),
        ("scope", "created_by"),
        ("created_at", "started_at"),
        ("finished_at", "heartbeat_at"),
        "error",
        "shown_result",
        "shown_cursor",
    ]
    readonly_fields = ["shown_kind", "state_in_words", "progress", "shown_result", "shown_cursor"]
    empty_text = _("Nightly runs, checks of the books and other long work appear here with their result.")

    @display(description=_("Job"), ordering="kind")
    def shown_kind(self, job: Job) -> str:
        return title_of(job.kind)

    @display(
        description=_("State"),
        ordering="state",
        label={
            "queued": "info",
            "running": "info",
            "done": "success",
            "failed": "danger",
            "cancelled": "warning",
        },
    )
    def shown_state(self, job: Job) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @display(description=_("State"))
    def state_in_words(self, job: Job) -> str:
        return job.get_state_display()

    @display(description=_("Progress"))
    def progress(self, job: Job) -> str:
        return f"{job.done:,} of {job.total:,}" if job.total is not None else f"{job.done:,}"

    @display(description=_("Result"))
    def shown_result(self, job: Job) -> SafeString:
        return tidy_json(job.result)

    @display(description=_("Place to go on from"))
    def shown_cursor(self, job: Job) -> SafeString:
        return tidy_json(job.cursor)


def permissions_by_name() -> QuerySet[Permission]:
    """For the pickers of staff and groups, by name: without the permissions of Django's own inner tables."""
    inner = Q(content_type__app_label__in=["admin", "contenttypes", "sessions", "axes"])
    return Permission.objects.exclude(inner | Q(content_type__model="permission")).order_by("name", "pk")
