from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.base.ids import uuid7
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from rewards.models.catalogue import Reward
from rewards.models.stock import Code, Stock


class Redemption(models.Model):
    """One reward taken by one member, with the terms of that day. `rewards.redemption` is its only writer."""

    class State(models.TextChoices):
        RESERVED = "reserved", _("Reserved")
        CONFIRMED = "confirmed", _("Confirmed")
        FULFILLED = "fulfilled", _("Fulfilled")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")
        LAPSED = "lapsed", _("Reservation lapsed")
        EXPIRED = "expired", _("Expired")

    class Step(models.TextChoices):
        NONE = "", "–"
        ORDERED = "ordered", _("Ordered")
        SENT = "sent", _("Sent")
        READY = "ready", _("Ready to be picked up")
        DELIVERED = "delivered", _("Delivered")
        PICKED_UP = "picked_up", _("Picked up")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False, related_name="redemptions")
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, db_index=False, related_name="redemptions")
    stock = models.ForeignKey(Stock, on_delete=models.PROTECT, db_index=False, related_name="redemptions")
    holds_stock = models.BooleanField(default=True, help_text="Counted in the stock, as reserved or as used.")
    code = models.OneToOneField(
        Code, on_delete=models.PROTECT, null=True, blank=True, related_name="redemption"
    )
    point_type = models.ForeignKey(PointType, on_delete=models.PROTECT, db_index=False, related_name="+")
    points = models.BigIntegerField(help_text="What it cost, in smallest units.")
    points_back = models.BigIntegerField(default=0, help_text="What of them was given back.")
    transaction = models.OneToOneField(
        Transaction,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="redemption",
        help_text="That took the points; none for what is free.",
    )
    credit = models.OneToOneField(
        Transaction,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="That gave points of another type.",
    )
    state = models.CharField(max_length=9, choices=State.choices)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was cancelled or refunded.")
    terms = models.JSONField(help_text="The reward as it was when it was taken.")
    remaining = models.DecimalField(
        max_digits=17, decimal_places=4, null=True, blank=True, help_text="Of a gift value."
    )
    reserved_until = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="The end of the code or of the slot.")
    step = models.CharField(max_length=9, choices=Step.choices, blank=True, default=Step.NONE)
    due_at = models.DateTimeField(null=True, blank=True, help_text="By when it should be sent or ready.")
    carrier = models.CharField(max_length=80, blank=True)
    tracking = models.CharField(max_length=120, blank=True)
    problem = models.CharField(max_length=200, blank=True, help_text="What keeps it from being fulfilled.")
    claimed_by = models.CharField(max_length=150, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    reference = models.CharField(max_length=120, blank=True, help_text="Order number or the caller's own id.")
    actor_kind = models.CharField(max_length=7, choices=Transaction.Actor.choices)
    actor = models.CharField(max_length=150, blank=True)
    is_automatic = models.BooleanField(
        default=False, help_text="Redeemed at night, at a threshold of points."
    )
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    fulfilled_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was cancelled, refunded, lapsed or expired."
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(points__gte=0) & Q(points_back__gte=0) & Q(points_back__lte=models.F("points")),
                name="redemption_points",
            ),
            models.CheckConstraint(
                condition=~Q(state="reserved") | Q(reserved_until__isnull=False), name="reserved_until_a_time"
            ),
            models.CheckConstraint(
                condition=Q(remaining__isnull=True) | Q(remaining__gte=0), name="redemption_value"
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-id"]),
            models.Index(fields=["program", "-id"]),
            models.Index(fields=["reward", "-id"]),
            models.Index(
                fields=["stock", "reserved_until"], condition=Q(state="reserved"), name="reservations"
            ),
            models.Index(fields=["reserved_until"], condition=Q(state="reserved"), name="reservations_due"),
            models.Index(
                fields=["expires_at"],
                condition=Q(state="confirmed", expires_at__isnull=False),
                name="redemptions_expiring",
            ),
            models.Index(
                fields=["program", "step", "due_at"],
                condition=Q(state="confirmed") & ~Q(step=""),
                name="redemptions_to_fulfil",
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"redemption {self.id}"


class RedemptionStep(models.Model):
    """One thing that happened to a redemption. Never changed."""

    id = models.BigAutoField(primary_key=True)
    redemption = models.ForeignKey(Redemption, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=12, help_text="reserved, confirmed, used, sent, cancelled, …")
    state = models.CharField(max_length=9, choices=Redemption.State.choices, help_text="Afterwards.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=7, choices=Transaction.Actor.choices)
    actor = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=500, blank=True)
    data = models.JSONField(default=dict, blank=True, help_text="Numbers and references; nothing personal.")

    class Meta:
        ordering = ["redemption", "id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} at {self.occurred_at}"


class Delivery(models.Model):
    """Where a redemption is to be sent. Personal: deleted with the person, and when it is no longer needed."""

    redemption = models.OneToOneField(
        Redemption, on_delete=models.CASCADE, primary_key=True, related_name="delivery"
    )
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"delivery of {self.redemption_id}"
