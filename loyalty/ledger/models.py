from __future__ import annotations

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import F, Q

from loyalty.base.ids import uuid7
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program


def _plain_fk(to: type[models.Model]) -> models.ForeignKey:  # type: ignore[type-arg]
    """A reference kept for reading and partitioning; what it says follows from the wallet, so it carries no
    constraint."""
    return models.ForeignKey(
        to, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )


class Wallet(models.Model):
    """A member's points of one type.

    All sums are caches of the entries, in smallest units; `manage.py verify` proves them.
    """

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="wallets")
    point_type = models.ForeignKey(PointType, on_delete=models.PROTECT, related_name="+")
    balance = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    lifetime = models.BigIntegerField(
        default=0, help_text="All that was ever earned, less what was taken back."
    )
    version = models.BigIntegerField(default=0)
    last_active_at = models.DateTimeField(
        null=True, blank=True, help_text="Last earned or redeemed; the clock of inactivity expiry."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "point_type"], name="one_wallet_per_member_and_type"),
            models.CheckConstraint(condition=Q(debt__gte=0), name="debt_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"wallet {self.pk}"


class Transaction(models.Model):
    """One business act on points. Its entries are the ledger lines. Never changed."""

    class Kind(models.TextChoices):
        EARN = "earn", "Earned"
        REDEEM = "redeem", "Redeemed"
        REVERSE = "reverse", "Taken back"
        REFUND = "refund", "Given back"
        EXPIRE = "expire", "Expired"
        ADJUST = "adjust", "Adjusted"
        TRANSFER = "transfer", "Transferred"
        ACTIVATE = "activate", "Became available"
        CORRECT = "correct", "Corrected"

    class Actor(models.TextChoices):
        CHANNEL = "channel", "Channel"
        STAFF = "staff", "Staff"
        SYSTEM = "system", "System"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False, related_name="+")
    point_type = models.ForeignKey(PointType, on_delete=models.PROTECT, db_index=False, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    amount = models.BigIntegerField(help_text="Net change of the member's wallet, in smallest units.")
    event_id = models.UUIDField(null=True, blank=True)
    reference = models.CharField(max_length=120, blank=True, help_text="Order number or the caller's own id.")
    reverses = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversals"
    )
    counterpart = models.ForeignKey(
        Member,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        help_text="The other member of a transfer.",
    )
    forgiven = models.BigIntegerField(default=0, help_text="Part of a reversal that policy did not take.")
    already_expired = models.BigIntegerField(
        default=0, help_text="Part of a reversal whose points had lapsed before."
    )
    actor_kind = models.CharField(max_length=7, choices=Actor.choices)
    actor = models.CharField(
        max_length=150, blank=True, help_text="Channel code or staff user name; empty for the system."
    )
    reason_code = models.CharField(max_length=50, blank=True)
    note = models.CharField(max_length=500, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event_id", "kind", "point_type", "reverses"],
                condition=Q(event_id__isnull=False),
                nulls_distinct=False,
                name="one_effect_per_event",
            ),
            models.CheckConstraint(
                condition=Q(forgiven__gte=0) & Q(already_expired__gte=0), name="reversal_parts_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-id"]),
            models.Index(
                fields=["program", "reference"], condition=~Q(reference=""), name="transaction_reference"
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Lot(models.Model):
    """A credit with its own activation and expiry.

    `remaining` = sum of its entries; it can be spent in [available_at, expires_at).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = _plain_fk(Program)
    member = _plain_fk(Member)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="lots")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="lots")
    origin = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The lot these points came from, for a transfer or a refund after expiry.",
    )
    amount = models.BigIntegerField()
    remaining = models.BigIntegerField()
    earned_at = models.DateTimeField()
    available_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    is_pending = models.BooleanField(default=False, help_text="Its activation is not yet in the books.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0) & Q(remaining__gte=0) & Q(remaining__lte=F("amount")),
                name="lot_within_amount",
            )
        ]
        indexes = [
            models.Index(
                fields=["wallet", "expires_at"], condition=Q(remaining__gt=0), name="open_lots_of_wallet"
            ),
            models.Index(
                fields=["program", "expires_at"], condition=Q(remaining__gt=0), name="open_lots_by_expiry"
            ),
            models.Index(
                fields=["program", "available_at"], condition=Q(is_pending=True), name="pending_lots"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="fixed_terms", exclude=["remaining", "expires_at", "is_pending"]),
        ]

    def __str__(self) -> str:
        return f"lot {self.id}"


class Extension(models.Model):
    """A lot that activity kept alive (expiry by inactivity): its end before and after. Never changed.

    With it, what a lot's end was at any past moment is known.
    """

    id = models.BigAutoField(primary_key=True)
    program = _plain_fk(Program)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="extensions")
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, db_index=False, related_name="+", help_text="The activity."
    )
    expired_at = models.DateTimeField(help_text="When the lot would have expired without it.")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("expired_at")), name="extension_is_to_a_later_end"
            )
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"extension {self.pk}"


class Hold(models.Model):
    """A reservation: a redemption that counts as released from `lapses_at` on, unless it was captured before.

    Its points left their lots when it was made. Closed once, and for good.
    """

    class State(models.TextChoices):
        OPEN = "open", "Reserved"
        CAPTURED = "captured", "Redeemed"
        RELEASED = "released", "Released"

    transaction = models.OneToOneField(
        Transaction, on_delete=models.PROTECT, primary_key=True, related_name="hold"
    )
    program = _plain_fk(Program)
    member = _plain_fk(Member)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    points = models.BigIntegerField()
    lapses_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was captured or released; when it lapsed, that instant."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="hold_is_of_points"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None)
                | Q(state="captured", closed_at__lt=F("lapses_at"))
                | Q(state="released", closed_at__lte=F("lapses_at")),
                name="hold_closed_in_time",
            ),
        ]
        indexes = [
            models.Index(fields=["wallet"], condition=Q(state="open"), name="open_holds_of_wallet"),
            models.Index(fields=["lapses_at"], condition=Q(state="open"), name="open_holds_by_lapse"),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="closed_for_good", operation=pgtrigger.Update, condition=~pgtrigger.Q(old__state="open")
            ),
            pgtrigger.ReadOnly(name="fixed_terms", exclude=["state", "closed_at"]),
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"

    def state_at(self, at: datetime) -> str:
        """What it is at `at`, whether or not its lapse is booked."""
        lapsed = self.state == self.State.OPEN and self.lapses_at <= at
        return str(self.State.RELEASED if lapsed else self.state)


class Entry(models.Model):
    """One immutable ledger line. With a lot: what the lot gained or lost. Without: debt taken on (-) or repaid (+)."""

    id = models.BigAutoField(primary_key=True)
    program = _plain_fk(Program)
    member = _plain_fk(Member)
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_index=False, related_name="entries")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, blank=True, related_name="entries")
    amount = models.BigIntegerField(
        help_text="Signed, in smallest units; 0 when a pending lot becomes available."
    )
    balance_after = models.BigIntegerField()
    lot_after = models.BigIntegerField(null=True, blank=True, help_text="What the lot held after this entry.")
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "entries"
        indexes = [models.Index(fields=["wallet", "-id"])]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"entry {self.id}"
