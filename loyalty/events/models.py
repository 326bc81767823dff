from __future__ import annotations

from django.db import models
from django.db.models import Q

from loyalty.base.ids import uuid7
from loyalty.members.models import Identifier, Member
from loyalty.programs.models import Channel, Program


class EventType(models.Model):
    """A custom kind of event with its declared attributes."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="event_types")
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    attributes = models.JSONField(default=list, help_text="List of {code, type, label, required, choices}.")

    class Meta:
        ordering = ["program", "code"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="event_type_per_program")]

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """A raw fact received. What was sent never changes; only its processing state does."""

    class Status(models.TextChoices):
        RECEIVED = "received", "Received"
        WAITING = "waiting", "Waiting for its order"
        GUEST = "guest", "Waiting for its member"
        PROCESSED = "processed", "Processed"
        REJECTED = "rejected", "Rejected"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    channel = models.ForeignKey(
        Channel,
        on_delete=models.PROTECT,
        db_constraint=False,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
    )
    source = models.CharField(max_length=100)
    external_id = models.CharField(max_length=200)
    type = models.CharField(max_length=60)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    identifier = models.ForeignKey(
        Identifier, on_delete=models.SET_NULL, null=True, blank=True, db_index=False, related_name="+"
    )
    order_reference = models.CharField(max_length=120, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    payload = models.JSONField(help_text="The event's data with personal fields replaced by references.")
    content_hash = models.BinaryField(max_length=32)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RECEIVED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["program", "source", "external_id"], name="event_once_per_source")
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "id"], condition=Q(status="received"), name="events_to_process"
            ),
            models.Index(fields=["member", "-occurred_at"], name="events_of_member"),
            models.Index(
                fields=["identifier"], condition=Q(identifier__isnull=False), name="events_of_guest"
            ),
            models.Index(
                fields=["program", "order_reference"],
                condition=~Q(order_reference=""),
                name="events_of_order",
            ),
            models.Index(
                fields=["program", "status"],
                condition=Q(status__in=["failed", "waiting", "rejected", "guest"]),
                name="events_aside",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.external_id}"


class Activity(models.Model):
    """What a member did on one local day; an order counts on its own day, and its returns are taken off that day."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, db_index=False, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False, related_name="+")
    day = models.DateField()
    orders = models.IntegerField(default=0)
    spend = models.DecimalField(
        max_digits=24, decimal_places=4, default=0, help_text="Qualifying amount, returns taken off."
    )
    visits = models.IntegerField(default=0)
    points = models.BigIntegerField(
        default=0, help_text="Earned points of the default type, returns taken off."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "day"], name="one_activity_row_per_day")]

    def __str__(self) -> str:
        return f"{self.member_id} {self.day}"
