"""Members as raw rows. Daily work is on the member page; here nothing is edited, so that every change of a member
goes through the same functions as the API."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.members.models import Identifier, Member
from loyalty.programs.scoped_admin import LongListAdmin


@admin.register(Member)
class MemberAdmin(LongListAdmin):
    list_display = ["page", "state", "tier_name", "enrolled_at", "enrolled_via"]
    row_screen = "console:member"
    list_filter = ["state", "enrolled_via"]
    empty_title = _("No members yet")
    empty_text = _("Members appear here when a channel registers them or a new customer is enrolled.")

    @display(description=_("Member"), ordering="name")
    def page(self, member: Member) -> SafeString:
        return format_html("<bdi>{}</bdi>", str(member))


@admin.register(Identifier)
class IdentifierAdmin(LongListAdmin):
    """What members and guests are known by."""

    list_display = ["kind", "shown_value", "member", "created_at"]
    fields = ["kind", "shown_value", "member", "created_at"]
    readonly_fields = ["shown_value"]
    list_filter = ["kind", ("member", admin.EmptyFieldListFilter)]
    empty_text = _("E-mail addresses, phones, cards and external ids of members and guests.")
    autocomplete_fields: list[str] = []

    @display(description=_("Value"))
    def shown_value(self, identifier: Identifier) -> str:
        return identifier.masked
