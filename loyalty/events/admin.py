"""The inbox, for reading, and custom event types."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.base import clock
from loyalty.base.ids import is_uuid
from loyalty.base.words import Words
from loyalty.events.actions import event_actions
from loyalty.events.admin_forms import EventTypeForm
from loyalty.events.models import Event, EventType
from loyalty.events.reasons import for_staff
from loyalty.ledger.admin import signed
from loyalty.ledger.models import Transaction
from loyalty.programs.models import Channel
from loyalty.programs.scope import current_program
from loyalty.programs.scoped_admin import LongListAdmin, ScopedAdmin

TYPE_WORDS: dict[str, Words] = {
    "order.completed": _("Order"),
    "order.amended": _("Order changed"),
    "order.returned": _("Return"),
    "order.cancelled": _("Order cancelled"),
    "member.registered": _("Joined"),
    "member.updated": _("Details changed"),
    "review.submitted": _("Review"),
    "visit.checked_in": _("Visit"),
    "referral.converted": _("Referral"),
}


class ReceivedFilter(admin.SimpleListFilter):
    """By the time of receipt. Ids begin with it, so the key answers without another index."""

    title = _("received")
    parameter_name = "received"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("last 24 hours")), ("7", _("last 7 days")), ("30", _("last 30 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        days = self.value()
        if days not in ("1", "7", "30"):
            return queryset
        since = clock.now() - timedelta(days=int(days))
        return queryset.filter(pk__gte=UUID(int=int(since.timestamp() * 1000) << 80), received_at__gte=since)


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

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = EventType.objects.filter(program=current_program(request)).values_list("code", "name")
        return [(code, str(words)) for code, words in TYPE_WORDS.items()] + list(own)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(LongListAdmin):
    list_display = [
        "occurred_at",
        "shown_type",
        "shown_status",
        "member_page",
        "shown_points",
        "order_reference",
        "channel",
        "problem",
    ]
    list_select_related = ["member", "channel"]
    row_screen = "console:event"
    list_display_links = ["occurred_at", "shown_type"]
    list_filter = ["status", TypeFilter, ChannelFilter, ReceivedFilter]
    search_fields = ["external_id"]
    search_help_text = _("Event id, order number or member id, exact")
    ordering = ["-id"]
    actions = ()  # those of get_actions; None would switch the menu off
    empty_title = _("No events yet")
    empty_text = _("Orders, returns, visits and reviews appear here as soon as a channel sends them.")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With what the shown events gave and what their types are called, in one query each for the page."""
        page = super().get_changelist_instance(request)
        shown = [event.pk for event in page.result_list]
        made = Transaction.objects.filter(event_id__in=shown).exclude(amount=0).select_related("point_type")
        names = TYPE_WORDS | dict(
            EventType.objects.filter(program=current_program(request)).values_list("code", "name")
        )
        points: dict[UUID, list[str]] = {}
        for one in made.order_by("id"):
            points.setdefault(one.event_id, []).append(signed(one.amount, one.point_type.decimals))  # type: ignore[arg-type]
        for event in page.result_list:
            event.gave = ", ".join(points.get(event.pk, []))
            event.type_name = names.get(event.type, event.type)
        return page

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
    def shown_type(self, event: Any) -> str:
        return str(event.type_name)

    @display(description=_("Points"))
    def shown_points(self, event: Any) -> str:
        """A processed event that gave nothing says 0: it was looked at. One that was not says nothing yet."""
        return event.gave or ("0" if event.status == Event.Status.PROCESSED else "–")

    @display(description=_("Problem"))
    def problem(self, event: Event) -> str:
        return for_staff(event) or "–"

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
