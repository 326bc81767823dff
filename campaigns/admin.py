"""Campaigns as raw rows, with their history. They are made and changed in the builder, published versions never."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from polymorphic.admin import PolymorphicChildModelAdmin, PolymorphicParentModelAdmin
from simple_history.admin import SimpleHistoryAdmin
from unfold.decorators import display

from campaigns.models import BonusCampaign, Campaign, CampaignVersion, EarningCampaign
from loyalty.base.admin import ToldHistory, tidy_json
from loyalty.programs.scoped_admin import LongListAdmin


class Unchangeable(LongListAdmin):
    """History can be read by those who may see the campaign; nothing is edited here."""

    object_history_template: ClassVar[Any] = "simple_history/object_history.html"


@admin.register(EarningCampaign, BonusCampaign)
class CampaignChildAdmin(ToldHistory, SimpleHistoryAdmin, PolymorphicChildModelAdmin, Unchangeable):  # type: ignore[misc]
    base_model = Campaign
    show_in_index = False
    object_history_template: ClassVar[Any] = "simple_history/object_history.html"


@admin.register(Campaign)
class CampaignAdmin(ToldHistory, SimpleHistoryAdmin, PolymorphicParentModelAdmin, Unchangeable):  # type: ignore[misc]
    base_model = Campaign
    child_models = [EarningCampaign, BonusCampaign]
    list_display = ["name", "code", "trigger", "starts_at", "ends_at", "updated_by", "updated_at"]
    row_screen = "campaigns:campaign"
    ordering = ["priority", "code"]
    object_history_template: ClassVar[Any] = "simple_history/object_history.html"

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """New campaigns start in the builder."""
        if request.method == "GET":
            return redirect("campaigns:choose")
        raise PermissionDenied


@admin.register(CampaignVersion)
class CampaignVersionAdmin(LongListAdmin):
    list_display = ["campaign", "number", "effective_from", "published_at", "published_by", "note"]
    list_select_related = ["campaign"]
    ordering = ["-published_at"]
    fields = [
        ("campaign", "number"),
        "effective_from",
        ("published_at", "published_by"),
        "note",
        "shown_definition",
    ]
    readonly_fields = ["shown_definition"]
    empty_text = _("Each publishing freezes the campaign as a version, which alone earns points.")

    @display(description=_("Definition"))
    def shown_definition(self, version: CampaignVersion) -> SafeString:
        return tidy_json(version.definition)
