"""Facts: what happened here and is announced."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.base.admin import tidy_json
from loyalty.outbox.models import Fact
from loyalty.programs.scoped_admin import LongListAdmin


@admin.register(Fact)
class FactAdmin(LongListAdmin):
    list_display = ["id", "type", "member_page", "occurred_at", "recorded_at"]
    list_filter = ["type"]
    ordering = ["-id"]
    fields = ["type", "member_page", ("occurred_at", "recorded_at"), "shown_data"]
    readonly_fields = ["shown_data", "member_page"]
    empty_title = _("No facts yet")
    empty_text = _(
        "Points earned, members registered, campaigns published: what happened, in the order it happened."
    )

    @display(description=_("Member"))
    def member_page(self, fact: Fact) -> SafeString | str:
        if fact.member_id is None:
            return "–"
        return format_html(
            '<a href="{}">{}</a>', reverse("console:member", args=[fact.member_id]), fact.member_id
        )

    @display(description=_("Data"))
    def shown_data(self, fact: Fact) -> SafeString:
        return tidy_json(fact.data)
