"""Ladders and what came of them as raw rows, to be read: ladders are changed in their editor, standings by what members
do, published versions and changes never."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from unfold.decorators import display

from loyalty.base.admin import ToldHistory, tidy_json
from loyalty.programs.scoped_admin import LongListAdmin
from tiers.models import LadderVersion, Placement, Standing, TierChange, TierSet


@admin.register(TierSet)
class TierSetAdmin(ToldHistory, SimpleHistoryAdmin, LongListAdmin):  # type: ignore[misc]
    list_display = ["name", "code", "is_main", "measure", "window", "updated_by", "updated_at"]
    row_screen = "tiers:ladder"
    ordering = ["-is_main", "code"]
    object_history_template: ClassVar[Any] = "simple_history/object_history.html"

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """New ladders start in their editor."""
        if request.method == "GET":
            return redirect("tiers:choose")
        raise PermissionDenied


@admin.register(LadderVersion)
class LadderVersionAdmin(LongListAdmin):
    list_display = [
        "tier_set", "number", "effective_from", "rollout", "published_at", "published_by", "withdrawn_at", "note",
    ]  # fmt: skip
    list_select_related = ["tier_set"]
    ordering = ["-published_at"]
    fields = [
        ("tier_set", "number"),
        ("effective_from", "rollout", "protect"),
        ("published_at", "published_by"),
        ("withdrawn_at", "withdrawn_by"),
        "note",
        "shown_definition",
    ]
    readonly_fields = ["shown_definition"]
    empty_text = _("Each publishing freezes the ladder as a version, which alone moves members.")

    @display(description=_("Definition"))
    def shown_definition(self, version: LadderVersion) -> SafeString:
        return tidy_json(version.definition)


class OfMember(LongListAdmin):
    """Rows about a member; found by the member's id. The first column leads to the row, the member's name to the
    member."""

    list_select_related = ["member", "tier_set"]
    search_fields = ["member__id"]
    ordering = ["-pk"]

    @display(description=_("Member"))
    def shown_member(self, row: Any) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("console:member", args=[row.member_id]), row.member)


@admin.register(Standing)
class StandingAdmin(OfMember):
    list_display = [
        "tier_set",
        "shown_member",
        "tier_code",
        "since",
        "valid_until",
        "review_on",
        "computed_through",
    ]
    list_filter = ["tier_set"]
    empty_text = _("Where each member stands on a ladder appears here once one is published.")


@admin.register(TierChange)
class TierChangeAdmin(OfMember):
    list_display = ["kind", "shown_member", "tier_set", "from_code", "to_code", "at", "actor"]
    list_filter = ["kind", "tier_set"]
    readonly_fields = ["shown_numbers"]
    exclude = ["numbers"]
    empty_text = _("Each change of a member's tier is kept here, with the numbers that it was decided by.")

    @display(description=_("Numbers"))
    def shown_numbers(self, change: TierChange) -> SafeString:
        return tidy_json(change.numbers)


@admin.register(Placement)
class PlacementAdmin(OfMember):
    list_display = [
        "kind",
        "shown_member",
        "tier_set",
        "tier_code",
        "starts_on",
        "ends_on",
        "created_by",
        "ended_at",
    ]
    list_filter = ["kind", "tier_set"]
    empty_text = _("Tiers that were set by hand or imported appear here.")
