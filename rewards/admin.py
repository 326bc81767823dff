"""Redemptions, their steps and codes as raw rows, for looking. Rewards are made and changed on their own screens."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.base.admin import tidy_json
from loyalty.programs.scoped_admin import LongListAdmin
from rewards import codes
from rewards.models import Code, Redemption, RedemptionStep, Reward


@admin.register(Reward)
class RewardAdmin(LongListAdmin):
    """The list of the admin leads to the catalogue."""

    list_display = ["name", "code", "status", "starts_at", "ends_at", "updated_by", "updated_at"]
    row_screen = "rewards:reward"
    list_filter = ["status"]
    search_fields = ["name", "code"]
    ordering = ["position", "code"]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """New rewards start with their kind."""
        if request.method == "GET":
            return redirect("rewards:choose")
        raise PermissionDenied


@admin.register(Redemption)
class RedemptionAdmin(LongListAdmin):
    """Everything that a redemption holds; where it is sent is left to its own page."""

    list_display = ["id", "reward", "member", "shown_state", "points", "point_type", "created_at"]
    list_filter = ["state", "step"]
    list_select_related = ["reward", "member", "point_type"]
    search_fields = ["id", "reference", "tracking"]
    ordering = ["-id"]
    fields = [
        ("page", "shown_state"),
        ("member", "reward", "stock"),
        ("points", "points_back", "point_type"),
        ("transaction", "credit"),
        ("masked_code", "remaining"),
        ("reserved_until", "expires_at"),
        ("step", "due_at"),
        ("carrier", "tracking", "problem"),
        ("claimed_by", "claimed_until"),
        ("reference", "reason"),
        ("actor_kind", "actor", "is_automatic"),
        ("created_at", "confirmed_at", "fulfilled_at", "closed_at"),
        "shown_terms",
    ]
    readonly_fields = ["page", "shown_state", "masked_code", "shown_terms"]
    empty_text = _("What members take for points appears here.")

    @display(
        description=_("State"),
        ordering="state",
        label={"reserved": "warning", "confirmed": "info", "fulfilled": "success"},
    )
    def shown_state(self, row: Redemption) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=_("Page"))
    def page(self, row: Redemption) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("rewards:redemption", args=[row.pk]), _("Open"))

    @display(description=_("Code"))
    def masked_code(self, row: Redemption) -> str:
        return codes.masked(row.code) if row.code is not None else "–"

    @display(description=_("Terms"))
    def shown_terms(self, row: Redemption) -> SafeString:
        return tidy_json(row.terms)


@admin.register(RedemptionStep)
class RedemptionStepAdmin(LongListAdmin):
    """Each thing that happened to redemptions, never changed."""

    program_path = "redemption__program"
    list_display = ["redemption", "kind", "state", "occurred_at", "actor_kind", "actor", "note"]
    list_filter = ["kind", "actor_kind"]
    list_select_related = ["redemption"]
    ordering = ["-id"]
    fields = [
        ("redemption", "kind", "state"),
        ("occurred_at", "recorded_at"),
        ("actor_kind", "actor"),
        "note",
        "shown_data",
    ]
    readonly_fields = ["shown_data"]
    empty_text = _("Each step of a redemption is one row here.")

    @display(description=_("Data"))
    def shown_data(self, step: RedemptionStep) -> SafeString:
        return tidy_json(step.data)


@admin.register(Code)
class CodeAdmin(LongListAdmin):
    """Codes by their last signs. A whole one is shown on the page of its redemption, which notes who saw it."""

    list_display = ["masked", "reward", "state", "expires_at", "created_at", "changed_at"]
    list_filter = ["state"]
    list_select_related = ["reward"]
    ordering = ["-id"]
    fields = [("masked", "state"), "reward", "batch", ("expires_at", "created_at", "changed_at")]
    readonly_fields = ["masked"]
    empty_text = _("Codes come from uploads, or are made when a reward is taken.")

    @display(description=_("Code"))
    def masked(self, code: Code) -> str:
        return codes.masked(code)
