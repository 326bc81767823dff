"""The books, for reading. Nobody adds, changes or deletes a line here; corrections are further transactions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from loyalty.base.ids import is_uuid
from loyalty.base.numbers import format_points
from loyalty.ledger.models import Entry, Lot, Transaction, Wallet
from loyalty.programs.scoped_admin import LongListAdmin

MINUS = "\u2212"


def signed(units: int, decimals: int) -> str:
    """`+96`, `−500`, `0`."""
    written = format_points(abs(units), decimals)
    whole, point, part = written.partition(".")
    return f"{'+' if units > 0 else MINUS if units < 0 else ''}{int(whole):,}{point}{part}"


def member_link(member: Any) -> SafeString:
    return format_html(
        '<a href="{}"><bdi>{}</bdi></a>', reverse("console:member", args=[member.pk]), str(member)
    )


class EntryInline(TabularInline):  # type: ignore[misc]
    """The lines of one transaction."""

    model = Entry
    fields = ["id", "shown_amount", "lot", "lot_after", "balance_after"]
    readonly_fields = fields
    extra = 0
    can_delete = False
    ordering = ["id"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).select_related("wallet__point_type", "lot")  # type: ignore[no-any-return]

    @display(description=_("Change"))
    def shown_amount(self, entry: Entry) -> str:
        return signed(entry.amount, entry.wallet.point_type.decimals)


@admin.register(Transaction)
class TransactionAdmin(LongListAdmin):
    list_display = [
        "occurred_at",
        "kind",
        "shown_amount",
        "member_page",
        "reference",
        "actor_kind",
        "actor",
        "reason_code",
    ]
    list_filter = ["kind", "actor_kind", "point_type"]
    list_select_related = ["member", "point_type"]
    search_fields = ["reference"]
    search_help_text = _("Order number or reference, exact; or a transaction, event or member id")
    ordering = ["-id"]
    inlines = [EntryInline]
    empty_title = _("No transactions yet")
    empty_text = _(
        "Every change of points is written here for good: earned, redeemed, returned, expired, adjusted."
    )
    fields = [
        ("kind", "shown_amount", "point_type"),
        ("member_page", "counterpart"),
        ("occurred_at", "recorded_at"),
        ("reference", "event_page", "reverses"),
        ("forgiven", "already_expired"),
        ("actor_kind", "actor"),
        ("reason_code", "note"),
    ]
    readonly_fields = ["shown_amount", "member_page", "event_page"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Transaction], search_term: str
    ) -> tuple[QuerySet[Transaction], bool]:
        """By exact reference or id: both have an index, a search within the text would read everything."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if is_uuid(term):
            return queryset.filter(pk=term) | queryset.filter(event_id=term) | queryset.filter(
                member_id=term
            ), False
        return queryset.filter(reference=term), False

    @display(description=_("Change"), ordering="amount")
    def shown_amount(self, transaction: Transaction) -> str:
        return f"{signed(transaction.amount, transaction.point_type.decimals)} {transaction.point_type.name_many}"

    @display(description=_("Member"))
    def member_page(self, transaction: Transaction) -> SafeString:
        return member_link(transaction.member)

    @display(description=_("Event"))
    def event_page(self, transaction: Transaction) -> SafeString | str:
        if transaction.event_id is None:
            return "–"
        url = reverse("console:event", args=[transaction.event_id])
        return format_html('<a href="{}">{}</a>', url, transaction.event_id)


@admin.register(Entry)
class EntryAdmin(LongListAdmin):
    list_display = ["id", "occurred_at", "member_page", "transaction", "shown_amount", "lot", "balance_after"]
    list_select_related = ["member", "transaction", "wallet__point_type", "lot"]
    ordering = ["-id"]
    search_fields = ["transaction__id"]
    search_help_text = _("A transaction or member id")
    empty_title = _("No entries yet")
    empty_text = _("The lines of the books: what each transaction did to which lot.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if not is_uuid(term):
            return queryset.none(), False
        return queryset.filter(transaction_id=term) | queryset.filter(wallet__member_id=term), False

    @display(description=_("Change"))
    def shown_amount(self, entry: Entry) -> str:
        return signed(entry.amount, entry.wallet.point_type.decimals)

    @display(description=_("Member"))
    def member_page(self, entry: Entry) -> SafeString:
        return member_link(entry.member)


@admin.register(Lot)
class LotAdmin(LongListAdmin):
    list_display = [
        "id",
        "member_page",
        "amount",
        "remaining",
        "earned_at",
        "available_at",
        "expires_at",
        "is_pending",
    ]
    list_select_related = ["member"]
    list_filter = ["is_pending"]
    ordering = ["-id"]
    search_fields = ["id"]
    search_help_text = _("A lot, transaction or member id")
    empty_title = _("No lots yet")
    empty_text = _(
        "Each credit of points is a lot with its own dates: when it can be spent and when it lapses."
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Lot], search_term: str
    ) -> tuple[QuerySet[Lot], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if not is_uuid(term):
            return queryset.none(), False
        return queryset.filter(pk=term) | queryset.filter(transaction_id=term) | queryset.filter(
            wallet__member_id=term
        ), False

    @display(description=_("Member"))
    def member_page(self, lot: Lot) -> SafeString:
        return member_link(lot.member)


@admin.register(Wallet)
class WalletAdmin(LongListAdmin):
    list_display = ["member_page", "point_type", "balance", "debt", "lifetime", "last_active_at"]
    list_select_related = ["member", "point_type"]
    list_filter = ["point_type"]
    ordering = ["-id"]
    empty_title = _("No wallets yet")
    empty_text = _(
        "A member's points of one type. The sums are proved against the entries by the check of the books."
    )

    @display(description=_("Member"))
    def member_page(self, wallet: Wallet) -> SafeString:
        return member_link(wallet.member)
