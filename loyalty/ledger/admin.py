"""The books, for reading. Nobody adds, changes or deletes a line here; corrections are further transactions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from loyalty.base import clock
from loyalty.base.admin import Unwritable
from loyalty.base.ids import is_uuid
from loyalty.base.numbers import format_points
from loyalty.ledger.models import Entry, Extension, Hold, Lot, Transaction, Wallet
from loyalty.programs.scoped_admin import LongListAdmin

MINUS = "\u2212"


def signed(units: int, decimals: int) -> str:
    """`+96`, `−500`, `0`."""
    written = format_points(abs(units), decimals)
    whole, point, part = written.partition(".")
    return f"{'+' if units > 0 else MINUS if units < 0 else ''}{int(whole):,}{point}{part}"


def written(units: int, decimals: int) -> str:
    """`1,675`: an amount that is no change, so without a sign above zero."""
    return signed(units, decimals).removeprefix("+")


def last_day(until: datetime) -> str:
    """The last day on which points count: the day before, for what ends at midnight."""
    local = timezone.localtime(until)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return formats.date_format(local - timedelta(hours=12), "j M Y")
    return formats.date_format(local, "j M Y, H:i")


def link(name: str, key: object, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse(name, args=[key]), text)


def lot_link(lot: Lot | None, decimals: int) -> SafeString | str:
    """`1,675 of 8 Nov 2026`; no lot is debt."""
    if lot is None:
        return str(_("debt"))
    day = formats.date_format(timezone.localtime(lot.earned_at), "j M Y")
    words = _("%(points)s of %(day)s") % {"points": written(lot.amount, decimals), "day": day}
    return link("admin:ledger_lot_change", lot.pk, str(words))


def member_link(member: Any) -> SafeString:
    return format_html(
        '<a href="{}"><bdi>{}</bdi></a>', reverse("console:member", args=[member.pk]), str(member)
    )


class LinesInline(Unwritable, TabularInline):  # type: ignore[misc]
    """Rows that belong to the one shown, for reading."""

    hide_title = True
    extra = 0
    can_delete = False
    ordering = ["id"]


class EntryInline(LinesInline):
    """The lines of one transaction."""

    model = Entry
    verbose_name_plural = _("Lines")
    fields = ["shown_amount", "shown_lot", "shown_lot_after", "shown_balance"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return super().get_queryset(request).select_related("wallet__point_type", "lot")  # type: ignore[no-any-return]

    @display(description=_("Change"))
    def shown_amount(self, entry: Entry) -> str:
        return signed(entry.amount, entry.wallet.point_type.decimals)

    @display(description=_("Lot"))
    def shown_lot(self, entry: Entry) -> SafeString | str:
        return lot_link(entry.lot, entry.wallet.point_type.decimals)

    @display(description=_("Left in the lot"))
    def shown_lot_after(self, entry: Entry) -> str:
        return "–" if entry.lot_after is None else written(entry.lot_after, entry.wallet.point_type.decimals)

    @display(description=_("Balance after"))
    def shown_balance(self, entry: Entry) -> str:
        return written(entry.balance_after, entry.wallet.point_type.decimals)


@admin.register(Transaction)
class TransactionAdmin(LongListAdmin):
    list_display = ["occurred_at", "kind", "shown_amount", "member_page", "reference", "by", "reason"]
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
        ("kind", "shown_amount"),
        ("member_page", "other_member"),
        ("occurred_at", "recorded_at"),
        ("shown_reference", "event_page"),
        ("by", "reason"),
        ("note", "reverses"),
        ("shown_forgiven", "shown_expired"),
        "reservation",
    ]
    readonly_fields = [
        "shown_amount", "member_page", "other_member", "shown_reference", "event_page", "by", "reason",
        "shown_forgiven", "shown_expired", "reservation",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what an activation made spendable: its own lines change nothing."""
        lines = Entry.objects.filter(transaction=OuterRef("pk")).order_by().values("transaction")
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(
            held=Subquery(lines.annotate(sum=Sum("lot_after")).values("sum"))
        )
        return counted

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
    def shown_amount(self, transaction: Any) -> str:
        kind = transaction.point_type
        if transaction.kind == Transaction.Kind.ACTIVATE:
            return f"{written(transaction.held or 0, kind.decimals)} {kind.name_many}"
        return f"{signed(transaction.amount, kind.decimals)} {kind.name_many}"

    @display(description=_("By"))
    def by(self, transaction: Transaction) -> str:
        return transaction.actor or transaction.get_actor_kind_display()

    @display(description=_("Reason"), ordering="reason_code")
    def reason(self, transaction: Transaction) -> str:
        return transaction.reason_code.replace("_", " ").capitalize() or "–"

    @display(description=_("Reference"))
    def shown_reference(self, transaction: Transaction) -> str:
        return transaction.reference or "–"

    @display(description=_("Other member of a transfer"))
    def other_member(self, transaction: Transaction) -> SafeString | str:
        return member_link(transaction.counterpart) if transaction.counterpart else "–"

    @display(description=_("Forgiven"))
    def shown_forgiven(self, transaction: Transaction) -> str:
        return written(transaction.forgiven, transaction.point_type.decimals)

    @display(description=_("Reservation"))
    def reservation(self, transaction: Transaction) -> str:
        hold = Hold.objects.filter(pk=transaction.pk).first()
        if hold is None:
            return "–"
        state = hold.state_at(clock.now())
        until = formats.date_format(timezone.localtime(hold.lapses_at), "j M Y, H:i:s")
        told = (
            _("Reserved until %(until)s")
            if state == hold.State.OPEN
            else _("%(state)s; was reserved until %(until)s")
        )
        return str(told % {"state": hold.State(state).label, "until": until})

    @display(description=_("Had lapsed before"))
    def shown_expired(self, transaction: Transaction) -> str:
        return written(transaction.already_expired, transaction.point_type.decimals)

    @display(description=_("Member"))
    def member_page(self, transaction: Transaction) -> SafeString:
        return member_link(transaction.member)

    @display(description=_("Event"))
    def event_page(self, transaction: Transaction) -> SafeString | str:
        if transaction.event_id is None:
            return "–"
        return link("console:event", transaction.event_id, str(_("Show the event and why")))


