"""Programs, point types, channels with their keys, and jobs."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from loyalty.base import clock
from loyalty.base.admin import JobAdmin, ListAdmin, ToldHistory, permissions_by_name
from loyalty.base.models import Job
from loyalty.programs import programs
from loyalty.programs.admin_forms import ChannelForm, PointTypeForm, ProgramForm
from loyalty.programs.models import Channel, PointType, Program
from loyalty.programs.scope import choose_program, current_program
from loyalty.programs.scoped_admin import ScopedAdmin

EXPIRY_FIELDS = [("expiry_kind", "expiry_rounding"), ("expiry_count", "expiry_unit"), "expiry_dates"]


@admin.register(Program)
class ProgramAdmin(ToldHistory, SimpleHistoryAdmin, ListAdmin):  # type: ignore[misc]
    form = ProgramForm
    list_display = ["name", "code", "currency", "timezone", "shown_mode", "shown_status"]
    search_fields = ["name", "code"]
    show_full_result_count = True
    empty_title = _("Set up your first program")
    empty_text = _("A program holds members, points and campaigns in one currency and one time zone.")
    fieldsets = [
        (None, {"fields": [("name", "code"), ("currency", "timezone"), ("mode", "status")]}),
        (_("Points"), {"fields": [("rounding", "debt_policy"), "refund_grace_days"]}),
        (_("Expiry (for point types that follow the program)"), {"fields": EXPIRY_FIELDS}),
        (_("Events and members"), {"fields": [("event_window_days", "phone_region"), "member_schema"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Program | None = None) -> list[str]:
        """Code, currency and mode are in orders, keys and addresses already."""
        return ["code", "currency", "mode"] if obj else ["status"]

    def has_delete_permission(self, request: HttpRequest, obj: Program | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Program, form: ModelForm[Program], change: bool) -> None:
        """Making, pausing and resuming go through the domain: they write more than this row."""
        if not change:
            self._create(request, obj, form)
            return
        wanted, obj.status = obj.status, form.initial["status"]
        super().save_model(request, obj, form, change)
        if wanted != obj.status:
            act = programs.pause if wanted == Program.Status.PAUSED else programs.resume
            obj.status = act(obj, at=clock.now()).status

    def _create(self, request: HttpRequest, obj: Program, form: ModelForm[Program]) -> None:
        made = programs.create(at=clock.now(), **{name: getattr(obj, name) for name in form.fields})
        obj.pk, obj._state.adding, obj.created_at = made.pk, False, made.created_at
        choose_program(request, made.code)

    @display(description=_("Mode"), ordering="mode", label={"live": "success", "test": "warning"})
    def shown_mode(self, program: Program) -> tuple[str, str]:
        return program.mode, program.get_mode_display()

    @display(description=_("Status"), ordering="status", label={"running": "success", "paused": "warning"})
    def shown_status(self, program: Program) -> tuple[str, str]:
        return program.status, program.get_status_display()


@admin.register(PointType)
class PointTypeAdmin(ToldHistory, SimpleHistoryAdmin, ScopedAdmin):  # type: ignore[misc]
    form = PointTypeForm
    list_display = ["name_many", "code", "decimals", "is_default", "expiry_kind", "pending_kind"]
    empty_title = _("No point types yet")
    empty_text = _("Name the points that members earn, and say when they can be spent and when they lapse.")
    fieldsets = [
        (None, {"fields": [("name_one", "name_many"), ("code", "decimals"), "is_default"]}),
        (_("When points can be spent"), {"fields": ["pending_kind", ("pending_days", "pending_date")]}),
        (_("When points lapse"), {"fields": ["use_program_expiry", *EXPIRY_FIELDS]}),
        (
            _("Returns and checkout"),
            {
                "fields": [
                    "debt_policy",
                    "redeem_rate",
                    ("redeem_minimum", "redeem_increment"),
                    ("redeem_max_percent", "hold_minutes"),
                ]
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: PointType | None = None) -> list[str]:
        """All amounts are whole numbers of the smallest unit: its size cannot change under them."""
        return ["code", "decimals"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: PointType | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: PointType, form: ModelForm[PointType], change: bool
    ) -> None:
        program = current_program(request)
        if obj.is_default and program is not None:
            programs.clear_default(program, keep=obj)
        super().save_model(request, obj, form, change)


@admin.register(Channel)
class ChannelAdmin(ToldHistory, SimpleHistoryAdmin, ScopedAdmin):  # type: ignore[misc]
    form = ChannelForm
    list_display = ["name", "code", "kind", "is_active", "working_keys", "manage_keys"]
    list_filter = ["kind", "is_active"]
    search_fields = ["name", "code"]
    empty_title = _("No channels yet")
    empty_text = _("A channel is a shop, till or app that sends events. Each has its own keys.")
    fields = [("name", "code"), ("kind", "timezone"), "is_active", "manage_keys"]
    readonly_fields = ["manage_keys"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        now = clock.now()
        working = Q(keys__revoked_at=None) & (Q(keys__expires_at=None) | Q(keys__expires_at__gt=now))
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(keys_working=Count("keys", filter=working))
        return counted

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> list[str]:
        return ["code", "manage_keys"] if obj else ["manage_keys"]

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Channel, form: ModelForm[Channel], change: bool) -> None:
        if not change:
            obj.created_at = clock.now()
        super().save_model(request, obj, form, change)

    @display(description=_("Working keys"))
    def working_keys(self, channel: Any) -> int:
        return int(channel.keys_working)

    @display(description=_("Keys"))
    def manage_keys(self, channel: Channel) -> SafeString | str:
        if not channel.pk:
            return str(_("Save the channel first, then make its keys."))
        return format_html(
            '<a href="{}">{}</a>', reverse("console:keys", args=[channel.pk]), _("Manage keys")
        )


@admin.register(Job)
class ProgramJobAdmin(JobAdmin):
    """Jobs of the chosen program and of the whole installation."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        program = current_program(request)
        return super().get_queryset(request).filter(scope__in=["", program.code if program else ""])  # type: ignore[no-any-return]


admin.site.unregister(User)
admin.site.unregister(Group)


class PicksPermissions:
    """Mixin, before Django's own admin: only permissions that somebody could mean are there to be picked, by the names
    that a refusal asks for."""

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        if db_field.remote_field.model is not Permission:
            return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        kwargs["queryset"] = permissions_by_name()
        field = super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
        field.label_from_instance = attrgetter("name")
        return field


@admin.register(User)
class UserAdmin(PicksPermissions, DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        """Whoever is added here works here, and may sign in; what for is chosen on the next page."""
        obj.is_staff = obj.is_staff or not change
        super().save_model(request, obj, form, change)


@admin.register(Group)
class GroupAdmin(PicksPermissions, DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    pass
