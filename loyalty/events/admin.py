"""The inbox, for reading, and custom event types."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.base.ids import is_uuid
from loyalty.events.actions import event_actions
from loyalty.events.admin_forms import EventTypeForm
from loyalty.events.models import Event, EventType
from loyalty.programs.models import Channel
from loyalty.programs.scope import current_program
from loyalty.programs.scoped_admin import LongListAdmin, ScopedAdmin


class ChannelFilter(admin.SimpleListFilter):
    """Channels of the chosen program."""

    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        channels = Channel.objects.filter(program=current_program(request))
        return [(channel.code, channel.name) for channel in channels]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(channel__code=self.value()) if self.value() else queryset


class TypeFilter(admin.SimpleListFilter):
    """Kinds of events: the built-in ones and those the program declared."""

    title = _("type")
    parameter_name = "type"
    BUILT_IN = [
        "order.completed", "order.amended", "order.returned", "order.cancelled", "member.registered",
        "member.updated", "review.submitted", "visit.checked_in", "referral.converted",
    ]  # fmt: skip

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = EventType.objects.filter(program=current_program(request)).values_list("code", "name")
        return [(code, code) for code in self.BUILT_IN] + list(own)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(LongListAdmin):
    list_display = [
        "occurred_at",
        "shown_type",
        "shown_status",
        "member_page",
        "order_reference",
        "channel",
        "external_id",
        "error",
    ]
    list_select_related = ["member", "channel"]
    list_display_links = None
    list_filter = ["status", TypeFilter, ChannelFilter]
    search_fields = ["external_id"]
    search_help_text = _("Event id, order number or member id, exact")
    ordering = ["-id"]
    actions = ()  # those of get_actions; None would switch the menu off
    empty_title = _("No events yet")
    empty_text = _("Orders, returns, visits and reviews appear here as soon as a channel sends them.")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """What upper apps can do with several events, such as trying failed ones again."""
        if not request.user.has_perm("events.change_event"):
            return {}
        return {name: (action.run, name, action.label) for name, action in event_actions.items()}

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """An event has its own page, with the explanation."""
        return (
            redirect("console:event", object_id)
            if is_uuid(object_id)
            else super().change_view(request, object_id, *args, **kwargs)
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if is_uuid(term):
            return queryset.filter(pk=term) | queryset.filter(member_id=term) | queryset.filter(
                external_id=term
            ), False
        return queryset.filter(external_id=term) | queryset.filter(order_reference=term), False

    @display(description=_("Event"), ordering="type")
    def shown_type(self, event: Event) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("console:event", args=[event.pk]), event.type)

    @display(
        description=_("State"),
        ordering="status",
        label={
            "received": "info", "waiting": "warning", "guest": "warning",
            "processed": "success", "rejected": "danger", "failed": "danger",
        },
    )  # fmt: skip
    def shown_status(self, event: Event) -> tuple[str, str]:
        return event.status, event.get_status_display()

    @display(description=_("Member"))
    def member_page(self, event: Event) -> SafeString | str:
        if event.member is None:
            return "–"
        url = reverse("console:member", args=[event.member_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', url, str(event.member))


@admin.register(EventType)
class EventTypeAdmin(ScopedAdmin):
    form = EventTypeForm
    list_display = ["name", "code", "shown_attributes"]
    search_fields = ["name", "code"]
    empty_title = _("No event types of your own")
    empty_text = _(
        "Orders, visits and reviews are built in. Declare others, such as a hotel stay, with their attributes."
    )
    fields = [("name", "code"), "attributes"]

    def get_readonly_fields(self, request: HttpRequest, obj: EventType | None = None) -> list[str]:
        return ["code"] if obj else []

    @display(description=_("Attributes"))
    def shown_attributes(self, event_type: EventType) -> str:
        return ", ".join(str(one.get("code")) for one in event_type.attributes) or "–"