@admin.register(Entry)
class EntryAdmin(LongListAdmin):
    list_display = ["occurred_at", "member_page", "what", "shown_amount", "shown_lot", "shown_balance"]
    fields = [("occurred_at", "member_page"), ("what", "shown_amount"), ("shown_lot", "shown_balance"), "id"]
    readonly_fields = ["member_page", "what", "shown_amount", "shown_lot", "shown_balance"]
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

    @display(description=_("What"))
    def what(self, entry: Entry) -> SafeString:
        made = entry.transaction
        return link("admin:ledger_transaction_change", made.pk, made.get_kind_display())

    @display(description=_("Change"))
    def shown_amount(self, entry: Entry) -> str:
        kind = entry.wallet.point_type
        return f"{signed(entry.amount, kind.decimals)} {kind.name_many}"

    @display(description=_("Lot"))
    def shown_lot(self, entry: Entry) -> SafeString | str:
        return lot_link(entry.lot, entry.wallet.point_type.decimals)

    @display(description=_("Balance after"))
    def shown_balance(self, entry: Entry) -> str:
        return written(entry.balance_after, entry.wallet.point_type.decimals)

    @display(description=_("Member"))
    def member_page(self, entry: Entry) -> SafeString:
        return member_link(entry.member)


def state_of(lot: Lot) -> tuple[str, str]:
    """What became of a lot: a code and its word."""
    if not lot.remaining:
        return "used", str(_("Used up or lapsed"))
    if lot.expires_at is not None and lot.expires_at <= clock.now():
        return "lapsed", str(_("Lapsed"))
    return ("pending", str(_("Pending"))) if lot.is_pending else ("available", str(_("Available")))


class ExtensionInline(LinesInline):
    """What kept one lot alive."""

    model = Extension
    verbose_name_plural = _("Kept alive by activity")
    fields = ["activity", "shown_before", "shown_after"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Extension]:
        return super().get_queryset(request).select_related("transaction")  # type: ignore[no-any-return]

    @display(description=_("Activity"))
    def activity(self, extension: Extension) -> SafeString:
        made = extension.transaction
        day = formats.date_format(timezone.localtime(made.occurred_at), "j M Y")
        return link("admin:ledger_transaction_change", made.pk, f"{made.get_kind_display()}, {day}")

    @display(description=_("Would have lapsed after"))
    def shown_before(self, extension: Extension) -> str:
        return last_day(extension.expired_at)

    @display(description=_("Lapses after"))
    def shown_after(self, extension: Extension) -> str:
        return last_day(extension.expires_at)


@admin.register(Lot)
class LotAdmin(LongListAdmin):
    list_display = [
        "earned_at", "member_page", "shown_amount", "shown_remaining", "shown_state", "available_at", "lapses",
    ]  # fmt: skip
    fields = [
        ("earned_at", "member_page"), ("shown_amount", "shown_remaining"), ("state_in_words", "source"),
        ("available_at", "lapses"), "id",
    ]  # fmt: skip
    readonly_fields = ["member_page", "shown_amount", "shown_remaining", "state_in_words", "source", "lapses"]
    list_select_related = ["member", "wallet__point_type"]
    list_filter = ["is_pending"]
    inlines = [ExtensionInline]
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

    def get_inlines(self, request: HttpRequest, obj: Lot | None) -> list[Any]:
        """What kept it alive, for a lot of which that was ever asked."""
        return self.inlines if obj is not None and obj.extensions.exists() else []

    @display(description=_("Points"), ordering="amount")
    def shown_amount(self, lot: Lot) -> str:
        kind = lot.wallet.point_type
        return f"{written(lot.amount, kind.decimals)} {kind.name_many}"

    @display(description=_("Left"), ordering="remaining")
    def shown_remaining(self, lot: Lot) -> str:
        return written(lot.remaining, lot.wallet.point_type.decimals)

    @display(
        description=_("State"),
        label={"pending": "warning", "available": "success", "used": "default", "lapsed": "default"},
    )
    def shown_state(self, lot: Lot) -> tuple[str, str]:
        return state_of(lot)

    @display(description=_("State"))
    def state_in_words(self, lot: Lot) -> str:
        return state_of(lot)[1]

    @display(description=_("Lapses after"), ordering="expires_at")
    def lapses(self, lot: Lot) -> str:
        return str(_("never")) if lot.expires_at is None else last_day(lot.expires_at)

    @display(description=_("Came from"))
    def source(self, lot: Lot) -> SafeString:
        return link("admin:ledger_transaction_change", lot.transaction_id, lot.transaction.get_kind_display())

    @display(description=_("Member"))
    def member_page(self, lot: Lot) -> SafeString:
        return member_link(lot.member)


@admin.register(Wallet)
class WalletAdmin(LongListAdmin):
    list_display = [
        "member_page",
        "point_type",
        "shown_balance",
        "shown_debt",
        "shown_lifetime",
        "last_active_at",
    ]
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

    @display(description=_("Balance"), ordering="balance")
    def shown_balance(self, wallet: Wallet) -> str:
        return written(wallet.balance, wallet.point_type.decimals)

    @display(description=_("Debt"), ordering="debt")
    def shown_debt(self, wallet: Wallet) -> str:
        return written(wallet.debt, wallet.point_type.decimals)

    @display(description=_("Lifetime"), ordering="lifetime")
    def shown_lifetime(self, wallet: Wallet) -> str:
        return written(wallet.lifetime, wallet.point_type.decimals)
